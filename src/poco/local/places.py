"""Where a local market is: its TCP ports, taken before anything is started, and its folder."""

from __future__ import annotations

import fcntl
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from poco.contracts.book import write_json
from poco.errors import ConfigurationError
from poco.local.settings import Ports
from poco.web import listen, url_of

__all__ = ["BOOK", "HOST", "Places", "listening", "locked"]

HOST = "127.0.0.1"
BOOK = "deployment.json"
_LOCK, _PORTS = "lock", "ports.json"


@dataclass(frozen=True, slots=True)
class Places:
    """Ports that were free.

    Args:
        listeners: sockets by the names in `Ports`, all but that of the chain.
        rpc: port for the chain, which takes it by itself.
    """

    listeners: Mapping[str, socket.socket]
    rpc: int

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
        write_json(folder / _PORTS, numbers | {"rpc": self.rpc})


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
        with taken.pop("rpc") as rpc:
            number = int(rpc.getsockname()[1])
        yield Places(taken, number)


def _taken(candidates: Sequence[int]) -> socket.socket | None:
    for port in candidates:
        with suppress(ConfigurationError):
            return listen(HOST, port)
    return None


def _remembered(folder: Path) -> dict[str, int]:
    try:
        document = json.loads((folder / _PORTS).read_text())
    except (OSError, ValueError):
        return {}
    return {name: int(document.get(name, 0)) for name in Ports.names()}


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Keep others from using a folder until the block ends, and make it when it is missing.

    Raises:
        ConfigurationError: it cannot be used, or is of something else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / _LOCK).exists():
            raise _unusable(folder, "the folder must be new, empty, or kept by an earlier market")
        lock = (folder / _LOCK).open("a")
    except OSError as error:
        raise _unusable(folder, f"the folder cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _unusable(folder, "another market runs with this folder") from error
        yield folder.absolute()


def _unusable(folder: Path, rule: str) -> ConfigurationError:
    return ConfigurationError(
        rule, field="state", value=str(folder), remedy="choose another folder with --state"
    )
