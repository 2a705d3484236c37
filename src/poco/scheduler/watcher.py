"""Follows the chain: new deals of the pool, and tasks that something happened to (spec §3.2).

The cursor moves in the database transaction that stores what was read up to it. When the block at
the cursor is another one than before, a reorganisation took place: the last blocks are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import bindparam, select, true, update

from poco.appio import runtime_of
from poco.contracts import Deal, EventReader, Market
from poco.contracts.events import (
    SchedulerNotice,
    TaskClaimed,
    TaskConsensus,
    TaskContribute,
    TaskFinalize,
    TaskInitialize,
    TaskReopen,
    TaskReveal,
)
from poco.database import Database, upsert
from poco.errors import ChainError, ConfigurationError
from poco.fetching import multiaddr_text
from poco.orders import TEE, DealId
from poco.scheduler.settings import Settings
from poco.scheduler.state import deal_row, expand, mark, mark_tasks
from poco.scheduler.statuses import Stage
from poco.scheduler.tables import MAX_INTEGER, cursor, deals, task_events, tasks

__all__ = ["Head", "Watcher"]

_RANGE = 10_000
_REORGANISED = 64
_CHUNK = 500
_OF_TASKS = (
    TaskInitialize,
    TaskContribute,
    TaskConsensus,
    TaskReveal,
    TaskReopen,
    TaskFinalize,
    TaskClaimed,
)
# Kept, because to build and compile a statement takes longer than to run it.
_CURSOR = select(cursor).where(cursor.c.name == bindparam("place"))
_VANISHED = (
    update(deals)
    .where(deals.c.block >= bindparam("first"), deals.c.block <= bindparam("end"))
    .values(block=None)
)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain.

    Args:
        number: of the last block.
        hash: of it, 0x-hex.
        timestamp: of it, seconds since 1970.
    """

    number: int
    hash: str
    timestamp: int


