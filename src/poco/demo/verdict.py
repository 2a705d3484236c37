"""Whether a result is that of the app, or the error that all workers agreed on."""

from __future__ import annotations

import zipfile
from pathlib import Path

from poco.appio import told_cause
from poco.errors import AppError
from poco.orders import TaskId

__all__ = ["require_no_error"]

_ERROR_FILE = "error.txt"


def require_no_error(taskid: TaskId, archive: Path) -> None:
    """Check that an archive is no error result (spec offchain §1.6).

    Args:
        taskid: the task.
        archive: its result, in clear, checked before.

    Raises:
        AppError: it is one.
    """
    with zipfile.ZipFile(archive) as opened:
        found = opened.read(_ERROR_FILE) if _ERROR_FILE in opened.namelist() else b""
    cause = told_cause(found)
    if cause is not None:
        raise AppError(
            f"the app must compute its result; all workers agreed that it failed: {cause}",
            field="task",
            value=f"0x{taskid.hex()}",
            remedy="try it alone with poco app test",
        )
