"""A revert in words: which rule, which argument, both values, who can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poco.contracts.interface import Entry, interface
from poco.contracts.reverts import REMEDIES, decode_revert
from poco.errors import ContractError
from poco.explain.matching import MATCHING, finding_of
from poco.explain.model import Explanation, Finding, filled
from poco.explain.originals import known_as, originally
from poco.explain.rules import RULES
from poco.explain.wording import argument, hexed
from poco.orders import Party, Tag
from poco.orders.violations import violation

__all__ = [
    "error_entries",
    "explain_error",
    "explain_original",
    "explain_revert",
    "findings_of_error",
]

_CONTRACTS = (
    "PocoHub",
    "PocoHubNative",
    "PocoHubExtension",
    "PocoHubBoost",
    "AppRegistry",
    "DatasetRegistry",
    "WorkerpoolRegistry",
    "App",
    "Dataset",
    "Workerpool",
    "RLC",
)
_SIGNERS = (
    Party.APP_OWNER,
    Party.DATASET_OWNER,
    Party.WORKERPOOL_OWNER,
    Party.REQUESTER,
)
_TAGS = ("Match_TagNotOffered", "Match_AppNotTee")


def error_entries() -> dict[str, Entry]:
    """Return the ABI entry of every custom error, by name."""
    return {entry["name"]: entry for entry in interface(*_CONTRACTS).errors.values()}


def explain_revert(data: bytes) -> Explanation:
    """Explain revert data; empty when the contract gave no reason."""
    error = decode_revert(data)
    listed = ", ".join(
        f"{name}={argument(error.name, name, value)}" for name, value in error.arguments.items()
    )
    return Explanation(
        kind="error",
        subject=f"{hexed(data[:4])}…" if len(data) > 4 else hexed(data),
        title=f"the contract refused with {error.name}({listed})",
        findings=findings_of_error(error, {}),
    )


def explain_error(name: str) -> Explanation:
    """Explain a custom error by its name, its arguments in capitals."""
    inputs = error_entries()[name]["inputs"]
    declared = ", ".join(f"{given['type']} {given['name']}" for given in inputs)
    return Explanation(
        kind="error",
        subject=name,
        title=f"error {name}({declared}) of the contracts",
        findings=(_by_name(name),),
    )


def explain_original(text: str) -> Explanation:
    """Explain a text of the original contracts by the errors that stand for it here."""
    errors = known_as(text)
    names = " or ".join(errors)
    return Explanation(
        kind="error",
        subject=text,
        title=f"the original contracts revert with this text; here it is {names}",
        findings=tuple(_by_name(name) for name in errors),
    )


def findings_of_error(error: ContractError, values: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the rules that a decoded revert may stand for: one, but for texts of the original.

    Args:
        error: the error.
        values: what else is known, for the commands: ``taskid``, ``dealid``.
    """
    if error.name == "Error":
        return tuple(_by_name(name) for name in known_as(error.arguments["message"])) or (
            _finding(error, values),
        )
    return (_finding(error, values),)


def _by_name(name: str) -> Finding:
    """Return what an error says when its arguments are not known."""
    unknown = {given["name"]: given["name"].upper() for given in error_entries()[name]["inputs"]}
    return _finding(ContractError(name, unknown), {})


def _finding(error: ContractError, values: Mapping[str, str]) -> Finding:
    if error.name in MATCHING and error.name not in RULES:
        return _finding_of_match(error, values)
    rule = RULES[error.name]
    known = dict(values) | {
        name: argument(error.name, name, value) for name, value in error.arguments.items()
    }
    given = list(error.arguments)
    if error.name == "Escrow_BalanceTooLow" and isinstance(error.arguments["needed"], int):
        known["missing"] = str(error.arguments["needed"] - error.arguments["balance"])
    return Finding(
        rule=error.name,
        sentence=filled(rule.sentence, known),
        source=rule.source,
        field=rule.field,
        allowed=filled(rule.allowed or f"{{{given[0]}}}", known),
        actual=filled(rule.actual or f"{{{given[1]}}}", known),
        parties=rule.parties,
        remedy=rule.remedy or REMEDIES[error.name],
        command=filled(rule.command, known),
        originally=originally(error.name),
    )


def _finding_of_match(error: ContractError, values: Mapping[str, str]) -> Finding:
    """Return a rule of matching without the orders: the field may be known by its kind only."""
    arguments = [
        Tag.parse(value) if error.name in _TAGS and isinstance(value, bytes) else value
        for value in error.arguments.values()
    ]
    options: dict[str, Any] = {}
    match error.name:
        case "Signature_BadLength":
            options = {"field": "sign", "allowed": 65, "parties": _SIGNERS}
        case "Match_OrderConsumed":
            options = {"field": "volume"}
        case "Match_AmountTooLarge":
            options = {"field": "price", "parties": (Party.MATCHER,)}
        case name if name.endswith("SignatureInvalid"):
            options = {"allowed": arguments[0], "actual": "another account"}
    return finding_of(violation(error.name, *arguments, **options), values)
