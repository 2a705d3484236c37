"""Lanes: how many tasks at a time, one thread for a task, pauses after failures."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from worker_cases import LEAVE, entry

from poco.errors import PeerError
from poco.orders import TaskId
from poco.worker.journal import Entry
from poco.worker.lanes import Lanes

FIRST, SECOND, THIRD = (
    entry(leave=replace(LEAVE, taskid=TaskId(bytes(31) + bytes([number])))) for number in range(3)
)


class Bench:
    """Two lanes whose work a test holds up, or lets fail."""

    def __init__(self) -> None:
        self.now = 0.0
        self.begun: list[Entry] = []
        self.told: list[str] = []
        self.go = threading.Event()
        self.fault: Exception | None = None
        self.done = threading.Semaphore(0)
        self.lanes = Lanes(
            "upload",
            2,
            self.work,
            done=lambda _: self.done.release(),
            report=self.told.append,
            clock=lambda: self.now,
        )

    def work(self, entry: Entry) -> None:
        self.begun.append(entry)
        self.go.wait(5)
        if self.fault is not None:
            raise self.fault


def test_offer__all_lanes_taken__waits_for_a_free_one() -> None:
    bench = Bench()
    assert [bench.lanes.offer(task) for task in (FIRST, SECOND, THIRD)] == [True, True, False]
    bench.go.set()
    bench.done.acquire()
    assert bench.lanes.offer(THIRD)


def test_offer__task_under_way__is_not_worked_for_twice() -> None:
    bench = Bench()
    assert [bench.lanes.offer(FIRST), bench.lanes.offer(FIRST)] == [True, False]
    bench.go.set()
    bench.lanes.join(5)
    assert bench.begun == [FIRST]


@pytest.mark.parametrize(("failures", "pause"), [(1, 1), (2, 2), (3, 4), (7, 60), (9, 60)])
def test_work__fails_again__pauses_twice_as_long(failures: int, pause: float) -> None:
    bench = Bench()
    bench.go.set()
    bench.fault = PeerError("the store does not answer")
    for _ in range(failures):
        bench.lanes.run(FIRST)
    assert set(bench.told) == {"upload of task 0x00000000…: the store does not answer"}
    bench.now = pause - 0.5
    assert not bench.lanes.offer(FIRST)
    bench.now = pause
    assert bench.lanes.offer(FIRST)


def test_work__fails_unexpectedly__is_told_and_outlived() -> None:
    bench = Bench()
    bench.go.set()
    bench.fault = ZeroDivisionError("oops")
    bench.lanes.run(FIRST)
    assert bench.told == ["upload of task 0x00000000…: unexpected ZeroDivisionError: oops"]


def test_work__succeeds_after_failures__forgets_the_pause() -> None:
    bench = Bench()
    bench.go.set()
    bench.fault = PeerError("down")
    bench.lanes.run(FIRST)
    bench.fault = None
    bench.lanes.run(FIRST)
    assert bench.lanes.offer(FIRST)
