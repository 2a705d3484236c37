"""How long the last tasks took, stage by stage (spec offchain §2.10)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["WINDOW", "Durations", "Statistics"]

WINDOW = 1_000
"""Tasks that count."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of a stage of the tasks in the window; times in seconds, 0 without any task."""

    count: int = 0
    shortest: float = 0.0
    longest: float = 0.0
    average: float = 0.0


class Durations:
    """Remembers the durations of the last tasks. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: deque[tuple[float, float, float]] = deque(maxlen=WINDOW)

    def add(self, before: float, app: float, after: float) -> None:
        """Count a task.

        Args:
            before: what came before its app ran, seconds.
            app: how long that ran, seconds.
            after: what came after it, seconds.
        """
        with self._lock:
            self._tasks.append((before, app, after))

    def statistics(self) -> Mapping[str, Statistics]:
        """Return how long each stage took, and all together, by the names of the original."""
        with self._lock:
            tasks = list(self._tasks)
        return {
            "preCompute": _statistics([before for before, _, _ in tasks]),
            "appCompute": _statistics([app for _, app, _ in tasks]),
            "postCompute": _statistics([after for _, _, after in tasks]),
            "completeCompute": _statistics([sum(task) for task in tasks]),
        }


def _statistics(values: list[float]) -> Statistics:
    if not values:
        return Statistics()
    return Statistics(len(values), min(values), max(values), sum(values) / len(values))
