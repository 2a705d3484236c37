"""Tasks on their way: the moves of `Market` put together to the states that the rules are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import ape
from eth_utils import keccak
from market import CLOCKS, RLC, DealMade, Market, local

from poco.orders import ZERO_ADDRESS, enclave_digest, result_hash, result_seal

__all__ = [
    "APP_PRICE",
    "CLOCK",
    "DATASET_PRICE",
    "DIGEST",
    "OTHER",
    "PRICE",
    "SCHEDULER_STAKE",
    "TASK_COST",
    "WORKER_STAKE",
    "Played",
    "Status",
    "Vote",
    "block_time",
    "contribute_raw",
    "gains",
    "hash_of",
    "open_task",
    "seal_of",
    "settled",
    "started",
    "workers_of",
]

CLOCK = CLOCKS["XS"]
APP_PRICE, DATASET_PRICE, PRICE = 1_000, 1_000_000, RLC
TASK_COST = APP_PRICE + DATASET_PRICE + PRICE
WORKER_STAKE = SCHEDULER_STAKE = 300_000_000
DIGEST, OTHER = keccak(text="result"), keccak(text="another result")


class Status(IntEnum):
    """Task status on chain."""

    UNSET = 0
    ACTIVE = 1
    REVEALING = 2
    COMPLETED = 3
    FAILED = 4


class Vote(IntEnum):
    """Contribution status on chain."""

    UNSET = 0
    CONTRIBUTED = 1
    PROVED = 2
    REJECTED = 3


def workers_of(market: Market, count: int = 5) -> list[Any]:
    """Return the first workers of the cast."""
    return [market.cast[f"worker_{i}"] for i in range(1, count + 1)]


def started(market: Market, deal: DealMade) -> int:
    """Return the start time of a deal, from which its deadlines count."""
    return int(market.hub.viewDeal(deal.dealid).startTime)


@dataclass(frozen=True)
class Played:
    """One initialized task and the clock of its deal.

    Args:
        market: where it is.
        deal: the deal.
        id: of the task.
        start: of the deal, in seconds.
    """

    market: Market
    deal: DealMade
    id: bytes
    start: int

    @property
    def contribution_deadline(self) -> int:
        """The first second at which no contribution is taken."""
        return self.start + 7 * CLOCK

    @property
    def final_deadline(self) -> int:
        """The first second at which the task can be claimed."""
        return self.start + 10 * CLOCK

    @property
    def reveal_deadline(self) -> int:
        """The first second at which no reveal is taken."""
        return int(self.view().revealDeadline)

    def view(self) -> Any:
        """Return `viewTask`."""
        return self.market.hub.viewTask(self.id)

    def vote(self, worker: Any) -> Any:
        """Return `viewContribution`."""
        return self.market.hub.viewContribution(self.id, worker)

    def contribute(self, worker: Any, digest: bytes = DIGEST, **options: Any) -> Any:
        """Contribute as `worker`."""
        return self.market.contribute(worker, self.id, digest, **options)

    def reveal(self, worker: Any, digest: bytes = DIGEST) -> Any:
        """Reveal as `worker`."""
        return self.market.reveal(worker, self.id, digest)

    def reopen(self, sender: Any = None) -> Any:
        """Reopen as the scheduler."""
        return self.market.hub.reopen(self.id, sender=sender or self.market.cast["pool_owner"])

    def finalize(self, results: bytes = b"", callback: bytes = b"", sender: Any = None) -> Any:
        """Finalize as the scheduler."""
        return self.market.finalize(self.id, results, callback, sender)

    def claim(self, sender: Any = None) -> Any:
        """Claim as anybody."""
        return self.market.hub.claim(self.id, sender=sender or self.market.cast["stranger"])

    def complete_at_once(self, worker: Any, results: bytes = b"", **options: Any) -> Any:
        """Contribute and finalize as `worker`."""
        digest = options.pop("digest", DIGEST)
        return self.market.contribute_and_finalize(worker, self.id, digest, results, **options)

    def agree(self, workers: Sequence[Any], *, reveal: bool = True) -> Played:
        """Let all workers contribute the usual result, and reveal it."""
        for worker in workers:
            self.contribute(worker)
        for worker in workers if reveal else ():
            self.reveal(worker)
        return self


def open_task(market: Market, trust: int = 1, **request: Any) -> Played:
    """Match a deal of one task and initialize it.

    Args:
        market: where.
        trust: of the deal.
        request: fields of the request order that differ; `tag` goes into all orders that need it.
    """
    app, pool = {}, {}
    if "tag" in request:
        app["tag"] = pool["tag"] = request["tag"]
    sponsor = request.pop("sponsor", None)
    orders = market.orders(app=app, workerpool=pool, request={"trust": trust} | request)
    deal = market.match(orders, sponsor=sponsor)
    return Played(market, deal, market.initialize(deal), started(market, deal))


def contribute_raw(
    task: Played, worker: Any, hashed: bytes, seal: bytes, *, enclave: Any = None
) -> Any:
    """Contribute any hash and seal, however they were made."""
    market = task.market
    challenge = ZERO_ADDRESS if enclave is None else enclave.address
    signed = b""
    if enclave is not None:
        signed = bytes(local(enclave).unsafe_sign_hash(enclave_digest(hashed, seal)).signature)
    return market.hub.contribute(
        task.id,
        hashed,
        seal,
        challenge,
        signed,
        market.authorize(worker, task.id, challenge),
        sender=worker,
    )


def gains(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    """Return who gained or lost what: changes of (free, frozen), in nRLC, that are not zero."""
    changes = {
        name: (after[name][0] - free, after[name][1] - frozen)
        for name, (free, frozen) in before.items()
    }
    return {name: change for name, change in changes.items() if change != (0, 0)}


def settled(task: Played) -> list[Any]:
    """Expect the events by which every success begins, with an empty kitty (spec §4.8)."""
    market, cast = task.market, task.market.cast
    return [
        *market.seized(task.deal.orders.request.requester, TASK_COST, task.id),
        *market.rewarded(cast["app_owner"], APP_PRICE, task.id),
        *market.rewarded(cast["dataset_owner"], DATASET_PRICE, task.id),
        *market.unlocked(cast["pool_owner"], SCHEDULER_STAKE),
    ]


def hash_of(task: Played, digest: bytes = DIGEST) -> bytes:
    """Return the result hash of a digest."""
    return result_hash(task.id, digest)


def seal_of(task: Played, worker: Any, digest: bytes = DIGEST) -> bytes:
    """Return the seal of a worker's digest."""
    return result_seal(worker.address, task.id, digest)


def block_time() -> int:
    """Return the time of the last block, in seconds."""
    return int(ape.chain.blocks.head.timestamp)
