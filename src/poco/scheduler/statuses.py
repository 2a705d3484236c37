"""Where a task, and one worker's part in it, can be (spec offchain §2.7, §3.3, §3.11).

The names are those that `iexec task debug` shows.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["FAILURES", "ON_CHAIN", "RANK", "SECRETS_REFUSED", "ReplicateStatus", "Stage"]


class Stage(StrEnum):
    """Where the scheduler is with a task; what the chain says is `poco.contracts.TaskStatus`."""

    RECEIVED = "RECEIVED"
    INITIALIZING = "INITIALIZING"
    INITIALIZED = "INITIALIZED"
    INITIALIZE_FAILED = "INITIALIZE_FAILED"
    RUNNING = "RUNNING"
    RUNNING_FAILED = "RUNNING_FAILED"
    CONTRIBUTION_TIMEOUT = "CONTRIBUTION_TIMEOUT"
    CONSENSUS_REACHED = "CONSENSUS_REACHED"
    REOPENING = "REOPENING"
    AT_LEAST_ONE_REVEALED = "AT_LEAST_ONE_REVEALED"
    RESULT_UPLOADING = "RESULT_UPLOADING"
    RESULT_UPLOADED = "RESULT_UPLOADED"
    FINALIZING = "FINALIZING"
    FINAL_DEADLINE_REACHED = "FINAL_DEADLINE_REACHED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the task."""
        return self in (Stage.COMPLETED, Stage.FAILED)


class ReplicateStatus(StrEnum):
    """Where one worker is with one task."""

    CREATED = "CREATED"
    STARTING = "STARTING"
    START_FAILED = "START_FAILED"
    STARTED = "STARTED"
    APP_DOWNLOADING = "APP_DOWNLOADING"
    APP_DOWNLOAD_FAILED = "APP_DOWNLOAD_FAILED"
    APP_DOWNLOADED = "APP_DOWNLOADED"
    DATA_DOWNLOADING = "DATA_DOWNLOADING"
    DATA_DOWNLOAD_FAILED = "DATA_DOWNLOAD_FAILED"
    DATA_DOWNLOADED = "DATA_DOWNLOADED"
    COMPUTING = "COMPUTING"
    COMPUTE_FAILED = "COMPUTE_FAILED"
    COMPUTED = "COMPUTED"
    CONTRIBUTING = "CONTRIBUTING"
    CONTRIBUTE_FAILED = "CONTRIBUTE_FAILED"
    CONTRIBUTED = "CONTRIBUTED"
    REVEALING = "REVEALING"
    REVEAL_FAILED = "REVEAL_FAILED"
    REVEALED = "REVEALED"
    RESULT_UPLOAD_REQUESTED = "RESULT_UPLOAD_REQUESTED"
    RESULT_UPLOADING = "RESULT_UPLOADING"
    RESULT_UPLOAD_FAILED = "RESULT_UPLOAD_FAILED"
    RESULT_UPLOADED = "RESULT_UPLOADED"
    CONTRIBUTE_AND_FINALIZE_ONGOING = "CONTRIBUTE_AND_FINALIZE_ONGOING"
    CONTRIBUTE_AND_FINALIZE_FAILED = "CONTRIBUTE_AND_FINALIZE_FAILED"
    CONTRIBUTE_AND_FINALIZE_DONE = "CONTRIBUTE_AND_FINALIZE_DONE"
    COMPLETING = "COMPLETING"
    COMPLETE_FAILED = "COMPLETE_FAILED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    RECOVERING = "RECOVERING"
    WORKER_LOST = "WORKER_LOST"


RANK = {status: rank for rank, status in enumerate(ReplicateStatus)}
"""The usual course: a worker comes to a status of a higher rank, seldom back."""

FAILURES = frozenset(
    {
        ReplicateStatus.START_FAILED,
        ReplicateStatus.APP_DOWNLOAD_FAILED,
        ReplicateStatus.DATA_DOWNLOAD_FAILED,
        ReplicateStatus.COMPUTE_FAILED,
        ReplicateStatus.CONTRIBUTE_FAILED,
        ReplicateStatus.CONTRIBUTE_AND_FINALIZE_FAILED,
        ReplicateStatus.REVEAL_FAILED,
        ReplicateStatus.FAILED,
        ReplicateStatus.ABORTED,
    }
)
"""The worker will bring nothing more to the task unless the chain says otherwise."""

SECRETS_REFUSED = "TEE_SESSION_GENERATION_"
"""How causes begin that the secret service gives: what a requester left out there is no fault of
the worker."""

ON_CHAIN = frozenset(
    {
        ReplicateStatus.CONTRIBUTED,
        ReplicateStatus.REVEALED,
        ReplicateStatus.CONTRIBUTE_AND_FINALIZE_DONE,
    }
)
"""What only the chain proves (spec §3.7): a worker's word alone is not believed."""
