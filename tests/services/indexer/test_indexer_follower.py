"""Following the chain: whatever the way to a block, the view of it is the same."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from indexer_views import contents
from market_day import Day
from sqlalchemy import select
from support.anvil import start_anvil
from support.reorg import mine, reorg

from poco.contracts import AddressBook, Chain, Market
from poco.errors import ChainError, ConfigurationError
from poco.services import following
from poco.services.following import Block, MovedError
from poco.services.indexer import Follower, Head, facts
from poco.services.indexer.facts import ChainReader
from poco.services.indexer.tables import ENTITY_TABLES, blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from indexer_views import MakeIndexer

    from poco.services.indexer import Indexer

STEPS = 40


@pytest.fixture(scope="module")
def restless_day() -> Iterator[Day]:
    with start_anvil() as url:
        yield Day(Chain.connect(url))


@pytest.fixture
def day(restless_day: Day) -> Day:
    """A market whose chain is never put back: anvil cannot after a reorganisation."""
    mine(restless_day.chain, 10)  # so that no reorganisation reaches the market itself
    restless_day.forget_what_vanished()
    return restless_day


def transfers(indexer: Indexer) -> list[str]:
    answer = indexer.answer("{transfers(first: 1000, orderBy: timestamp) {value}}")
    return [transfer["value"] for transfer in answer["data"]["transfers"]]


def give(day: Day, amount: int) -> None:
    day.roles["requester"].hub.transfer(day.address("worker_1"), amount)


@pytest.mark.parametrize("seed", range(3))
def test_follow__a_random_history_with_reorganisations__gives_the_view_of_a_replay(
    day: Day, make_indexer: MakeIndexer, seed: int
) -> None:
    """The invariant: the view is what replaying all events gives, and what the hub says."""
    random = Random(seed)
    followed = make_indexer()
    for _ in range(STEPS):
        day.anything(random)
        if random.random() < 0.3:
            followed.follower.follow()
        if random.random() < 0.12:
            reorg(day.chain, random.randrange(1, 9))
            day.forget_what_vanished()
    followed.follower.follow()
    replayed = make_indexer()
    replayed.follower.follow()
    view = contents(followed.follower.database)
    assert view == contents(replayed.follower.database)
    assert view["Deal"]
    addresses = [row[0] for row in view["Account"]]
    assert [(row[1], row[2]) for row in view["Account"]] == [
        (account.stake, account.locked) for account in day.market.hub.accounts(addresses)
    ]


def test_follow__on_postgresql__gives_the_same_view(
    day: Day, make_indexer: MakeIndexer, postgresql: str
) -> None:
    other = make_indexer(postgresql)
    random = Random(99)
    for _ in range(3):
        for _ in range(10):
            day.anything(random)
        other.follower.follow()
        reorg(day.chain, 4)
        day.forget_what_vanished()
    other.follower.follow()
    replayed = make_indexer()
    replayed.follower.follow()
    assert contents(other.follower.database) == contents(replayed.follower.database)


def test_follow__after_a_restart__goes_on_where_it_stopped(
    day: Day, make_indexer: MakeIndexer, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/indexer.sqlite"
    first = make_indexer(url)
    first.follower.follow()
    give(day, 1)
    second = make_indexer(url)
    before = len(transfers(second))
    second.follower.follow()
    assert transfers(second)[before:] == ["0.000000001"]
    assert second.head() == Head(*_newest(day.chain))


def _newest(chain: Chain) -> tuple[int, str, int]:
    block = chain.request("eth_getBlockByNumber", "latest", False)
    return int(block["number"], 16), block["hash"], int(block["timestamp"], 16)


def test_follow__many_ranges__misses_none(
    day: Day, make_indexer: MakeIndexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    day.whole()
    whole = make_indexer()
    whole.follower.follow()
    monkeypatch.setattr("poco.services.indexer.follower._RANGE", 11)
    pieces = make_indexer(history=5)
    pieces.follower.follow()
    assert contents(pieces.follower.database) == contents(whole.follower.database)


def test_follow__reorganisation_deeper_than_the_history__reads_all_again(
    day: Day, make_indexer: MakeIndexer
) -> None:
    indexer = make_indexer(history=3)
    give(day, 1)
    for _ in range(9):
        give(day, 2)
    indexer.follower.follow()
    reorg(day.chain, 8)
    indexer.follower.follow()
    replayed = make_indexer()
    replayed.follower.follow()
    assert contents(indexer.follower.database) == contents(replayed.follower.database)
    assert transfers(indexer)[-2:] == ["0.000000001", "0.000000002"]


def test_follow__confirmations__leaves_the_newest_blocks_out(
    day: Day, make_indexer: MakeIndexer
) -> None:
    indexer = make_indexer(confirmations=2)
    give(day, 3)
    mine(day.chain)
    indexer.follower.follow()
    assert "0.000000003" not in transfers(indexer)
    mine(day.chain)
    indexer.follower.follow()
    assert "0.000000003" in transfers(indexer)


def test_follow__node_that_is_behind__keeps_the_view(
    day: Day, make_indexer: MakeIndexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexer = make_indexer()
    give(day, 4)
    indexer.follower.follow()
    behind = day.chain.block_number() - 3
    monkeypatch.setattr(day.chain, "block_number", lambda: behind)
    indexer.follower.follow()
    assert transfers(indexer)[-1] == "0.000000004"


def test_follow__by_two_at_once__counts_nothing_twice(
    day: Day, make_indexer: MakeIndexer, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/indexer.sqlite"
    day.whole()
    both = [make_indexer(url), make_indexer(url)]
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(indexer.follower.follow) for indexer in both]:
            done.result()
    alone = make_indexer()
    alone.follower.follow()
    assert contents(both[0].follower.database) == contents(alone.follower.database)


@pytest.mark.parametrize("kept", [0, 654_321])
def test_follow__reorganisation_while_reading__reads_again(
    day: Day, make_indexer: MakeIndexer, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Logs of one history must not be taken for those of another, with fewer or more events."""
    indexer = make_indexer()
    if not kept:
        give(day, 123_456)
    mine(day.chain)
    original = ChainReader._logs
    hub = day.market.hub
    transfer = {
        "from": day.address("requester"),
        "to": hub.address,
        "data": f"0x{hub.call('transfer', day.address('worker_1'), kept).data.hex()}",
    }
    moves = iter([[[transfer, 0]] if kept else []])

    def interrupted(self: ChainReader, first: int, last: int) -> Any:
        logs = original(self, first, last)
        for transactions in moves:
            day.chain.request("anvil_reorg", 2, transactions)
        return logs

    monkeypatch.setattr(ChainReader, "_logs", interrupted)
    indexer.follower.follow()
    replayed = make_indexer()
    replayed.follower.follow()
    assert contents(indexer.follower.database) == contents(replayed.follower.database)
    assert "0.000123456" not in transfers(indexer)
    assert ("0.000654321" in transfers(indexer)) == bool(kept)


