"""Fetches the dataset orders of bulk deals, which the chain only names (spec contracts §3.8).

The parameters of a deal hold the CID of a list of CIDs, one for each task; each of these is a list
of dataset orders. What cannot be fetched is tried again later. Rows belong to the block of the
deal: a reorganisation that drops the deal drops them, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import select

from poco.appio import ExecutionError
from poco.database import Database, upsert
from poco.errors import UserInputError
from poco.fetching import Fetcher
from poco.orders import DatasetOrder, DealId, task_id
from poco.services.bulk import BulkFiles
from poco.services.following import one_line
from poco.services.indexer.journal import hexed
from poco.services.indexer.tables import ENTITY_TABLES, PLACE, valid_at

__all__ = ["Bulks"]

T = TypeVar("T")

_MAX_SLICES = 10_000
_FIRST_PAUSE_SECONDS = 30.0
_LAST_PAUSE_SECONDS = 3600.0
_DEALS = ENTITY_TABLES["Deal"]
_MATCHES = ENTITY_TABLES["OrdersMatched"]
_BULKS = ENTITY_TABLES["Bulk"]
_SLICES = ENTITY_TABLES["BulkSlice"]
_ORDERS = ENTITY_TABLES["DatasetOrder"]


class Bulks:
    """What is under way to the bulks of a market.

    Args:
        database: of the indexer.
        fetcher: gets files from IPFS.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self, database: Database, fetcher: Fetcher, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._files = BulkFiles(fetcher)
        self._clock = clock
        self._pauses: dict[str, tuple[float, float]] = {}

    def fetch(self) -> int:
        """Fetch what is missing and due; return how many deals had something missing."""
        pending = self._pending()
        self._pauses = {key: self._pauses[key] for key in pending if key in self._pauses}
        for key, deal in pending.items():
            due, pause = self._pauses.get(key, (0.0, _FIRST_PAUSE_SECONDS))
            if self._clock() < due:
                continue
            self._pauses[key] = (self._clock() + pause, min(2 * pause, _LAST_PAUSE_SECONDS))
            self._fetch_bulk(key, deal)
        return len(pending)

    def run(self, stop: threading.Event, every: float, report: Callable[[str], None]) -> None:
        """Fetch until stopped.

        Args:
            stop: ends it.
            every: pause between two looks at what is missing, seconds.
            report: called with a line when something fails.
        """
        while not stop.is_set():
            try:
                self.fetch()
            except Exception as error:  # whatever it is, the next trial may succeed
                report(one_line(error))
            stop.wait(every)

    def _pending(self) -> dict[str, Any]:
        incomplete = (
            select(_DEALS.c.id, _DEALS.c.bulkCid, _DEALS.c.botFirst, _DEALS.c.botSize)
            .add_columns(_MATCHES.c.since)
            .join(_MATCHES, _MATCHES.c.deal == _DEALS.c.id)
            .outerjoin(_BULKS, _BULKS.c.deal == _DEALS.c.id)
            .where(_DEALS.c.bulkCid.is_not(None), valid_at(_DEALS, None))
            .where(_BULKS.c.id.is_(None) | (_BULKS.c.missing > 0))
        )
        with self._database.reading() as connection:
            return {row.id: row for row in connection.execute(incomplete)}

    def _fetch_bulk(self, key: str, deal: Any) -> None:
        cids = _read(self._files.slices, deal.bulkCid)
        if cids is None:
            return
        end = min(len(cids), deal.botFirst + deal.botSize, deal.botFirst + _MAX_SLICES)
        with self._database.reading() as connection:
            here = select(_SLICES.c.id).where(_SLICES.c.bulk == key)
            stored = set(connection.execute(here).scalars())
        rows: list[tuple[Any, dict[str, Any]]] = []
        missing = 0
        for index in range(deal.botFirst, end):
            slice_id = f"{key}-{index}"
            cid = cids[index]
            if slice_id in stored or cid is None:
                continue
            orders = _read(self._files.orders, cid)
            if orders is None:
                missing += 1
                continue
            task = hexed(task_id(DealId(bytes.fromhex(key[2:])), index))
            shared = {"hash": cid, "task": task, "index": index, "bulk": key}
            rows.append((_SLICES, {"id": slice_id, **shared}))
            rows += [
                (_ORDERS, {"id": f"{task}-{number}", "slice": slice_id, **_row(order)})
                for number, order in enumerate(orders)
                if order is not None
            ]
        rows.append((_BULKS, {"id": key, "hash": deal.bulkCid, "deal": key, "missing": missing}))
        self._store(key, deal.since, rows)

    def _store(self, key: str, since: int, rows: list[tuple[Any, dict[str, Any]]]) -> None:
        with self._database.writing() as connection:
            PLACE.locked(connection)
            still = select(_MATCHES.c.id).where(_MATCHES.c.deal == key, _MATCHES.c.since == since)
            if connection.execute(still).first() is None:
                return
            for table, row in rows:
                connection.execute(upsert(self._database, table, {**row, "since": since}))


def _read(read: Callable[[str], list[T]], cid: str) -> list[T] | None:
    """Return what a file lists: nothing when it is something else, None when there is no file."""
    try:
        return read(cid)
    except ExecutionError:
        return None
    except UserInputError:
        return []


def _row(order: DatasetOrder) -> dict[str, Any]:
    return {
        "dataset": order.dataset.lower(),
        "datasetprice": order.datasetprice,
        "volume": order.volume,
        "tag": order.tag.to_hex(),
        "apprestrict": order.apprestrict.lower(),
        "workerpoolrestrict": order.workerpoolrestrict.lower(),
        "requesterrestrict": order.requesterrestrict.lower(),
        "salt": hexed(order.salt),
        "sign": hexed(order.sign),
    }
