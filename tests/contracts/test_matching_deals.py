"""What a match does: ids, volumes, money and events (spec contracts §3.3 to §3.7)."""

from __future__ import annotations

import pytest
from market import (
    DEPOSIT,
    RLC,
    deal_id,
    reverts,
)

PRICE = 1_000 + 1_000_000 + RLC
STAKE = 3 * RLC // 10
MAX_INDEX = 2**64 - 1
MAX_AMOUNT = 2**96 - 1
MAX_WORD = 2**256 - 1
FREE = {
    "app": {"appprice": 0},
    "dataset": {"datasetprice": 0},
    "workerpool": {"workerpoolprice": 0},
}


def free(**fields):
    """Orders at no price, so that volumes can be as large as they like."""
    return {
        name: FREE.get(name, {}) | fields.get(name, {})
        for name in ("app", "dataset", "workerpool", "request")
    }


# ---- events and money


def test_match__emits_its_events_in_order(each_market):
    deal = each_market.match(each_market.orders(request={"volume": 3}))

    assert deal.volume == 3
    assert deal.receipt.events == each_market.matched(deal)


def test_match__without_dataset__emits_its_events_in_order(each_market):
    deal = each_market.match(each_market.orders(dataset=False))

    assert deal.receipt.events == each_market.matched(deal)


def test_match__returns_the_deal_id(market, hub, stranger):
    orders = market.orders()

    dealid = hub.matchOrders.call(*orders.to_abi(), sender=stranger)

    assert bytes(dealid) == deal_id(market.hash(orders.request), 0)


def test_match__locks_price_and_stake(each_market):
    before = each_market.balances()

    each_market.match(each_market.orders(request={"volume": 3}))

    assert each_market.balances() == before | {
        "requester": (DEPOSIT - 3 * PRICE, 3 * PRICE),
        "pool_owner": (DEPOSIT - 3 * STAKE, 3 * STAKE),
        "hub": (3 * (PRICE + STAKE), 0),
    }


def test_match__without_dataset__locks_no_price_for_it(market):
    before = market.balances()

    market.match(market.orders(dataset=False))

    price = PRICE - 1_000_000
    assert market.balances() == before | {
        "requester": (DEPOSIT - price, price),
        "pool_owner": (DEPOSIT - STAKE, STAKE),
        "hub": (price + STAKE, 0),
    }


def test_sponsor_match__emits_its_events_in_order(each_market, sponsor):
    deal = each_market.match(sponsor=sponsor)

    assert deal.receipt.events == [
        *each_market.matched(deal, payer=sponsor),
        each_market.hub.DealSponsored(dealId=deal.dealid, sponsor=sponsor),
    ]


def test_sponsor_match__locks_the_sponsors_money(each_market, sponsor):
    before = each_market.balances()

    each_market.match(sponsor=sponsor)

    assert each_market.balances() == before | {
        "sponsor": (DEPOSIT - PRICE, PRICE),
        "pool_owner": (DEPOSIT - STAKE, STAKE),
        "hub": (PRICE + STAKE, 0),
    }


def test_sponsor_match__returns_the_deal_id(market, hub, sponsor):
    orders = market.orders()

    dealid = hub.sponsorMatchOrders.call(*orders.to_abi(), sender=sponsor)

    assert bytes(dealid) == deal_id(market.hash(orders.request), 0)


def test_match__at_no_price__emits_locks_of_nothing(market):
    before = market.balances()

    deal = market.match(market.orders(**free(request={"volume": 5})))

    assert deal.receipt.events == market.matched(deal)
    assert market.balances() == before


@pytest.mark.parametrize(("price", "stake"), [(3, 0), (4, 1), (7, 2), (1_000, 300)])
def test_match__stake__is_rounded_down_for_each_task(market, hub, pool_owner, price, stake):
    orders = market.orders(workerpool={"workerpoolprice": price}, request={"volume": 7})

    deal = market.match(orders)

    assert hub.frozenOf(pool_owner) == 7 * stake
    assert deal.receipt.events == market.matched(deal)


