"""Whether a deal without dataset may use a dataset order: bulk processing (spec contracts §3.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.orders._abi import ZERO_ADDRESS
from poco.orders.matching import is_admitted
from poco.orders.model import MAX_JSON_INTEGER, DatasetOrder
from poco.orders.signatures import SIGNATURE_LENGTHS, is_authorized
from poco.orders.tags import FRAMEWORKS, Tag
from poco.orders.typed_data import order_hash
from poco.orders.view import Asset, ChainView
from poco.orders.violations import Party, Violation, violation

__all__ = ["MIN_BULK_VOLUME", "BulkDeal", "why_not_compatible", "why_not_for_bulks"]

MIN_BULK_VOLUME = MAX_JSON_INTEGER - 1
"""Least volume of an order for bulks, which are never used up (spec offchain §4.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkDeal:
    """What counts of a deal; `requester` is address zero when there is no such deal.

    Args:
        requester: who bought.
        app: the app's address.
        dataset: the dataset's address, zero for none.
        workerpool: the workerpool's address.
        tag: the deal's tag.
    """

    requester: ChecksumAddress
    app: ChecksumAddress
    dataset: ChecksumAddress
    workerpool: ChecksumAddress
    tag: Tag


def why_not_compatible(order: DatasetOrder, deal: BulkDeal, view: ChainView) -> list[Violation]:
    """Return every reason why a dataset order does not admit a deal, in the hub's order.

    The reasons are the texts that `assertDatasetDealCompatibility` reverts with, each in
    `arguments`. A signature of an impossible length is reported under its own rule. The dataset
    must be registered; its price does not count.
    """
    reasons = [*_order_reasons(order, view)]
    if deal.requester == ZERO_ADDRESS:
        reasons.append(_reason("Deal not found", "requester", deal.requester))
        return reasons
    return [*reasons, *_deal_reasons(order, deal, view)]


def _order_reasons(order: DatasetOrder, view: ChainView) -> Iterator[Violation]:
    hashed = order_hash(order, view.domain)
    if (consumed := view.consumed(hashed)) >= order.volume:
        text = "Dataset order is revoked or fully consumed"
        yield _reason(text, "datasetorder.volume", order.volume, consumed)
    owner = view.registered_owner(Asset.DATASET, order.dataset)
    if owner is not None and is_authorized(owner, hashed, order.sign, view):
        return
    if owner is None or view.has_code(owner) or len(order.sign) in SIGNATURE_LENGTHS:
        yield _reason("Invalid dataset order signature", "datasetorder.sign", owner, order.sign)
    else:
        yield violation(
            "Signature_BadLength",
            len(order.sign),
            field="datasetorder.sign",
            allowed=SIGNATURE_LENGTHS[-1],
            parties=(Party.DATASET_OWNER,),
        )


def _deal_reasons(order: DatasetOrder, deal: BulkDeal, view: ChainView) -> Iterator[Violation]:
    if deal.dataset != ZERO_ADDRESS:
        yield _reason("Deal already has a dataset", "dataset", ZERO_ADDRESS, deal.dataset)
    for name, restriction, account in (
        ("app", order.apprestrict, deal.app),
        ("workerpool", order.workerpoolrestrict, deal.workerpool),
        ("requester", order.requesterrestrict, deal.requester),
    ):
        if not is_admitted(restriction, account, view):
            text = f"{name.capitalize()} restriction not satisfied"
            yield _reason(text, f"datasetorder.{name}restrict", restriction, account)
    if (order.tag - FRAMEWORKS) - deal.tag:
        yield _reason("Tag compatibility not satisfied", "datasetorder.tag", deal.tag, order.tag)


def _reason(
    text: str, field: str, allowed: int | str | bytes | None, actual: int | str | bytes = ""
) -> Violation:
    return violation(
        "IncompatibleDatasetOrder",
        text,
        field=field,
        allowed="nobody" if allowed is None else allowed,
        actual=actual,
        parties=(Party.DATASET_OWNER, Party.MATCHER),
        sentence=f"{text} (allowed: {{allowed}}, actual: {{actual}})",
    )


def why_not_for_bulks(order: DatasetOrder) -> str:
    """Return how an order differs from those that are meant for bulks; empty if it does not."""
    if order.volume < MIN_BULK_VOLUME:
        return f"its volume must be {MIN_BULK_VOLUME} or more, not {order.volume}"
    if order.datasetprice != 0:
        return f"its price must be 0, not {order.datasetprice}: nobody pays for a bulk's datasets"
    return ""
