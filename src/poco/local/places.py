"""Where a local market is: its TCP ports, taken before anything is started, and its folder."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from poco.contracts.book import write_json
from poco.errors import ConfigurationError, UserInputError
from poco.local.settings import Ports
from poco.web import listen, url_of

__all__ = ["BOOK", "HOST", "Places", "listening", "locked", "passing", "unusable"]

HOST = "127.0.0.1"
BOOK = "deployment.json"
_LOCK, _PORTS, _PASSING = "lock", "ports.json", "poco-up-"
_GRACE_SECONDS = 60.0
"""A folder that has just been made may not be locked yet."""


@dataclass(frozen=True, slots=True)
class Places:
    """Ports that were free.

    Args:
        listeners: sockets by the names in `Ports`.
    """

    listeners: Mapping[str, socket.socket]

    @property
    def urls(self) -> dict[str, str]:
        """Root URLs by the names in `Ports`."""
        return {name: url_of(HOST, found) for name, found in self.listeners.items()}

    def remember(self, folder: Path) -> None:
        """Write down the numbers: tasks under way know the services by them.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        numbers = {name: found.getsockname()[1] for name, found in self.listeners.items()}
        write_json(folder / _PORTS, numbers)


@contextmanager
def listening(ports: Ports, folder: Path) -> Iterator[Places]:
    """Take the ports of all services until the block ends; nobody answers there yet.

    Args:
        ports: which; for 0, that of the last time is taken if it is free.
        folder: what `Places.remember` wrote to, maybe.

    Raises:
        ConfigurationError: some are in use; all of them are named.
    """
    last = _remembered(folder)
    with ExitStack() as stack:
        taken: dict[str, socket.socket] = {}
        refused: list[str] = []
        for name in ports.names():
            port = getattr(ports, name)
            found = _taken([port] if port else [last.get(name, 0), 0])
            if found is None:
                refused.append(f"{port} ({name})")
            else:
                taken[name] = stack.enter_context(closing(found))
        if refused:
            raise ConfigurationError(
                "the ports of all services must be free",
                field="port",
                value=", ".join(refused),
                remedy="poco down ends a market that runs; or choose others with --port "
                "NAME=NUMBER, or --free-ports",
            )
        yield Places(taken)


def _taken(candidates: Sequence[int]) -> socket.socket | None:
    for port in candidates:
        with suppress(ConfigurationError):
            return listen(HOST, port)
    return None


def _remembered(folder: Path) -> dict[str, int]:
    try:
        document = dict(json.loads((folder / _PORTS).read_text()))
        ports = Ports(**{name: int(document.get(name, 0)) for name in Ports.names()})
    except (OSError, ValueError, TypeError, UserInputError):
        return {}
    return asdict(ports)


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Keep others from using a folder until the block ends, and make it when it is missing.

    Raises:
        ConfigurationError: it cannot be used, or is of something else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / _LOCK).exists():
            raise _refused(folder, "the folder must be new, empty, or kept by an earlier market")
        lock = (folder / _LOCK).open("a")
    except OSError as error:
        raise unusable(folder, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _refused(folder, "another market runs with this folder") from error
        yield folder.absolute()


@contextmanager
def passing() -> Iterator[Path]:
    """Make a folder for a market that is not kept; those of markets that were killed are removed.

    Raises:
        ConfigurationError: there is no place for it.
    """
    for lock in Path(tempfile.gettempdir()).glob(f"{_PASSING}*/{_LOCK}"):
        with suppress(OSError, ConfigurationError):
            if time.time() > lock.stat().st_mtime + _GRACE_SECONDS:
                with locked(lock.parent) as folder:
                    shutil.rmtree(folder)
    try:
        made = tempfile.TemporaryDirectory(prefix=_PASSING, ignore_cleanup_errors=True)
    except OSError as error:
        raise unusable(Path(tempfile.gettempdir()), error) from error
    with made as name:
        yield Path(name)


def unusable(folder: Path, error: OSError) -> ConfigurationError:
    """Return what tells that the system refuses something in a folder."""
    return _refused(folder, f"the folder cannot be used: {error.strerror}")


def _refused(folder: Path, rule: str) -> ConfigurationError:
    return ConfigurationError(
        rule, field="state", value=str(folder), remedy="choose another folder with --state"
    )
