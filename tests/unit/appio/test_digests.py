"""The digest workers must agree on (spec offchain §1.11 and its vectors in §1.15)."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from poco.appio import (
    Cause,
    ExecutionError,
    callback_digest,
    declared_digest,
    file_digest,
    output_digest,
    scan_output,
    tree_digest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "b.txt").write_bytes(b"beta\n")
    (tmp_path / "result" / "a.txt").write_bytes(b"alpha\n")
    return tmp_path


def test_file_digest__vector(tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert output_digest(scan_output(tmp_path), "hello").hex() == (
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    )


def test_file_digest__empty_file__is_sha256_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert output_digest(scan_output(tmp_path), "empty").hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_folder_digest__vector_and_its_children(folder: Path) -> None:
    tree = scan_output(folder)
    assert [file_digest(tree, f"result/{name}").hex() for name in ("a.txt", "b.txt")] == [
        "b6a98d9ce9a2d9149288fa3df42d377c3e42737afdcdaf714e33c0a100b51060",
        "f2c82decdd7181cf98945929a62598db7e6b477e11f6e0eb0ae97020eff151ad",
    ]
    assert output_digest(tree, "result").hex() == (
        "5d4f61e0cc308f642c6c3ef737e23ec0383545b9ea4a4bee9c901c8fa16dbe04"
    )


def test_folder_digest__subfolders_and_links__add_nothing(folder: Path) -> None:
    before = output_digest(scan_output(folder), "result")
    (folder / "result" / "sub").mkdir()
    (folder / "result" / "sub" / "c.txt").write_bytes(b"gamma\n")
    (folder / "result" / "aa").symlink_to("/etc/hostname")
    assert output_digest(scan_output(folder), "result") == before


def test_folder_digest__order__is_that_of_utf16_names(tmp_path: Path) -> None:
    astral, private = "\U00010000", "\ue000"  # UTF-16 sorts the astral one first, UTF-8 last
    (tmp_path / astral).write_bytes(b"1")
    (tmp_path / private).write_bytes(b"2")
    tree = scan_output(tmp_path)
    assert output_digest(tree, "") == keccak(file_digest(tree, astral) + file_digest(tree, private))


def test_folder_digest__no_direct_file__is_refused(tmp_path: Path) -> None:
    (tmp_path / "result" / "sub").mkdir(parents=True)
    (tmp_path / "result" / "sub" / "file").touch()
    with pytest.raises(ExecutionError, match="deterministic output folder is empty") as caught:
        output_digest(scan_output(tmp_path), "result")
    assert caught.value.cause is Cause.DETERMINISM_HASH_NOT_FOUND


@pytest.mark.parametrize("path", ["missing", "link", "link/hosts"])
def test_output_digest__missing_or_linked_path__is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(ExecutionError, match="must be a file or folder that the app wrote"):
        output_digest(scan_output(tmp_path), path)


def test_callback_digest__vector() -> None:
    assert callback_digest((1).to_bytes(32, "big")).hex() == (
        "b10e2d527612073b26eecdfd717e6a320cf44b4afac2b0732d9fcbe2b7fa0cf6"
    )


# --- tree-v1 ---


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def test_tree_digest__folder__binds_every_path_and_file(folder: Path) -> None:
    (folder / "result" / "sub").mkdir()
    (folder / "result" / "sub" / "c").write_bytes(b"gamma\n")
    assert tree_digest(scan_output(folder), "result") == keccak(
        b"tree-v1"
        + b"".join(
            sha256(name) + sha256(content)
            for name, content in [
                (b"a.txt", b"alpha\n"),
                (b"b.txt", b"beta\n"),
                (b"sub/c", b"gamma\n"),
            ]
        )
    )


def test_tree_digest__the_two_holes_of_the_network_digest__are_closed(folder: Path) -> None:
    def digests() -> tuple[bytes, bytes]:
        tree = scan_output(folder)
        return output_digest(tree, "result"), tree_digest(tree, "result")

    before = digests()
    (folder / "result" / "b.txt").rename(folder / "result" / "c.txt")
    renamed = digests()
    (folder / "result" / "sub").mkdir()
    (folder / "result" / "sub" / "more").touch()
    nested = digests()
    assert before[0] == renamed[0] == nested[0]
    assert len({before[1], renamed[1], nested[1]}) == 3


def test_tree_digest__whole_output__does_not_depend_on_where_it_lies(folder: Path) -> None:
    inner = scan_output(folder / "result")
    assert tree_digest(inner, "") == tree_digest(scan_output(folder), "result")


def test_tree_digest__single_file__goes_by_its_own_name(folder: Path) -> None:
    assert tree_digest(scan_output(folder), "result/a.txt") == keccak(
        b"tree-v1" + sha256(b"a.txt") + sha256(b"alpha\n")
    )


@pytest.mark.parametrize("path", ["missing", "empty"])
def test_tree_digest__nothing_there__is_a_failure(folder: Path, path: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(ExecutionError) as caught:
        tree_digest(scan_output(folder), path)
    assert caught.value.cause is Cause.DETERMINISM_HASH_NOT_FOUND


# --- determinism.iexec ---


def declared(content: bytes) -> bytes:
    return declared_digest(io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]


@given(st.binary(min_size=32, max_size=32), st.booleans(), st.booleans(), st.booleans())
def test_declared__32_bytes_in_hex__are_the_digest(
    digest: bytes, prefix: bool, newline: bool, upper: bool
) -> None:
    text = digest.hex().upper() if upper else digest.hex()
    assert declared((b"0x" * prefix) + text.encode() + (b"\n" * newline)) == digest


@given(st.binary(min_size=1).filter(lambda content: len(content) != 32))
def test_declared__other_hex__stands_for_its_bytes(content: bytes) -> None:
    assert declared(content.hex().encode()) == sha256(content)


@pytest.mark.parametrize(
    "content",
    [
        b"faces: 3\n",
        b"abc",
        b"0x",
        b"0x0x12",
        b"12\n\n",
        b" 12",
        b"12\r\n",
        b"\n",
        b"\xff\xfe",
        b"0X12",
    ],
)
def test_declared__anything_else__stands_for_itself(content: bytes) -> None:
    assert declared(content) == sha256(content)


@pytest.mark.parametrize("size", [2**19 - 1, 2**19, 2**19 + 1])
@pytest.mark.parametrize("frame", [(b"", b""), (b"0x", b"\n")])
def test_declared__large_hex__is_read_in_pieces(size: int, frame: tuple[bytes, bytes]) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert declared(frame[0] + content.hex().encode() + frame[1]) == sha256(content)
