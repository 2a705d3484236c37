"""A PostgreSQL server for a test: its own cluster in a folder of its own, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["start_postgresql"]

# Debian keeps the server's programs out of PATH.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_PATH = os.pathsep.join([os.environ.get("PATH", ""), *map(str, _FOLDERS)])


@contextmanager
def start_postgresql() -> Iterator[str]:
    """Start a server that listens on a socket only; yield the URL of an empty database.

    Where no server is installed the test is skipped, which the gate does not accept.
    """
    if shutil.which("initdb", path=_PATH) is None:
        pytest.skip("PostgreSQL's server is not installed")
    with tempfile.TemporaryDirectory(prefix="poco-pg-") as folder:
        data, sockets = Path(folder) / "data", Path(folder)
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
        _run("initdb", "-D", str(data), "-U", "poco", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={sockets} -c fsync=off"
        _run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", f"{folder}/log", "start")
        try:
            yield f"postgresql://poco@/postgres?host={sockets}"
        finally:
            _run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")


def _run(name: str, *arguments: str) -> None:
    program = shutil.which(name, path=_PATH)
    assert program is not None, name
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*as_user, program, *arguments],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
