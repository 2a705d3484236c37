"""What a run has on the disk, however it tries to hide it (spec offchain §1.10)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from poco.appio import MAX_DEPTH, OutputLimits
from poco.runtimes.measuring import RESERVE, Meter
from poco.worker.execution import remove_tree

MIB = 1024**2
LIMIT = 100 * MIB
PLENTY = 100 * 1024 * MIB


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "output"
    folder.mkdir()
    yield folder
    remove_tree(folder)


OPENED = "again = open(path, 'rb')"
MAPPED = "content = mmap.mmap(file.fileno(), 2**20); file.close()"
HELD = [OPENED, MAPPED] if os.geteuid() == 0 else [OPENED]  # root alone sees mappings


@contextmanager
def deleted(path: Path, held: str = "") -> Iterator[int]:
    """Have a process hold a deleted file of 1 MiB, and nothing else; return its id."""
    script = f"""
import mmap, os, sys
path = sys.argv[1]
file = open(path, "w+b")
os.posix_fallocate(file.fileno(), 0, 2**20)
{held}
os.unlink(path)
print("held", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid


Metered = Callable[..., Meter]


@pytest.fixture
def meter(output: Path) -> Metered:
    """Return what makes a meter on a disk whose free bytes are told one after the other."""

    def made(*free: int, entries: int = 100, processes: Sequence[int] = ()) -> Meter:
        told = iter(free or (PLENTY, PLENTY))
        limits = OutputLimits(size=LIMIT, entries=entries)
        return Meter([output], limits, lambda: processes, free=lambda _: next(told))

    return made


def dig(folder: Path, *names: str) -> int:
    """Make folders one in the other, and return the descriptor of the last one."""
    here = os.open(folder, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    return here


def allocate(descriptor: int, size: int) -> None:
    os.posix_fallocate(descriptor, 0, size)


def test_measure__files_and_folders__are_counted_with_their_room(
    output: Path, meter: Metered
) -> None:
    (output / "folder").mkdir()
    (output / "folder" / "file").write_bytes(b"x" * MIB)
    usage = meter().measure()
    assert usage.entries == 2
    assert MIB <= usage.size < 2 * MIB


def test_measure__file_below_a_path_too_long_to_be_said__is_counted(
    output: Path, meter: Metered
) -> None:
    here = dig(output, *20 * ["n" * 250])
    file = os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    allocate(file, MIB)
    os.close(file)
    os.close(here)
    assert meter().measure().size >= MIB


@pytest.mark.parametrize(("depth", "deep"), [(MAX_DEPTH, False), (MAX_DEPTH + 1, True)])
def test_measure__depth_that_no_result_may_have__is_told(
    output: Path, meter: Metered, depth: int, deep: bool
) -> None:
    os.close(dig(output, *depth * ["d"]))
    assert meter().measure().deep is deep


def test_measure__more_entries_than_allowed__stops_there(output: Path, meter: Metered) -> None:
    for number in range(20):
        (output / str(number)).touch()
    assert meter(entries=10).measure().entries == 11


def test_measure__link_to_elsewhere__is_not_followed(
    output: Path, meter: Metered, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(b"x" * MIB)
    (output / "link").symlink_to(tmp_path)
    usage = meter().measure()
    assert usage.entries == 1
    assert usage.size < MIB


@pytest.mark.parametrize("held", HELD)
def test_measure__deleted_file_still_held__is_counted_once_the_disk_shows_a_loss(
    output: Path, meter: Metered, held: str
) -> None:
    with deleted(output / "file", held) as process:
        watched = meter(PLENTY, PLENTY, PLENTY - 65 * MIB, processes=[process])
        assert watched.measure().size == 0
        assert watched.measure().size == MIB


def test_measure__loss_that_the_folders_explain__is_looked_for_nowhere_else(
    output: Path, meter: Metered
) -> None:
    with deleted(output / "file") as process, (output / "kept").open("wb") as kept:
        allocate(kept.fileno(), 10 * MIB)
        usage = meter(PLENTY, PLENTY - 70 * MIB, processes=[process]).measure()
    assert 10 * MIB <= usage.size < 11 * MIB


def test_measure__room_that_others_freed__explains_no_later_loss(
    output: Path, meter: Metered
) -> None:
    with deleted(output / "file") as process:
        free = (PLENTY, PLENTY + LIMIT, PLENTY + LIMIT - 65 * MIB)
        watched = meter(*free, processes=[process])
        watched.measure()
        assert watched.measure().size == MIB


def test_measure__folder_that_cannot_be_opened__is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    limits = OutputLimits(size=LIMIT)
    usage = Meter([tmp_path / "file"], limits, lambda: (), free=lambda _: PLENTY).measure()
    assert usage.closed == "file"


def test_measure__process_that_has_ended__is_passed_over(meter: Metered) -> None:
    assert meter(PLENTY, PLENTY - LIMIT, processes=[2**22 + 1]).measure().size == 0


@pytest.mark.parametrize(
    ("free", "rushed"),
    [(PLENTY - LIMIT, False), (PLENTY - LIMIT - 1, True), (RESERVE, True), (RESERVE - 1, True)],
)
def test_rush__disk_that_loses_all_that_is_left_to_the_app__does_not_wait(
    meter: Metered, free: int, rushed: bool
) -> None:
    assert meter(PLENTY, free).is_rushed() is rushed


def test_rush__almost_nothing_left_to_the_app__waits_for_a_loss_worth_it(
    output: Path, meter: Metered
) -> None:
    watched = meter(PLENTY, PLENTY, PLENTY - 64 * MIB, PLENTY - 64 * MIB - 1)
    with (output / "file").open("wb") as file:
        allocate(file.fileno(), LIMIT - MIB)
        watched.measure()
    assert [watched.is_rushed(), watched.is_rushed()] == [False, True]
