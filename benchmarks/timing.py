"""Timing side by side: what is compared runs in turns, so that a busy machine slows all alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median

__all__ = ["seconds_per_call"]


def seconds_per_call(
    candidates: Mapping[str, Callable[[], object]], *, rounds: int, calls: int = 1
) -> dict[str, float]:
    """Time functions in turns.

    Args:
        candidates: functions by name.
        rounds: how often each has its turn.
        calls: how much work one call does, to divide its time by.

    Returns:
        Median over the rounds, in seconds per unit of work, by name.
    """
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            gc.collect()
            begin = time.perf_counter()
            candidate()
            taken[name].append(time.perf_counter() - begin)
    return {name: median(values) / calls for name, values in taken.items()}
