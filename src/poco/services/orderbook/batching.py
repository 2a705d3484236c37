"""Orders that arrive while others are written are written together, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from poco.services.orderbook.book import Orderbook
from poco.services.orderbook.publishing import Submission

__all__ = ["Publisher"]


class Publisher:
    """Publishes orders for the handlers of one event loop.

    Args:
        book: the book.
    """

    def __init__(self, book: Orderbook) -> None:
        self._book = book
        self._waiting: list[tuple[Submission, asyncio.Future[dict[str, Any]]]] = []
        self._task: asyncio.Task[None] | None = None

    async def publish(self, submission: Submission) -> dict[str, Any]:
        """Publish an order and return its record.

        Raises:
            RefusedError: why not.
        """
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((submission, future))
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            results: Sequence[dict[str, Any] | Exception]
            try:
                results = await asyncio.to_thread(
                    self._book.publish, [submission for submission, _ in batch]
                )
            except Exception as error:
                results = [error] * len(batch)
            for (_, future), result in zip(batch, results, strict=True):
                if future.cancelled():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._task = None
