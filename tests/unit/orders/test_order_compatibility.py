"""May a deal without dataset use a dataset order: spec contracts §3.8."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from orders_stage import Market

from poco.orders import (
    GPU,
    SCONE,
    TEE,
    ZERO_ADDRESS,
    Asset,
    BulkDeal,
    Tag,
    checked_address,
    order_hash,
    why_not_compatible,
)

OTHER = checked_address("test", "0x" + "99" * 20)


def deal_of(market: Market) -> BulkDeal:
    return BulkDeal(
        requester=market.requester.address,
        app=market.app.app,
        dataset=ZERO_ADDRESS,
        workerpool=market.workerpool.workerpool,
        tag=TEE,
    )


def reasons(market: Market, **deal: Any) -> list[object]:
    found = why_not_compatible(market.dataset, replace(deal_of(market), **deal), market.view)
    return [violation.arguments[0] for violation in found]


def test_compatible_order__has_no_reason_against(market: Market) -> None:
    assert reasons(market.sign()) == []


def test_consumed_order__is_refused(market: Market) -> None:
    assert reasons(market.sign().consume(dataset=20)) == [
        "Dataset order is revoked or fully consumed"
    ]


def test_order_of_volume_zero__is_refused(market: Market) -> None:
    market.change("dataset", volume=0).sign()
    assert reasons(market) == ["Dataset order is revoked or fully consumed"]


def test_wrong_signature__is_refused(market: Market) -> None:
    market.sign().change("dataset", sign=b"\x01" * 65)
    assert reasons(market) == ["Invalid dataset order signature"]


def test_unregistered_dataset__is_refused(market: Market) -> None:
    market.sign().look(owners={**market.view.owners, Asset.DATASET: {}})
    assert reasons(market) == ["Invalid dataset order signature"]


def test_signature_of_impossible_length__has_its_own_rule(market: Market) -> None:
    (found,) = why_not_compatible(market.dataset, deal_of(market), market.view)
    assert (found.rule, found.arguments) == ("Signature_BadLength", (0,))


def test_presigned_order__has_no_reason_against(market: Market) -> None:
    hashed = order_hash(market.dataset, market.domain)
    market.look(presigners={hashed: market.dataset_owner.address})
    assert reasons(market) == []


def test_unknown_deal__is_the_only_reason(market: Market) -> None:
    assert reasons(market.sign(), requester=ZERO_ADDRESS) == ["Deal not found"]


def test_deal_with_dataset__is_refused(market: Market) -> None:
    assert reasons(market.sign(), dataset=OTHER) == ["Deal already has a dataset"]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("apprestrict", "App restriction not satisfied"),
        ("workerpoolrestrict", "Workerpool restriction not satisfied"),
        ("requesterrestrict", "Requester restriction not satisfied"),
    ],
)
def test_restriction_to_another__is_refused(market: Market, field: str, reason: str) -> None:
    assert reasons(market.change("dataset", **{field: OTHER}).sign()) == [reason]


@pytest.mark.parametrize("tag", [GPU, GPU | TEE])
def test_flag_the_deal_has_not__is_refused(market: Market, tag: Tag) -> None:
    market.change("dataset", tag=tag).sign()
    assert reasons(market) == ["Tag compatibility not satisfied"]


def test_framework_flag__does_not_count(market: Market) -> None:
    assert reasons(market.change("dataset", tag=TEE | SCONE).sign()) == []


def test_all_reasons__come_in_the_order_of_the_hub(market: Market) -> None:
    market.change("dataset", volume=0, tag=GPU, apprestrict=OTHER, requesterrestrict=OTHER).sign()
    market.change("dataset", sign=bytes(65))
    assert reasons(market, dataset=OTHER) == [
        "Dataset order is revoked or fully consumed",
        "Invalid dataset order signature",
        "Deal already has a dataset",
        "App restriction not satisfied",
        "Requester restriction not satisfied",
        "Tag compatibility not satisfied",
    ]