def test_match__all_parties_are_one_account__locks_one_after_the_other(market, hub, owner):
    assets = {
        "app": market.create_app(owner, "own"),
        "dataset": market.create_dataset(owner, "own"),
        "workerpool": market.create_workerpool(owner, "own"),
    }
    orders = market.orders(
        **{kind: {kind: entry, "signer": owner} for kind, entry in assets.items()},
        request={
            "signer": owner,
            "requester": owner.address,
            "app": assets["app"],
            "dataset": assets["dataset"],
        },
    )

    deal = market.match(orders, sponsor=owner)

    assert deal.receipt.events == [
        *market.matched(deal, payer=owner, scheduler=owner),
        hub.DealSponsored(dealId=deal.dealid, sponsor=owner),
    ]
    assert tuple(hub.viewAccount(owner)) == (DEPOSIT - PRICE - STAKE, PRICE + STAKE)


# ---- bags of tasks


def consumed(market, orders):
    """Volume taken from each of four orders."""
    return tuple(market.hub.viewConsumed(market.hash(order)) for order in orders)


def test_match__again__starts_where_the_last_deal_ended(market, hub):
    request = market.request_order(volume=10)
    firsts, volumes = [], []

    for volume in (3, 2, 1, 4):
        orders = market.orders(workerpool={"volume": volume})._replace(request=request)
        deal = market.match(orders)
        view = hub.viewDeal(deal.dealid)
        firsts.append(view.botFirst)
        volumes.append(view.botSize)
        assert deal.receipt.events == market.matched(deal)
        assert hub.viewConsumed(market.hash(request)) == sum(volumes)

    assert (firsts, volumes) == ([0, 3, 5, 6], [3, 2, 1, 4])


def test_match__again__has_another_deal_id(market):
    request = market.request_order(volume=2)
    deals = [
        market.match(market.orders(workerpool={"volume": 1})._replace(request=request))
        for _ in range(2)
    ]

    hashed = market.hash(request)
    assert [deal.dealid for deal in deals] == [deal_id(hashed, 0), deal_id(hashed, 1)]


def test_match__again_with_all_the_same_orders__takes_from_each(market):
    orders = market.orders(workerpool={"volume": 5}, request={"volume": 3})
    market.match(orders)
    assert consumed(market, orders) == (3, 3, 3, 3)

    again = orders._replace(request=market.request_order(volume=3))
    deal = market.match(again)

    assert deal.volume == 2
    assert consumed(market, again) == (5, 5, 5, 2)


def test_match__request_used_up__reverts(market, hub):
    orders = market.orders(request={"volume": 3})
    market.match(orders)

    with reverts(hub, "Match_OrderConsumed", market.hash(orders.request), 3, 3):
        market.match(orders)


def test_match__request_used_up_by_several_deals__reverts(market, hub):
    request = market.request_order(volume=3)
    for volume in (1, 1, 1):
        market.match(market.orders(workerpool={"volume": volume})._replace(request=request))

    with reverts(hub, "Match_OrderConsumed", market.hash(request), 3, 3):
        market.match(market.orders()._replace(request=request))


@pytest.mark.parametrize("deals", [0, 1, 2, 3])
def test_match__request_closed_after_some_deals__reverts(market, hub, requester, deals):
    request = market.request_order(volume=10)
    for _ in range(deals):
        market.match(market.orders(workerpool={"volume": 1})._replace(request=request))
    assert hub.viewConsumed(market.hash(request)) == deals

    hub.manageRequestOrder((request.to_abi(), 1, b""), sender=requester)

    assert hub.viewConsumed(market.hash(request)) == 10
    with reverts(hub, "Match_OrderConsumed", market.hash(request), 10, 10):
        market.match(market.orders()._replace(request=request))


@pytest.mark.parametrize("kind", ["app", "dataset", "workerpool", "request"])
def test_match__volume__is_the_least_that_an_order_has_left(market, kind):
    volumes = {name: {"volume": 9} for name in ("app", "dataset", "workerpool", "request")}
    orders = market.orders(**volumes | {kind: {"volume": 4}})

    deal = market.match(orders)

    assert deal.volume == 4
    assert consumed(market, orders) == (4, 4, 4, 4)


def test_match__without_dataset__takes_nothing_from_a_dataset_order(market, hub):
    deal = market.match(market.orders(dataset=False))

    assert hub.viewConsumed(market.hash(deal.orders.dataset)) == 0


