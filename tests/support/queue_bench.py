"""A bench for the queue of transactions: the queue, its chain, and a clock that is set."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from poco.contracts import Call, Chain, Market
from poco.contracts.wallet import nothing
from poco.database import Database
from poco.transactions import TransactionQueue, TransactionState
from support.anvil import account

SHOP = "0x00000000000000000000000000000000DeaDBeef"
SENDER = account(5)


def payment(value: int = 1, **terms: Any) -> Call[None]:
    return Call("payment", SHOP, b"", nothing, value=value, **terms)


@dataclass
class Clock:
    """Seconds since 1970, as a test says."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """A queue on a chain: `node` is the chain as everybody sees it, the queue sees `market`."""

    node: Chain
    market: Market
    database: Database
    clock: Clock
    options: dict[str, Any]

    def __post_init__(self) -> None:
        self.queue = TransactionQueue(self.database, self.market, clock=self.clock, **self.options)

    def enqueue(self, key: str, call: Call[Any], **terms: Any) -> bool:
        with self.database.writing() as connection:
            return self.queue.enqueue(connection, key, call, **terms)

    def state(self, key: str = "a") -> TransactionState:
        return self.queue.states([key])[key]

    def pump(self, times: int = 3) -> None:
        for _ in range(times):
            self.queue.pump()

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass for the queue; no block is mined."""
        self.clock.now += seconds

    def paid(self) -> int:
        return self.node.balance(SHOP)

    def count(self) -> int:
        """How many transactions of the sender are in blocks."""
        answer = self.node.request("eth_getTransactionCount", SENDER.address, "latest")
        return int(answer, 16)
