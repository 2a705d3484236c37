"""Where a scheduler keeps result archives: a folder, one file per task and result digest."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path

from poco.errors import ConfigurationError, PeerError
from poco.orders import TaskId
from poco.result_archive import MAX_ARCHIVE_BYTES, ArchiveContent, inspect_archive

__all__ = ["ResultStore", "StoredResult"]

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredResult:
    """An archive in the store.

    Args:
        path: the file.
        sha256: of the file, 32 bytes.
        content: what it proves.
    """

    path: Path
    sha256: bytes
    content: ArchiveContent


class ResultStore:
    """Result archives; each is checked before it is kept, and never replaced.

    Its SHA-256 may be on chain already, so of two archives with the same digest the first stays.

    Args:
        folder: made when missing.

    Raises:
        ConfigurationError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the folder for results cannot be made: {error.strerror}",
                field="store",
                value=str(folder),
                remedy="choose a folder that you may write to",
            ) from error
        self._folder = folder
        self._known: dict[Path, StoredResult] = {}

    def get(
        self, taskid: TaskId, digest: bytes, *, has_callback: bool = False
    ) -> StoredResult | None:
        """Return the archive with a result of a task, also of an earlier run; else None.

        Args:
            taskid: the task.
            digest: the result digest, 32 bytes.
            has_callback: whether the task's deal names a callback contract.
        """
        path = self._path(taskid, digest)
        if path not in self._known and path.is_file():
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").digest()
            content = inspect_archive(path, has_callback=has_callback)
            self._known[path] = StoredResult(path, sha256, content)
        return self._known.get(path)

    def receive(
        self, body: BufferedIOBase, size: int, *, has_callback: bool = False
    ) -> StoredResult:
        """Read an archive into a file of its own and see what it proves.

        It counts after `keep`; otherwise it has to go by `drop`.

        Args:
            body: the archive.
            size: how many bytes to read.
            has_callback: whether the task's deal names a callback contract.

        Raises:
            PeerError: it is too large, incomplete, or no result archive.
        """
        if not 0 <= size <= MAX_ARCHIVE_BYTES:
            raise PeerError(
                f"an archive may have {MAX_ARCHIVE_BYTES} bytes",
                field="Content-Length",
                value=size,
                remedy="let the app write less",
            )
        sha256 = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as file:
            path = Path(file.name)
            try:
                left = size
                while left and (chunk := body.read(min(left, _CHUNK_BYTES))):
                    sha256.update(chunk)
                    file.write(chunk)
                    left -= len(chunk)
                if left:
                    raise PeerError(
                        "the upload ended early",
                        field="bytes missing",
                        value=left,
                        remedy="upload again",
                    )
                file.flush()
                content = inspect_archive(path, has_callback=has_callback)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return StoredResult(path, sha256.digest(), content)

    def keep(self, taskid: TaskId, received: StoredResult) -> StoredResult:
        """Make a received archive one of a task, and return it or the one that was there first."""
        path = self._path(taskid, received.content.digest)
        if path in self._known:
            self.drop(received)
        else:
            self._known[path] = replace(received, path=received.path.replace(path))
        return self._known[path]

    def drop(self, received: StoredResult) -> None:
        """Remove a received archive that is not to be kept."""
        received.path.unlink(missing_ok=True)

    def _path(self, taskid: TaskId, digest: bytes) -> Path:
        return self._folder / f"0x{taskid.hex()}-0x{digest.hex()}.zip"
