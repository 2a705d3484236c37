"""Bodies of requests that are too large to hold, or come from people who are in no hurry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from poco.web import HttpError

__all__ = ["PATIENCE_SECONDS", "pieces", "whole"]

PATIENCE_SECONDS = 60.0
"""Longest silence of a sender."""

_PIECE_BYTES = 1024 * 1024
_SLOWEST_BYTES_PER_SECOND = 16 * 1024


async def pieces(request: Request, patience: float) -> AsyncIterator[bytes]:
    """Yield a body in pieces of about a MiB; what came is yielded before anything is raised.

    Args:
        request: its body was not read yet.
        patience: longest silence, and how late it may be at 16 KiB/s; seconds.

    Raises:
        HttpError: 408, the sender is silent or too slow.
    """
    begun, size, buffer = time.monotonic(), 0, bytearray()
    stream, fault = aiter(request.stream()), None
    while fault is None:
        try:
            async with asyncio.timeout(patience):
                piece = await anext(stream, None)
        except (TimeoutError, ClientDisconnect) as error:
            fault = error
            break
        if piece is None:
            break
        buffer += piece
        size += len(piece)
        if time.monotonic() > begun + patience + size / _SLOWEST_BYTES_PER_SECOND:
            fault = TimeoutError()
        if len(buffer) >= _PIECE_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
    if fault is not None:
        raise HttpError(
            HTTPStatus.REQUEST_TIMEOUT,
            "an upload may not pause, nor be too slow",
            remedy="go on where it stopped",
        ) from fault


async def whole(request: Request, limit: int, patience: float) -> bytes:
    """Return a body.

    Args:
        request: its body was not read yet.
        limit: bytes that it may have.
        patience: see `pieces`.

    Raises:
        HttpError: 408, see `pieces`; 413, it is longer.
    """
    body = bytearray()
    async for piece in pieces(request, patience):
        body += piece
        if len(body) > limit:
            raise HttpError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {limit} bytes", field="body"
            )
    return bytes(body)
