"""The queue's rows: what is asked of the database, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from poco.contracts import Call, Signed
from poco.contracts.wallet import nothing
from poco.database import Database
from poco.transactions.fees import Price
from poco.transactions.tables import (
    TransactionState,
    TransactionStatus,
    attempts,
    transactions,
)

__all__ = ["Changes", "Store", "attempt_row", "call_of"]

Changes = list[dict[str, Any]]
"""New values of columns, each with the id of its row under ``row``."""

_KEYS_PER_QUERY = 500
_FINAL = (TransactionStatus.CONFIRMED, TransactionStatus.FAILED)
_NOT_FINAL = tuple(set(TransactionStatus) - set(_FINAL))
_LONGEST_REASON = 500
_CHANGE = update(transactions).where(transactions.c.id == bindparam("row"))
_ATTEMPT = insert(attempts)
_FRESH: dict[str, Any] = {
    "status": TransactionStatus.QUEUED,
    "due": 0.0,
    "tries": 0,
    "nonce": None,
    "hash": None,
    "block": None,
    "block_hash": None,
    "reason": "",
    "revert": None,
}


class Store:
    """The transactions of one sender.

    Args:
        database: with the tables of `poco.transactions.declare`.
        sender: address of the account.
    """

    def __init__(self, database: Database, sender: str) -> None:
        self._database = database
        self._mine = transactions.c.sender == sender
        self._sender = sender
        # Asked again and again: a statement that is kept is not compiled anew.
        mine = select(transactions).where(self._mine).order_by(transactions.c.id)
        status = transactions.c.status
        self._some = mine.where(status.in_(bindparam("statuses", expanding=True)))
        self._waiting = (
            mine.where(status == TransactionStatus.QUEUED, transactions.c.due <= bindparam("now"))
        ).limit(bindparam("most"))
        self._tries = (
            select(attempts)
            .join(transactions, attempts.c.transaction == transactions.c.id)
            .where(self._mine, status.in_(bindparam("statuses", expanding=True)))
            .where(attempts.c.nonce == transactions.c.nonce)
            .order_by(attempts.c.id)
        )
        self._highest = select(func.max(transactions.c.nonce)).where(self._mine)
        self._open = select(transactions.c.id).where(self._mine, status.in_(_NOT_FINAL)).limit(1)
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = (
            dialect.insert(transactions)
            .on_conflict_do_nothing(index_elements=["sender", "key"])
            .returning(transactions.c.id)
        )
        self._named = mine.where(transactions.c.key.in_(bindparam("keys", expanding=True)))

    def add(
        self,
        connection: Connection,
        key: str,
        call: Call[Any],
        not_after: int | None,
        min_block: int,
        retry: bool,
    ) -> bool:
        """Insert a transaction, or begin again with one that failed; see `TransactionQueue`."""
        values = _FRESH | {
            "name": call.name,
            "target": call.to,
            "data": call.data,
            "value": str(call.value),
            "gas": call.gas,
            "not_after": not_after,
            "min_block": min_block,
        }
        new = values | {"sender": self._sender, "key": key}
        if connection.execute(self._add, new).one_or_none() is not None:
            return True
        if not retry:
            return False
        failed = (transactions.c.key == key) & (transactions.c.status == TransactionStatus.FAILED)
        again = connection.execute(update(transactions).where(self._mine, failed).values(values))
        return bool(again.rowcount)

    def states(self, keys: Iterable[str]) -> dict[str, TransactionState]:
        """Return the states of the transactions that exist, by key."""
        wanted = list(keys)
        found: dict[str, TransactionState] = {}
        with self._database.reading() as connection:
            for begin in range(0, len(wanted), _KEYS_PER_QUERY):
                part = wanted[begin : begin + _KEYS_PER_QUERY]
                for row in connection.execute(self._named, {"keys": part}):
                    found[row.key] = TransactionState(
                        TransactionStatus(row.status), row.hash, row.block, row.reason, row.revert
                    )
        return found

    def rows(self, *statuses: TransactionStatus) -> Sequence[Row[Any]]:
        """Return transactions in the order of their arrival."""
        with self._database.reading() as connection:
            return connection.execute(self._some, {"statuses": statuses}).all()

    def is_busy(self) -> bool:
        """Return whether there is a transaction that is not final."""
        with self._database.reading() as connection:
            return connection.scalar(self._open) is not None

    def queued(self, now: float, limit: int) -> Sequence[Row[Any]]:
        """Return the first transactions that may be sent now."""
        with self._database.reading() as connection:
            return connection.execute(self._waiting, {"now": now, "most": limit}).all()

    def attempts(self, *statuses: TransactionStatus) -> dict[int, list[Row[Any]]]:
        """Return how transactions were signed, oldest first, by id of the transaction."""
        found: dict[int, list[Row[Any]]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(self._tries, {"statuses": statuses}):
                found.setdefault(row.transaction, []).append(row)
        return found

    def highest_nonce(self) -> int:
        """Return the highest number that was given away; -1 when none was."""
        with self._database.reading() as connection:
            highest = connection.scalar(self._highest)
        return -1 if highest is None else int(highest)

    def owns(self, nonce: int) -> bool:
        """Return whether a number was given to one of the transactions."""
        wanted = select(transactions.c.id).where(self._mine, transactions.c.nonce == nonce)
        with self._database.reading() as connection:
            return connection.scalar(wanted) is not None

    def fill(self, nonce: int, signed: dict[str, Any]) -> None:
        """Insert a transaction that does nothing but use a number up; see `attempt_row`."""
        values = _FRESH | {
            "sender": self._sender,
            "key": f"gap:{nonce}",
            "name": "gap",
            "target": self._sender,
            "data": b"",
            "value": "0",
            "min_block": 0,
            "status": TransactionStatus.SIGNED,
            "nonce": nonce,
            "hash": signed["hash"],
        }
        with self._database.writing() as connection:
            row = connection.execute(insert(transactions).values(values)).inserted_primary_key
            assert row is not None, "a row that was inserted has a key"
            connection.execute(insert(attempts).values(signed | {"transaction": row[0]}))

    def prune(self, before: float, most: int) -> int:
        """Delete final transactions; see `TransactionQueue.prune`.

        The one with the highest number stays: the next number follows from it. Those that were
        never signed are as old as the ones that were signed after them.
        """
        last = select(func.max(attempts.c.transaction)).where(attempts.c.signed_at < before)
        is_final = transactions.c.status.in_(_FINAL)
        is_spent = transactions.c.nonce.is_(None) | (transactions.c.nonce < bindparam("highest"))
        old = (
            select(transactions.c.id)
            .where(self._mine, is_final, transactions.c.id <= bindparam("last"), is_spent)
            .order_by(transactions.c.id)
            .limit(most)
        )
        with self._database.writing() as connection:
            newest = connection.scalar(last)
            if newest is None:
                return 0
            highest = connection.scalar(self._highest)
            ids = connection.scalars(old, {"last": newest, "highest": highest}).all()
            connection.execute(delete(attempts).where(attempts.c.transaction.in_(ids)))
            connection.execute(delete(transactions).where(transactions.c.id.in_(ids)))
        return len(ids)

    def change(self, changes: Changes, signed: Sequence[dict[str, Any]] = ()) -> int:
        """Write changes and new attempts in one database transaction; return how many changed.

        What was not signed is not on its way to anybody: the chain tells it again.
        """
        if not changes:
            return 0
        groups: dict[tuple[str, ...], Changes] = {}
        for values in changes:
            if "reason" in values:
                values["reason"] = values["reason"][:_LONGEST_REASON]
            groups.setdefault(tuple(values), []).append(values)
        with self._database.writing(lasting=bool(signed)) as connection:
            for group in groups.values():
                connection.execute(_CHANGE, group)
            if signed:
                connection.execute(_ATTEMPT, list(signed))
        return len(changes)


def attempt_row(
    transaction: int, signed: Signed[Any], gas: int, price: Price, *, cancels: bool, now: float
) -> dict[str, Any]:
    """Return the row of a transaction that was just signed."""
    return {
        "transaction": transaction,
        "nonce": signed.nonce,
        "hash": signed.transaction_hash,
        "raw": signed.raw,
        "gas": gas,
        "max_fee": price.max_fee,
        "tip": price.tip,
        "cancels": cancels,
        "signed_at": now,
    }


def call_of(row: Row[Any]) -> Call[None]:
    """Return what a stored transaction is to do."""
    target = None if row.target is None else ChecksumAddress(row.target)
    return Call(row.name, target, row.data, nothing, value=int(row.value), gas=row.gas)