def test_follow__chain_that_does_not_rest__gives_up_for_now(
    day: Day, make_indexer: MakeIndexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, hashes = following.headers, count()

    def restless(chain: Chain, numbers: Iterable[int]) -> dict[int, Block]:
        found = original(chain, numbers)
        return {key: replace(header, hash=hex(next(hashes))) for key, header in found.items()}

    monkeypatch.setattr(facts, "headers", restless)
    with pytest.raises(MovedError, match="read again"):
        make_indexer().follower.follow()


def test_follower__database_of_another_market__is_refused(
    day: Day, make_indexer: MakeIndexer, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/indexer.sqlite"
    database = make_indexer(url).follower.database
    book = day.market.book
    values = {name: getattr(book, name) for name in AddressBook.__dataclass_fields__}
    other = AddressBook(**{**values, "hub": day.app})
    with pytest.raises(ConfigurationError, match="database of its own"):
        Follower(database, Market(day.chain, other))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ChainError("the node does not answer"), "the node does not answer"),
        (KeyError("number"), "unexpected KeyError('number')"),
    ],
)
def test_run__that_fails__is_reported_once_and_tried_again(
    day: Day,
    make_indexer: MakeIndexer,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    line: str,
) -> None:
    indexer, stop, told = make_indexer(), threading.Event(), []
    trials = iter(range(4))

    def fail() -> int:
        if next(trials) == 3:
            stop.set()
        raise error

    monkeypatch.setattr(day.chain, "block_number", fail)
    indexer.follower.run(stop, 0.001, told.append)
    assert told == [line]


def test_first_block__is_where_the_oldest_registry_was_made(day: Day) -> None:
    book = day.market.book
    registries = (book.app_registry, book.dataset_registry, book.workerpool_registry)
    first = ChainReader(day.market).first_block()
    assert 0 < first < book.deploy_block
    assert any(day.chain.code(address, block=first) for address in registries)
    assert not any(day.chain.code(address, block=first - 1) for address in registries)


def test_first_block__node_without_old_states__is_the_first_of_all(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = ChainError("missing trie node")
    monkeypatch.setattr(day.chain, "outcomes", lambda calls: [lost for _ in calls])
    assert ChainReader(day.market).first_block() == 0


def test_follow__first_block_that_is_given__begins_there(
    day: Day, make_indexer: MakeIndexer
) -> None:
    whole, given = make_indexer(), make_indexer(first_block=0)
    whole.follower.follow()
    given.follower.follow()
    assert contents(given.follower.database) == contents(whole.follower.database)


def test_follow__node_that_lost_what_it_announced__reads_again_later(
    day: Day, make_indexer: MakeIndexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexer = make_indexer()
    day.deal()
    original = day.market.hub.read_all

    def forgetful(calls: Any) -> list[Any]:
        found = original(calls)
        return [
            (0, *answer[1:]) if "Task" in name else answer
            for (name, _), answer in zip(calls, found, strict=True)
        ]

    day.task(day.deals[-1])
    monkeypatch.setattr(day.market.hub, "read_all", forgetful)
    with pytest.raises(MovedError):
        indexer.follower.follow()
    monkeypatch.undo()
    indexer.follower.follow()
    assert indexer.answer("{tasks(where: {status: ACTIVE}) {id}}")["data"]["tasks"]


def test_forget__versions_that_cannot_be_undone__are_dropped(
    day: Day, make_indexer: MakeIndexer
) -> None:
    indexer = make_indexer(history=4)
    for _ in range(12):
        give(day, 1)
        indexer.follower.follow()
    accounts = ENTITY_TABLES["Account"]
    mine_ = accounts.c.id == day.address("worker_1").lower()
    with indexer.follower.database.reading() as connection:
        versions = connection.execute(select(accounts.c.since).where(mine_)).all()
        kept = connection.execute(select(blocks.c.number)).all()
    assert len(versions) == 5
    assert len(kept) == 5
