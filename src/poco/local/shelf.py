"""Files for the workers of this machine: each has a URL that ends with its name."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poco.errors import UserInputError
from poco.http_server import FileServer, serve_files

__all__ = ["Shelf", "open_shelf"]

_CHUNK_BYTES = 1024**2


class Shelf:
    """Where files are handed out, each by the SHA-256 of its content and its name.

    Args:
        folder: for the copies; only this class writes to it.
        server: hands them out.
        files: what the server hands out, by the path of its URL.
    """

    def __init__(self, folder: Path, server: FileServer, files: dict[str, Path]) -> None:
        self._folder = folder
        self._server = server
        self._files = files
        self._lock = threading.Lock()

    def put(self, name: str, source: Path | bytes) -> str:
        """Copy a file to the shelf; return its URL.

        Args:
            name: what it is called at the end of the URL.
            source: the file, or its content.

        Raises:
            UserInputError: the file cannot be read.
        """
        with self._lock:
            digest = self._copy(source)
            place = f"{digest}/{name}"
            self._files[place] = self._folder / digest
            return self._server.url_of(place)

    def _copy(self, source: Path | bytes) -> str:
        hashed = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as copy:
            if isinstance(source, bytes):
                hashed.update(source)
                copy.write(source)
            else:
                try:
                    with source.open("rb") as file:
                        while chunk := file.read(_CHUNK_BYTES):
                            hashed.update(chunk)
                            copy.write(chunk)
                except OSError as error:
                    Path(copy.name).unlink()
                    raise UserInputError(
                        f"the file cannot be read: {error.strerror}",
                        field="input",
                        value=str(source),
                        remedy="name a file that exists",
                    ) from error
        digest = hashed.hexdigest()
        Path(copy.name).replace(self._folder / digest)
        return digest


@contextmanager
def open_shelf() -> Iterator[Shelf]:
    """Have a shelf until the block ends; then its files are gone."""
    files: dict[str, Path] = {}
    with (
        tempfile.TemporaryDirectory(prefix="poco-shelf-") as folder,
        serve_files(files) as server,
    ):
        yield Shelf(Path(folder), server, files)
