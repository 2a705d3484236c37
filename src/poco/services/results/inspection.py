"""Look into archives of strangers in a process of its own, which may take little and then ends.

Whatever an archive does to its reader (memory, time, files), the store outlives it, and removes the
folder that it was unpacked to. The process is forked from one that has loaded what it takes. It
looks into one archive after the other, until it has used up a second of processor time.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import LifoQueue
from typing import Any, BinaryIO, NoReturn

from poco.appio import DEFAULT_LIMITS, OutputLimits
from poco.appio.unpacking import open_zip
from poco.errors import PeerError
from poco.result_archive import inspect_archive

__all__ = ["Finding", "inspect", "is_sealed"]

_MEMORY_BYTES = 512 * 1024**2
_SECONDS = 120
_FRESH_SECONDS = 1.0
_AT_ONCE = 2
_LONGEST_VERDICT = 4096
_GOES_ON, _ENDS = b"+", b"-"
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
                        "fresh": _FRESH_SECONDS,
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


@dataclass(frozen=True, slots=True)
class _Child:
    """A process that judges: where it takes jobs, and where it answers."""

    pid: int
    jobs: BinaryIO
    verdicts: BinaryIO

    @classmethod
    def fork(cls) -> _Child:
        (far_jobs, jobs), (verdicts, far_verdicts) = os.pipe(), os.pipe()
        if (pid := os.fork()) == 0:
            os.close(jobs)
            os.close(verdicts)
            _judge(far_jobs, far_verdicts)
        os.close(far_jobs)
        os.close(far_verdicts)
        return cls(pid, os.fdopen(jobs, "wb", 0), os.fdopen(verdicts, "rb"))

    def is_dead(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def judge(self, line: bytes) -> bytes:
        """Return a verdict, with whether it goes on before it; empty when it died of the job."""
        with suppress(BrokenPipeError):
            self.jobs.write(line)
        return self.verdicts.readline(_LONGEST_VERDICT)

    def bury(self) -> None:
        self.jobs.close()
        self.verdicts.close()
        os.waitpid(self.pid, 0)


def _serve() -> None:
    """Pass each line of standard input to a child; print one line, its verdict."""
    child: _Child | None = None
    for line in sys.stdin.buffer:
        if child is not None and child.is_dead():
            child.bury()
            child = None
        child = child or _Child.fork()
        verdict = child.judge(line)
        if not (verdict.startswith(_GOES_ON) and verdict.endswith(b"\n")):
            child.bury()
            child = None
        sys.stdout.buffer.write(verdict[1:].strip() + b"\n")
        sys.stdout.buffer.flush()


def _judge(jobs: int, answer: int) -> NoReturn:
    """Look into archives, and end this process; each verdict begins with whether it goes on."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        for line in os.fdopen(jobs, "rb"):
            signal.alarm(_SECONDS)
            job = json.loads(line)
            _limit(job["size"] + 1)
            verdict = json.dumps(_verdict(job)).encode()
            signal.alarm(0)
            is_fresh = time.process_time() < job["fresh"]
            os.write(answer, (_GOES_ON if is_fresh else _ENDS) + verdict + b"\n")
            if not is_fresh:
                break
    finally:
        os._exit(0)


def _limit(largest: int) -> None:
    """Let this process take little.

    Args:
        largest: bytes of a file that it may write.
    """
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a system that lacks the limit, or has a lower one
            resource.setrlimit(limit, (most, resource.getrlimit(limit)[1]))


def _verdict(job: Mapping[str, Any]) -> dict[str, str | None]:
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
        with open_zip(archive) as outer:
            sizes = {entry.filename: entry.file_size for entry in outer.infolist()}
            count = len(outer.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    return count == 2 and sizes.keys() == _SEALED and sizes["aes-key.rsa"] <= _MAX_KEY_BYTES


if __name__ == "__main__":
    _serve()
