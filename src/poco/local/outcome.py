"""What became of a task: its result, or the reason why there is none."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from poco import appio
from poco.appio import Cause, Generation
from poco.contracts import Task
from poco.errors import AppError, PeerError, UserInputError
from poco.orders import DealId, TaskId

__all__ = [
    "AppFailedError",
    "ResultFiles",
    "TaskExpiredError",
    "TaskGivenUpError",
    "TaskResult",
    "require_success",
]

MAX_FILE_BYTES = 256 * 1024**2
"""Largest file that is read into memory as a whole."""

_IN_MEMORY_BYTES = 1024**2
_STDOUT, _STDERR, _ERROR = "stdout.txt", "stderr.txt", "error.txt"
_DECLARATIONS = frozenset(
    {
        _STDOUT,
        _STDERR,
        appio.COMPUTED_FILE,
        appio.CALLBACK_FILE,
        appio.CONSENSUS_FILE,
        appio.DETERMINISM_FILE,
    }
)
_ROOTS = tuple(dict.fromkeys(generation.layout.output for generation in Generation))


class AppFailedError(AppError):
    """All workers agreed that the app failed.

    Args:
        taskid: the task.
        cause: why, in the words that all parts of poco share.
        code: exit code of the app; None when it did not come so far, or the scheduler does not say.
        stdout: what it wrote, bounded.
        stderr: likewise.
    """

    def __init__(
        self, taskid: TaskId, cause: Cause, code: int | None, stdout: str, stderr: str
    ) -> None:
        self.taskid = taskid
        self.cause = cause
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        ended = "" if code is None else f", exit code {code}"
        said = (stderr.strip() or stdout.strip() or "it wrote nothing").splitlines()[-1]
        super().__init__(
            f"the app must compute its result; it failed with {cause}{ended}: {said[:300]}",
            field="task",
            value=f"0x{taskid.hex()}",
            remedy="try it alone with poco app test",
        )


class TaskExpiredError(PeerError):
    """No worker completed the task in time; it was claimed, and its price refunded.

    Args:
        taskid: the task.
        task: how far it had come.
        refund: what came back, nRLC.
    """

    def __init__(self, taskid: TaskId, task: Task, refund: int) -> None:
        self.taskid = taskid
        self.refund = refund
        super().__init__(
            f"{_progress(task)} before the final deadline; it was claimed, and {refund} nRLC are "
            "free again in the hub",
            field="task",
            value=f"0x{taskid.hex()}",
            remedy="buy it again, perhaps in a longer category",
        )


class TaskGivenUpError(PeerError):
    """The scheduler gave a task up: all workers failed alike, and not in a way that can be agreed.

    Its price is locked until the final deadline; then the scheduler has it refunded.

    Args:
        taskid: the task.
        reason: what the scheduler says.
    """

    def __init__(self, taskid: TaskId, reason: str) -> None:
        self.taskid = taskid
        super().__init__(
            f"the scheduler has given the task up: {reason}",
            field="task",
            value=f"0x{taskid.hex()}",
            remedy="mend the app or its inputs, and buy it again",
        )


def _progress(task: Task) -> str:
    if not task.contributors:
        return "no worker contributed"
    if not any(task.consensus):
        return f"{len(task.contributors)} workers contributed and did not agree"
    return "the workers agreed, but the result was not delivered"


class ResultFiles(Mapping[str, bytes]):
    """The files of a result by their names; each is read when it is asked for.

    Args:
        archive: the result archive, checked before.
    """

    def __init__(self, archive: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(archive)
        self._entries = {
            entry.filename: entry for entry in self._zip.infolist() if not entry.is_dir()
        }

    def __getitem__(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            KeyError: there is no such file.
            UserInputError: it has more than `MAX_FILE_BYTES`.
        """
        entry = self._entries[name]
        if entry.file_size > MAX_FILE_BYTES:
            raise UserInputError(
                f"a file of {entry.file_size} bytes is too large to be read at once",
                field="file",
                value=name,
                remedy="read it in parts: with result.open(name) as stream",
            )
        return self._zip.read(entry)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"ResultFiles({list(self._entries)})"

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file.

        Raises:
            KeyError: there is no such file.
        """
        return self._zip.open(self._entries[name])


class TaskResult:
    """What a task left. It stays usable when its market is closed.

    Small archives are kept in memory, others in a file without a name.

    Args:
        archive: the result archive, checked against the digest on chain.
        taskid: the task.
        dealid: its deal.
        index: its index in the deal.
        digest: what the workers agreed on, 32 bytes.
        cost: what the task cost, nRLC.
        callback_data: what the callback contract got, empty without one.

    Attributes:
        files: all files by name, as a mapping.
    """

    def __init__(
        self,
        archive: Path,
        *,
        taskid: TaskId,
        dealid: DealId,
        index: int,
        digest: bytes,
        cost: int,
        callback_data: bytes = b"",
    ) -> None:
        self.taskid = taskid
        self.dealid = dealid
        self.index = index
        self.digest = digest
        self.cost = cost
        self.callback_data = callback_data
        self._archive = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115
        with archive.open("rb") as stream:
            shutil.copyfileobj(stream, self._archive)
        self.files = ResultFiles(self._archive)

    def __repr__(self) -> str:
        return f"TaskResult(task 0x{self.taskid.hex()}, files {list(self.files)})"

    @property
    def stdout(self) -> str:
        """What the app wrote to its standard output, bounded by the worker."""
        return self._log(_STDOUT)

    @property
    def stderr(self) -> str:
        """What the app wrote to its standard error, bounded by the worker."""
        return self._log(_STDERR)

    @property
    def names(self) -> tuple[str, ...]:
        """The files that the workers agreed on, or all but logs when the app did not say."""
        declared = self._declared()
        found = [name for name in self.files if name not in _DECLARATIONS]
        if declared is None:
            return tuple(found)
        below = f"{declared}/" if declared else ""
        if declared in self.files:
            return (declared,)
        return tuple(name for name in self.files if name.startswith(below))

    @property
    def content(self) -> bytes:
        """The one file that the workers agreed on.

        Raises:
            UserInputError: they are several, or none (a callback), or it is too large.
        """
        names = self.names
        if len(names) != 1:
            raise UserInputError(
                "the result is not a single file",
                field="result",
                value=list(names),
                remedy="name one of them: result.files[NAME]",
            )
        return self.files[names[0]]

    @property
    def text(self) -> str:
        """The one file that the workers agreed on, as UTF-8 text; see `content`."""
        try:
            return self.content.decode()
        except UnicodeDecodeError as error:
            raise UserInputError(
                f"the result is no text: {error}",
                field="result",
                value=self.names[0],
                remedy="use result.content",
            ) from error

    def json(self) -> Any:
        """Return the one file that the workers agreed on, parsed as JSON; see `content`."""
        try:
            return json.loads(self.text)
        except ValueError as error:
            raise UserInputError(
                f"the result is no JSON: {error}",
                field="result",
                value=self.names[0],
                remedy="use result.text",
            ) from error

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file, for one that is too large for memory.

        Raises:
            KeyError: there is no such file.
        """
        return self.files.open(name)

    def save(self, path: Path | str) -> Path:
        """Write the archive, a zip, to a file; return its path.

        Raises:
            OSError: it cannot be written.
        """
        target = Path(path)
        with target.open("wb") as file:
            self._archive.seek(0)
            shutil.copyfileobj(self._archive, file)
        return target

    def _log(self, name: str) -> str:
        return self.files[name].decode(errors="replace") if name in self.files else ""

    def _declared(self) -> str | None:
        if appio.COMPUTED_FILE not in self.files:
            return None
        path = json.loads(self.files[appio.COMPUTED_FILE]).get("deterministic-output-path")
        return None if path is None else appio.output_path(path, _ROOTS)


def require_success(result: TaskResult, code: Callable[[], int | None]) -> TaskResult:
    """Return a result that is the app's own.

    Args:
        result: what the task left.
        code: asks for the exit code of the app; called when it ran and failed.

    Raises:
        AppFailedError: it is the error that all workers agreed on.
    """
    cause = appio.told_cause(result.content) if result.names == (_ERROR,) else None
    if cause is not None:
        ended = code() if cause.app_ran else None
        raise AppFailedError(result.taskid, cause, ended, result.stdout, result.stderr)
    return result
