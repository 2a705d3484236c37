"""A sample of the random crashes; ``python -m benchmarks.faults`` tells as many as wanted."""

from __future__ import annotations

from pathlib import Path

from crash_series import play_series, story_of
from worker_stage import founded

from poco.contracts import TaskStatus


def test_series__some_random_crashes__lose_nothing(tmp_path: Path) -> None:
    with founded() as town:
        series = play_series(town, tmp_path, crashes=12)
    assert series.losses == []
    assert series.crashes.total() >= 12
    assert series.tasks.keys() == {TaskStatus.COMPLETED}


def test_story__same_seed__is_the_same() -> None:
    assert story_of(7) == story_of(7)
    assert story_of(7) != story_of(8)
