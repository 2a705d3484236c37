"""The digest workers must agree on (spec offchain §1.11 and its vectors in §1.15)."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from poco.appio import (
    Cause,
    ExecutionError,
    callback_digest,
    file_digest,
    output_digest,
    scan_output,
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
