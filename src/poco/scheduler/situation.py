"""All that a decision about a task depends on, as immutable values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.appio.causes import PERMANENT
from poco.contracts import ContributionStatus, Task, TaskStatus
from poco.scheduler.statuses import FAILURES, RANK, ReplicateStatus, Stage
from poco.scheduler.supply import Vote

__all__ = ["FINAL_CLOCKS", "Replica", "Situation", "Snapshot", "Terms"]

_CONTRIBUTION_CLOCKS = 7
FINAL_CLOCKS = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """What a deal says about each of its tasks.

    Args:
        trust: demanded trust, at least 1.
        start: time of the match, seconds since 1970.
        clock: time reference of the category, seconds.
        refusal: why this pool does not do such a deal, in words; empty when it does.
        is_confirmed: whether the deal is so deep in the chain that money may be spent on it.
        failures: when so many workers fail alike, no more are asked.
    """

    trust: int
    start: int
    clock: int
    refusal: str = ""
    is_confirmed: bool = True
    failures: int = 2

    @property
    def contribution_deadline(self) -> int:
        """No contribution from then on (spec contracts §4.1)."""
        return self.start + _CONTRIBUTION_CLOCKS * self.clock

    @property
    def final_deadline(self) -> int:
        """Anybody may claim from then on."""
        return self.start + FINAL_CLOCKS * self.clock


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the chain said about a task when it was last looked at; see `poco.contracts.Task`."""

    status: TaskStatus = TaskStatus.UNSET
    reveal_deadline: int = 0
    winners: int = 0
    reveals: int = 0
    consensus: bytes = bytes(32)
    digest: bytes = bytes(32)

    @classmethod
    def of(cls, task: Task) -> Snapshot:
        """Return the part of a task that decisions need."""
        return cls(
            task.status,
            task.reveal_deadline,
            task.winner_counter,
            task.reveal_counter,
            task.consensus,
            task.digest,
        )


@dataclass(frozen=True, slots=True)
class Replica:
    """One worker's part in a task.

    Args:
        worker: its address.
        status: as it reported, or as the chain proves.
        since: when it was admitted, seconds since 1970.
        weight: of its vote.
        cause: name of what went wrong, else empty.
        exit_code: of the app.
        contribution: what the chain says of it.
        result_hash: what it committed to on chain.
        is_silent: whether the worker has not been heard of for too long.
    """

    worker: ChecksumAddress
    status: ReplicateStatus
    since: int
    weight: int
    cause: str = ""
    exit_code: int | None = None
    contribution: ContributionStatus = ContributionStatus.UNSET
    result_hash: bytes = bytes(32)
    is_silent: bool = False

    @property
    def has_started(self) -> bool:
        """Whether the worker took the task up (START_FAILED does not count)."""
        return self.contribution is not ContributionStatus.UNSET or (
            RANK[self.status] >= RANK[ReplicateStatus.STARTED]
            and self.status not in (ReplicateStatus.WORKER_LOST, ReplicateStatus.ABORTED)
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision about a task depends on.

    Args:
        stage: where the scheduler was with it.
        terms: of its deal.
        chain: what the chain says.
        replicas: those who work on it.
        has_archive: whether the agreed result is stored.
        has_challenge: whether the enclave challenge is there, or none is needed.
        capable: workers that could still be admitted, busy ones included.
        now: seconds since 1970.
    """

    stage: Stage
    terms: Terms
    chain: Snapshot
    replicas: tuple[Replica, ...] = ()
    has_archive: bool = False
    has_challenge: bool = True
    capable: int = 1
    now: int = 0

    @property
    def is_computable(self) -> bool:
        """Whether a worker that begins now is done before the contribution deadline."""
        return self.now + self.terms.clock <= self.terms.contribution_deadline

    @property
    def votes(self) -> list[Vote]:
        """The contributions that count."""
        counted = (ContributionStatus.CONTRIBUTED, ContributionStatus.PROVED)
        return [
            Vote(replica.result_hash, replica.weight)
            for replica in self.replicas
            if replica.contribution in counted
        ]

    @property
    def pending(self) -> list[Replica]:
        """Those from whom a contribution may still come in time (spec §3.4)."""
        return [
            replica
            for replica in self.replicas
            if replica.contribution is ContributionStatus.UNSET
            and replica.status not in FAILURES
            and replica.status is not ReplicateStatus.WORKER_LOST
            and not replica.is_silent
            and self.now - replica.since < self.terms.clock
        ]

    @property
    def is_hopeless(self) -> bool:
        """Whether so many workers failed alike that more attempts are in vain (spec §1.8)."""
        alike = Counter(
            (replica.cause, replica.exit_code)
            for replica in self.replicas
            if replica.status in FAILURES and replica.cause in PERMANENT
        )
        most = max(alike.values(), default=0)
        enough = most >= self.terms.failures or (most > 0 and self.capable == 0)
        return enough and not self.pending
