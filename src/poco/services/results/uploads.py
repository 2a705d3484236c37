"""Archives on their way in: a file per worker and task that a broken line leaves for later."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from http import HTTPStatus
from io import BufferedRandom
from pathlib import Path

from poco.appio import stream_digest
from poco.services.results.admission import Admission, UploadRequest
from poco.web import HttpError

__all__ = ["Upload", "Uploads"]


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that this thread holds; nobody else can write to it.

    Args:
        request: what the uploader said.
        admission: why it may.
        path: the file.
        file: the same, open.
    """

    request: UploadRequest
    admission: Admission
    path: Path
    file: BufferedRandom

    @property
    def offset(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size

    def write(self, piece: bytes) -> None:
        """Add to the end.

        Raises:
            HttpError: 413, more than was announced; 507, the disk is full.
        """
        if self.file.tell() + len(piece) > self.request.size:
            raise HttpError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "an upload may not be longer than it said",
                field="size",
                value=self.request.size,
            )
        try:
            self.file.write(piece)
            self.file.flush()
        except OSError as error:
            raise HttpError(
                HTTPStatus.INSUFFICIENT_STORAGE, f"the disk of the store: {error.strerror}"
            ) from error

    def sha256(self) -> bytes:
        """Return the SHA-256 of what is here."""
        self.file.seek(0)
        return stream_digest(self.file)

    def discard(self) -> None:
        """Forget what is here."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let others write to it."""
        self.file.close()


class Uploads:
    """The folder of uploads.

    Args:
        folder: made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def open(self, request: UploadRequest, admission: Admission) -> Upload:
        """Take up an upload where it was left.

        Raises:
            HttpError: 409, it is under way on another connection.
        """
        path = self._path(f"0x{request.taskid.hex()}", admission.worker, request.sha256.hex())
        for other in self._of(f"0x{request.taskid.hex()}", admission.worker):
            if other != path:
                other.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise HttpError(
                HTTPStatus.CONFLICT,
                "an upload goes over one connection at a time",
                remedy="wait a minute for the other one to end",
            ) from error
        file = os.fdopen(descriptor, "r+b")
        file.seek(0, os.SEEK_END)
        return Upload(request, admission, path, file)

    def forget(self, task: str, worker: str) -> None:
        """Delete what a worker has uploaded for a task."""
        for path in self._of(task, worker):
            path.unlink(missing_ok=True)

    def names(self) -> set[tuple[str, str]]:
        """Return the tasks and workers that there are files of."""
        stems = (path.stem.split("-") for path in self.folder.glob("*.part"))
        return {(task, worker) for task, worker, _ in stems}

    def sweep(self, before: float) -> None:
        """Delete what a store that was killed has left of other work.

        Args:
            before: what was touched later stays; seconds since 1970.
        """
        for path in self.folder.iterdir():
            if path.suffix != ".part" and path.stat().st_mtime < before:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _of(self, task: str, worker: str) -> list[Path]:
        return list(self.folder.glob(f"{task}-{worker}-*.part"))

    def _path(self, task: str, worker: str, sha256: str) -> Path:
        return self.folder / f"{task}-{worker}-{sha256}.part"
