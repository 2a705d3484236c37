"""A market whose scheduler and workers are processes that die, and start again, as a story says."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_process import PAUSE_SECONDS, SCHEDULER, Part, Story, enact, open_results, worker
from scheduler_stage import purchase
from support.mortality import Crash
from witness import Witness
from worker_stage import Town

from poco.contracts import Deal, TaskStatus
from poco.worker.settlement import OVER

_PATIENCE_SECONDS = 150.0
_LAST_STEP_SECONDS = 1.0

_processes = multiprocessing.get_context("forkserver")
# Children are forks of a process that has imported all that takes long.
_processes.set_forkserver_preload(["poco.worker.agent", "poco.scheduler.endpoint", "poco.market"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a story.

    Args:
        deaths: who died where, in order.
        passed: the points that each process passed.
        tasks: how they ended.
        runs: of apps.
        reverted: transactions that were mined in vain.
        seconds: that it took.
        losses: what must never happen, in words.
    """

    deaths: tuple[tuple[str, Crash], ...]
    passed: Mapping[str, Counter[str]]
    tasks: Counter[TaskStatus]
    runs: int
    reverted: int
    seconds: float
    losses: tuple[str, ...]


class Troupe:
    """The processes of one story: killed ones start again."""

    def __init__(self, town: Town, story: Story, folder: Path) -> None:
        self._town, self._story, self._folder = town, story, folder
        self._book = folder / "book.json"
        town.market.book.write(self._book)
        self._port = free_port()
        self._plans = {
            name: list(story.crashes.get(name, ()))
            for name in (SCHEDULER, *map(worker, range(story.workers)))
        }
        assert self._plans.keys() >= story.crashes.keys()
        self._living: dict[str, tuple[Any, Crash | None]] = {}
        self.deaths: list[tuple[str, Crash]] = []

    def start(self) -> None:
        """Start all processes but those that are late."""
        for name in self._plans:
            if name not in self._story.late:
                self.enter(name)

    def enter(self, name: str) -> None:
        """Start a process."""
        plan = self._plans[name]
        crash = plan.pop(0) if plan else None
        town = self._town
        pool = town.offer.workerpool.workerpool
        part = Part(
            name, town.chain.url, self._book, self._folder, self._port, pool, self._story, crash
        )
        process = _processes.Process(target=enact, args=(part,), daemon=True)
        process.start()
        self._living[name] = process, crash

    def leave(self, name: str) -> None:
        """Kill a process; it does not start again by itself."""
        process, _ = self._living.pop(name)
        process.kill()
        process.join()

    def revive(self) -> None:
        """Start those again that died where they should."""
        for name, (process, crash) in list(self._living.items()):
            if process.is_alive():
                continue
            assert process.exitcode == -signal.SIGKILL, f"{name} ended: {self.told()}"
            assert crash is not None
            self.deaths.append((name, crash))
            self.enter(name)
        if not any(crash for _, crash in self._living.values()):
            for name in set(self._story.late) - self._living.keys():
                self.enter(name)

    def dead(self) -> list[str]:
        """Those that have died and are not started again yet."""
        return [name for name, (process, _) in self._living.items() if not process.is_alive()]

    def is_dying(self) -> bool:
        """Whether somebody who is to die does so now, at its last step."""
        end = time.monotonic() + _LAST_STEP_SECONDS
        while any(crash for _, crash in self._living.values()) and time.monotonic() < end:
            if self.dead():
                return True
            time.sleep(PAUSE_SECONDS)
        return False

    def is_at_rest(self) -> bool:
        """Whether scheduler and workers have put everything aside."""
        statuses = [
            status
            for name in self._plans
            for status in self._ask(f"{name}/worker.sqlite", "select status from tasks_local")
        ]
        is_over = self._ask("scheduler.sqlite", "select is_over from tasks")
        return all(is_over) and all(status in OVER for status in statuses)

    def end(self) -> None:
        """Kill all processes."""
        for process, _ in self._living.values():
            process.kill()
        for process, _ in self._living.values():
            process.join()

    def passed(self) -> dict[str, Counter[str]]:
        """The points that processes passed, in all their lives."""
        files = {name: self._folder / f"{name}.points" for name in self._plans}
        return {
            name: Counter(file.read_text().splitlines()) if file.exists() else Counter()
            for name, file in files.items()
        }

    def told(self) -> str:
        """What the processes said, for a test that fails."""
        logs = sorted(self._folder.glob("*.log"))
        texts = [f"--- {log.stem}\n{log.read_text()}" for log in logs]
        return "\n".join([f"died: {self.deaths}", *texts])

    def _ask(self, database: str, question: str) -> list[Any]:
        path = self._folder / database
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            try:
                return [value for (value,) in connection.execute(question)]
            except sqlite3.OperationalError:  # it has no tables yet
                return []


def play(town: Town, story: Story, folder: Path) -> Outcome:
    """Play a story to its end; the market is as before afterwards.

    Args:
        town: the market, without any open task.
        story: what happens.
        folder: empty, for its files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    snapshot = town.chain.request("evm_snapshot")
    try:
        return _tell(town, story, folder)
    finally:
        assert town.chain.request("evm_revert", snapshot) is True


def _tell(town: Town, story: Story, folder: Path) -> Outcome:
    witness = Witness(town, range(story.workers), folder / "runs")
    begun = time.monotonic()
    deal, _ = purchase(town, trust=story.trust, volume=story.tasks)
    troupe = Troupe(town, story, folder)
    losses: list[str] = []
    troupe.start()
    try:
        if not _comes_to_rest(town, deal, troupe):
            losses.append(f"it does not come to an end: {troupe.told()}")
    finally:
        troupe.end()
    seconds = time.monotonic() - begun
    losses += witness.losses([deal], open_results(town.market, folder, lambda _: None))
    return Outcome(
        deaths=tuple(troupe.deaths),
        passed=troupe.passed(),
        tasks=Counter(task.status for task in town.hub.tasks(deal.dealid).values()),
        runs=witness.runs,
        reverted=witness.reverted(),
        seconds=seconds,
        losses=tuple(losses),
    )


def _comes_to_rest(town: Town, deal: Deal, troupe: Troupe) -> bool:
    end = time.monotonic() + _PATIENCE_SECONDS
    over = (TaskStatus.COMPLETED, TaskStatus.FAILED)
    while time.monotonic() < end:
        statuses = [task.status for task in town.hub.tasks(deal.dealid).values()]
        is_over = all(status in over for status in statuses)
        if is_over and troupe.is_at_rest() and not troupe.is_dying():
            return True
        troupe.revive()
        time.sleep(PAUSE_SECONDS)
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
