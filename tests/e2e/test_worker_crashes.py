"""A worker that dies after any step that lasts, and starts again: nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from worker_stage import DEPOSIT, Desk, Town, finish, founded, result_store, statuses

from poco.contracts import ContributionStatus, TaskStatus
from poco.runtimes import RunResult, RunSpec, Runtime
from poco.scheduler.protocol import Assignment
from poco.scheduler.statuses import ReplicateStatus

BEGINNING = ("accepted", "started", "computing", "executed", "computed")
IN_ONE_STEP = (
    *BEGINNING,
    "uploaded",
    "link stored",
    "contributeAndFinalize stored",
    "purged",
)
IN_THREE_STEPS = (
    *BEGINNING,
    "contribute stored",
    "reveal stored",
    "RESULT_UPLOADING",
    "uploaded",
    "link stored",
    "purged",
)


class Killed(BaseException):
    """The process is gone."""


class Guillotine:
    """Kills a worker at one point, and remembers which it has passed."""

    def __init__(self, point: str = "") -> None:
        self.point = point
        self.passed: list[str] = []

    def __call__(self, name: str) -> None:
        if name not in self.passed:
            self.passed.append(name)
        if name == self.point:
            raise Killed(name)


class Watched:
    """A runtime that runs nothing for a task that is contributed already."""

    def __init__(self, runtime: Runtime, town: Town, leave: Assignment) -> None:
        self._runtime, self._town, self._leave = runtime, town, leave
        self.runs = 0

    def run(self, spec: RunSpec) -> RunResult:
        own = self._town.hub.contribution(self._leave.taskid, self._leave.worker)
        assert own.status is ContributionStatus.UNSET
        self.runs += 1
        return self._runtime.run(spec)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


@pytest.fixture(scope="module")
def one_town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def town(one_town: Town, tmp_path: Path) -> Iterator[Town]:
    snapshot = one_town.chain.request("evm_snapshot")
    with result_store(one_town, tmp_path / "results"):
        yield one_town
    assert one_town.chain.request("evm_revert", snapshot) is True


def live(town: Town, leave: Assignment, folder: Path, guillotine: Guillotine) -> Watched:
    """Work for a task until nothing more is to be done, or dead."""
    desk = Desk()
    desk.assign(leave)
    watched = Watched(town.runtimes["WASM"], town, leave)
    agent = town.agent(desk, folder, runtimes={"WASM": watched}, crash_point=guillotine)
    try:
        agent.recover()
        finish(agent)
        if town.status(leave.taskid) is TaskStatus.REVEALING:
            (entry,) = agent.journal.entries()
            assert entry.status is ReplicateStatus.RESULT_UPLOADED
            town.pool_owner.hub.finalize(leave.taskid, entry.link)
            finish(agent)
        assert statuses(agent) == {leave.taskid: ReplicateStatus.COMPLETED}
    except Killed:
        pass
    finally:
        agent.journal.close()
    return watched


QUEUE = "transaction"
PATHS = [
    *((True, point) for point in (*IN_ONE_STEP, f"{QUEUE} signed", f"{QUEUE} broadcast")),
    *((False, point) for point in IN_THREE_STEPS if point not in BEGINNING),
]


@pytest.mark.parametrize(("in_one_step", "point"), PATHS)
def test_worker__dies_and_starts_again__finishes_what_it_began(
    town: Town, tmp_path: Path, in_one_step: bool, point: str
) -> None:
    leave = town.leave(town.deal(), in_one_step=in_one_step)
    first = Guillotine(point)
    died = live(town, leave, tmp_path, first)
    assert first.passed[-1] == point
    again = live(town, leave, tmp_path, Guillotine())
    assert town.status(leave.taskid) is TaskStatus.COMPLETED
    assert died.runs + again.runs == (2 if point == "executed" else 1)
    account = town.hub.account(leave.worker)
    assert account.stake > DEPOSIT
    assert account.locked == 0


@pytest.mark.parametrize("points", [IN_ONE_STEP, IN_THREE_STEPS], ids=["one step", "three steps"])
def test_crash_points__of_the_worker__are_all_tried(
    town: Town, tmp_path: Path, points: tuple[str, ...]
) -> None:
    leave = town.leave(town.deal(), in_one_step=points is IN_ONE_STEP)
    guillotine = Guillotine()
    live(town, leave, tmp_path, guillotine)
    assert [name for name in guillotine.passed if QUEUE not in name] == list(points)


def test_worker__archive_lost_before_the_contribution__is_computed_again(
    town: Town, tmp_path: Path
) -> None:
    leave = town.leave(town.deal())
    live(town, leave, tmp_path, Guillotine("computed"))
    (archive,) = (tmp_path / "worker-0").glob("0x*/output/iexec_out.zip")
    archive.unlink()
    assert live(town, leave, tmp_path, Guillotine()).runs == 1
    assert town.status(leave.taskid) is TaskStatus.COMPLETED


def test_recovery__folders_nobody_knows__are_removed(town: Town, tmp_path: Path) -> None:
    stray = tmp_path / "worker-0" / f"0x{bytes(32).hex()}"
    stray.mkdir(parents=True)
    live(town, town.leave(town.deal()), tmp_path, Guillotine("accepted"))
    assert not stray.exists()
