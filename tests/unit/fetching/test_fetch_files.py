"""Fetching: what arrives, how long and how large it may be, and what is tried again."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from scripted_server import CAUSE, Server, Worker, reply

from poco.appio import Cause, ExecutionError
from poco.fetching import Fetcher, FetchPolicy

CONTENT = b"name,age\nada,36\n"
SHA256 = hashlib.sha256(CONTENT).digest()


def broken_off(length: int, **headers: str) -> object:
    """Promise the whole content, send its beginning and hang up."""
    whole = {"Content_Length": str(len(CONTENT)), **headers}
    return reply(CONTENT[:length], **whole)


def resumed(start: int) -> object:
    return reply(CONTENT[start:], 206, Content_Range=f"bytes {start}-15/16")


# WHAT ARRIVES


@pytest.mark.parametrize("content", [CONTENT, b"", b"x" * 300_000], ids=["short", "empty", "long"])
def test_fetch__file__is_written_hashed_and_measured(
    server: Server, worker: Worker, content: bytes
) -> None:
    file = worker.fetch(server.on("/data.csv", reply(content)))
    assert worker.content == content
    assert file.path == worker.folder / "file"
    assert (file.sha256, file.size) == (hashlib.sha256(content).digest(), len(content))
    assert [path.name for path in worker.folder.iterdir()] == ["file"]
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_fetch__link_at_the_target__is_replaced_not_followed(
    server: Server, worker: Worker, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (worker.folder / "file").symlink_to(precious)
    worker.fetch(server.on("/data.csv", reply(CONTENT)))
    assert precious.read_bytes() == b"precious"
    assert worker.content == CONTENT


def test_fetch__packed_content__is_kept_as_it_comes(server: Server, worker: Worker) -> None:
    bomb = gzip.compress(bytes(1_000_000))
    file = worker.fetch(server.on("/zeros", reply(bomb, Content_Encoding="gzip")))
    assert file.size == len(bomb)
    assert server.asked("Accept-Encoding") == ["identity"]


def test_fetch__without_length__ends_with_the_connection(server: Server, worker: Worker) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(CONTENT)

    assert worker.fetch(server.on("/stream", answer)).sha256 == SHA256


def test_fetch__progress__counts_bytes(server: Server, worker: Worker) -> None:
    seen: list[tuple[int, int | None]] = []
    url = server.on("/big", reply(bytes(200_000)))
    worker.fetcher.fetch(
        url, worker.folder / "file", cause=CAUSE, progress=lambda *at: seen.append(at)
    )
    assert seen[-1] == (200_000, 200_000)
    assert seen == sorted(seen)


def test_fetch__proxy_in_the_environment__is_not_used(
    server: Server, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert worker.fetch(server.on("/data.csv", reply(CONTENT))).sha256 == SHA256


def test_fetch__folder_missing__names_the_reason(server: Server, worker: Worker) -> None:
    with pytest.raises(ExecutionError, match="cannot be written: No such file") as caught:
        worker.fetcher.fetch(
            server.on("/data.csv", reply(CONTENT)), worker.folder / "no" / "file", cause=CAUSE
        )
    assert not caught.value.permanent


# CHECKSUMS


@pytest.mark.parametrize("checksum", [None, b"", bytes(32), SHA256])
def test_fetch__checksum_that_holds_or_is_none__is_fine(
    server: Server, worker: Worker, checksum: bytes | None
) -> None:
    worker.fetch(server.on("/data.csv", reply(CONTENT)), checksum=checksum)


@pytest.mark.parametrize(
    ("cause", "reported"),
    [
        (Cause.DATASET_FILE_DOWNLOAD_FAILED, Cause.DATASET_FILE_BAD_CHECKSUM),
        (Cause.APP_IMAGE_DOWNLOAD_FAILED, Cause.APP_IMAGE_BAD_CHECKSUM),
        (Cause.INPUT_FILES_DOWNLOAD_FAILED, Cause.INPUT_FILES_DOWNLOAD_FAILED),
    ],
)
def test_fetch__other_checksum__fails_for_every_worker(
    server: Server, worker: Worker, cause: Cause, reported: Cause
) -> None:
    with pytest.raises(ExecutionError, match=f"must have the SHA-256 0x{'11' * 32}") as caught:
        worker.fetch(
            server.on("/data.csv", reply(CONTENT)), cause=cause, checksum=bytes([0x11] * 32)
        )
    assert (caught.value.cause, caught.value.permanent) == (reported, True)
    assert not list(worker.folder.iterdir())


# LIMITS


def test_fetch__announced_longer_than_allowed__is_not_even_read(
    server: Server, worker: Worker
) -> None:
    worker.policy = FetchPolicy(allow_private=True, max_bytes=15)
    with pytest.raises(ExecutionError, match="may have 15 bytes") as caught:
        worker.fetch(server.on("/data.csv", reply(b"", Content_Length="16")))
    assert (caught.value.cause, caught.value.permanent) == (Cause.INPUT_TOO_LARGE, True)


def test_fetch__longer_than_allowed_without_announcement__is_cut_off(
    server: Server, worker: Worker
) -> None:
    def long(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            for _ in range(1000):
                request.wfile.write(bytes(65536))
        except OSError:
            return

    worker.policy = FetchPolicy(allow_private=True, max_bytes=1_000_000)
    with pytest.raises(ExecutionError, match="may have 1000000 bytes"):
        worker.fetch(server.on("/long", long))
    assert not list(worker.folder.iterdir())


def test_fetch__app_too_large__keeps_the_cause_of_apps(server: Server, worker: Worker) -> None:
    with pytest.raises(ExecutionError, match="may have 3 bytes") as caught:
        worker.fetcher.fetch(
            server.on("/app.wasm", reply(CONTENT)),
            worker.folder / "file",
            cause=Cause.APP_IMAGE_DOWNLOAD_FAILED,
            max_bytes=3,
        )
    assert caught.value.cause is Cause.APP_IMAGE_DOWNLOAD_FAILED


def test_fetch_all__files__are_fetched_once_each(server: Server, worker: Worker) -> None:
    urls = [server.on("/a", reply(b"a")), server.on("/b", reply(b"bb")), server.url + "/a"]
    files = worker.fetcher.fetch_all(urls, worker.folder)
    assert {url: file.path.read_bytes() for url, file in files.items()} == {
        urls[0]: b"a",
        urls[1]: b"bb",
    }
    assert len(server.requests) == 2


def test_fetch_all__sum_too_large__is_refused(server: Server, worker: Worker) -> None:
    worker.policy = FetchPolicy(allow_private=True, max_total_bytes=30)
    urls = [server.on(path, reply(CONTENT)) for path in ("/a", "/b")]
    with pytest.raises(ExecutionError, match=r"/b.*may have 14 bytes") as caught:
        worker.fetcher.fetch_all(urls, worker.folder)
    assert caught.value.cause is Cause.INPUT_TOO_LARGE


def test_fetch__silent_server__is_given_up(server: Server, worker: Worker) -> None:
    worker.policy = FetchPolicy(allow_private=True, stall_seconds=0.05, retries=1)
    with pytest.raises(ExecutionError, match="timed out") as caught:
        worker.fetch(server.on("/silent", lambda request: time.sleep(0.3)))
    assert not caught.value.permanent


@pytest.mark.parametrize("where", ["headers", "body"])
def test_fetch__dripping_server__is_cut_off_at_the_deadline(
    server: Server, worker: Worker, where: str
) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        if where == "body":
            request.send_response(200)
            request.end_headers()
        try:
            for letter in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 100:
                request.wfile.write(bytes([letter]))
                time.sleep(0.02)
        except OSError:
            return

    worker.policy = FetchPolicy(allow_private=True, total_seconds=0.2)
    start = time.monotonic()
    with pytest.raises(ExecutionError, match="must come in time") as caught:
        worker.fetch(server.on("/drip", drip))
    assert time.monotonic() - start < 15  # all of it takes 22 s
    assert not caught.value.permanent
    assert len(server.requests) == 1


def test_fetch__silent_server__is_not_waited_for_beyond_the_deadline(
    server: Server, worker: Worker
) -> None:
    worker.policy = FetchPolicy(allow_private=True, total_seconds=0.1, stall_seconds=60)
    gone = threading.Event()
    start = time.monotonic()
    with pytest.raises(ExecutionError, match="must come in time"):
        worker.fetch(server.on("/silent", lambda request: gone.wait(30)))
    gone.set()
    assert time.monotonic() - start < 15


def test_fetch__deadline_of_the_task__ends_it_before_the_policy_does(
    server: Server, worker: Worker
) -> None:
    with pytest.raises(ExecutionError, match="must come in time"):
        worker.fetcher.fetch(
            server.on("/data.csv", reply(CONTENT)),
            worker.folder / "file",
            cause=CAUSE,
            deadline=time.monotonic(),
        )
    assert not server.requests


# WHAT IS TRIED AGAIN


@pytest.mark.parametrize("status", [403, 404, 410])
def test_fetch__file_that_is_gone__fails_at_once_for_every_worker(
    server: Server, worker: Worker, status: int
) -> None:
    with pytest.raises(ExecutionError, match=f"status {status}") as caught:
        worker.fetch(server.on("/data.csv", reply(status=status)))
    assert (caught.value.cause, caught.value.permanent) == (CAUSE, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [204, 304, 400, 401])
def test_fetch__other_refusal__fails_at_once_for_this_worker(
    server: Server, worker: Worker, status: int
) -> None:
    with pytest.raises(ExecutionError, match=f"status {status}") as caught:
        worker.fetch(server.on("/data.csv", reply(status=status)))
    assert not caught.value.permanent
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_fetch__busy_server__is_asked_four_times_with_growing_pauses(
    server: Server, worker: Worker, status: int
) -> None:
    with pytest.raises(ExecutionError, match=f"status {status}") as caught:
        worker.fetch(server.on("/data.csv", reply(status=status)))
    assert not caught.value.permanent
    assert len(server.requests) == 4
    assert worker.sleeps == [1, 2, 4]


def test_fetch__server_that_recovers__gives_the_file(server: Server, worker: Worker) -> None:
    worker.fetch(server.on("/data.csv", reply(status=503), reply(CONTENT)))
    assert worker.content == CONTENT


def test_fetch__no_server__may_work_for_another_worker(worker: Worker) -> None:
    with pytest.raises(ExecutionError, match="cannot be downloaded") as caught:
        worker.fetch("http://127.0.0.1:1/data.csv")
    assert not caught.value.permanent
    assert worker.sleeps == [1, 2, 4]


def test_fetch__no_http__may_work_for_another_worker(server: Server, worker: Worker) -> None:
    url = server.on("/data.csv", lambda request: request.wfile.write(b"220 mail ready\r\n\r\n"))
    with pytest.raises(ExecutionError, match="cannot be downloaded") as caught:
        worker.fetch(url)
    assert not caught.value.permanent


@pytest.mark.parametrize("validator", [{"ETag": '"v1"'}, {"Last_Modified": "Sat, 01 Jan 2000"}])
def test_fetch__broken_off__is_resumed(
    server: Server, worker: Worker, validator: dict[str, str]
) -> None:
    file = worker.fetch(server.on("/data.csv", broken_off(5, **validator), resumed(5)))
    assert (worker.content, file.sha256) == (CONTENT, SHA256)
    assert server.asked("Range") == [None, "bytes=5-"]
    assert server.asked("If-Range") == [None, *validator.values()]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}], ids=["no_tag", "weak_tag"])
def test_fetch__broken_off_without_strong_validator__starts_again(
    server: Server, worker: Worker, headers: dict[str, str]
) -> None:
    worker.fetch(server.on("/data.csv", broken_off(5, **headers), reply(CONTENT)))
    assert worker.content == CONTENT
    assert server.asked("Range") == [None, None]


def test_fetch__file_changed_meanwhile__starts_again(server: Server, worker: Worker) -> None:
    worker.fetch(server.on("/data.csv", broken_off(5, ETag='"v1"'), reply(b"other", ETag='"v2"')))
    assert worker.content == b"other"


@pytest.mark.parametrize("wrong", [resumed(3), reply(status=416)], ids=["other_place", "416"])
def test_fetch__server_that_cannot_resume__starts_again(
    server: Server, worker: Worker, wrong: object
) -> None:
    worker.fetch(server.on("/data.csv", broken_off(5, ETag='"v1"'), wrong, reply(CONTENT)))
    assert worker.content == CONTENT
    assert server.asked("Range") == [None, "bytes=5-", None]


# MEMORY


def test_fetch__100_megabytes__need_little_memory(server: Server, tmp_path: Path) -> None:
    """Measured in a process of its own, as growth of its peak while the file comes."""
    script = """
import resource, sys
from pathlib import Path
from poco.appio import Cause
from poco.fetching import Fetcher, FetchPolicy
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fetcher = Fetcher(FetchPolicy(allow_private=True))
before = peak()
file = fetcher.fetch(sys.argv[1], Path(sys.argv[2]), cause=Cause.INPUT_FILES_DOWNLOAD_FAILED)
print(file.size, peak() - before)
"""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(100):
            request.wfile.write(bytes(1_000_000))

    command = [sys.executable, "-c", script, server.on("/big", answer), str(tmp_path / "big")]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    size, growth_kib = map(int, done.stdout.split())
    assert size == 100_000_000
    assert growth_kib < 16 * 1024


def test_fetcher__by_default__reaches_public_addresses_only(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="public address"):
        Fetcher().fetch(server.on("/a", reply()), tmp_path / "file", cause=CAUSE)
    assert not server.requests
