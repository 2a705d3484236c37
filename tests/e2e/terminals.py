"""Processes as a user starts them, in a folder that looks like the checkout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from support.processes import command_line

from poco.runtimes import DockerRuntime

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATIENCE = 300.0


def runtimes_under_test() -> list[str]:
    """Return the runtimes under test: those of POCO_TEST_RUNTIMES, else what works here.

    One that is named there and does not work fails its tests.
    """
    named = os.environ.get("POCO_TEST_RUNTIMES")
    if named:
        return [name.strip().lower() for name in named.split(",")]
    return ["wasm", "docker"] if DockerRuntime().answers() else ["wasm"]


class Terminal:
    """Starts commands in one folder, and ends what is left of them.

    Args:
        folder: where the commands run.
        environment: variables on top of those of the tests.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "COLUMNS": "160"}
        self.environment |= environment or {}
        self._running: list[tuple[subprocess.Popen[str], Path]] = []

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def start(self, *command: str) -> Path:
        """Start a command that goes on; returns the file with all it says."""
        log = self.folder / f"terminal-{len(self._running)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._running.append((process, log))
        return log

    def close(self, number: int = signal.SIGTERM) -> list[int]:
        """End what goes on with a signal, last started first; returns the exit codes."""
        codes = []
        for process, _ in reversed(self._running):
            process.send_signal(number)
            codes.append(process.wait(timeout=PATIENCE))
        self._running.clear()
        return codes

    def ended(self) -> list[int]:
        """Wait until what goes on has ended by itself; returns the exit codes."""
        return [process.wait(timeout=PATIENCE) for process, _ in self._running]

    def said(self) -> str:
        """Return all that the processes said that go on."""
        return "\n".join(log.read_text() for _, log in self._running)


def wait_for(log: Path, text: str) -> None:
    """Wait until a process has said something."""
    end = time.monotonic() + PATIENCE
    while text not in log.read_text():
        assert time.monotonic() < end, f"{text!r} did not come: {log.read_text()}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Running:
    """A process of this machine."""

    pid: int
    arguments: list[str]


def processes_with(folder: Path) -> list[Running]:
    """Return the processes that have a path below a folder on their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        arguments = command_line(int(entry.name))
        if str(folder) in " ".join(arguments):
            found.append(Running(int(entry.name), arguments))
    return found


def imitate_checkout(folder: Path) -> Path:
    """Link into a folder what the commands read; it keeps what they write."""
    for name in ("ape-config.yaml", "apps", "contracts", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    return folder
