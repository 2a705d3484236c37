"""What a scheduler does about a task, state by state."""

from __future__ import annotations

import pytest

from poco.contracts import Task, TaskStatus
from poco.orders import DealId
from poco.scheduler import Action, Deadlines, next_action

DEADLINES = Deadlines.of(1000, 300)
EARLY, LATE, OVER = 1001, 3100, 4000


def task(status: TaskStatus, *, winners: int = 0, reveals: int = 0, until: int = 0) -> Task:
    return Task(
        status, DealId(bytes(32)), 0, 300, 3100, until, 4000, bytes(32), reveals, winners,
        (), bytes(32), b"", 0, b"",
    )  # fmt: skip


def test_deadlines__of_a_deal__are_7_and_10_clocks_from_its_start() -> None:
    assert Deadlines(3100, 4000) == DEADLINES


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (EARLY, Action.INITIALIZE),
        (LATE - 1, Action.INITIALIZE),
        (LATE, Action.WAIT),
        (OVER - 1, Action.WAIT),
        (OVER, Action.INITIALIZE_AND_CLAIM),
    ],
)
def test_unset__by_time__is_opened_left_or_claimed(now: int, expected: Action) -> None:
    assert next_action(task(TaskStatus.UNSET), DEADLINES, now, has_archive=False) is expected


@pytest.mark.parametrize(("now", "expected"), [(EARLY, Action.WAIT), (OVER, Action.CLAIM)])
def test_active__by_time__waits_or_is_claimed(now: int, expected: Action) -> None:
    assert next_action(task(TaskStatus.ACTIVE), DEADLINES, now, has_archive=True) is expected


@pytest.mark.parametrize(
    ("reveals", "now", "has_archive", "expected"),
    [
        (2, EARLY, True, Action.FINALIZE),
        (2, EARLY, False, Action.WAIT),
        (1, 1999, True, Action.WAIT),
        (1, 2000, True, Action.FINALIZE),
        (0, 1999, False, Action.WAIT),
        (0, 2000, False, Action.REOPEN),
        (0, LATE, False, Action.WAIT),
        (2, OVER, True, Action.CLAIM),
    ],
)
def test_revealing__two_winners__follows_reveals_time_and_archive(
    reveals: int, now: int, has_archive: bool, expected: Action
) -> None:
    state = task(TaskStatus.REVEALING, winners=2, reveals=reveals, until=2000)
    assert next_action(state, DEADLINES, now, has_archive=has_archive) is expected


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.FAILED])
def test_over__at_any_time__is_done(status: TaskStatus) -> None:
    assert next_action(task(status), DEADLINES, OVER, has_archive=False) is Action.DONE
