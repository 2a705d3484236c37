"""Look into archives of strangers in a process of its own, which may take little and then ends.

Whatever an archive does to its reader (memory, time, files), the store outlives it, and removes the
folder that it was unpacked to. The process is forked from one that has loaded what it takes.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import LifoQueue
from typing import Any, NoReturn

from poco.appio import DEFAULT_LIMITS, OutputLimits
from poco.errors import PeerError
from poco.result_archive import inspect_archive

__all__ = ["Finding", "inspect", "is_sealed"]

_MEMORY_BYTES = 512 * 1024**2
_SECONDS = 120
_AT_ONCE = 2
_LONGEST_VERDICT = 4096
_SEALED = frozenset({"iexec_out.zip.aes", "aes-key.rsa"})
_MAX_KEY_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """What an archive is.

    Args:
        digest: its result digest, 32 bytes; None when it is encrypted.
    """

    digest: bytes | None


def inspect(
    archive: Path, folder: Path, *, has_callback: bool, limits: OutputLimits = DEFAULT_LIMITS
) -> Finding:
    """Compute the result digest of an archive anew, or see that it is encrypted.

    Args:
        archive: the zip.
        folder: where a folder to unpack to is made and removed.
        has_callback: whether the deal names a callback contract.
        limits: what the archive may unpack to.

    Raises:
        PeerError: it is neither a result archive nor an encrypted one, or too much to look into.
    """
    inspector = _INSPECTORS.get()
    try:
        with tempfile.TemporaryDirectory(prefix="inspect-", dir=folder) as workspace:
            verdict = json.loads(
                inspector.ask(
                    {
                        "archive": str(archive.resolve()),
                        "workspace": str(Path(workspace).resolve()),
                        "has_callback": has_callback,
                        "size": limits.size,
                        "entries": limits.entries,
                    }
                )
            )
    except ValueError as error:  # its reader has died
        raise _refusal("an archive must be easy to look into") from error
    finally:
        _INSPECTORS.put(inspector)
    if "fault" in verdict:
        raise _refusal(verdict["fault"])
    digest = verdict["digest"]
    return Finding(None if digest is None else bytes.fromhex(digest))


def _refusal(rule: str) -> PeerError:
    return PeerError(
        rule, field="archive", remedy="ask the worker to upload the archive that it made"
    )


class _Inspector:
    """The process that forks; it is started with the first job, and again when it has died.

    It ends with its parent, however that ends.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, job: Mapping[str, Any]) -> bytes:
        """Return the verdict on an archive, JSON; empty when its reader died."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": ""},
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has just died, and will say nothing
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
        return self._process.stdout.readline()


_INSPECTORS: LifoQueue[_Inspector] = LifoQueue()
for _ in range(_AT_ONCE):
    _INSPECTORS.put(_Inspector())


def _serve() -> None:
    """Fork a child for each line of standard input; print one line, its verdict."""
    for line in sys.stdin.buffer:
        here, there = os.pipe()
        if (child := os.fork()) == 0:
            _judge(line, there)
        os.close(there)
        with os.fdopen(here, "rb") as answer:
            verdict = answer.readline(_LONGEST_VERDICT)
        os.waitpid(child, 0)
        sys.stdout.buffer.write(verdict.strip() + b"\n")
        sys.stdout.buffer.flush()


def _judge(line: bytes, answer: int) -> NoReturn:
    """Look into one archive, and end this process."""
    try:
        signal.alarm(_SECONDS)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.write(answer, json.dumps(_verdict(json.loads(line))).encode())
    finally:
        os._exit(0)


def _verdict(job: Mapping[str, Any]) -> dict[str, str | None]:
    largest = job["size"] + 1
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a system that lacks the limit, or has a lower one
            resource.setrlimit(limit, (most, most))
    os.chdir(job["workspace"])
    tempfile.tempdir = job["workspace"]
    archive = Path(job["archive"])
    try:
        if is_sealed(archive):
            return {"digest": None}
        limits = OutputLimits(job["size"], job["entries"])
        found = inspect_archive(archive, has_callback=job["has_callback"], limits=limits)
    except PeerError as error:
        return {"fault": error.rule}
    except MemoryError:
        return {"fault": "an archive must fit in memory with its directory"}
    return {"digest": found.digest.hex()}


def is_sealed(archive: Path) -> bool:
    """Return whether it is what spec §5.4 makes: the encrypted zip, and its encrypted key."""
    try:
        with zipfile.ZipFile(archive) as outer:
            sizes = {entry.filename: entry.file_size for entry in outer.infolist()}
            count = len(outer.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    return count == 2 and sizes.keys() == _SEALED and sizes["aes-key.rsa"] <= _MAX_KEY_BYTES


if __name__ == "__main__":
    _serve()
