"""Archives in a folder of this host, under their content ids."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from poco.errors import ConfigurationError
from poco.services.results.cids import raw_cid
from poco.services.results.storage import CHUNK_BYTES

__all__ = ["LocalFolder", "pieces", "usable_folder"]


class LocalFolder:
    """See `Storage`. A file appears complete and synced, or not at all.

    Args:
        root: the folder; made when missing, for its owner only.

    Raises:
        ConfigurationError: it cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self.folder = usable_folder(root)

    def name(self, file: Path, sha256: bytes) -> str:  # noqa: ARG002 (see `Storage`)
        """Return the content id of the whole file."""
        return raw_cid(sha256)

    def put(self, file: Path, cid: str) -> None:
        """See `Storage.put`."""
        target = self._path(cid)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(file)
        file.replace(target)
        _sync(target.parent)

    def size(self, cid: str) -> int | None:
        """See `Storage.size`."""
        try:
            return self._path(cid).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, cid: str, start: int, length: int) -> Iterator[bytes]:
        """See `Storage.read`."""
        yield from pieces(self._path(cid), start, length)

    def delete(self, cid: str) -> None:
        """See `Storage.delete`."""
        self._path(cid).unlink(missing_ok=True)

    def settle(self) -> int:
        """See `Storage.settle`."""
        return 0

    def _path(self, cid: str) -> Path:
        return self.folder / cid[-2:] / cid


def usable_folder(folder: Path) -> Path:
    """Return the folder, made when missing.

    Raises:
        ConfigurationError: it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the folder of the store must be usable: {error.strerror}",
            field="store",
            value=str(folder),
            remedy="choose a folder that you may write to",
        ) from error
    return folder


def pieces(file: Path, start: int, length: int) -> Iterator[bytes]:
    """Yield a part of a file; it ends early when the file does."""
    with file.open("rb") as stream:
        stream.seek(start)
        while length > 0 and (piece := stream.read(min(CHUNK_BYTES, length))):
            length -= len(piece)
            yield piece


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
