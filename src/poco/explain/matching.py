"""The rules of matching: where they are specified, and the command that mends each."""

from __future__ import annotations

from collections.abc import Mapping

from poco.explain.model import Finding, filled
from poco.explain.originals import originally
from poco.explain.wording import spoken
from poco.orders import (
    AnyOrder,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    Violation,
    WorkerpoolOrder,
)

__all__ = ["MATCHING", "finding_of", "first_of_all", "order_values"]

_POOLS = "poco orderbook workerpool --category {category}"
_APPS = "poco orderbook app {app}"
_DATASETS = "poco orderbook dataset {dataset}"
_FIND: Mapping[str, str] = {
    "apporder": _APPS,
    "datasetorder": _DATASETS,
    "workerpoolorder": _POOLS,
    "requestorder": "poco order sign --request",
}
_SIGN = "poco order sign --{kind} --wallet-address {allowed}"

MATCHING: Mapping[str, tuple[str, str]] = {
    "Match_CategoryMismatch": ("§3.2", "poco orderbook workerpool --category {allowed}"),
    "Match_UnknownCategory": ("§3.2", "poco category count"),
    "Match_TrustTooLow": ("§3.2", f"{_POOLS} --min-trust {{allowed}}"),
    "Match_AppPriceTooHigh": ("§3.2", _APPS),
    "Match_DatasetPriceTooHigh": ("§3.2", _DATASETS),
    "Match_WorkerpoolPriceTooHigh": ("§3.2", _POOLS),
    "Match_TagNotOffered": ("§3.1", f"{_POOLS} --require-tag {{allowed}}"),
    "Match_AppNotTee": ("§3.1", f"{_APPS} --require-tag tee"),
    "Match_AppMismatch": ("§3.2", "poco orderbook app {allowed}"),
    "Match_DatasetMismatch": ("§3.3", "poco orderbook dataset {allowed}"),
    "Match_RequestRestrictsWorkerpool": ("§2.6", "poco orderbook workerpool {allowed}"),
    "Match_AppRestrictsDataset": ("§2.6", "poco orderbook dataset {allowed}"),
    "Match_AppRestrictsWorkerpool": ("§2.6", "poco orderbook workerpool {allowed}"),
    "Match_AppRestrictsRequester": ("§2.6", f"{_APPS} --requester {{requester}}"),
    "Match_DatasetRestrictsApp": ("§2.6", f"{_DATASETS} --app {{app}}"),
    "Match_DatasetRestrictsWorkerpool": ("§2.6", "poco orderbook workerpool {allowed}"),
    "Match_DatasetRestrictsRequester": ("§2.6", f"{_DATASETS} --requester {{requester}}"),
    "Match_WorkerpoolRestrictsApp": ("§2.6", f"{_POOLS} --app {{app}}"),
    "Match_WorkerpoolRestrictsDataset": ("§2.6", f"{_POOLS} --dataset {{dataset}}"),
    "Match_WorkerpoolRestrictsRequester": ("§2.6", f"{_POOLS} --requester {{requester}}"),
    "Match_AppNotRegistered": ("§3.2", "poco app show {actual}"),
    "Match_AppSignatureInvalid": ("§2.4", _SIGN),
    "Match_DatasetNotRegistered": ("§3.2", "poco dataset show {actual}"),
    "Match_DatasetSignatureInvalid": ("§2.4", _SIGN),
    "Match_WorkerpoolNotRegistered": ("§3.2", "poco workerpool show {actual}"),
    "Match_WorkerpoolSignatureInvalid": ("§2.4", _SIGN),
    "Match_RequestSignatureInvalid": ("§2.4", _SIGN),
    "Signature_BadLength": ("§2.4", "poco order sign --{kind}"),
    "Match_OrderConsumed": ("§3.5", "{find}"),
    "Match_IndexTooLarge": ("§3.6", "poco order sign --request"),
    "Match_TrustTooLarge": ("§3.6", "poco order sign --request"),
    "Match_AmountTooLarge": ("§3.6", "{find}"),
    "Match_ParamsTooLong": ("§3.6", "poco order sign --request"),
    "Match_RewardRatioTooHigh": ("§3.6", _POOLS),
    "Escrow_BalanceTooLow": ("§3.7", "poco account deposit {missing}"),
    "IncompatibleDatasetOrder": ("§3.8", _DATASETS),
}
"""Section of the specification and command of each rule that orders can break."""


def order_values(orders: tuple[AnyOrder, ...]) -> dict[str, str]:
    """Return what commands about orders are filled in with."""
    values: dict[str, str] = {}
    for order in orders:
        match order:
            case RequestOrder():
                values |= {
                    "app": order.app,
                    "category": str(order.category),
                    "requester": order.requester,
                }
            case AppOrder():
                values["app"] = order.app
            case DatasetOrder():
                values["dataset"] = order.dataset
            case WorkerpoolOrder():
                values.setdefault("category", str(order.category))
    return values


def finding_of(violation: Violation, values: Mapping[str, str]) -> Finding:
    """Return a broken rule of matching with its section and its command.

    Args:
        violation: the rule, as `poco.orders` found it.
        values: of `order_values`; what is missing stays to be filled in.
    """
    source, command = MATCHING[violation.rule]
    kind = violation.field.partition(".")[0]
    name = kind.removesuffix("order") if kind in _FIND else "KIND"
    allowed, actual = spoken(violation.allowed), spoken(violation.actual)
    known = {
        **values,
        "allowed": allowed,
        "actual": actual,
        "kind": name,
        "find": filled(_FIND.get(kind, "poco orderbook --help"), values),
    }
    if isinstance(violation.allowed, int) and isinstance(violation.actual, int):
        known["missing"] = str(max(violation.actual - violation.allowed, 0))
    return Finding(
        rule=violation.rule,
        sentence=violation.sentence,
        source=f"contracts {source}",
        field=violation.field,
        allowed=allowed,
        actual=actual,
        parties=tuple(str(party) for party in violation.parties),
        remedy=violation.remedy,
        command=filled(command, known),
        originally=originally(violation.rule),
    )


def first_of_all(findings: tuple[Finding, ...], first: Finding) -> tuple[Finding, ...]:
    """Put the rule that the hub reverted with before the others that are broken, too."""
    others = [found for found in findings if found.rule != first.rule]
    same = [found for found in findings if found.rule == first.rule]
    return (same[0] if same else first, *others)
