"""Name why a task failed, in the words that workers, schedulers and clients share.

The names are those of the original network (spec offchain, appendix A and §2.5), so that a log
line or an error result reads the same everywhere.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

from poco.errors import AppError

__all__ = [
    "PERMANENT",
    "Cause",
    "ExecutionError",
    "Status",
    "error_text",
    "failure_of",
    "told_cause",
]


class Cause(StrEnum):
    """What went wrong while one worker executed one task (spec offchain, appendix A)."""

    TASK_DESCRIPTION_INVALID = "TASK_DESCRIPTION_INVALID"
    APP_IMAGE_DOWNLOAD_FAILED = "APP_IMAGE_DOWNLOAD_FAILED"
    APP_IMAGE_BAD_CHECKSUM = "APP_IMAGE_BAD_CHECKSUM"
    DATASET_FILE_DOWNLOAD_FAILED = "DATASET_FILE_DOWNLOAD_FAILED"
    DATASET_FILE_BAD_CHECKSUM = "DATASET_FILE_BAD_CHECKSUM"
    INPUT_FILES_DOWNLOAD_FAILED = "INPUT_FILES_DOWNLOAD_FAILED"
    INPUT_URL_FORBIDDEN = "INPUT_URL_FORBIDDEN"
    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    INPUT_ARCHIVE_INVALID = "INPUT_ARCHIVE_INVALID"
    PRE_COMPUTE_DATASET_DECRYPTION_FAILED = "PRE_COMPUTE_DATASET_DECRYPTION_FAILED"
    APP_COMPUTE_FAILED = "APP_COMPUTE_FAILED"
    APP_COMPUTE_TIMEOUT = "APP_COMPUTE_TIMEOUT"
    APP_OUT_OF_MEMORY = "APP_OUT_OF_MEMORY"
    APP_OUTPUT_TOO_LARGE = "APP_OUTPUT_TOO_LARGE"
    OUTPUT_TREE_INVALID = "OUTPUT_TREE_INVALID"
    POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME = "POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME"
    DETERMINISM_HASH_NOT_FOUND = "DETERMINISM_HASH_NOT_FOUND"
    POST_COMPUTE_ENCRYPTION_FAILED = "POST_COMPUTE_ENCRYPTION_FAILED"
    ABORTED_BY_WORKER = "ABORTED_BY_WORKER"

    @property
    def status(self) -> Status:
        """The replicate status that this cause leads to (spec offchain §1.6)."""
        return _STATUS.get(self, Status.COMPUTE_FAILED)

    @property
    def app_ran(self) -> bool:
        """Whether the app was started before this was found, so that it may have an exit code."""
        before = self is Cause.PRE_COMPUTE_DATASET_DECRYPTION_FAILED
        return self.status is Status.COMPUTE_FAILED and not before


class Status(StrEnum):
    """The failing stage of a replicate, as far as the execution of an app can fail."""

    START_FAILED = "START_FAILED"
    APP_DOWNLOAD_FAILED = "APP_DOWNLOAD_FAILED"
    DATA_DOWNLOAD_FAILED = "DATA_DOWNLOAD_FAILED"
    COMPUTE_FAILED = "COMPUTE_FAILED"


_STATUS = {
    Cause.TASK_DESCRIPTION_INVALID: Status.START_FAILED,
    Cause.APP_IMAGE_DOWNLOAD_FAILED: Status.APP_DOWNLOAD_FAILED,
    Cause.APP_IMAGE_BAD_CHECKSUM: Status.APP_DOWNLOAD_FAILED,
    Cause.DATASET_FILE_DOWNLOAD_FAILED: Status.DATA_DOWNLOAD_FAILED,
    Cause.DATASET_FILE_BAD_CHECKSUM: Status.DATA_DOWNLOAD_FAILED,
    Cause.INPUT_FILES_DOWNLOAD_FAILED: Status.DATA_DOWNLOAD_FAILED,
    Cause.INPUT_URL_FORBIDDEN: Status.DATA_DOWNLOAD_FAILED,
    Cause.INPUT_TOO_LARGE: Status.DATA_DOWNLOAD_FAILED,
    Cause.INPUT_ARCHIVE_INVALID: Status.DATA_DOWNLOAD_FAILED,
}

PERMANENT = frozenset(Cause) - {Cause.APP_OUT_OF_MEMORY, Cause.ABORTED_BY_WORKER}
"""Causes that every honest worker would meet too, unless the place that raises knows better.

Memory is missing here because its limit is the worker's, not the category's; an abort is nobody's
failure.
"""


class ExecutionError(AppError):
    """An execution that cannot yield the app's own result.

    Args:
        cause: the shared name of the reason.
        rule: what must hold, as a sentence.
        field: dotted name of the offending field, empty when there is none.
        value: the offending value; never a secret.
        remedy: what the requester or the app's developer can do.
        permanent: whether another worker would fail alike, so that the failure may be contributed
            as an error result; defaults to what `PERMANENT` says of the cause.
    """

    def __init__(
        self,
        cause: Cause,
        rule: str,
        *,
        field: str = "",
        value: Any = None,
        remedy: str = "",
        permanent: bool | None = None,
    ) -> None:
        self.cause = cause
        self.permanent = cause in PERMANENT if permanent is None else permanent
        super().__init__(rule, field=field, value=value, remedy=remedy)

    def _message(self) -> str:
        return f"{self.cause}: {super()._message()}"


def error_text(cause: Cause) -> bytes:
    """Return the canonical content of ``error.txt`` for a contributed failure.

    It holds nothing but shared names, so that all workers agree on its digest
    (spec offchain §1.6).
    """
    return f"[IEXEC] {cause.status} {cause}\n".encode()


def told_cause(text: bytes) -> Cause | None:
    """Return the failure that an ``error.txt`` tells; None when it is no canonical one."""
    return next((cause for cause in Cause if text == error_text(cause)), None)


def failure_of(digest: bytes) -> Cause | None:
    """Return the failure that a result digest stands for; None for a result of the app's own.

    Args:
        digest: what the workers agreed on, 32 bytes: the SHA-256 of ``error.txt`` if they failed.
    """
    return next(
        (cause for cause in Cause if hashlib.sha256(error_text(cause)).digest() == digest), None
    )
