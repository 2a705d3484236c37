"""Where tasks, workers' parts, contributions and transactions can be (spec offchain §2.7, §3.3)."""

from __future__ import annotations

from poco.contracts import ContributionStatus, TaskStatus
from poco.explain.codes.code import (
    BUYER,
    DEBUG,
    DEVELOPER,
    EXPLAIN,
    OPERATOR,
    POOL,
    Code,
)
from poco.scheduler.statuses import ReplicateStatus, Stage
from poco.transactions import TransactionStatus

__all__ = ["CONTRIBUTION", "REPLICATE", "STAGE", "TASK", "TRANSACTION"]

_CLAIM = "poco task claim TASKID"
_RESULT = "poco task show TASKID --download"
_ANYBODY = ("anybody",)
_REFUND = "claim it from the final deadline on: that gives the money back"

TASK: dict[str, Code] = {
    TaskStatus.UNSET.name: Code(
        "nobody has initialized the task yet, or it is not of this hub",
        POOL,
        "wait for the scheduler; when the final deadline passes, claim the deal",
        "poco deal claim DEALID",
    ),
    TaskStatus.ACTIVE.name: Code("workers may contribute until the contribution deadline"),
    TaskStatus.REVEALING.name: Code(
        "consensus is reached, the winners reveal until the reveal deadline"
    ),
    TaskStatus.COMPLETED.name: Code(
        "the result is on chain and everybody is paid", command=_RESULT
    ),
    TaskStatus.FAILED.name: Code(
        "the task was claimed after its final deadline: its price went back to who paid",
        BUYER,
        "buy again, perhaps from another pool",
        "poco app run APP",
    ),
}
"""On chain."""

CONTRIBUTION: dict[str, Code] = {
    ContributionStatus.UNSET.name: Code("the worker has not contributed to the task"),
    ContributionStatus.CONTRIBUTED.name: Code(
        "the worker has committed to a result, its stake is locked"
    ),
    ContributionStatus.PROVED.name: Code("the worker has revealed the result that won"),
    ContributionStatus.REJECTED.name: Code(
        "the round was opened again because nobody revealed: the worker's stake is lost",
        OPERATOR,
        "keep worker and node online until the reveal is mined",
    ),
}
"""On chain."""

STAGE: dict[str, Code] = {
    Stage.RECEIVED: Code(
        "the scheduler knows the task and has not opened it: the deal is too new, refused, or late",
        POOL,
        "look at the reason that the scheduler gives",
    ),
    Stage.INITIALIZING: Code("the transaction that opens the task is under way"),
    Stage.INITIALIZED: Code(
        "the task waits for a worker", POOL, "run workers that cover the deal's app type and tag"
    ),
    Stage.INITIALIZE_FAILED: Code(
        "the task could not be opened", POOL, "look at the scheduler's funds for gas", EXPLAIN
    ),
    Stage.RUNNING: Code("workers compute, or more contributions are needed"),
    Stage.RUNNING_FAILED: Code(
        "workers failed alike, so that no more are asked", DEVELOPER, _REFUND, DEBUG
    ),
    Stage.CONTRIBUTION_TIMEOUT: Code(
        "the contribution deadline passed without consensus", _ANYBODY, _REFUND, _CLAIM
    ),
    Stage.CONSENSUS_REACHED: Code("enough workers agree; the winners reveal"),
    Stage.REOPENING: Code("nobody revealed: the scheduler opens another round"),
    Stage.AT_LEAST_ONE_REVEALED: Code("a winner has revealed; the result is to be uploaded"),
    Stage.RESULT_UPLOADING: Code("a winner uploads the result"),
    Stage.RESULT_UPLOADED: Code("the result is stored; the other winners reveal"),
    Stage.FINALIZING: Code("the transaction that settles the task is under way"),
    Stage.FINAL_DEADLINE_REACHED: Code(
        "the final deadline passed; the scheduler claims the task", _ANYBODY, _REFUND, _CLAIM
    ),
    Stage.COMPLETED: Code("the result is on chain and everybody is paid", command=_RESULT),
    Stage.FAILED: Code("the task was claimed: its price went back to who paid", BUYER, "buy again"),
}
"""At the scheduler."""

