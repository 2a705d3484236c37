"""What services that are not trusted answer does not fill the memory."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from poco.peers import peer_client
from poco.web import serving

MOST = 1000


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    app = FastAPI()

    @app.get("/asked")
    def asked(request: Request) -> Response:
        return Response(request.headers["accept-encoding"])

    @app.get("/zeros")
    def zeros(size: int) -> Response:
        return Response(bytes(size))

    @app.get("/bomb")
    def bomb() -> Response:
        packed = gzip.compress(gzip.compress(bytes(10**6)))
        return Response(packed, headers={"Content-Encoding": "gzip, gzip"})

    with serving(app) as url:
        yield url


def test_peer__is_asked_not_to_compress(peer: str) -> None:
    with peer_client(MOST) as client:
        assert client.get(f"{peer}/asked").text == "identity"


def test_peer__that_compresses_all_the_same__is_not_unpacked(peer: str) -> None:
    with peer_client(MOST) as client, pytest.raises(httpx.DecodingError, match="not be compressed"):
        client.get(f"{peer}/bomb")


def test_peer__answers_as_long_as_they_may_be__are_read_whole(peer: str) -> None:
    with peer_client(MOST) as client:
        assert client.get(f"{peer}/zeros?size={MOST}").content == bytes(MOST)


def test_peer__longer_answer__is_not_read_to_its_end(peer: str) -> None:
    with (
        peer_client(MOST) as client,
        pytest.raises(httpx.DecodingError, match="more than 1000 bytes"),
        client.stream("GET", f"{peer}/zeros?size=100000") as answer,
    ):
        assert sum(map(len, answer.iter_bytes())) <= MOST


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host",
        "http://[::1",
        "http://host:port",
        "http://..",
        f"http://{'a' * 300}.example",
        "http://xn--a",
        "http://host/\ud800",
        "http://a\r\nb",
        f"http://host/{'a' * 70_000}",
    ],
)
def test_peer__url_that_cannot_be_one__is_an_http_error(url: str) -> None:
    with peer_client(MOST) as client, pytest.raises(httpx.UnsupportedProtocol):
        client.get(url)
