"""The queue: transactions are stored before they are sent, and watched until they are final."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from sqlalchemy import Connection

from poco.chain_ids import is_development_chain
from poco.contracts import Call, Market
from poco.database import Database
from poco.errors import UserInputError
from poco.orders import checked_address
from poco.transactions.fees import FeePolicy
from poco.transactions.head import Head, read_head
from poco.transactions.sending import Sender
from poco.transactions.settings import Settings, default_confirmations
from poco.transactions.store import Store
from poco.transactions.tables import TransactionState, TransactionStatus
from poco.transactions.watching import Watcher

__all__ = ["TransactionQueue"]

_LONGEST_KEY = 200


def _never(_: str) -> bool:
    return False


def _nowhere(_: str) -> None:
    return None


class TransactionQueue:
    """The transactions of one account. Safe to use from several threads; `pump` in one process.

    Args:
        database: with the tables of `declare`.
        market: acting as the account that sends.
        clock: seconds since 1970.
        fees: what to pay.
        confirmations: how many blocks make a transaction final, its own counted; by default 1 on a
            development chain and 12 elsewhere.
        block_seconds: the time between blocks: what is not mined is repeated after 3 and replaced
            after 6 of them.
        effect: tells whether what a key stands for is true on the chain already; asked when its
            transaction reverts, which then is no failure. By default it never is.
        crash_point: called with a name between any two steps that last, for tests that die there.

    Raises:
        UserInputError: the market acts as nobody.
    """

    def __init__(
        self,
        database: Database,
        market: Market,
        *,
        clock: Callable[[], float] = time.time,
        fees: FeePolicy | None = None,
        confirmations: int | None = None,
        block_seconds: float = 5.0,
        effect: Callable[[str], bool] = _never,
        crash_point: Callable[[str], None] = _nowhere,
    ) -> None:
        self._chain = market.chain
        self._address = market.account
        settings = Settings(
            clock=clock,
            fees=fees or FeePolicy(),
            confirmations=confirmations or default_confirmations(market.chain.chain_id),
            block_seconds=block_seconds,
            has_steady_blocks=not is_development_chain(market.chain.chain_id),
            effect=effect,
            crash_point=crash_point,
        )
        self._store = Store(database, self._address)
        assert market.wallet is not None, "an account has a wallet"
        account = market.wallet.account
        self._watcher = Watcher(self._store, self._chain, self._address, settings)
        self._sender = Sender(self._store, self._chain, account, settings)
        self._lock = Lock()

    def enqueue(
        self,
        connection: Connection,
        key: str,
        call: Call[Any],
        *,
        not_after: int | None = None,
        min_block: int = 0,
        retry: bool = False,
    ) -> bool:
        """Store a transaction to be sent, as part of the caller's own database transaction.

        Args:
            connection: of ``database.writing()``; nothing is sent unless its block ends well.
            key: names the object and what is done to it, at most 200 characters. A key that is
                known changes nothing.
            call: what to send. With its gas given, the node is not asked for an estimate.
            not_after: latest time that it may be mined, in seconds since 1970; later it FAILs
                instead of being sent. Give the deadline of the contract's rule.
            min_block: block that made the call possible. A node that has not reached it is not
                believed when it says that the call reverts.
            retry: whether a transaction that FAILED is to be sent once more.

        Returns:
            Whether there is something new to be sent.

        Raises:
            UserInputError: the key is empty or too long, or the target is no address.
        """
        if not 0 < len(key) <= _LONGEST_KEY:
            raise UserInputError(
                f"the key of a transaction has 1 to {_LONGEST_KEY} characters",
                field="key",
                value=key,
                remedy="name the object and what is done to it, for example claim:0x...",
            )
        if call.to is not None:
            checked_address("to", call.to)
        return self._store.add(connection, key, call, not_after, min_block, retry)

    def states(self, keys: Iterable[str]) -> dict[str, TransactionState]:
        """Return what is known about transactions, by key; without those never enqueued."""
        return self._store.states(keys)

    def prune(self, before: float, most: int) -> int:
        """Forget transactions that are final and old; their keys are unknown from then on.

        Args:
            before: when they were signed at the latest, seconds since 1970.
            most: how many at the most, the oldest first.

        Returns:
            How many were forgotten.
        """
        return self._store.prune(before, most)

    def pump(self) -> int:
        """Do what can be done now; call it again and again, about once per second.

        Returns:
            How many transactions came a step further; when not 0, more may be possible at once.

        Raises:
            ChainError: no node answers. Nothing is lost; call again later.
        """
        if not self._store.is_busy():
            return 0
        head = self.head()
        return self.watch(head) + self.send(head)

    def awaits_block(self) -> bool:
        """Return whether a node has transactions that it has yet to mine."""
        return bool(self._store.rows(TransactionStatus.SENT))

    def head(self) -> Head:
        """Look at the end of the chain, for `watch` and `send`: the two halves of `pump`.

        Raises:
            ChainError: no node answers.
        """
        return read_head(self._chain, self._address)

    def watch(self, head: Head) -> int:
        """Find out what became of the transactions that were sent; see `pump`."""
        with self._lock:
            return self._watcher.watch(head)

    def send(self, head: Head) -> int:
        """Send what waits, and what has to be sent again; see `pump`."""
        with self._lock:
            return self._sender.resend(head) + self._sender.send(head)
