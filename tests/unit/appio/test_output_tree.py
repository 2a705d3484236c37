"""An output folder is untrusted: what is refused, what is left out (spec offchain §1.9, §1.10)."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from poco.appio import Cause, ExecutionError, OutputLimits, open_beneath, scan_output, survey_output

ASTRAL = "\U0001d48f"  # one character, two UTF-16 units


def cause_of(root: Path, limits: OutputLimits | None = None) -> Cause:
    with pytest.raises(ExecutionError) as caught:
        scan_output(root, limits or OutputLimits())
    return caught.value.cause


def test_scan__files_and_folders__are_listed_with_size_and_mode(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tool").write_bytes(b"12345")
    (tmp_path / "sub" / "tool").chmod(0o710)
    (tmp_path / "a.txt").write_bytes(b"")
    tree = scan_output(tmp_path)
    assert {(file.path, file.size, file.executable) for file in tree.files.values()} == {
        ("a.txt", 0, False),
        ("sub/tool", 5, True),
    }
    assert tree.folders == {"", "sub"}


def test_scan__symbolic_links__are_dropped(tmp_path: Path) -> None:
    (tmp_path / "host").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    tree = scan_output(tmp_path)
    assert (tree.files, tree.dropped) == ({}, ("folder", "host"))


def test_scan__hard_link_to_a_file_elsewhere__is_dropped(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    output = tmp_path / "output"
    output.mkdir()
    os.link(tmp_path / "outside", output / "inside")
    tree = scan_output(output)
    assert (tree.files, tree.dropped) == ({}, ("inside",))


def test_scan__hard_link_within_the_output__is_kept(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("x")
    os.link(tmp_path / "one", tmp_path / "two")
    assert set(scan_output(tmp_path).files) == {"one", "two"}


def test_scan__fifo__is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert cause_of(tmp_path) is Cause.OUTPUT_TREE_INVALID


def test_scan__socket__is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert cause_of(tmp_path) is Cause.OUTPUT_TREE_INVALID


@pytest.mark.parametrize("name", ["n" * 31, ASTRAL * 15 + "n"])
def test_scan__name_of_31_utf16_units__is_accepted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert set(scan_output(tmp_path).files) == {name}


@pytest.mark.parametrize("name", ["n" * 32, ASTRAL * 16])
def test_scan__name_of_32_utf16_units__is_too_long(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / name).touch()
    assert cause_of(tmp_path) is Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME


def test_scan__long_folder_name__is_accepted(tmp_path: Path) -> None:
    (tmp_path / ("d" * 40)).mkdir()
    assert "d" * 40 in scan_output(tmp_path).folders


def test_scan__name_that_is_not_utf8__is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).touch()
    assert cause_of(tmp_path) is Cause.OUTPUT_TREE_INVALID


def test_scan__total_size_over_the_limit__is_too_large(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"45")
    assert cause_of(tmp_path, OutputLimits(size=4)) is Cause.APP_OUTPUT_TOO_LARGE
    assert len(scan_output(tmp_path, OutputLimits(size=5)).files) == 2


def test_scan__sparse_file__counts_with_its_apparent_size(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1024**4)
    assert cause_of(tmp_path) is Cause.APP_OUTPUT_TOO_LARGE


def test_scan__entries_over_the_limit__are_too_many(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number)).mkdir()
    assert cause_of(tmp_path, OutputLimits(entries=3)) is Cause.APP_OUTPUT_TOO_LARGE


def test_scan__folders_nested_without_end__are_refused(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(70):
        folder /= "d"
        folder.mkdir()
    assert cause_of(tmp_path) is Cause.OUTPUT_TREE_INVALID


@pytest.mark.parametrize("path", ["link", "folder/file", "pipe", "missing", "real"])
def test_open__anything_but_a_regular_file__is_refused_without_blocking(
    tmp_path: Path, path: str
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real/file")
    (tmp_path / "folder").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ExecutionError) as caught, open_beneath(tmp_path, path):
        pass
    assert caught.value.cause is Cause.OUTPUT_TREE_INVALID


def test_scan__inputs_as_they_were_given__are_no_output(tmp_path: Path) -> None:
    long = "an-input-may-have-a-name-of-any-length.mp4"
    for name in (long, "changed", "linked"):
        (tmp_path / name).write_bytes(b"given")
    digest = hashlib.sha256(b"given").digest()
    given = {long: digest, "changed": digest, "linked": digest, "deleted": digest}
    (tmp_path / "changed").write_bytes(b"GIVEN")
    (tmp_path / "linked").unlink()
    (tmp_path / "linked").symlink_to(long)
    tree = scan_output(tmp_path, OutputLimits(size=5, entries=2), given)
    assert (set(tree.files), tree.dropped, tree.inputs) == ({"changed"}, ("linked",), {long})
    assert [tree.has(name) for name in (long, "changed", "linked", "deleted")] == [
        False,
        True,
        True,
        False,
    ]


def test_survey__everything_that_is_refused__is_listed_beside_what_counts(tmp_path: Path) -> None:
    (tmp_path / ("n" * 32)).touch()
    (tmp_path / ("m" * 32)).touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"\xff")).touch()
    (tmp_path / "good").write_bytes(b"123")
    folder = tmp_path
    for _ in range(66):
        folder /= "d"
        folder.mkdir()
    tree, refused = survey_output(tmp_path)
    assert "good" in tree.files
    assert sorted(error.cause for error in refused) == [
        Cause.OUTPUT_TREE_INVALID,
        Cause.OUTPUT_TREE_INVALID,
        Cause.OUTPUT_TREE_INVALID,
        Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME,
        Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME,
    ]


def test_survey__output_without_end__is_refused_once(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / str(number)).touch()
    _, refused = survey_output(tmp_path, OutputLimits(entries=3))
    assert [error.cause for error in refused] == [Cause.APP_OUTPUT_TOO_LARGE]
