"""Result archives, checked: the digest of an archive, and the link to it on chain.

An archive is believed only after its digest has been computed again and is the one that the workers
agreed on (spec offchain §1.11, §1.13, §5.5). Whoever sent it is not trusted.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from poco import appio
from poco.appio import DEFAULT_LIMITS, ExecutionError, OutputLimits
from poco.errors import PeerError

__all__ = ["MAX_ARCHIVE_BYTES", "ArchiveContent", "ResultLink", "inspect_archive", "parse_link"]

MAX_ARCHIVE_BYTES = 2 * 1024**3
_CHUNK_BYTES = 1024 * 1024

# What a zip made by an enemy can raise, beyond what the app contract refuses.
_BROKEN = (
    ExecutionError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class ResultLink:
    """The pointer to a result on chain (spec offchain §1.14).

    Args:
        storage: ``http``, ``ipfs``, ``dropbox`` or ``ethereum``.
        location: where in that storage.
        sha256: of the archive, 32 bytes; None when the link does not say.
    """

    storage: str
    location: str
    sha256: bytes | None = None


def parse_link(results: bytes) -> ResultLink:
    """Read the ``results`` of a task.

    Raises:
        PeerError: the scheduler wrote something else.
    """
    try:
        document = json.loads(results)
        digest = document.get("sha256")
        sha256 = None if digest is None else bytes.fromhex(digest.removeprefix("0x"))
        return ResultLink(str(document["storage"]), str(document["location"]), sha256)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PeerError(
            "the scheduler must finalise with a result link",
            field="results",
            value=results[:200],
            remedy="ask the operator of the workerpool for the result",
        ) from error


@dataclass(frozen=True, slots=True)
class ArchiveContent:
    """What an archive proves.

    Args:
        digest: the result digest, 32 bytes.
        callback_data: what a callback contract gets, empty without callback.
        names: its files, in the order of the archive.
    """

    digest: bytes
    callback_data: bytes
    names: tuple[str, ...]


def inspect_archive(
    archive: Path, *, has_callback: bool = False, limits: OutputLimits = DEFAULT_LIMITS
) -> ArchiveContent:
    """Compute the result digest anew from an archive.

    Args:
        archive: a zip with ``computed.json``.
        has_callback: whether the deal names a callback contract.
        limits: what it may unpack to.

    Raises:
        PeerError: it is no such archive, or unpacks to more than the limits.
    """
    with tempfile.TemporaryDirectory(prefix="poco-result-") as folder:
        root = Path(folder)
        try:
            names = _unpack(archive, root, limits)
            tree = appio.scan_output(root, limits)
            computed = appio.read_computed(root, has_callback=has_callback)
            data = computed.callback_data
            if data is not None:
                return ArchiveContent(appio.callback_digest(data), data, names)
            digest = appio.output_digest(tree, computed.output_path or "")
            return ArchiveContent(digest, b"", names)
        except _BROKEN as error:
            raise PeerError(
                f"a result archive must follow the app contract: {error}",
                field="archive",
                value=archive.name,
                remedy="ask the worker to upload the archive that it made",
            ) from error


def _unpack(archive: Path, folder: Path, limits: OutputLimits) -> tuple[str, ...]:
    """Unpack regular files only, below the folder only, up to the limits."""
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        if len(entries) > limits.entries:
            raise ValueError(f"an archive may have {limits.entries} entries")
        left = limits.size
        for entry in entries:
            path = PurePosixPath(entry.filename)
            if entry.is_dir() or path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(
                    f"an archive holds files by relative names, not {entry.filename!r}"
                )
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, target.open("xb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    left -= len(chunk)
                    if left < 0:
                        raise ValueError(f"an archive may unpack to {limits.size} bytes")
                    file.write(chunk)
        return tuple(entry.filename for entry in entries)
