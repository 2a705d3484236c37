"""Durations of the last tasks, whatever came before them."""

from __future__ import annotations

from poco.worker.durations import WINDOW, Durations, Statistics


def test_statistics__of_nothing__are_zero() -> None:
    assert set(Durations().statistics().values()) == {Statistics()}


def test_statistics__more_tasks_than_count__are_of_the_last() -> None:
    durations = Durations()
    durations.add(1e6, 1e6, 1e6)
    for _ in range(WINDOW - 1):
        durations.add(1.0, 2.0, 3.0)
    durations.add(3.0, 4.0, 5.0)
    found = durations.statistics()
    assert found["appCompute"] == Statistics(WINDOW, 2.0, 4.0, 2.0 + 2.0 / WINDOW)
    assert found["completeCompute"] == Statistics(WINDOW, 6.0, 12.0, 6.0 + 6.0 / WINDOW)
