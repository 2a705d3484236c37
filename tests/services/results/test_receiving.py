"""Bodies of people who are in no hurry."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from poco.services.results.receiving import pieces
from poco.web import HttpError


def received(patience: float, seconds: float) -> tuple[bytes, int]:
    """Read from a sender who rests after each KiB; return what came, and the status."""

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": bytes(1024), "more_body": True}

    async def read() -> tuple[bytes, int]:
        came = b""
        try:
            async for piece in pieces(Request({"type": "http"}, receive), patience):
                came += piece
        except HttpError as error:
            return came, int(error.status)
        pytest.fail("it never ends")

    return asyncio.run(read())


def test_pieces__sender_who_never_pauses_long_but_is_slow__is_ended_with_what_came() -> None:
    came, status = received(patience=0.3, seconds=0.1)  # 10 KiB/s
    assert status == 408
    assert len(came) > 3 * 1024


def test_pieces__silent_sender__is_ended() -> None:
    assert received(patience=0.01, seconds=1.0) == (b"", 408)
