"""Whatever happens in whatever order: each payment is made exactly once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData
from support.faulty_rpc import faulty_rpc
from support.queue_bench import SENDER, SHOP, Bench, Clock, payment
from support.reorg import mine, reorg

from poco import transactions
from poco.contracts import AddressBook, Chain, Market
from poco.database import Database
from poco.errors import ChainError

CONFIRMATIONS = 4
Event = tuple[str, int]
events = st.one_of(
    st.tuples(st.just("enqueue"), st.integers(1, 3)),
    st.tuples(st.just("pump"), st.integers(1, 2)),
    st.tuples(st.just("mine"), st.integers(1, 2)),
    st.tuples(st.just("reorg"), st.integers(1, CONFIRMATIONS - 1)),
    st.tuples(st.just("wait"), st.sampled_from([5, 16, 31])),
    st.tuples(st.just("crash"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["down", "lag", "lose_answers", "busy", "drop"]), st.integers(1, 3)),
    st.tuples(st.just("price"), st.sampled_from([1, 5, 30])),
    st.tuples(st.just("heal"), st.just(0)),
)


class CrashError(Exception):
    """The process dies here."""


class Story:
    """A queue that lives through events; after a crash another one takes over its database."""

    def __init__(self, chain: Chain, book: AddressBook, node: Any, database: Database) -> None:
        self.chain, self.book, self.node, self.database = chain, book, node, database
        self.clock = Clock()
        self.enqueued = 0
        self.steps_left = 0
        self.start()

    def start(self) -> None:
        """Begin as a process does: with the database and nothing else."""
        self.node.heal()
        chain = Chain.connect(self.node.url)
        chain._provider._pause = lambda seconds: None  # type: ignore[attr-defined]
        market = Market(chain, self.book).acting_as(SENDER)
        options = {"confirmations": CONFIRMATIONS, "crash_point": self.step}
        self.bench = Bench(self.chain, market, self.database, self.clock, options)

    def step(self, name: str) -> None:
        if self.steps_left:
            self.steps_left -= 1
            if not self.steps_left:
                raise CrashError(name)

    def pump(self) -> None:
        try:
            self.bench.queue.pump()
        except ChainError:
            pass
        except CrashError:
            self.start()

    def live(self, event: str, number: int) -> None:
        match event:
            case "enqueue":
                for _ in range(number):
                    self.bench.enqueue(str(self.enqueued), payment(gas=21_000))
                    self.enqueued += 1
            case "pump":
                for _ in range(number):
                    self.pump()
            case "mine":
                mine(self.chain, number)
            case "reorg":
                reorg(self.chain, number)
            case "wait":
                self.clock.now += number
            case "crash":
                self.steps_left = number
                self.pump()
            case "price":
                self.chain.request("anvil_setNextBlockBaseFeePerGas", hex(number * 10**9))
                mine(self.chain)
            case "drop":
                self.node.drop_sends({number})
            case "heal":
                self.node.heal()
            case fault:
                setattr(self.node, fault, number)

    def end(self) -> None:
        """Let all faults end, and enough time and blocks pass."""
        self.node.heal()
        self.steps_left = 0
        for _ in range(12):
            self.clock.now += 61
            self.pump()
            mine(self.chain)


@settings(
    max_examples=25,
)
@given(story=st.lists(events, min_size=3, max_size=12))
def test_pump__any_story_of_faults__pays_each_exactly_once(
    story: list[Event], url: str, book: AddressBook, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chain = Chain.connect(url)
    snapshot = chain.request("evm_snapshot")
    metadata = MetaData()
    transactions.declare(metadata)
    path = tmp_path_factory.mktemp("story") / "queue.sqlite"
    database = Database(f"sqlite:///{path}", metadata)
    try:
        mine(chain, CONFIRMATIONS)  # no reorganisation goes back behind the snapshot
        chain.request("evm_setAutomine", False)
        with faulty_rpc(url) as node:
            told = Story(chain, book, node, database)
            told.live("enqueue", 1)
            for event, number in story:
                told.live(event, number)
            told.end()
            states = told.bench.queue.states(str(key) for key in range(told.enqueued))
        assert {str(state.status) for state in states.values()} == {"CONFIRMED"}
        assert chain.balance(SHOP) == told.enqueued
    finally:
        database.close()
        chain.request("evm_setAutomine", True)
        chain.request("anvil_dropAllTransactions")
        chain.request("evm_revert", snapshot)
        chain.request("anvil_setNextBlockBaseFeePerGas", hex(10**9))
