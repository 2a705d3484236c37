"""The scheduler's archives: checked, kept once, found again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from poco import appio
from poco.errors import ConfigurationError, PeerError
from poco.orders import TaskId
from poco.scheduler import ResultStore

TASK = TaskId(bytes([7]) * 32)


def archive(folder: Path, result: str, log: str = "") -> bytes:
    output = folder / f"out-{result}-{log}"
    output.mkdir(parents=True)
    (output / "result.txt").write_text(result)
    (output / "stdout.txt").write_text(log)
    (output / "computed.json").write_text('{"deterministic-output-path": "/iexec_out/result.txt"}')
    target = folder / f"{result}-{log}.zip"
    appio.write_archive(appio.scan_output(output), target)
    return target.read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "store")


def keep(store: ResultStore, content: bytes) -> bytes:
    received = store.receive(io.BytesIO(content), len(content))
    return store.keep(TASK, received).sha256


def test_store__same_result_again__keeps_the_first_archive(
    store: ResultStore, tmp_path: Path
) -> None:
    first, second = archive(tmp_path, "a", "one"), archive(tmp_path, "a", "two")
    assert keep(store, first) == keep(store, second)
    assert len(list((tmp_path / "store").iterdir())) == 1


def test_store__another_result__is_kept_beside_it(store: ResultStore, tmp_path: Path) -> None:
    contents = [archive(tmp_path, name) for name in ("a", "b")]
    digests = [store.receive(io.BytesIO(c), len(c)).content.digest for c in contents]
    for content in contents:
        keep(store, content)
    found = [store.get(TASK, digest) for digest in digests]
    assert [stored and stored.path.read_bytes() for stored in found] == contents


def test_store__new_process__finds_what_was_kept(store: ResultStore, tmp_path: Path) -> None:
    content = archive(tmp_path, "a")
    digest = store.receive(io.BytesIO(content), len(content)).content.digest
    sha256 = keep(store, content)
    again = ResultStore(tmp_path / "store").get(TASK, digest)
    assert again is not None
    assert (again.sha256, again.content.digest) == (sha256, digest)


@pytest.mark.parametrize(
    ("content", "size", "words"),
    [
        (b"no zip", 6, "must follow the app contract"),
        (b"", 10, "ended early"),
        (b"", 3 * 1024**3, "may have 2147483648 bytes"),
    ],
)
def test_store__bad_upload__is_refused_and_leaves_nothing(
    store: ResultStore, tmp_path: Path, content: bytes, size: int, words: str
) -> None:
    with pytest.raises(PeerError, match=words):
        store.receive(io.BytesIO(content), size)
    assert list((tmp_path / "store").iterdir()) == []


def test_store__folder_is_a_file__is_an_error_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        ResultStore(tmp_path / "file" / "store")
