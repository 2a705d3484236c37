"""Result archives, checked: the digest of an archive, and the link to it on chain.

An archive is believed only after its digest has been computed again and is the one that the workers
agreed on (spec offchain §1.11, §1.13, §5.5). Whoever sent it is not trusted.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poco import appio
from poco.appio import (
    DEFAULT_LIMITS,
    ArchiveLimits,
    ExecutionError,
    OutputLimits,
    unpack_archive,
)
from poco.appio.untrusted_json import parse_object
from poco.errors import PeerError

__all__ = ["MAX_ARCHIVE_BYTES", "ArchiveContent", "ResultLink", "inspect_archive", "parse_link"]

MAX_ARCHIVE_BYTES = 2 * 1024**3


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
        document: dict[str, Any] = parse_object(results.decode())
        digest = document.get("sha256")
        sha256 = None if digest is None else bytes.fromhex(digest.removeprefix("0x"))
        location = str(document["location"])
        location.encode()  # half a surrogate pair is no address
        return ResultLink(str(document["storage"]), location, sha256)
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
    """Compute the result digest anew from an archive of any generation.

    Args:
        archive: a zip with what an app left; without a file that declares its result, as v2 and v3
            allow, the archive itself is the result.
        has_callback: whether the deal names a callback contract.
        limits: what it may unpack to.

    Raises:
        PeerError: it is no such archive, or unpacks to more than the limits.
    """
    with tempfile.TemporaryDirectory(prefix="poco-result-") as folder:
        root = Path(folder)
        try:
            names = tuple(unpack_archive(archive, root, ArchiveLimits(limits.size, limits.entries)))
            tree = appio.scan_output(root, limits)
            outcome = appio.read_outcome(tree, None, has_callback=has_callback)
            if outcome is not None:
                return ArchiveContent(outcome.digest, outcome.callback_data, names)
            with archive.open("rb") as stream:
                return ArchiveContent(appio.stream_digest(stream), b"", names)
        except (ExecutionError, OSError, ValueError) as error:
            raise PeerError(
                f"a result archive must follow the app contract: {error}",
                field="archive",
                value=archive.name,
                remedy="ask the worker to upload the archive that it made",
            ) from error
