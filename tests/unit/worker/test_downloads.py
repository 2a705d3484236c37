"""Downloads: what a requester may make a worker fetch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from poco.appio import Cause, ExecutionError
from poco.http_server import FileServer, serve_files
from poco.worker.downloads import Downloads

CAUSE = Cause.INPUT_FILES_DOWNLOAD_FAILED
LOCAL = Downloads(allow_local=True)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileServer]:
    path = tmp_path / "data.csv"
    path.write_bytes(b"hello\n")
    names = {"data.csv": path, "with space.csv": path, "gone.csv": tmp_path / "gone"}
    with serve_files(names) as server:
        yield server


@pytest.mark.parametrize("name", ["data.csv", "with space.csv"])
def test_fetch__file__is_written_and_hashed(files: FileServer, tmp_path: Path, name: str) -> None:
    digest = LOCAL.fetch(files.url_of(name), tmp_path / "copy", CAUSE)
    assert (tmp_path / "copy").read_bytes() == b"hello\n"
    assert digest == hashlib.sha256(b"hello\n").digest()


@pytest.mark.parametrize("name", ["unknown", "gone.csv", "folder/data.csv"])
def test_fetch__not_there__fails_for_every_worker(
    files: FileServer, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ExecutionError, match="status 404") as caught:
        LOCAL.fetch(files.url_of(name), tmp_path / "copy", CAUSE)
    assert caught.value.cause is CAUSE
    assert caught.value.permanent


def test_fetch__no_server__may_work_for_another_worker(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="cannot be downloaded") as caught:
        LOCAL.fetch("http://127.0.0.1:1/data.csv", tmp_path / "copy", CAUSE)
    assert not caught.value.permanent


def test_fetch__longer_than_allowed__fails_for_every_worker(
    files: FileServer, tmp_path: Path
) -> None:
    with pytest.raises(ExecutionError, match="may have 5 bytes") as caught:
        Downloads(allow_local=True, max_bytes=5).fetch(
            files.url_of("data.csv"), tmp_path / "copy", CAUSE
        )
    assert caught.value.permanent


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "data.csv", "http://"])
def test_fetch__other_scheme__is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ExecutionError, match="begin with http") as caught:
        LOCAL.fetch(url, tmp_path / "copy", CAUSE)
    assert caught.value.permanent


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]"])
def test_fetch__address_that_is_not_public__is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(ExecutionError, match="public address"):
        Downloads().fetch(f"http://{host}:1/data.csv", tmp_path / "copy", CAUSE)


def test_fetch__name_that_resolves_anew_to_a_local_address__is_refused(
    files: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Downloads, "_check_host", lambda *_: None)
    with pytest.raises(ExecutionError, match="public address"):
        Downloads().fetch(files.url_of("data.csv"), tmp_path / "copy", CAUSE)
    assert not (tmp_path / "copy").exists()
