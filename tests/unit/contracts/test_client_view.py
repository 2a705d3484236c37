"""The chain as matching sees it: what `why_not_match` says is what the hub does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.client_stage import Stage

from poco.contracts import Chain
from poco.errors import ChainError, ContractError
from poco.orders import Asset, order_hash, sign_order, why_not_match

GROUP = "0x00000000000000000000000000000000000a11ce"


def test_why_not_match__orders_match__is_empty_and_the_hub_agrees(any_stage: Stage) -> None:
    orders = any_stage.orders()
    assert why_not_match(*orders, any_stage.market.view()) == []
    assert isinstance(any_stage.requester.hub.match_orders(*orders).value, bytes)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"appmaxprice": 1}, "Match_AppPriceTooHigh"),
        ({"category": 77}, "Match_CategoryMismatch"),
        ({"trust": 5}, "Match_TrustTooLow"),
        ({"volume": 0}, "Match_OrderConsumed"),
    ],
)
def test_why_not_match__a_rule_is_broken__names_what_the_hub_names(
    stage: Stage, change: dict[str, Any], error: str
) -> None:
    orders = stage.orders(**({} if "volume" in change or "trust" in change else change))
    if "volume" in change or "trust" in change:
        request = sign_order(
            replace(orders[3], **change), stage.market.domain, stage.keys["requester"]
        )
        orders = (*orders[:3], request)
    assert why_not_match(*orders, stage.market.view())
    with pytest.raises(ContractError) as caught:
        stage.requester.hub.match_orders(*orders)
    assert caught.value.name == error


def test_view__knows_registrations_balances_and_orders(stage: Stage) -> None:
    orders = stage.orders(volume=2)
    stage.app_owner.hub.presign(orders[0])
    stage.requester.hub.match_orders(*orders)
    view = stage.market.view()
    app_owner, requester = stage.keys["app_owner"].address, stage.keys["requester"].address
    hashed = order_hash(orders[0], view.domain)
    assert view.registered_owner(Asset.APP, stage.app) == app_owner
    assert view.registered_owner(Asset.DATASET, stage.app) is None
    assert view.registry(Asset.WORKERPOOL) == stage.market.workerpools.address
    assert view.workerpool_policy(stage.pool).worker_stake_ratio == 30
    assert (view.presigned(hashed), view.consumed(hashed)) == (app_owner, 2)
    assert view.balance(requester) == stage.market.hub.account(requester).stake
    assert view.category_clock(0) == 300
    assert view.category_count() == stage.market.hub.category_count()
    assert view.has_code(stage.app)
    assert not view.has_code(requester)


def test_view__is_of_its_block(stage: Stage) -> None:
    orders = stage.orders()
    before = stage.market.chain.block_number()
    stage.requester.hub.match_orders(*orders)
    hashed = order_hash(orders[3], stage.market.domain)
    assert stage.market.view(before).consumed(hashed) == 0
    assert stage.market.view().consumed(hashed) == 1


# What a contract at GROUP answers to any call: runtime code that returns one word, or fails.
CODES = {
    "true": ("600160005260206000f3", True),
    "two": ("600260005260206000f3", False),
    "short": ("600160005260106000f3", False),
    "nothing": ("00", False),
    "revert": ("60006000fd", False),
    "invalid": ("fe", False),
    "endless": ("5b600056", False),
    "account": ("", False),
}


@pytest.mark.parametrize("case", CODES)
def test_is_group_member__only_a_word_of_one_is_yes(stage: Stage, case: str) -> None:
    code, expected = CODES[case]
    stage.market.chain.request("anvil_setCode", GROUP, f"0x{code}")
    stage.market.chain.request("evm_mine")
    view = stage.market.view()
    assert view.is_group_member(GROUP, stage.keys["worker_1"].address) is expected


def test_is_group_member__node_fails__is_no_answer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = stage.market.view()

    def broken(self: Chain, method: str, *params: Any) -> Any:
        raise ChainError("the node does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "request", broken)
        with pytest.raises(ChainError):
            view.is_group_member(GROUP, stage.keys["worker_1"].address)


MAGIC = "631626ba7e60e01b60005260206000f3"  # returns the ERC-1271 value


@pytest.mark.parametrize(("code", "expected"), [(MAGIC, True), ("60006000fd", False), ("", False)])
def test_is_valid_signature__is_what_the_hub_finds(stage: Stage, code: str, expected: bool) -> None:
    stage.market.chain.request("anvil_setCode", GROUP, f"0x{code}")
    stage.market.chain.request("evm_mine")
    assert stage.market.view().is_valid_signature(GROUP, b"\x01" * 32, b"any") is expected
