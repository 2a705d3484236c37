"""Proposals over the book: the hub accepts them, and what does not fit is explained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from poco.orders import (
    GPU,
    NULL_DATASET_ORDER,
    TEE,
    AppOrder,
    DatasetOrder,
    OrderKind,
    RequestOrder,
    WorkerpoolOrder,
    sign_order,
)

if TYPE_CHECKING:
    from bazaar import Bazaar


def fill(bazaar: Bazaar, proposal: dict[str, Any]) -> list[int]:
    """Match on chain what was proposed, as the requester; the volumes of the deals."""
    stage, volumes = bazaar.stage, []
    for match in proposal["matches"]:
        request = RequestOrder.from_json(match["requestorder"])
        if not request.sign:
            request = sign_order(request, stage.market.domain, stage.keys["requester"])
        data = match["datasetorder"]
        dealid = stage.requester.hub.match_orders(
            AppOrder.from_json(match["apporder"]),
            NULL_DATASET_ORDER if data is None else DatasetOrder.from_json(data),
            WorkerpoolOrder.from_json(match["workerpoolorder"]),
            request,
        ).value
        deal = stage.market.hub.deal(dealid)
        assert deal is not None
        assert deal.price * deal.bot_size == match["cost"]
        assert deal.bot_size == match["volume"]
        volumes.append(deal.bot_size)
    return volumes


def test_proposal__splits_the_volume_over_the_cheapest_orders(any_bazaar: Bazaar) -> None:
    any_bazaar.publish(
        any_bazaar.app(appprice=1, volume=2),
        any_bazaar.app(appprice=2, volume=9),
        any_bazaar.dataset(datasetprice=3, volume=9),
        any_bazaar.pool(workerpoolprice=4, volume=3),
        any_bazaar.pool(workerpoolprice=9, volume=9),
    )
    request = any_bazaar.request(
        dataset=any_bazaar.stage.dataset,
        appmaxprice=5,
        datasetmaxprice=5,
        workerpoolmaxprice=10,
        volume=4,
    )
    proposal = any_bazaar.propose(request)
    assert proposal["volume"] == 4
    assert proposal["cost"] == (1 + 3 + 4) * 2 + (2 + 3 + 4) + (2 + 3 + 9)
    assert proposal["inSequence"]
    assert fill(any_bazaar, proposal) == [2, 1, 1]


def test_proposal__for_a_request_with_restrictions_tags_and_trust__is_accepted(
    bazaar: Bazaar,
) -> None:
    stage = bazaar.stage
    second = stage.owner.workerpools.create(stage.keys["scheduler"].address, "second").value
    bazaar.follow()
    requester, stranger = (stage.keys[role].address for role in ("requester", "stranger"))
    bazaar.publish(
        bazaar.app(tag=TEE, workerpoolrestrict=second, requesterrestrict=requester),
        bazaar.app(tag=TEE, requesterrestrict=stranger),
        bazaar.app(),
        bazaar.pool(tag=TEE, trust=5),
        bazaar.pool(workerpool=second, trust=5),
        bazaar.pool(workerpool=second, tag=TEE, trust=1),
        bazaar.pool(workerpool=second, tag=TEE, trust=5, category=1),
        bazaar.pool(workerpool=second, tag=TEE, trust=5, apprestrict=stage.dataset),
        bazaar.pool(workerpool=second, tag=TEE, trust=5, workerpoolprice=3),
    )
    request = bazaar.request(tag=TEE, trust=5, workerpoolmaxprice=3)
    proposal = bazaar.propose(request)
    assert proposal["cost"] == 3
    assert fill(bazaar, proposal) == [1]


def test_proposal__beyond_the_scheduler_s_stake__takes_less(bazaar: Bazaar) -> None:
    stage = bazaar.stage
    free = stage.market.hub.account(stage.scheduler.account).stake
    stage.scheduler.hub.withdraw(free - 7 * 30)
    bazaar.follow()
    bazaar.publish(
        bazaar.app(volume=50),
        bazaar.pool(workerpoolprice=100, volume=5),
        bazaar.pool(workerpoolprice=100, volume=5),
    )
    proposal = bazaar.propose(bazaar.request(workerpoolmaxprice=100, volume=20))
    assert proposal["volume"] == 7
    assert not proposal["inSequence"]
    assert sum(fill(bazaar, proposal)) == 7


def test_proposal__beyond_the_requester_s_stake__buys_what_it_can(bazaar: Bazaar) -> None:
    stage = bazaar.stage
    free = stage.market.hub.account(stage.requester.account).stake
    stage.requester.hub.withdraw(free - 35)
    bazaar.follow()
    bazaar.publish(bazaar.app(volume=50), bazaar.pool(workerpoolprice=10, volume=50))
    proposal = bazaar.propose(bazaar.request(workerpoolmaxprice=10, volume=20))
    assert proposal["volume"] == 3
    assert fill(bazaar, proposal) == [3]


def test_proposal__of_less_than_the_request__is_for_that_volume(bazaar: Bazaar) -> None:
    bazaar.publish(bazaar.app(volume=9), bazaar.pool(volume=9))
    proposal = bazaar.propose(bazaar.request(volume=5), volume=2)
    assert (proposal["volume"], proposal["inSequence"]) == (2, False)
    assert fill(bazaar, proposal) == [2]


def test_proposal__for_a_used_up_request__is_empty(bazaar: Bazaar) -> None:
    app, pool, request = bazaar.app(volume=2), bazaar.pool(volume=2), bazaar.request()
    bazaar.publish(app, pool)
    bazaar.stage.requester.hub.match_orders(app, NULL_DATASET_ORDER, pool, request)
    bazaar.follow()
    proposal = bazaar.propose(request)
    assert (proposal["volume"], proposal["matches"]) == (0, [])


def test_proposal__nothing_fits__names_the_fewest_changes(any_bazaar: Bazaar) -> None:
    any_bazaar.publish(
        any_bazaar.app(appprice=3),
        any_bazaar.pool(workerpoolprice=8, trust=9),
        any_bazaar.pool(workerpoolprice=2, category=1),
    )
    request = any_bazaar.request(appmaxprice=3, workerpoolmaxprice=7, trust=4)
    proposal = any_bazaar.propose(request)
    assert proposal["matches"] == []
    price = {"field": "requestorder.workerpoolmaxprice", "actual": 7, "needed": 8}
    assert proposal["changes"] == [price]
    changed = replace(request, workerpoolmaxprice=8, sign=b"")
    assert fill(any_bazaar, any_bazaar.propose(changed)) == [1]


def test_proposal__nothing_fits__names_several_changes_when_one_is_not_enough(
    bazaar: Bazaar,
) -> None:
    stage = bazaar.stage
    stage.requester.hub.withdraw(stage.market.hub.account(stage.requester.account).stake)
    bazaar.follow()
    bazaar.publish(
        bazaar.app(appprice=3),
        bazaar.dataset(datasetprice=4),
        bazaar.pool(workerpoolprice=8, trust=2, category=1),
    )
    request = bazaar.request(
        dataset=stage.dataset, workerpool=stage.app, tag=TEE, trust=4, workerpoolmaxprice=9
    )
    assert bazaar.propose(request)["changes"] == [
        {"field": "requestorder.appmaxprice", "actual": 0, "needed": 3},
        {"field": "requestorder.datasetmaxprice", "actual": 0, "needed": 4},
        {"field": "requestorder.trust", "actual": 4, "needed": 2},
        {"field": "requestorder.category", "actual": 0, "needed": 1},
        {"field": "requestorder.workerpool", "actual": stage.app, "needed": stage.pool},
        {"field": "requestorder.tag", "actual": TEE.to_hex(), "needed": f"0x{0:064x}"},
        {"field": "account.stake", "actual": 0, "needed": 15},
    ]


def test_proposal__empty_book__says_which_orders_are_missing(bazaar: Bazaar) -> None:
    request = bazaar.request(dataset=bazaar.stage.dataset)
    everything = [str(OrderKind.APP), str(OrderKind.DATASET), str(OrderKind.WORKERPOOL)]
    assert bazaar.propose(request)["missing"] == everything
    bazaar.publish(bazaar.app(), bazaar.dataset())
    assert bazaar.propose(request)["missing"] == [str(OrderKind.WORKERPOOL)]


def test_proposal__confidential_dataset_without_such_an_app_order__misses_the_app_order(
    bazaar: Bazaar,
) -> None:
    request = bazaar.request(dataset=bazaar.stage.dataset, tag=TEE)
    bazaar.publish(bazaar.app(), bazaar.dataset(tag=TEE), bazaar.pool(tag=TEE))
    assert bazaar.propose(request)["missing"] == [str(OrderKind.APP)]
    bazaar.publish(bazaar.app(tag=TEE))
    assert bazaar.propose(request)["volume"] == 1


def test_proposal__app_order_has_flags_that_no_pool_has__misses_the_pool_order(
    bazaar: Bazaar,
) -> None:
    bazaar.publish(bazaar.app(tag=GPU), bazaar.pool())
    assert bazaar.propose(bazaar.request())["missing"] == [str(OrderKind.WORKERPOOL)]


def test_proposal__presignature_no_longer_valid__is_left_out(bazaar: Bazaar) -> None:
    """The node knows better than the book: nobody told it of the reorganisation yet."""
    signed = bazaar.app(appprice=1)
    presigned = replace(bazaar.app(), sign=b"")
    snapshot = bazaar.stage.market.chain.request("evm_snapshot")
    bazaar.stage.app_owner.hub.presign(presigned)
    bazaar.follow()
    bazaar.publish(signed, presigned, bazaar.pool())
    request = bazaar.request(appmaxprice=1)
    assert bazaar.propose(request)["cost"] == 0
    bazaar.stage.market.chain.request("evm_revert", snapshot)
    assert bazaar.propose(request)["cost"] == 1


def test_proposal__for_another_kind_of_order__is_a_bad_request(bazaar: Bazaar) -> None:
    answer = bazaar.client.post(
        "/match", params={"chainId": bazaar.chain_id}, json={"order": bazaar.app().to_json()}
    )
    assert answer.status_code == 400