REPLICATE: dict[str, Code] = {
    ReplicateStatus.CREATED: Code("the task was given to the worker"),
    ReplicateStatus.STARTING: Code("the worker checks whether it can do the task"),
    ReplicateStatus.START_FAILED: Code(
        "the worker did not take the task up; the cause says why", OPERATOR, "explain the cause"
    ),
    ReplicateStatus.STARTED: Code("the worker has taken the task up"),
    ReplicateStatus.APP_DOWNLOADING: Code("the worker fetches the app"),
    ReplicateStatus.APP_DOWNLOAD_FAILED: Code(
        "the app could not be fetched", DEVELOPER, "check multiaddr and checksum", DEBUG
    ),
    ReplicateStatus.APP_DOWNLOADED: Code("the app is there"),
    ReplicateStatus.DATA_DOWNLOADING: Code("the worker fetches dataset and input files"),
    ReplicateStatus.DATA_DOWNLOAD_FAILED: Code(
        "dataset or input files could not be fetched",
        ("requester", "dataset owner"),
        "check that their addresses answer",
        DEBUG,
    ),
    ReplicateStatus.DATA_DOWNLOADED: Code("dataset and input files are there"),
    ReplicateStatus.COMPUTING: Code("the app runs"),
    ReplicateStatus.COMPUTE_FAILED: Code(
        "the app gave no result; the cause says why", DEVELOPER, "read what it wrote", DEBUG
    ),
    ReplicateStatus.COMPUTED: Code("the app has ended, its result is in the worker's journal"),
    ReplicateStatus.CONTRIBUTING: Code("the contribution is under way"),
    ReplicateStatus.CONTRIBUTE_FAILED: Code(
        "the contribution was refused on chain",
        OPERATOR,
        "look at the message: it names the rule",
        DEBUG,
    ),
    ReplicateStatus.CONTRIBUTED: Code("the worker waits for others to agree"),
    ReplicateStatus.REVEALING: Code("the reveal is under way"),
    ReplicateStatus.REVEAL_FAILED: Code(
        "the worker cannot reveal; the cause says why", OPERATOR, "explain the cause"
    ),
    ReplicateStatus.REVEALED: Code("the worker has revealed"),
    ReplicateStatus.RESULT_UPLOAD_REQUESTED: Code("the worker is to upload the result"),
    ReplicateStatus.RESULT_UPLOADING: Code("the worker uploads the result"),
    ReplicateStatus.RESULT_UPLOAD_FAILED: Code(
        "the result store did not take the result",
        ("operator of the result store",),
        "look at the store: its disk, its limits, its address in the scheduler",
        "poco results serve --help",
    ),
    ReplicateStatus.RESULT_UPLOADED: Code("the result is stored; the scheduler finalizes"),
    ReplicateStatus.CONTRIBUTE_AND_FINALIZE_ONGOING: Code(
        "contribution and settlement in one transaction are under way"
    ),
    ReplicateStatus.CONTRIBUTE_AND_FINALIZE_FAILED: Code(
        "the transaction was refused on chain",
        OPERATOR,
        "look at the message: it names the rule",
        DEBUG,
    ),
    ReplicateStatus.CONTRIBUTE_AND_FINALIZE_DONE: Code("the task is settled"),
    ReplicateStatus.COMPLETING: Code("the worker clears up"),
    ReplicateStatus.COMPLETE_FAILED: Code(
        "the worker could not clear up", OPERATOR, "look at its folder and its disk"
    ),
    ReplicateStatus.COMPLETED: Code("the worker's part is done", command=_RESULT),
    ReplicateStatus.FAILED: Code(
        "the worker's part brings nothing more; the cause says why", OPERATOR, "explain the cause"
    ),
    ReplicateStatus.ABORTED: Code(
        "the worker stopped: its work was not needed any more, or came too late"
    ),
    ReplicateStatus.RECOVERING: Code("the worker has started again and takes up its journal"),
    ReplicateStatus.WORKER_LOST: Code(
        "the worker has been silent for too long; the task is given to another one",
        OPERATOR,
        "start it again: what it contributed it can still reveal",
        "poco worker --help",
    ),
}
"""One worker's part in a task."""

TRANSACTION: dict[str, Code] = {
    TransactionStatus.QUEUED: Code("stored; nobody has seen it yet"),
    TransactionStatus.SIGNED: Code("signed and stored; a node may have it, or not"),
    TransactionStatus.SENT: Code("a node has it; it is repeated until it is mined"),
    TransactionStatus.MINED: Code("in a block that may still be undone"),
    TransactionStatus.CONFIRMED: Code("final and successful"),
    TransactionStatus.FAILED: Code(
        "refused, reverted or too late; the reason says which",
        ("sender",),
        "explain its hash",
        "poco explain HASH",
    ),
}
"""Transactions of scheduler and workers."""