class Watcher:
    """Reads the logs of the hub from the block of the deployment on.

    Args:
        database: of the scheduler.
        market: the market.
        workerpool: whose deals count.
        settings: of the scheduler.
        report: called with a line about each deal.

    Raises:
        ConfigurationError: the database is that of another pool or chain.
        ChainError: the node does not answer.
    """

    def __init__(
        self,
        database: Database,
        market: Market,
        workerpool: ChecksumAddress,
        settings: Settings,
        report: Callable[[str], None],
    ) -> None:
        self._database = database
        self._market = market
        self._pool = workerpool
        self._settings = settings
        self._report = report
        self._place = _place(database, market, workerpool)
        place = {
            "name": self._place,
            "block": bindparam("end"),
            "hash": bindparam("end_hash"),
            "hub": market.hub.address,
        }
        self._move = upsert(database, cursor, place)
        self._clocks: dict[int, int] = {}
        self._apps: dict[ChecksumAddress, tuple[str, str]] = {}
        self._notice, *self._of_tasks = EventReader.topics([SchedulerNotice, *_OF_TASKS])

    def follow(self) -> Head:
        """Store what happened since the last time; return the end of the chain.

        Raises:
            ChainError: the node does not answer; nothing is lost.
        """
        with self._database.reading() as connection:
            known = connection.execute(_CURSOR, {"place": self._place}).one_or_none()
        last = known.block if known else self._market.book.deploy_block - 1
        head, at_cursor = self._blocks(last)
        first = last + 1
        if known and (at_cursor is None or at_cursor["hash"] != known.hash):
            first = max(self._market.book.deploy_block, min(last, head.number) - _REORGANISED)
            self._doubt(first)
        while first <= head.number:
            end = min(first + _RANGE - 1, head.number)
            self._read(first, end, head)
            first = end + 1
        return head

    def _doubt(self, first: int) -> None:
        """Look at all tasks again, also at those that ended in blocks that may be gone."""
        ends = select(task_events.c.taskid).where(
            task_events.c.block >= first, task_events.c.stage.in_([Stage.COMPLETED, Stage.FAILED])
        )
        with self._database.writing() as connection:
            connection.execute(update(tasks).where(tasks.c.taskid.in_(ends)).values(is_over=False))
            mark(connection, true())

    def head(self) -> Head:
        """Return the end of the chain without reading what happened.

        Raises:
            ChainError: the node does not answer.
        """
        return self._blocks(0)[0]

    def _blocks(self, last: int) -> tuple[Head, Mapping[str, Any] | None]:
        """Return the end of the chain, and the block at the cursor when there still is one."""
        numbers = ("latest", hex(max(last, 0)))
        calls = [("eth_getBlockByNumber", (number, False)) for number in numbers]
        newest, at_cursor = self._market.chain.batch(calls)
        number, timestamp = int(newest["number"], 16), int(newest["timestamp"], 16)
        return Head(number, newest["hash"], timestamp), at_cursor

    def _read(self, first: int, end: int, head: Head) -> None:
        """Read a range of blocks and move the cursor to its end."""
        topics = [[self._notice, *self._of_tasks]]
        notices: dict[DealId, int] = {}
        touched: set[bytes] = set()
        pool = self._pool[2:].lower().rjust(64, "0")
        for log in self._market.chain.logs([self._market.hub.address], topics, first, end):
            if log.get("removed"):
                continue
            kind, subject = log["topics"][0], bytes.fromhex(log["topics"][1][2:])
            if kind != self._notice:
                touched.add(subject)
            elif subject.hex() == pool:
                notices[DealId(bytes.fromhex(log["data"][2:66]))] = int(log["blockNumber"], 16)
        rows = self._new_deals(notices)
        end_hash = head.hash
        if end != head.number:
            block = self._market.chain.request("eth_getBlockByNumber", hex(end), False)
            end_hash = block["hash"]
        with self._database.writing() as connection:
            connection.execute(_VANISHED, {"first": first, "end": end})
            for row in rows:
                connection.execute(deals.insert(), [row])
            for dealid, block in notices.items():
                here = deals.c.dealid == dealid
                connection.execute(update(deals).where(here).values(block=block))
            if rows:
                expand(connection)
            ordered = sorted(touched)
            for at in range(0, len(ordered), _CHUNK):
                mark_tasks(connection, ordered[at : at + _CHUNK])
            connection.execute(self._move, {"end": end, "end_hash": end_hash})
        for row in rows:
            told = f", refused: {row['refusal']}" if row["refusal"] else ""
            self._report(
                f"deal 0x{row['dealid'].hex()[:8]}…: {row['bot_size']} tasks "
                f"at trust {row['trust']}{told}"
            )

    def _new_deals(self, notices: Mapping[DealId, int]) -> list[dict[str, Any]]:
        """Read the deals that are not stored yet."""
        if not notices:
            return []
        known: set[bytes] = set()
        wanted = list(notices)
        with self._database.reading() as connection:
            for at in range(0, len(wanted), _CHUNK):
                part = deals.c.dealid.in_(wanted[at : at + _CHUNK])
                known.update(connection.scalars(select(deals.c.dealid).where(part)))
        fresh = [dealid for dealid in notices if dealid not in known]
        values = self._market.hub.read_all([("viewDeal", (dealid,)) for dealid in fresh])
        rows = []
        for dealid, answer in zip(fresh, values, strict=True):
            deal = Deal.from_abi(dealid, answer)
            if deal is None:
                raise ChainError(
                    "the node must have the deal whose log it has",
                    field="deal",
                    value=f"0x{dealid.hex()}",
                    remedy="wait until the node has caught up",
                )
            clock = self._clock(deal.category)
            app = self._app(deal.app.pointer)
            rows.append(deal_row(deal, notices[dealid], clock, app, self._refusal(deal)))
        return rows

    def _refusal(self, deal: Deal) -> str:
        wallet = self._market.account
        if deal.scheduler != wallet:
            return f"its scheduler is {deal.scheduler}, who owned the pool at the match"
        if deal.tag & TEE and not self._settings.simulated_enclaves:
            return "it asks for an enclave, which this pool has not"
        if deal.bot_size > MAX_INTEGER or int(deal.tag) >= MAX_INTEGER:
            return "it has numbers that no honest deal has"
        return ""

    def _clock(self, category: int) -> int:
        if category not in self._clocks:
            self._clocks[category] = self._market.hub.category(category).clock
        return self._clocks[category]

    def _app(self, address: ChecksumAddress) -> tuple[str, str]:
        if address not in self._apps:
            app = self._market.apps.view(address)
            name = multiaddr_text(app.multiaddr)
            self._apps[address] = (name, runtime_of(app.type, name))
        return self._apps[address]


def _place(database: Database, market: Market, workerpool: ChecksumAddress) -> str:
    """Return the name of the cursor: pool and chain, to which the whole database belongs."""
    place = f"{workerpool} {market.chain.genesis_hash()[:18]}"
    with database.reading() as connection:
        found = connection.execute(select(cursor.c.name, cursor.c.hub)).all()
    for name, hub in found:
        if name != place or hub not in (None, market.hub.address):
            raise ConfigurationError(
                f"the database belongs to pool and chain {name}, hub {hub}",
                field="database",
                value=f"{place}, hub {market.hub.address}",
                remedy="name another database: each pool has its own for each hub and chain",
            )
    return place
