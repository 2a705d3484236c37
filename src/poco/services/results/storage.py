"""Where archives are kept: a folder, an IPFS node or S3, chosen by URL.

| URL | storage |
|---|---|
| ``results`` or ``file:///srv/results`` | files of this host |
| ``ipfs+http://host:5001`` | an IPFS node with the API of kubo |
| ``s3+https://host/bucket/prefix`` | a bucket; the keys come from the environment |
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from poco.errors import ConfigurationError

__all__ = ["CHUNK_BYTES", "Storage", "open_storage"]

CHUNK_BYTES = 1024 * 1024


class Storage(Protocol):
    """Files under their content ids. Every method may raise `ConfigurationError`: it is away."""

    @property
    def folder(self) -> Path:
        """Where files are gathered before they are put, on this host."""

    def name(self, file: Path, sha256: bytes) -> str:
        """Return the content id that a file will have.

        Args:
            file: the file.
            sha256: of it, 32 bytes.
        """

    def put(self, file: Path, cid: str) -> None:
        """Take a file over; it is kept, or still there when this raises.

        Args:
            file: the file, in `folder`; gone afterwards.
            cid: what `name` returned.
        """

    def size(self, cid: str) -> int | None:
        """Return the length of a file in bytes; None when it is not kept."""

    def read(self, cid: str, start: int, length: int) -> Iterator[bytes]:
        """Yield a part of a file in pieces.

        Args:
            cid: which is kept.
            start: offset of the first byte.
            length: bytes to yield, within the file.
        """

    def delete(self, cid: str) -> None:
        """Forget a file; nothing happens when it is not kept."""

    def settle(self) -> int:
        """Finish what could not be done at once; return how many files still wait."""


def open_storage(url: str, folder: Path) -> Storage:
    """Return the storage that a URL names.

    Args:
        url: see the module.
        folder: for what is under way, when the storage is not a folder itself.

    Raises:
        ConfigurationError: the URL names none, or its storage is not usable.
    """
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        from poco.services.results.folder import LocalFolder

        return LocalFolder(Path(unquote(parts.path) if parts.scheme else url))
    if parts.scheme in ("ipfs+http", "ipfs+https") and parts.hostname:
        from poco.services.results.kubo import Kubo

        return Kubo(url.removeprefix("ipfs+"), folder)
    if parts.scheme in ("s3+http", "s3+https") and parts.hostname:
        from poco.services.results.s3 import S3

        return S3(url.removeprefix("s3+"), folder)
    raise ConfigurationError(
        "a store is a folder, ipfs+http://HOST:PORT or s3+https://HOST/BUCKET/PREFIX",
        field="store",
        value=parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        remedy="for example --store results",
    )
