"""The file that tells other commands of the market that runs: ``~/.poco/up.json``.

With ``XDG_STATE_HOME`` it is ``$XDG_STATE_HOME/poco/up.json``. It holds keys, all of them
published test keys, and only its owner may read it. Importing this loads none of the market.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from poco.errors import ConfigurationError
from poco.local.info import StackInfo
from poco.local.settings import StackSettings
from poco.new_file import new_file

__all__ = ["Running", "birth", "log_path", "only_market", "recorded", "runfile_path", "running"]


@dataclass(frozen=True, slots=True)
class Running:
    """A market that runs.

    Args:
        pid: of its process.
        born: when that process began, as the system counts it: another one may get its number.
        state: the folder that it is kept in; None when nothing is kept.
        app_types: what its workers run.
        workers: how many they are.
        trust: the highest that they can reach.
        price: of a task, nRLC.
        block_seconds: time between blocks; 0 mines at once.
        info: the document of `StackInfo`.
    """

    pid: int
    born: str
    state: str | None
    app_types: tuple[str, ...]
    workers: int
    trust: int
    price: int
    block_seconds: int
    info: dict[str, Any]

    @property
    def stack_info(self) -> StackInfo:
        """Addresses, keys and URLs.

        Raises:
            ConfigurationError: the file is of another version.
        """
        return StackInfo.from_json(self.info)

    @property
    def is_alive(self) -> bool:
        """Whether its process still runs."""
        return self.born != "" and birth(self.pid) == self.born


def runfile_path() -> Path:
    """Return where the file is."""
    return _folder() / "up.json"


def log_path() -> Path:
    """Return where a market in the background writes what it has to say."""
    return _folder() / "up.log"


def running() -> Running | None:
    """Return the market that runs; None when there is none.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    path = runfile_path()
    try:
        document = json.loads(path.read_text())
        found = Running(**document | {"app_types": tuple(document["app_types"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"the file of the running market cannot be read: {error}",
            field="run file",
            value=str(path),
            remedy="remove it",
        ) from error
    return found if found.is_alive else None


@contextmanager
def only_market() -> Iterator[None]:
    """Keep others of this user from starting a market until the block ends.

    Raises:
        ConfigurationError: one runs or starts already, or the folder cannot be written.
    """
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("a")
    except OSError as error:
        raise _unwritable(folder, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            found = running()
            raise ConfigurationError(
                "a market runs already" if found else "a market starts or ends just now",
                field="run file" if found is None else "pid",
                value=str(runfile_path()) if found is None else found.pid,
                remedy="poco down ends it; XDG_STATE_HOME names the folder in which another is "
                "known",
            ) from error
        yield


@contextmanager
def recorded(
    info: StackInfo, settings: StackSettings, app_types: tuple[str, ...]
) -> Iterator[None]:
    """Say until the block ends that this process runs a market.

    Args:
        info: addresses, keys and URLs.
        settings: what it is like.
        app_types: what its workers run.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    pid = os.getpid()
    here = Running(
        pid=pid,
        born=birth(pid),
        state=None if settings.state is None else str(settings.state.absolute()),
        app_types=app_types,
        workers=settings.workers,
        trust=settings.trust,
        price=settings.price,
        block_seconds=settings.block_seconds,
        info=info.to_json(),
    )
    path = runfile_path()
    _write(path, asdict(here))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def birth(pid: int) -> str:
    """Return when a process began, as text that no later process of this number has; or empty."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self").exists() else _signalled(pid)
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]


def _signalled(pid: int) -> str:
    """Return the same for a system without ``/proc``, which does not know better."""
    try:
        os.kill(pid, 0)
    except OSError:
        return ""
    return "alive"


def _folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return Path(home) / "poco" if home else Path.home() / ".poco"


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with new_file(path) as file:
            file.write(json.dumps(document).encode())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the file of the running market cannot be written: {error.strerror}",
        field="run file",
        value=str(path),
        remedy="set XDG_STATE_HOME to a folder of yours",
    )
