"""The folders of a task: who may enter them, and how they are removed (spec offchain §1.2)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from poco.worker.execution import remove_tree
from poco.worker.execution.folders import TaskFolders


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict_umask")
def test_folders__umask_of_a_careful_operator__leaves_the_leaves_to_any_user(
    tmp_path: Path,
) -> None:
    folders = TaskFolders.create(tmp_path / "work", bytes(32))
    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (folders.input, folders.output, folders.base, folders.output.parent)
    ]
    assert modes == [0o755, 0o777, 0o700, 0o700]


def test_remove__deeper_than_the_stack_and_any_path__is_gone(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    here = os.open(base, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("n" * 100, dir_fd=here)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        below = os.open("n" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove_tree(base)
    assert not base.exists()


def test_remove__links__are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    base = tmp_path / "base"
    (base / "folder").mkdir(parents=True)
    (base / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    (base / "link").symlink_to(tmp_path / "elsewhere" / "kept")
    os.mkfifo(base / "pipe")
    remove_tree(base)
    assert [path.name for path in tmp_path.rglob("*")] == ["elsewhere", "kept"]


def test_remove__begun_by_a_worker_that_died__is_ended(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "tmp-of-the-dead" / "0-0" / "a").mkdir(parents=True)
    remove_tree(base)
    assert not base.exists()


def test_remove__missing_folder__is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        remove_tree(tmp_path / "missing")
