"""Watching a task that does not move."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from poco.cli.watching import Doubts
from poco.errors import PeerError

TASK: Any = SimpleNamespace(taskid=bytes(32), is_over=False)
DONE: Any = SimpleNamespace(taskid=bytes(32), is_over=True)


class Case:
    """Somebody who watches, and a scheduler that gives reasons."""

    def __init__(self, *reasons: str | Exception) -> None:
        self.said: list[str] = []
        self.asked = 0
        self._reasons = iter(reasons)
        self.doubts = Doubts(self._ask, self.said.append, lambda _: None)
        self.doubts.note(DONE, TASK)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.doubts.wait(1.0)

    def _ask(self, _: object) -> str:
        self.asked += 1
        reason = next(self._reasons)
        if isinstance(reason, Exception):
            raise reason
        return reason


def test_watch__nothing_changes_for_a_while__tells_why() -> None:
    case = Case("no worker runs such apps")
    case.wait(4)
    assert case.asked == 0
    case.wait(1)
    assert case.said == ["task 0x00000000… waits: no worker runs such apps"]


def test_watch__same_reason_with_less_time__is_told_once() -> None:
    case = Case("free in 100 s", "free in 95 s", "all is lost")
    case.wait(15)
    assert [line.partition("waits: ")[2] for line in case.said] == ["free in 100 s", "all is lost"]


def test_watch__something_changes__is_patient_again() -> None:
    case = Case("late")
    case.wait(4)
    case.doubts.note(TASK)
    case.wait(4)
    assert case.asked == 0


@pytest.mark.parametrize("reason", ["", PeerError("the scheduler is away")], ids=["none", "away"])
def test_watch__nobody_says_why__goes_on_in_silence(reason: str | Exception) -> None:
    case = Case(reason)
    case.wait(5)
    assert (case.asked, case.said) == (1, [])


def test_watch__all_tasks_are_over__asks_nobody() -> None:
    case = Case()
    case.doubts.note(DONE)
    case.wait(20)
    assert case.asked == 0
