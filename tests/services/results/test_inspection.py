"""The process that looks into archives, and what becomes of it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from results_stage import make_archive
from support.processes import alive, children, command_line

from poco.services.results import inspection
from poco.services.results.inspection import inspect


def readers() -> list[int]:
    """The processes that this one has started to look into archives."""
    return [pid for pid in children("self") if "inspection.py" in " ".join(command_line(pid))]


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


def judges() -> list[int]:
    """The processes that have been forked to look into archives."""
    return [pid for reader in readers() for pid in children(reader)]


def test_inspect__archive_after_archive__goes_on_in_one_process(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, {"result": b"1"})
    inspect(archive.path, tmp_path, has_callback=False)
    known = judges()
    inspect(archive.path, tmp_path, has_callback=False)
    assert known
    assert judges() == known


def test_inspect__what_judges_was_killed__is_followed_by_a_new_one(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, {"result": b"1"})
    inspect(archive.path, tmp_path, has_callback=False)
    killed = judges()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
        while alive(pid):
            time.sleep(0.001)
    assert inspect(archive.path, tmp_path, has_callback=False).digest == archive.digest
    assert not set(judges()) & set(killed)


def test_inspect__what_judges_has_worked_for_long__ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(tmp_path, {"result": b"1"})
    inspect(archive.path, tmp_path, has_callback=False)
    known = judges()
    monkeypatch.setattr(inspection, "_FRESH_SECONDS", 0.0)
    assert inspect(archive.path, tmp_path, has_callback=False).digest == archive.digest
    assert set(judges()) < set(known)
