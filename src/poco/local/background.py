"""Processes of local markets: start one in the background, begin it again, end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from poco.errors import ConfigurationError, PeerError
from poco.local.runfile import Running, running
from poco.local.settings import StackSettings

__all__ = ["arguments_of", "begin_again", "end", "launch"]

_LOOK_SECONDS = 0.05
_START_SECONDS = 60.0
_END_SECONDS = 20.0


def launch(arguments: Sequence[str], log: Path) -> Running:
    """Start ``poco up`` in a process that outlives this one, and wait until it is ready.

    Args:
        arguments: of ``poco up``.
        log: where it writes what it has to say, from the beginning.

    Raises:
        ConfigurationError: it does not start, or the log cannot be written.
    """
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                _command(arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise ConfigurationError(
            f"the log cannot be written: {error.strerror}", field="log", value=str(log)
        ) from error
    try:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            found = running()
            if found is not None and found.pid == process.pid:
                return found
            time.sleep(_LOOK_SECONDS)
    except BaseException:  # Ctrl-C does not reach it
        process.terminate()
        raise
    process.terminate()
    said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    raise ConfigurationError(
        f"the market did not start: {said[-1].removeprefix('error: ')}",
        remedy=f"{log} has all that it said",
    )


def begin_again(arguments: Sequence[str]) -> NoReturn:
    """Put a new ``poco up`` in the place of this process, as if this one had been killed.

    Whatever still runs here ends at once; the new one goes on with what was kept.

    Args:
        arguments: of ``poco up``.
    """
    command = _command(arguments)
    os.execv(command[0], command)  # noqa: S606 (the interpreter that runs this)


def arguments_of(settings: StackSettings, info_file: Path | None) -> list[str]:
    """Return the arguments of ``poco up`` that stand for settings.

    Args:
        settings: the market's.
        info_file: where its document is to be written.
    """
    ports = settings.ports
    words = [f"--port={name}={getattr(ports, name)}" for name in ports.names()]
    words += [f"--without={name}" for name in sorted(settings.without)]
    words += [f"--allow-origin={origin}" for origin in settings.origins]
    words += [
        f"--workers={settings.workers}",
        f"--slots={settings.slots}",
        f"--price={settings.price}",
        f"--block-time={settings.block_seconds}",
    ]
    named = {"state": settings.state, "info": info_file}
    return words + [f"--{name}={path}" for name, path in named.items() if path is not None]


def end(found: Running) -> None:
    """End a market, and wait until it has.

    Args:
        found: the market.

    Raises:
        PeerError: it does not end.
    """
    try:
        os.kill(found.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise PeerError(
            "the market is of another user", field="pid", value=found.pid, remedy="ask them"
        ) from error
    deadline = time.monotonic() + _END_SECONDS
    while found.is_alive:
        if time.monotonic() > deadline:
            raise PeerError(
                f"the market must end within {_END_SECONDS:g} s",
                field="pid",
                value=found.pid,
                remedy=f"kill -9 {found.pid}",
            )
        time.sleep(_LOOK_SECONDS)


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "poco", "up", *arguments]
