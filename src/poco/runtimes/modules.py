"""Bring WASM modules to this host and keep them by their hash (spec offchain §1.3)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from poco.appio import Cause, ExecutionError
from poco.fetching import Fetcher
from poco.runtimes.spec import GIB, MIB

__all__ = ["Module", "ModuleStore"]

_MAX_MODULE = 256 * MIB
_BLOCK = MIB


@dataclass(frozen=True, slots=True)
class Module:
    """A module that has been checked.

    Attributes:
        path: the module, in a folder that nobody else writes to.
        compiled: where its compiled form is kept, once there is one.
        sha256: its hash, 32 bytes.
    """

    path: Path
    compiled: Path
    sha256: bytes


class ModuleStore:
    """A folder of modules, named by their hashes; the least recently used ones make room.

    Args:
        folder: private to the worker, because the compiled forms in it are trusted; created when
            missing.
        fetcher: downloads modules.
        allow_files: whether a module may be a file on this host, named by its path or a ``file:``
            URL; for markets on one machine only, because a stranger chooses the name.
        max_bytes: what the folder may hold.
    """

    def __init__(
        self, folder: Path, fetcher: Fetcher, *, allow_files: bool, max_bytes: int = GIB
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._fetcher = fetcher
        self._allow_files = allow_files
        self._max_bytes = max_bytes

    def resolve(self, image: str, checksum: bytes) -> Module:
        """Return a module of this store, brought here if need be.

        Args:
            image: the app's multiaddr as text.
            checksum: the SHA-256 it must have, 32 bytes; zero means any.

        Raises:
            ExecutionError: ``APP_IMAGE_DOWNLOAD_FAILED`` or ``APP_IMAGE_BAD_CHECKSUM``.
        """
        if any(checksum):
            kept = self._named(checksum)
            with contextlib.suppress(FileNotFoundError):
                os.utime(kept.path)  # it has been used
                return kept
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            arrived = Path(name) / "module"
            if self._is_file(image):
                found = _copy(image, arrived)
            else:
                found = self._fetcher.fetch(
                    image,
                    arrived,
                    cause=Cause.APP_IMAGE_DOWNLOAD_FAILED,
                    checksum=checksum,
                    max_bytes=_MAX_MODULE,
                ).sha256
            if any(checksum) and found != checksum:
                raise ExecutionError(
                    Cause.APP_IMAGE_BAD_CHECKSUM,
                    f"must have the registered SHA-256 0x{checksum.hex()}, not 0x{found.hex()}",
                    field="app.multiaddr",
                    value=image,
                    remedy="register the app again with the checksum of the module it is to run",
                )
            module = self._named(found)
            arrived.replace(module.path)
        self._make_room()
        return module

    def _named(self, sha256: bytes) -> Module:
        path = self._folder / f"{sha256.hex()}.wasm"
        return Module(path, path.with_suffix(".compiled"), sha256)

    def _is_file(self, image: str) -> bool:
        parts = urlsplit(image)
        if parts.scheme not in ("", "file") or image.startswith(("/ipfs/", "/p2p/")):
            return False
        if self._allow_files:
            return True
        raise ExecutionError(
            Cause.APP_IMAGE_DOWNLOAD_FAILED,
            "must be a URL or an IPFS path: this worker does not read modules from its own disk",
            field="app.multiaddr",
            value=image,
            remedy="publish the module, and register the app with its address",
            permanent=False,
        )

    def _make_room(self) -> None:
        """Remove the modules that were not used for longest, but never the one used last."""
        modules = sorted(self._folder.glob("*.wasm"), key=_last_used, reverse=True)
        size = 0
        for number, path in enumerate(modules):
            kept = (path, path.with_suffix(".compiled"))
            size += sum(_size(file) for file in kept)
            if number and size > self._max_bytes:
                for file in kept:
                    file.unlink(missing_ok=True)


def _copy(image: str, target: Path) -> bytes:
    """Copy a module from this host's disk; returns its SHA-256."""
    path = Path(unquote(urlsplit(image).path) if image.startswith("file:") else image)
    digest = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as source, target.open("xb") as copy:
            while block := source.read(_BLOCK):
                size += len(block)
                if size > _MAX_MODULE:
                    raise ExecutionError(
                        Cause.APP_IMAGE_DOWNLOAD_FAILED,
                        f"a module may have {_MAX_MODULE} bytes",
                        field="app.multiaddr",
                        value=image,
                    )
                digest.update(block)
                copy.write(block)
    except OSError as error:
        raise ExecutionError(
            Cause.APP_IMAGE_DOWNLOAD_FAILED,
            "must name a readable WASM module on this host",
            field="app.multiaddr",
            value=image,
            remedy=f"{error.strerror}; register the app with the path of its .wasm file",
            permanent=False,
        ) from error
    return digest.digest()


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
