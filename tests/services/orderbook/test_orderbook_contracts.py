"""Accounts and groups that are contracts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from poco.orders import (
    NULL_DATASET_ORDER,
    AppOrder,
    RequestOrder,
    WorkerpoolOrder,
    checked_address,
)
from poco.services.orderbook.challenges import challenge_digest

if TYPE_CHECKING:
    from bazaar import Bazaar

WALLET = checked_address("wallet", f"0x{keccak(b'wallet')[:20].hex()}")
GROUP = checked_address("group", f"0x{keccak(b'group')[:20].hex()}")
# Answers the magic value of ERC-1271 to everything.
AGREES = "0x631626ba7e60e01b5f5260205ff3"


def put_code(bazaar: Bazaar, address: str, code: str) -> None:
    bazaar.stage.market.chain.request("anvil_setCode", address, code)


def put_group(bazaar: Bazaar, member: str) -> None:
    """A group whose only member is an account: it compares the key with its address."""
    put_code(bazaar, GROUP, f"0x60043573{member[2:].lower()}145f5260205ff3")


def publish_as_wallet(bazaar: Bazaar, order: RequestOrder) -> Any:
    data = bazaar.get("/challenge", address=WALLET)["data"]
    digest = challenge_digest(data["message"]["challenge"], bazaar.chain_id)
    return bazaar.client.post(
        "/requestorders",
        params={"chainId": bazaar.chain_id},
        json={"order": order.to_json()},
        headers={"authorization": f"0x{digest.hex()}_0x01_{WALLET}"},
    )


def test_contract__logs_in_and_publishes_with_its_own_signature(bazaar: Bazaar) -> None:
    put_code(bazaar, WALLET, AGREES)
    bazaar.publish(bazaar.app())
    order = replace(bazaar.request(), requester=WALLET, sign=b"any")
    answer = publish_as_wallet(bazaar, order)
    assert answer.status_code == 200, answer.text
    assert answer.json()["published"]["signer"] == WALLET


def test_contract__that_is_none__cannot_log_in(bazaar: Bazaar) -> None:
    order = replace(bazaar.request(), requester=WALLET, sign=b"any")
    assert publish_as_wallet(bazaar, order).json()["error"] == "invalid authorization"


def test_proposal__for_members_of_a_group__is_accepted_by_the_hub(any_bazaar: Bazaar) -> None:
    stage = any_bazaar.stage
    put_group(any_bazaar, stage.pool)
    second = stage.owner.workerpools.create(stage.keys["scheduler"].address, "second").value
    any_bazaar.follow()
    any_bazaar.publish(
        any_bazaar.app(workerpoolrestrict=GROUP),
        any_bazaar.pool(workerpool=second),
        any_bazaar.pool(workerpoolprice=4),
    )
    request = any_bazaar.request(workerpool=GROUP, workerpoolmaxprice=4)
    proposal = any_bazaar.propose(request)
    assert proposal["cost"] == 4
    match = proposal["matches"][0]
    orders = (
        AppOrder.from_json(match["apporder"]),
        NULL_DATASET_ORDER,
        WorkerpoolOrder.from_json(match["workerpoolorder"]),
        RequestOrder.from_json(match["requestorder"]),
    )
    assert stage.requester.hub.match_orders(*orders).value


def test_proposal__restricted_to_a_group_without_the_requester__is_not_for_it(
    bazaar: Bazaar,
) -> None:
    stage = bazaar.stage
    put_group(bazaar, stage.keys["stranger"].address)
    bazaar.publish(bazaar.app(requesterrestrict=GROUP), bazaar.pool())
    assert bazaar.propose(bazaar.request())["missing"] == ["apporder"]
    put_group(bazaar, stage.keys["requester"].address)
    assert bazaar.propose(bazaar.request())["volume"] == 1
