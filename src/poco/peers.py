"""Ask services that are not trusted: their answers are bounded, whatever they claim to be.

Nothing is unpacked on the way: a few bytes that were compressed twice fill all memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from poco.appio.untrusted_json import parse_object

__all__ = ["json_object", "peer_client"]


def peer_client(most: int, **options: Any) -> httpx.Client:
    """Return a client whose answers are of a limited length, and not compressed.

    An answer that is longer or compressed raises `httpx.DecodingError`, a URL that cannot be one
    `httpx.UnsupportedProtocol`; both are an `httpx.HTTPError`.

    Args:
        most: bytes of an answer.
        options: of `httpx.Client`.
    """

    def bound(answer: httpx.Response) -> None:
        if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise httpx.DecodingError("an answer must not be compressed")
        assert isinstance(answer.stream, httpx.SyncByteStream)
        answer.stream = _Bounded(answer.stream, most)

    headers = {"Accept-Encoding": "identity"}
    return _PeerClient(headers=headers, event_hooks={"response": [bound]}, **options)


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object that an answer holds.

    Raises:
        ValueError: it holds none, or one that nests too deep.
    """
    return parse_object(answer.content.decode())


class _PeerClient(httpx.Client):
    """A client for URLs that strangers have named."""

    def build_request(self, *args: Any, **options: Any) -> httpx.Request:
        with _possible_url():
            return super().build_request(*args, **options)

    def send(self, *args: Any, **options: Any) -> httpx.Response:
        with _possible_url():
            return super().send(*args, **options)


@contextmanager
def _possible_url() -> Iterator[None]:
    try:
        yield
    except (httpx.InvalidURL, UnicodeError) as error:  # the latter of hosts that are no names
        raise httpx.UnsupportedProtocol(f"the URL is malformed: {error}") from error


class _Bounded(httpx.SyncByteStream):
    """A body that may not be longer than it should be."""

    def __init__(self, stream: httpx.SyncByteStream, most: int) -> None:
        self._stream = stream
        self._most = most

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if size > self._most:
                raise httpx.DecodingError(f"more than {self._most} bytes")
            yield piece

    def close(self) -> None:
        self._stream.close()
