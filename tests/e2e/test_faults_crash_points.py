"""Every crash point of worker, scheduler and result store: killed there, the market goes on.

Each process dies at one point of its table after the other, by SIGKILL, and starts again each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_points import (
    RESULT_STORE,
    SCHEDULER_ALONE,
    SCHEDULER_AT_LOGIN,
    SCHEDULER_AT_WORK,
    SCHEDULER_SENDING,
    WORKER_AFTER_CONSENSUS,
    WORKER_AT_THE_END,
    WORKER_IN_ONE_STEP,
    WORKER_UNTIL_CONTRIBUTION,
)
from crash_process import SCHEDULER, Story, worker
from crash_stage import play
from support.mortality import Crash
from worker_stage import Town, founded

from poco.contracts import TaskStatus


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with founded() as town:
        yield town


def dies_at(name: str, *points: str) -> dict[str, tuple[Crash, ...]]:
    return {name: tuple(map(Crash, points))}


def in_pairs(points: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Before and after one commit."""
    return [points[first : first + 2] for first in range(0, len(points), 2)]


FIRST, SECOND = worker(0), worker(1)
STORIES = {
    "worker in one step": Story(tasks=4, crashes=dies_at(FIRST, *WORKER_IN_ONE_STEP)),
    "worker until it has contributed": Story(
        trust=3,
        tasks=3,
        workers=2,
        late=(SECOND,),
        crashes=dies_at(FIRST, *WORKER_UNTIL_CONTRIBUTION),
    ),
    "worker after consensus": Story(
        tasks=10, one_step=False, crashes=dies_at(FIRST, *WORKER_AFTER_CONSENSUS)
    ),
    "worker at the end": Story(one_step=False, crashes=dies_at(FIRST, *WORKER_AT_THE_END)),
    "worker that runs apps": Story(
        wasm=True, crashes=dies_at(FIRST, "computing", "executed", "computed", "link stored")
    ),
    "scheduler before workers come": Story(
        tasks=2, late=(FIRST,), crashes=dies_at(SCHEDULER, *SCHEDULER_ALONE)
    ),
    **{
        f"scheduler as a worker comes, {number}": Story(crashes=dies_at(SCHEDULER, *points))
        for number, points in enumerate(in_pairs(SCHEDULER_AT_LOGIN))
    },
    "scheduler as it sends": Story(
        tasks=16, one_step=False, crashes=dies_at(SCHEDULER, *SCHEDULER_SENDING)
    ),
    "scheduler at work": Story(tasks=3, crashes=dies_at(SCHEDULER, *SCHEDULER_AT_WORK)),
    "result store": Story(trust=3, tasks=3, workers=2, crashes=dies_at(SCHEDULER, *RESULT_STORE)),
}


@pytest.mark.parametrize("name", STORIES)
def test_process__killed_at_each_point_in_turn__loses_nothing(
    town: Town, tmp_path: Path, name: str
) -> None:
    story = STORIES[name]
    outcome = play(town, story, tmp_path)
    assert outcome.losses == ()
    assert outcome.tasks == {TaskStatus.COMPLETED: story.tasks}
    planned = [(name, crash) for name, crashes in story.crashes.items() for crash in crashes]
    assert list(outcome.deaths) == planned


def test_crash_points__of_all_processes__are_in_the_table(town: Town, tmp_path: Path) -> None:
    outcome = play(town, Story(trust=3, tasks=2, workers=2), tmp_path)
    in_one_step = play(town, Story(), tmp_path / "one step")
    table = {
        FIRST: {
            *WORKER_IN_ONE_STEP,
            *WORKER_UNTIL_CONTRIBUTION,
            *WORKER_AFTER_CONSENSUS,
            *WORKER_AT_THE_END,
        },
        SCHEDULER: {
            *SCHEDULER_ALONE,
            *SCHEDULER_AT_LOGIN,
            *SCHEDULER_SENDING,
            *SCHEDULER_AT_WORK,
            *RESULT_STORE,
        },
    }
    for name, points in table.items():
        assert {*outcome.passed[name], *in_one_step.passed[name]} - points == set()
