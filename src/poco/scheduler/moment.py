"""The time as a scheduler counts it: that of the wall, and that of the chain."""

from __future__ import annotations

import time
from collections.abc import Callable

from poco.scheduler.watcher import Head

__all__ = ["Moment"]


class Moment:
    """What time it is. The chain's time decides about deadlines.

    Args:
        clock: seconds since 1970.

    Attributes:
        head: end of the chain as it was seen last; None before.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.wall = clock
        self.head: Head | None = None

    def observe(self, head: Head) -> None:
        """Note the end of the chain."""
        self.head = head

    def height(self) -> int:
        """Return the number of the last block that was seen."""
        return self.head.number if self.head else 0

    def now(self) -> int:
        """Return the time of the next block at the least: a chain at rest keeps an old one."""
        return max(int(self.wall()), self.head.timestamp if self.head else 0)