@pytest.mark.parametrize("volume", [2**53 - 1, 2**53, 2**63, MAX_INDEX])
def test_match__volume_of_up_to_64_bits__makes_one_deal(market, hub, volume):
    fields = {name: {"volume": volume} for name in ("app", "dataset", "workerpool", "request")}

    deal = market.match(market.orders(**free(**fields)))

    assert hub.viewDeal(deal.dealid).botSize == volume
    assert consumed(market, deal.orders) == (volume,) * 4
    assert deal.receipt.events == market.matched(deal)


@pytest.mark.parametrize("kind", ["app", "dataset", "workerpool", "request"])
def test_match__order_of_any_volume__serves_small_deals(market, hub, kind):
    fields = {name: {"volume": 2} for name in ("app", "dataset", "workerpool", "request")}
    orders = market.orders(**fields | {kind: {"volume": MAX_WORD}})

    market.match(orders)

    assert hub.viewConsumed(market.hash(getattr(orders, kind))) == 2


def test_match__last_index_beyond_64_bits__reverts(market, hub):
    request = market.request_order(volume=MAX_WORD)
    market.match(market.orders(workerpool={"volume": 1})._replace(request=request))
    large = market.orders(**free(app={"volume": MAX_WORD}, dataset={"volume": MAX_WORD}))

    pool = market.workerpool_order(volume=MAX_INDEX, workerpoolprice=0)
    with reverts(hub, "Match_IndexTooLarge", MAX_INDEX, MAX_INDEX + 1):
        market.match(large._replace(workerpool=pool, request=request))


def test_match__last_index_of_64_bits__is_accepted(market, hub):
    request = market.request_order(volume=MAX_WORD)
    market.match(market.orders(workerpool={"volume": 1})._replace(request=request))
    large = market.orders(**free(app={"volume": MAX_WORD}, dataset={"volume": MAX_WORD}))

    pool = market.workerpool_order(volume=MAX_INDEX - 1, workerpoolprice=0)
    deal = market.match(large._replace(workerpool=pool, request=request))

    assert (deal.first, deal.volume) == (1, MAX_INDEX - 1)
    assert hub.viewConsumed(market.hash(request)) == MAX_INDEX


def test_match__rest_of_an_unlimited_request__reverts(market, hub):
    request = market.request_order(volume=MAX_WORD)
    market.match(market.orders(workerpool={"volume": 1})._replace(request=request))
    volume = {"volume": MAX_WORD}
    large = market.orders(**free(app=volume, dataset=volume, workerpool=volume))

    with reverts(hub, "Match_IndexTooLarge", MAX_INDEX, MAX_WORD - 1):
        market.match(large._replace(request=request))


@pytest.mark.parametrize("kind", ["app", "dataset", "workerpool", "request"])
def test_compute_deal_volume__is_what_a_match_takes(market, hub, kind):
    orders = market.orders(
        **{name: {"volume": 9} for name in ("app", "dataset", "workerpool", "request")}
        | {kind: {"volume": 4}}
    )
    assert hub.computeDealVolume(*orders.to_abi()) == 4
    market.match(orders)

    assert hub.computeDealVolume(*orders.to_abi()) == 0


def test_compute_deal_volume__looks_at_nothing_but_volumes(market, hub):
    orders = market.orders(
        app={"signer": None}, request={"signer": None, "trust": MAX_WORD, "appmaxprice": 0}
    )

    assert hub.computeDealVolume(*orders.to_abi()) == 1


def test_compute_deal_volume__without_dataset__ignores_its_volume(market, hub):
    assert hub.computeDealVolume(*market.orders(dataset=False).to_abi()) == 1


def test_compute_deal_volume__of_unlimited_orders__is_unlimited(market, hub):
    volume = {"volume": MAX_WORD}
    orders = market.orders(app=volume, dataset=volume, workerpool=volume, request=volume)

    assert hub.computeDealVolume(*orders.to_abi()) == MAX_WORD


def test_match__price_of_96_bits__names_the_missing_balance(market, hub, requester):
    orders = market.orders(
        app={"appprice": MAX_AMOUNT}, request={"appmaxprice": MAX_WORD, "volume": 2}
    )

    total = 2 * (MAX_AMOUNT + 1_000_000 + RLC)
    with reverts(hub, "Escrow_BalanceTooLow", requester, DEPOSIT, total):
        market.match(orders)
