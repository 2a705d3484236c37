"""Uploads of people who mean harm, and lines that break."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import random
import resource
import socket
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from results_stage import Shop, make_archive

from poco.errors import PeerError
from poco.services.results import Quotas, ResultsClient, sign_upload
from poco.web import serving

if TYPE_CHECKING:
    from results_stage import Archive, Town

COMPUTED = '{"deterministic-output-path": "/iexec_out/result"}'


@pytest.fixture
def shop(town: Town, tmp_path: Path, quotas: Quotas) -> Any:
    """A store that loses patience soon."""
    shop = Shop(town, tmp_path, quotas, patience=0.5)
    with serving(shop.app) as url:
        shop.url = url
        shop.client = ResultsClient(url, pause=0.01)
        yield shop


def headers(town: Town, taskid: bytes, archive: Archive, **changes: str) -> dict[str, str]:
    """What a worker says of its archive."""
    sha256 = hashlib.sha256(archive.path.read_bytes()).digest()
    leave = town.leave("worker_1", taskid)
    return {
        "Authorization": f"0x{sign_upload(town.keys['worker_1'], taskid, sha256).hex()}",
        "Digest": f"sha-256={base64.b64encode(sha256).decode()}",
        "X-Poco-Result-Digest": f"0x{archive.digest.hex()}",
        "X-Poco-Authorization": f"0x{leave.authorization.hex()}",
    } | changes


def nothing_left(shop: Shop) -> bool:
    catalog = shop.results.catalog
    return not (shop.left() or catalog.records() or catalog.uploads() or catalog.usage()[0])


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


# ARCHIVES


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "result/" * 300])
def test_archive__name_that_leads_elsewhere__is_refused(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path, name: str
) -> None:
    evil = zipped(tmp_path / "evil.zip", {name: b"x", "computed.json": COMPUTED.encode()})
    with pytest.raises(PeerError, match="must follow the app contract"):
        shop.upload("worker_1", town.task(), replace(archive, path=evil))
    assert nothing_left(shop)
    assert not list(tmp_path.rglob("evil.txt"))


def test_archive__bomb__is_refused_in_little_memory(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open("result/zeros", "w", force_zip64=True) as entry:
            for _ in range(100):
                entry.write(bytes(1024 * 1024))
        packed.writestr("computed.json", COMPUTED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PeerError, match="digest of the archive is"):  # honest, but another result
        shop.upload("worker_1", town.task(), replace(archive, path=bomb))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024  # KiB
    assert nothing_left(shop)


def test_archive__directory_of_millions__does_not_take_the_memory(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    entry = b"PK\x01\x02" + bytes(24) + b"\x01\x00" + bytes(16) + b"x"
    directory = entry * 200_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2
    end += len(directory).to_bytes(4, "little") + bytes(4) + bytes(2)
    (tmp_path / "many.zip").write_bytes(directory + end)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many = replace(archive, path=tmp_path / "many.zip")
    with pytest.raises(PeerError, match="archive"):
        shop.upload("worker_1", town.task(), many)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert nothing_left(shop)


@pytest.mark.parametrize("content", [b"x", b"PK\x05\x06" + bytes(18), b"\x00" * 5000])
def test_archive__that_is_none__is_refused(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "odd.zip").write_bytes(content)
    with pytest.raises(PeerError, match="archive"):
        shop.upload("worker_1", town.task(), replace(archive, path=tmp_path / "odd.zip"))
    assert nothing_left(shop)


# HEADERS


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Authorization", "", 401),
        ("Authorization", "0x" + "11" * 65, 401),
        ("Authorization", "Bearer token", 400),
        ("Digest", "md5=abc", 400),
        ("Digest", "sha-256=!", 400),
        ("X-Poco-Result-Digest", "0x12", 400),
        ("X-Poco-Authorization", "0x" + "00" * 5000, 400),
        ("X-Poco-Authorization", "0x", 401),
        ("X-Poco-Enclave", "0x12", 400),
        ("Content-Range", "bytes 5-4/10", 400),
        ("Content-Range", "bytes 0-10/10", 400),
        ("Content-Range", "everything", 400),
        ("Content-Range", "bytes */99999999999999", 413),
        ("Content-Range", "bytes 7-8/9", 409),
    ],
)
def test_upload__header_that_lies__is_refused(
    town: Town, shop: Shop, archive: Archive, header: str, value: str, status: int
) -> None:
    taskid = town.task()
    said = headers(town, taskid, archive, **{header: value})
    answer = httpx.put(f"{shop.url}/v2/results/0x{taskid.hex()}", headers=said, content=b"ab")
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


def test_upload__other_bytes_than_announced__are_deleted(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    content = archive.path.read_bytes()[:-1] + b"!"
    answer = httpx.put(
        f"{shop.url}/v2/results/0x{taskid.hex()}",
        headers=headers(town, taskid, archive),
        content=content,
    )
    assert answer.status_code == 422
    assert "SHA-256 of the archive is" in answer.json()["error"]
    assert nothing_left(shop)


def test_upload__without_length__is_refused(town: Town, shop: Shop, archive: Archive) -> None:
    taskid = town.task()
    answer = httpx.put(
        f"{shop.url}/v2/results/0x{taskid.hex()}",
        headers=headers(town, taskid, archive),
        content=iter([b"a", b"b"]),
    )
    assert answer.status_code == 400
    assert "how long it is" in answer.json()["error"]


def test_upload__longer_than_it_said__is_413(town: Town, shop: Shop, archive: Archive) -> None:
    taskid = town.task()
    answer = httpx.put(
        f"{shop.url}/v2/results/0x{taskid.hex()}",
        headers=headers(town, taskid, archive, **{"Content-Range": "bytes 0-9/10"}),
        content=b"x" * 11,
    )
    assert answer.status_code == 413


# LINES


def begin(shop: Shop, taskid: bytes, said: dict[str, str], part: bytes) -> socket.socket:
    """Send the head of an upload and a part of its body; the line stays open."""
    place = urlsplit(shop.url)
    line = socket.create_connection((place.hostname, place.port), timeout=10)
    head = f"PUT /v2/results/0x{taskid.hex()} HTTP/1.1\r\nHost: {place.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in said.items())
    line.sendall(head.encode() + b"\r\n" + part)
    return line


def offset(shop: Shop, taskid: bytes, said: dict[str, str], size: int) -> int:
    answer = httpx.put(
        f"{shop.url}/v2/results/0x{taskid.hex()}",
        headers=said | {"Content-Range": f"bytes */{size}"},
    )
    assert answer.status_code == 202, answer.text
    return answer.json()["offset"]


@pytest.fixture
def large(tmp_path: Path) -> Archive:
    """An archive of two megabytes."""
    noise = random.Random(1).randbytes(2 * 1024**2)
    return make_archive(tmp_path / "large", {"result/noise": noise})


def broken(shop: Shop, taskid: bytes, said: dict[str, str], content: bytes) -> None:
    """Upload most of an archive, and break the line."""
    length = {"Content-Length": str(len(content))}
    line = begin(shop, taskid, said | length, content[:-1000])
    wait_for(lambda: sum(part.stat().st_size for part in (shop.folder / "uploads").iterdir()))
    line.close()


def test_upload__line_breaks__goes_on_where_it_stopped(
    town: Town, shop: Shop, large: Archive
) -> None:
    taskid = town.task()
    content = large.path.read_bytes()
    said = headers(town, taskid, large)
    broken(shop, taskid, said, content)
    here = wait_for(lambda: offset(shop, taskid, said, len(content)))
    assert 1024**2 <= here < len(content)
    part = {"Content-Range": f"bytes {here}-{len(content) - 1}/{len(content)}"}
    answer = httpx.put(
        f"{shop.url}/v2/results/0x{taskid.hex()}", headers=said | part, content=content[here:]
    )
    assert answer.status_code == 201
    assert shop.client.find(taskid, large.digest) == answer.content


def test_upload__client__goes_on_by_itself(town: Town, shop: Shop, large: Archive) -> None:
    taskid = town.task()
    content = large.path.read_bytes()
    said = headers(town, taskid, large)
    broken(shop, taskid, said, content)
    assert wait_for(lambda: offset(shop, taskid, said, len(content))) > 0
    assert json.loads(shop.upload("worker_1", taskid, large))["storage"] == "ipfs"


def test_upload__falls_silent__is_ended_and_can_go_on(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    content = archive.path.read_bytes()
    said = headers(town, taskid, archive)
    line = begin(shop, taskid, said | {"Content-Length": str(len(content))}, content[:50])
    answer = http.client.HTTPResponse(line)
    answer.begin()
    assert answer.status == 408
    line.close()
    assert offset(shop, taskid, said, len(content)) == 50


def test_upload__two_lines_at_a_time__are_one_too_many(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    content = archive.path.read_bytes()
    said = headers(town, taskid, archive)
    line = begin(shop, taskid, said | {"Content-Length": str(len(content))}, content[:50])
    part = shop.folder / "uploads"
    wait_for(lambda: next(part.iterdir(), None))
    answer = httpx.put(
        f"{shop.url}/v2/results/0x{taskid.hex()}",
        headers=said | {"Content-Range": f"bytes */{len(content)}"},
    )
    assert answer.status_code == 409
    assert "one connection at a time" in answer.json()["error"]
    line.close()


def test_upload__another_archive_of_the_worker__replaces_what_is_under_way(
    town: Town, shop: Shop, large: Archive, tmp_path: Path
) -> None:
    taskid = town.task()
    said = headers(town, taskid, large)
    broken(shop, taskid, said, large.path.read_bytes())
    other = make_archive(tmp_path / "other", {"result/b": b"beta"})
    shop.upload("worker_1", taskid, other)
    assert shop.left() == []
    assert shop.results.catalog.uploads() == []


def wait_for(look: Any) -> Any:
    """Look again and again, until there is something."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except AssertionError:
            pass
        time.sleep(0.01)
    raise AssertionError("it did not come")


@pytest.mark.parametrize("offset", [-1, 10**9, "many", None])
def test_upload__store_that_has_more_than_there_is__is_refused(
    offset: Any, town: Town, shop: Shop, archive: Archive
) -> None:
    app = FastAPI()

    @app.put("/v2/results/{task}")
    def upload(request: Request) -> Response:
        is_question = request.headers["content-range"].startswith("bytes */")
        return JSONResponse({"offset": offset}, 202 if is_question else 409)

    with serving(app) as url:
        shop.client.close()
        shop.client = ResultsClient(url)
        with pytest.raises(PeerError, match="must say how much of the archive it has"):
            shop.upload("worker_1", town.task(), archive)
