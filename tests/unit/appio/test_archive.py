"""Equal outputs give equal archives (spec offchain §1.13)."""

from __future__ import annotations

import hashlib
import os
import stat
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from poco.appio import output_digest, scan_output, write_archive


@pytest.fixture
def output(tmp_path: Path) -> Path:
    root = tmp_path / "iexec_out"
    (root / "sub").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "sub" / "run").write_bytes(b"#!" * 1000)
    (root / "sub" / "run").chmod(0o700)
    (root / "b.txt").write_bytes(b"beta\n")
    (root / "é.txt").write_bytes(b"")
    (root / "link").symlink_to("/etc/passwd")
    return root


def pack(root: Path, target: Path) -> bytes:
    return write_archive(scan_output(root), target)


def test_archive__holds_the_regular_files_in_byte_order(output: Path, tmp_path: Path) -> None:
    pack(output, tmp_path / "result.zip")
    with zipfile.ZipFile(tmp_path / "result.zip") as archive:
        assert archive.namelist() == ["b.txt", "sub/run", "é.txt"]
        assert archive.read("sub/run") == b"#!" * 1000
        assert archive.testzip() is None


def test_archive__metadata__are_fixed(output: Path, tmp_path: Path) -> None:
    pack(output, tmp_path / "result.zip")
    with zipfile.ZipFile(tmp_path / "result.zip") as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [stat.filemode(entry.external_attr >> 16) for entry in entries] == [
        "-rw-r--r--",
        "-rwxr-xr-x",
        "-rw-r--r--",
    ]
    assert [entry.flag_bits for entry in entries] == [0, 0, 0x800]
    assert {entry.extra for entry in entries} == {b""}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_DEFLATED}


def test_archive__other_times_and_order_of_writing__gives_the_same_bytes(
    output: Path, tmp_path: Path
) -> None:
    pack(output, tmp_path / "one.zip")
    content = (output / "b.txt").read_bytes()
    (output / "b.txt").unlink()
    (output / "b.txt").write_bytes(content)
    os.utime(output / "b.txt", (1, 1))
    pack(output, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_archive__digest__is_its_sha256(output: Path, tmp_path: Path) -> None:
    digest = pack(output, tmp_path / "result.zip")
    assert digest == hashlib.sha256((tmp_path / "result.zip").read_bytes()).digest()


def test_archive__finished__leaves_no_partial_file(output: Path, tmp_path: Path) -> None:
    pack(output, tmp_path / "result.zip")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["result.zip"]


def test_archive__large_output__is_digested_and_packed_in_little_memory(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "large").open("wb") as stream:
        stream.truncate(100 * 1024**2)
    tree = scan_output(tmp_path / "out")
    tracemalloc.start()
    output_digest(tree, "large")
    write_archive(tree, tmp_path / "large.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024**2
