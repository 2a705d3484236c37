"""What a worker does on chain, from what the chain shows: contribute, reveal, complete, clean up.

It needs no scheduler: consensus, deadlines and the end of a task are read from the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from poco.contracts import Call, Contribution, ContributionStatus, Market, Task
from poco.orders import TaskId, result_hash, result_seal
from poco.scheduler.statuses import FAILURES, ReplicateStatus
from poco.transactions import Head, TransactionQueue
from poco.worker.execution import remove_tree
from poco.worker.journal import Entry, Journal, TaskResult
from poco.worker.steps import (
    UNFINISHED,
    Action,
    ChainState,
    Step,
    contribution_key,
    next_step,
    reveal_key,
    transaction_keys,
    waits_for_upload,
)

__all__ = ["OVER", "Settlement"]

OVER = frozenset({ReplicateStatus.COMPLETED, ReplicateStatus.FAILED})
"""Nothing is left to be done, and the files are gone."""

_AGAIN_SECONDS = 5.0
_OPEN = frozenset(ReplicateStatus) - OVER
_READY = _OPEN - FAILURES - UNFINISHED


class Settlement:
    """Advances the tasks of a journal on chain; one thread at a time.

    Args:
        journal: where they are written down.
        market: acting as the worker.
        queue: sends its transactions; of the journal's database.
        workdir: the folder of `poco.worker.execution.execute`.
        clock: seconds since 1970.
        report: called with a line about each thing done.
        crash_point: called after each step that lasts, for tests that die there.
    """

    def __init__(
        self,
        journal: Journal,
        market: Market,
        queue: TransactionQueue,
        workdir: Path,
        *,
        clock: Callable[[], float],
        report: Callable[[str], None],
        crash_point: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._market = market
        self._queue = queue
        self._workdir = workdir
        self._clock = clock
        self._report = report
        self._crash_point = crash_point
        self._again: dict[str, float] = {}  # when a transaction may be stored once more

    def advance(self, head: Head, *, everything: bool) -> list[tuple[Entry, Step]]:
        """Look at the chain and do what is due there.

        Args:
            head: the block whose state is looked at.
            everything: whether to look at tasks without a stored result, too; else those are to be
                executed or uploaded, unless whoever does it finds a reason against it.

        Returns:
            The steps of all tasks that are not over; `EXECUTE` and `UPLOAD` are left to others.

        Raises:
            ChainError: the node does not answer.
        """
        entries = [entry for entry in self._journal.entries() if entry.status not in OVER]
        if not entries:
            return []
        steps = []
        seen = []
        for entry in entries:
            if everything or not (entry.status in UNFINISHED or waits_for_upload(entry)):
                seen.append(entry)
            else:
                action = Action.EXECUTE if entry.result is None else Action.UPLOAD
                steps.append((entry, Step(action)))
        states = self._look(seen, head) if seen else {}
        keys = [
            key for taskid, state in states.items() for key in transaction_keys(taskid, state.task)
        ]
        transactions = self._queue.states(keys)
        for entry in seen:
            state = states[entry.taskid]
            step = next_step(entry, state, transactions, self._clock())
            steps.append((entry, step))
            self._take(entry, step, state)
        return steps

    def _look(self, entries: list[Entry], head: Head) -> dict[TaskId, ChainState]:
        worker = self._market.account
        calls = [
            call
            for entry in entries
            for call in (
                ("viewTask", (entry.taskid,)),
                ("viewContribution", (entry.taskid, worker)),
            )
        ]
        answers = self._market.hub.at(head.number).read_all(calls)
        return {
            entry.taskid: ChainState(
                head.number,
                head.timestamp,
                Task.from_abi(answers[2 * number]),
                Contribution.from_abi(answers[2 * number + 1]),
            )
            for number, entry in enumerate(entries)
        }

    def _take(self, entry: Entry, step: Step, state: ChainState) -> None:
        match step.action:
            case Action.CONTRIBUTE:
                self._send(entry, step, contribution_key(entry.taskid), state)
            case Action.COMPLETE_IN_ONE_STEP:
                self._send(entry, step, contribution_key(entry.taskid), state)
            case Action.REVEAL:
                self._send(entry, step, reveal_key(entry.taskid, state.task.reveal_deadline), state)
            case Action.PURGE:
                self._purge(entry, step, state)
            case Action.ABANDON:
                self._record(entry, step)
            case _ if step.status is not None:
                self._record(entry, step)

    def _send(self, entry: Entry, step: Step, key: str, state: ChainState) -> None:
        """Store a transaction with the status that announces it, both or none."""
        assert entry.result is not None
        assert step.status is not None
        if self._clock() < self._again.get(key, 0.0):
            return
        self._again[key] = self._clock() + _AGAIN_SECONDS
        call, deadline = self._call(entry, entry.result, step.action, state.task)
        expected = _OPEN if step.action is Action.REVEAL else _READY
        with self._journal.writing(lasting=False) as connection:  # it lasts once it is signed
            if not self._journal.move(connection, entry.taskid, expected, step.status):
                return
            self._queue.enqueue(
                connection,
                key,
                call,
                not_after=deadline - 1,
                min_block=state.block,
                retry=step.action is Action.REVEAL,
            )
        if entry.status is not step.status:
            self._tell(entry, step.status)
        self._crash_point(f"{call.name} stored")

    def _call(
        self, entry: Entry, result: TaskResult, action: Action, task: Task
    ) -> tuple[Call[None], int]:
        hub, leave, taskid = self._market.hub, entry.assignment, entry.taskid
        if action is Action.REVEAL:
            return hub.call("reveal", taskid, result.digest), task.reveal_deadline
        enclave = (leave.enclave_challenge, result.enclave_signature, leave.authorization)
        if action is Action.COMPLETE_IN_ONE_STEP:
            done = (taskid, result.digest, entry.link, result.callback_data)
            call = hub.call("contributeAndFinalize", *done, *enclave)
        else:
            hashed = result_hash(taskid, result.digest)
            seal = result_seal(self._market.account, taskid, result.digest)
            call = hub.call("contribute", taskid, hashed, seal, *enclave)
        return call, task.contribution_deadline

    def _record(self, entry: Entry, step: Step) -> None:
        assert step.status is not None
        if entry.status is step.status:
            return
        values: dict[str, Any] = {}
        if step.cause:
            values = {"cause": step.cause, "message": step.reason}
        with self._journal.writing() as connection:
            moved = self._journal.move(
                connection, entry.taskid, {entry.status}, step.status, **values
            )
        if moved:
            self._tell(
                entry, f"{step.status}{f', {step.cause}' if step.cause else ''}", step.reason
            )
            self._crash_point(str(step.status))

    def _purge(self, entry: Entry, step: Step, state: ChainState) -> None:
        self.remove_files(entry.taskid)
        proved = state.contribution.status is ContributionStatus.PROVED
        status = ReplicateStatus.COMPLETED if proved else ReplicateStatus.FAILED
        with self._journal.writing(lasting=False) as connection:
            moved = self._journal.move(connection, entry.taskid, _OPEN, status)
        for key in transaction_keys(entry.taskid, state.task):
            self._again.pop(key, None)
        if moved:
            self._tell(entry, status, step.reason)
            self._crash_point("purged")

    def remove_files(self, taskid: TaskId) -> None:
        """Delete the folder of a task; what cannot be deleted now is reported."""
        folder = self._workdir / f"0x{taskid.hex()}"
        try:
            remove_tree(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            self._report(f"cannot delete {folder}: {error}")

    def is_spent(self, entry: Entry) -> bool:
        """Return whether nothing can come of a task any more, so that it may be forgotten."""
        if entry.status in OVER:
            return True
        key = contribution_key(entry.taskid)
        return entry.status in FAILURES and key not in self._queue.states([key])

    def effect(self, key: str) -> bool:
        """Return whether what a transaction is for is true already; see `TransactionQueue`."""
        action, taskid = key.split(":")[:2]
        found = self._market.hub.contribution(
            TaskId(bytes.fromhex(taskid.removeprefix("0x"))), self._market.account
        )
        if action == "reveal":
            return found.status is ContributionStatus.PROVED
        return found.status is not ContributionStatus.UNSET

    def _tell(self, entry: Entry, what: str, reason: str = "") -> None:
        detail = f" ({reason})" if reason else ""
        self._report(f"task 0x{entry.taskid.hex()[:8]}…: {what}{detail}")
