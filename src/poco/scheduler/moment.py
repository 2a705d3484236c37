"""The time as a scheduler counts it: that of the wall, and that of the chain."""

from __future__ import annotations

import time
from collections.abc import Callable

from poco.scheduler.watcher import Head

__all__ = ["Moment"]


class Moment:
    """What time it is. The chain's time decides about deadlines.

    Where blocks come by themselves, it is the time of the newest one and what has passed since it
    was seen first: a clock of the host that is wrong does no harm. Elsewhere a chain at rest keeps
    an old time, and the clock tells the time of the next block.

    Args:
        clock: seconds since 1970.
        has_steady_blocks: whether blocks come by themselves.
        ticks: seconds, never going back.

    Attributes:
        head: end of the chain as it was seen last; None before.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        has_steady_blocks: bool = False,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wall = clock
        self.head: Head | None = None
        self._has_steady_blocks = has_steady_blocks
        self._ticks = ticks
        self._seen = ticks()

    def observe(self, head: Head) -> None:
        """Note the end of the chain."""
        if self.head is None or head.hash != self.head.hash:
            self._seen = self._ticks()
        self.head = head

    def height(self) -> int:
        """Return the number of the last block that was seen."""
        return self.head.number if self.head else 0

    def now(self) -> int:
        """Return the time of the next block at the least, seconds since 1970."""
        if self._has_steady_blocks and self.head is not None:
            return self.head.timestamp + int(self._ticks() - self._seen)
        return max(int(self.wall()), self.head.timestamp if self.head else 0)
