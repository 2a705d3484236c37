"""The book follows the chain (spec sdk §3.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.reorg import mine, reorg

from poco.contracts import Market
from poco.errors import ConfigurationError
from poco.orders import NULL_DATASET_ORDER, OrderKind
from poco.services.orderbook import Limits, Orderbook
from poco.services.orderbook.facts import FactKind, Facts

if TYPE_CHECKING:
    from bazaar import Bazaar


def test_deal__takes_volume_of_all_its_orders(any_bazaar: Bazaar) -> None:
    app, data = any_bazaar.app(volume=5), any_bazaar.dataset(volume=4)
    pool = any_bazaar.pool(volume=2)
    request = any_bazaar.request(volume=3, dataset=any_bazaar.stage.dataset)
    any_bazaar.publish(app, data, pool, request)
    any_bazaar.stage.requester.hub.match_orders(app, data, pool, request)
    any_bazaar.follow()
    everything = (app, data, pool, request)
    assert [any_bazaar.remaining(order) for order in everything] == [3, 2, 0, 1]
    statuses = [any_bazaar.status(order) for order in everything]
    assert statuses == ["open", "open", "filled", "open"]
    assert any_bazaar.listed(OrderKind.WORKERPOOL) == []


def test_deal__last_volume_of_the_app__kills_other_requests(bazaar: Bazaar) -> None:
    app, pool = bazaar.app(), bazaar.pool()
    bought, waiting = bazaar.request(), bazaar.request()
    bazaar.publish(app, pool, bought, waiting)
    bazaar.stage.requester.hub.match_orders(app, NULL_DATASET_ORDER, pool, bought)
    bazaar.follow()
    assert [bazaar.status(order) for order in (bought, waiting)] == ["filled", "dead"]


def test_close__cancels_the_order(any_bazaar: Bazaar) -> None:
    order = any_bazaar.app(volume=5)
    any_bazaar.publish(order)
    any_bazaar.stage.app_owner.hub.close(order)
    any_bazaar.follow()
    assert (any_bazaar.status(order), any_bazaar.remaining(order)) == ("canceled", 0)


def test_transfer__of_an_app__kills_orders_of_the_former_owner(any_bazaar: Bazaar) -> None:
    order = any_bazaar.app()
    any_bazaar.publish(order)
    stranger = any_bazaar.stage.keys["stranger"].address
    any_bazaar.stage.app_owner.apps.transfer(any_bazaar.stage.app, stranger)
    any_bazaar.follow()
    assert any_bazaar.status(order) == "dead"
    assert any_bazaar.refused(order) == f"only order signer {stranger} can publish an order"


def test_withdrawal__kills_orders_it_no_longer_covers(any_bazaar: Bazaar) -> None:
    request, free = any_bazaar.request(workerpoolmaxprice=10), any_bazaar.request()
    pool, gratis = any_bazaar.pool(workerpoolprice=10), any_bazaar.pool()
    any_bazaar.publish(any_bazaar.app(), pool, gratis, request, free)
    for role in (any_bazaar.stage.requester, any_bazaar.stage.scheduler):
        role.hub.withdraw(role.hub.account(role.account).stake - 2)
    any_bazaar.follow()
    assert any_bazaar.status(request) == "dead"
    assert any_bazaar.status(free) == "open"
    assert [any_bazaar.status(order) for order in (pool, gratis)] == ["dead", "open"]
    any_bazaar.stage.owner.hub.transfer(any_bazaar.stage.keys["scheduler"].address, 1)
    any_bazaar.follow()
    assert any_bazaar.status(pool) == "dead"
    any_bazaar.publish(pool)
    assert any_bazaar.status(pool) == "open"


def test_stakes__follow_every_task__like_the_hub(bazaar: Bazaar) -> None:
    stage = bazaar.stage
    for worker in ("worker_1", "worker_2"):
        stage.contribute(worker, stage.task(trust=1))
    failed = stage.task(trust=5)
    stage.contribute("worker_1", failed)
    stage.pass_time(10**7)
    stage.stranger.hub.claim(failed)
    bazaar.follow()
    accounts = [key.address for key in stage.keys.values()]
    with bazaar.book.database.reading() as connection:
        facts = Facts(connection)
        facts.load((FactKind.STAKE, account) for account in accounts)
        ours = [facts.stake(account) for account in accounts]
    assert ours == [found.stake for found in stage.market.hub.accounts(accounts)]


def test_reorganisation__undoes_what_its_blocks_did(any_bazaar: Bazaar) -> None:
    app, pool, request = any_bazaar.app(), any_bazaar.pool(), any_bazaar.request()
    moved = any_bazaar.dataset()
    any_bazaar.publish(app, pool, request, moved)
    chain = any_bazaar.stage.market.chain
    stranger = any_bazaar.stage.keys["stranger"].address
    before = chain.block_number()
    any_bazaar.stage.requester.hub.match_orders(app, NULL_DATASET_ORDER, pool, request)
    any_bazaar.stage.dataset_owner.datasets.transfer(any_bazaar.stage.dataset, stranger)
    any_bazaar.follow()
    statuses = [any_bazaar.status(order) for order in (app, pool, request, moved)]
    assert statuses == ["filled", "filled", "filled", "dead"]
    assert any_bazaar.get("/deals")["count"] == 1
    reorg(chain, chain.block_number() - before)
    mine(chain)
    any_bazaar.follow()
    statuses = [any_bazaar.status(order) for order in (app, pool, request, moved)]
    assert statuses == ["open"] * 4
    assert any_bazaar.get("/deals")["count"] == 0


def test_reorganisation__drops_a_presignature__kills_the_order(bazaar: Bazaar) -> None:
    order = replace(bazaar.app(), sign=b"")
    bazaar.stage.app_owner.hub.presign(order)
    bazaar.follow()
    bazaar.publish(order)
    reorg(bazaar.stage.market.chain, 1)
    mine(bazaar.stage.market.chain)
    bazaar.follow()
    assert bazaar.status(order) == "dead"


def test_reorganisation__between_check_and_publication__refuses_the_order(bazaar: Bazaar) -> None:
    order = replace(bazaar.app(), sign=b"")
    bazaar.stage.app_owner.hub.presign(order)
    submission = bazaar.book.submission(order, bazaar.stage.keys["app_owner"].address)
    reorg(bazaar.stage.market.chain, 1)
    mine(bazaar.stage.market.chain)
    bazaar.follow()
    (refusal,) = bazaar.book.publish([submission])
    assert "invalid sign" in str(refusal)


def test_reorganisation__deeper_than_the_journal__reads_everything_again(bazaar: Bazaar) -> None:
    order = bazaar.app(volume=2)
    bazaar.publish(order)
    bazaar.book.follower.history = 1
    chain = bazaar.stage.market.chain
    mine(chain, 3)
    bazaar.stage.app_owner.hub.close(bazaar.app())
    bazaar.follow()
    reorg(chain, 3)
    mine(chain, 2)
    bazaar.follow()
    assert bazaar.status(order) == "open"
    assert bazaar.get("/categories")["count"] == len(bazaar.stage.market.hub.categories())


def test_restart__goes_on_where_it_was(bazaar: Bazaar, database: str) -> None:
    order, closed = bazaar.app(), bazaar.app()
    bazaar.publish(order, closed)
    bazaar.stage.app_owner.hub.close(closed)
    book = Orderbook(database, bazaar.stage.market, Limits())
    book.follower.follow()
    book.close()
    assert [bazaar.status(it) for it in (order, closed)] == ["open", "canceled"]


def test_start__with_the_database_of_another_market__is_refused(
    bazaar: Bazaar, database: str
) -> None:
    other = replace(bazaar.stage.market.book, hub=bazaar.stage.app)
    with pytest.raises(ConfigurationError, match="give each market a database of its own"):
        Orderbook(database, Market(bazaar.stage.market.chain, other))


def test_deals__are_listed_and_found(any_bazaar: Bazaar) -> None:
    stage = any_bazaar.stage
    first, second = stage.deal(), stage.deal(with_dataset=False)
    any_bazaar.follow()
    found = any_bazaar.get("/deals", app=stage.app)
    ids = [f"0x{dealid.hex()}" for dealid in (second, first)]
    assert [deal["dealid"] for deal in found["deals"]] == ids
    only = any_bazaar.get("/deals", dataset=stage.dataset)
    assert [deal["dealid"] for deal in only["deals"]] == ids[1:]
    deal = any_bazaar.get(f"/deals/{ids[1]}")
    hub = stage.market.hub.deal(first)
    assert hub is not None
    assert deal["workerpool"] == {
        "pointer": stage.pool,
        "owner": stage.keys["scheduler"].address,
        "price": hub.workerpool.price,
    }
    assert deal["startTime"] == hub.start_time
    assert deal["botSize"] == hub.bot_size
    by_hash = any_bazaar.get("/deals", requestorderHash=deal["requestHash"])
    assert by_hash["count"] == 1
    candles = any_bazaar.get("/ohlc", category=0)["ohlc"]
    assert [candle[1:] for candle in candles] == [[hub.workerpool.price, 1]] * 2


def test_categories__are_listed_by_their_clock(bazaar: Bazaar) -> None:
    clocks = [it.clock for it in bazaar.stage.market.hub.categories()]
    found = bazaar.get("/categories")["categories"]
    assert [category["workClockTimeRef"] for category in found] == sorted(clocks)
    some = bazaar.get("/categories", minWorkClockTimeRef=clocks[1], maxWorkClockTimeRef=clocks[1])
    assert [category["catid"] for category in some["categories"]] == [1]
    assert bazaar.get("/categories/1")["name"] == found[1]["name"]
    assert bazaar.refusal("/categories/99") == (404, "category not found")
