"""The services of a story, each in a process of its own as a user starts it, with a log file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from poco.errors import PeerError, PocoError

__all__ = ["PATIENCE_SECONDS", "Process", "Processes", "attended"]

PATIENCE_SECONDS = 180.0
"""How long anything in a story may take."""

_LOOK_SECONDS = 0.1
_TAIL_LINES = 12
_SETTINGS = "POCO_"


class Process:
    """One ``poco`` command that runs.

    Args:
        name: what the story calls it.
        popen: the process.
        log: what it says, after what earlier processes of this name said.
    """

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._popen = popen
        self._begin = log.stat().st_size
        self._told = self._begin
        self._is_over = False

    def said(self, pattern: str) -> re.Match[str]:
        """Wait until it says something.

        Args:
            pattern: a regular expression.

        Returns:
            The first match.

        Raises:
            PeerError: it ends before, or does not say it in time.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := re.search(pattern, self._text(self._begin))) is None:
            self.require_running()
            if time.monotonic() >= end:
                raise self._fault(f"must say {pattern!r} within {PATIENCE_SECONDS:g} s")
            time.sleep(_LOOK_SECONDS)
        return found

    def news(self) -> list[str]:
        """Return the lines that it has said since the last call."""
        text = self._text(self._told)
        self._told += len(text.encode())
        return text.splitlines()

    def require_running(self) -> None:
        """Check that it goes on.

        Raises:
            PeerError: it has ended without being told to.
        """
        if not self._is_over and self._popen.poll() is not None:
            self._is_over = True
            raise self._fault(f"must go on; it ended with exit code {self._popen.returncode}")

    def ask_to_end(self) -> None:
        """Send it the signal that ends it as soon as it has nothing to lose: SIGTERM."""
        self._is_over = True
        self._popen.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Wait for its end after `ask_to_end`; return its exit code.

        Raises:
            PeerError: it does not end in time.
        """
        try:
            return self._popen.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise self._fault(f"must end within {PATIENCE_SECONDS:g} s after SIGTERM") from error

    def kill(self) -> int:
        """End it at once, as a power cut does: SIGKILL; return its exit code."""
        self._is_over = True
        self._popen.kill()
        return self._popen.wait()

    def _text(self, begin: int) -> str:
        with self.log.open("rb") as file:
            file.seek(begin)
            text = file.read()
        return text[: text.rfind(b"\n") + 1].decode(errors="replace")  # whole lines only

    def _fault(self, rule: str) -> PeerError:
        last = (self._text(self._begin).strip() or "it said nothing").splitlines()[-1]
        return PeerError(f"{rule}: {last}", field="process", value=self.name)


class Processes:
    """All processes of a story; settings of poco in this environment do not reach them.

    Args:
        folder: where they run; their logs are in ``logs`` below it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir()
        temporary = folder / "tmp"  # what a killed process leaves must go with the folder
        temporary.mkdir()
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)
        }
        self._environment = inherited | {"TMPDIR": str(temporary)}
        self._all: list[Process] = []

    def start(self, name: str, *arguments: str) -> Process:
        """Run ``poco`` with arguments; it is not reached by the Ctrl-C of the terminal."""
        log = self._logs / f"{name.replace(' ', '-')}.log"
        with log.open("ab") as file:
            popen = subprocess.Popen(
                [sys.executable, "-m", "poco", *arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            process = Process(name, popen, log)
        self._all.append(process)
        return process

    def run(self, *arguments: str) -> str:
        """Run ``poco`` with arguments to its end; return what it says on standard output.

        Raises:
            PeerError: it fails.
        """
        ended = subprocess.run(
            [sys.executable, "-m", "poco", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise PeerError(
                f"must succeed; it ended with exit code {ended.returncode}: {ended.stderr.strip()}",
                field="command",
                value=" ".join(("poco", *arguments[:2])),
            )
        return ended.stdout

    def wait(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something is true, as long as everybody goes on.

        Args:
            what: what is waited for, for the message.
            holds: whether it is true.

        Raises:
            PeerError: a process has ended, or it takes too long.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            for process in self._all:
                process.require_running()
            if time.monotonic() >= end:
                raise PeerError(
                    f"the processes must achieve within {PATIENCE_SECONDS:g} s: {what}",
                    remedy="their logs say what they wait for",
                )
            time.sleep(_LOOK_SECONDS)

    def kill(self) -> None:
        """End all that still run, at once."""
        for process in self._all:
            process.kill()

    def tails(self) -> Iterator[str]:
        """Return the last lines of each log."""
        for log in sorted(self._logs.iterdir()):
            for line in log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]:
                yield f"{log.stem}: {line}"


@contextmanager
def attended(folder: Path, tell: Callable[[str], None]) -> Iterator[Processes]:
    """Have processes until the block ends, however it ends; a failure shows what they said last.

    Args:
        folder: see `Processes`.
        tell: called with each last line after a failure.
    """
    processes = Processes(folder)
    try:
        yield processes
    except PocoError:
        for line in processes.tails():
            tell(line)
        raise
    finally:
        processes.kill()
