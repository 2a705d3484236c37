"""What a worker is believed, told and sent about one task: a function of the rows (spec §3.7)."""

from __future__ import annotations

from poco.contracts import ContributionStatus, TaskStatus
from poco.scheduler.protocol import Command, Order, ReplicateReport
from poco.scheduler.situation import Replica
from poco.scheduler.state import Entry
from poco.scheduler.statuses import FAILURES, ON_CHAIN, RANK, ReplicateStatus, Stage

__all__ = ["UPLOADS", "is_believed", "is_to_be_sent", "order", "replica_of"]

UPLOADS = (ReplicateStatus.RESULT_UPLOADING, ReplicateStatus.RESULT_UPLOADED)
_SUSPENDED = (ReplicateStatus.WORKER_LOST, ReplicateStatus.RECOVERING)
_ABORTS = {
    Stage.CONTRIBUTION_TIMEOUT: "CONTRIBUTION_TIMEOUT",
    Stage.FINAL_DEADLINE_REACHED: "CONTRIBUTION_TIMEOUT",
    Stage.RUNNING_FAILED: "UNKNOWN",
    Stage.CONSENSUS_REACHED: "CONSENSUS_REACHED",
    Stage.AT_LEAST_ONE_REVEALED: "CONSENSUS_REACHED",
    Stage.RESULT_UPLOADING: "CONSENSUS_REACHED",
    Stage.RESULT_UPLOADED: "CONSENSUS_REACHED",
    Stage.FINALIZING: "CONSENSUS_REACHED",
}
_WORKING = (Stage.INITIALIZED, Stage.RUNNING)


def replica_of(entry: Entry, worker: str) -> Replica | None:
    """Return a worker's part in a task; None when it was not admitted."""
    for replica in entry.situation.replicas:
        if replica.worker == worker:
            return replica
    return None


def is_believed(replica: Replica, status: ReplicateStatus) -> bool:
    """Return whether a report is news that the worker can know (spec §3.7)."""
    if status is replica.status or status in ON_CHAIN or status is ReplicateStatus.CREATED:
        return False
    if replica.contribution is not ContributionStatus.UNSET and (
        status in FAILURES and status is not ReplicateStatus.REVEAL_FAILED
    ):
        return False
    return replica.status in _SUSPENDED or RANK[status] > RANK[replica.status]


def is_to_be_sent(entry: Entry, worker: str) -> bool:
    """Return whether a worker that does not list a task has to hear of it (again)."""
    replica = replica_of(entry, worker)
    return (
        replica is not None
        and entry.situation.stage in _WORKING
        and entry.situation.chain.status is TaskStatus.ACTIVE
        and replica.contribution is ContributionStatus.UNSET
        and replica.status not in FAILURES
        and entry.situation.is_computable
    )


def order(entry: Entry, worker: str, found: ReplicateReport) -> Order | None:
    """Return what a worker is to do with a task that it has; None: go on."""
    stage, replica = entry.situation.stage, replica_of(entry, worker)
    if stage.is_final:
        return Order(Command.PURGE)
    if replica is None:  # of a leave that is not in these rows; the chain will tell
        return None
    if replica.contribution is ContributionStatus.UNSET:
        if found.status in FAILURES:
            return None
        cause = _ABORTS.get(stage)
        return None if cause is None else Order(Command.ABORT, cause)
    is_asked = stage is Stage.RESULT_UPLOADING and found.status not in UPLOADS
    if is_asked and replica.contribution is ContributionStatus.PROVED:
        return Order(Command.UPLOAD)
    return None
