"""Live updates: what changes in the book, told to whoever listens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

__all__ = ["Feed"]

_HEARTBEAT_SECONDS = 15.0
_MAX_WAITING = 1_000


class Feed:
    """Listeners by topic. Any thread may tell; listeners belong to event loops.

    Args:
        max_listeners: how many may listen at once.
    """

    def __init__(self, max_listeners: int = 1_000) -> None:
        self._max_listeners = max_listeners
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Queue[str | None], tuple[str, asyncio.AbstractEventLoop]] = {}

    def tell(self, topic: str, name: str, data: Any) -> None:
        """Tell the listeners of a topic, ``orders`` or ``deals``, what happened."""
        with self._lock:
            listeners = list(self._listeners.items())
        text = f"event: {name}\ndata: {json.dumps(data)}\n\n"
        for queue, (wanted, loop) in listeners:
            if wanted == topic:
                with contextlib.suppress(RuntimeError):  # its loop has ended
                    loop.call_soon_threadsafe(_put, queue, text)

    def has_room(self) -> bool:
        """Return whether one more may listen."""
        return len(self._listeners) < self._max_listeners

    async def listen(self, topic: str) -> AsyncIterator[str]:
        """Yield events as server-sent events say them, and a comment when nothing happens.

        A listener that is too slow is disconnected: it reads the book again and reconnects.
        """
        queue: asyncio.Queue[str | None] = asyncio.Queue(_MAX_WAITING + 1)
        with self._lock:
            self._listeners[queue] = (topic, asyncio.get_running_loop())
        try:
            yield ": listening\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    text = ": nothing new\n\n"
                if text is None:
                    return
                yield text
        finally:
            with self._lock:
                del self._listeners[queue]


def _put(queue: asyncio.Queue[str | None], text: str) -> None:
    if queue.qsize() < _MAX_WAITING:
        queue.put_nowait(text)
    elif not queue.full():
        queue.put_nowait(None)
