"""The process that looks into archives, and what becomes of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from results_stage import make_archive

from poco.services.results.inspection import inspect


def readers() -> list[int]:
    """The processes that this one has started to look into archives."""
    children = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for path in children for pid in path.read_text().split()]
    return [pid for pid in pids if b"inspection.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_inspect__second_archive__is_read_by_the_same_process(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, {"result": b"1"})
    assert inspect(archive.path, tmp_path, has_callback=False).digest == archive.digest
    known = readers()
    assert inspect(archive.path, tmp_path, has_callback=False).digest == archive.digest
    assert known
    assert readers() == known


def test_inspect__its_process_was_killed__starts_another(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, {"result": b"1"})
    inspect(archive.path, tmp_path, has_callback=False)
    for pid in readers():
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert inspect(archive.path, tmp_path, has_callback=False).digest == archive.digest
