"""What a worker does next with a task: a pure function of journal, chain and transactions.

The chain always wins. What it shows of the worker's own contribution decides (`_RULES`), not what
the journal hoped for, so that a crash, a lost answer or a reorganisation leads to the right step.
Two things never happen: a computation after a contribution, and a purge of what may still have to
be revealed or uploaded (spec offchain §2.5, §2.8).

::

    contribution   task        the worker
    UNSET          ACTIVE      executes, uploads (in one step only), contributes
    UNSET          later       gives up
    CONTRIBUTED    ACTIVE      waits for consensus
    CONTRIBUTED    REVEALING   reveals when consensus is on its result, else waits
    PROVED         REVEALING   uploads, then waits for the settlement
    REJECTED       any         gives up: the round was opened again, it cannot take part
    any            over        purges, once its transactions are final
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from poco.contracts import Contribution, ContributionStatus, Task, TaskStatus
from poco.orders import TaskId, result_hash
from poco.scheduler.statuses import FAILURES, ReplicateStatus
from poco.transactions import TransactionState, TransactionStatus
from poco.worker.journal import Entry, TaskResult

__all__ = [
    "KEEP_SECONDS",
    "UNFINISHED",
    "Action",
    "ChainState",
    "Step",
    "contribution_key",
    "next_step",
    "reveal_key",
    "transaction_keys",
    "waits_for_upload",
]

KEEP_SECONDS = 24 * 3600
"""How long after the final deadline everything about a task is kept."""

UNFINISHED = frozenset(
    {
        ReplicateStatus.CREATED,
        ReplicateStatus.STARTING,
        ReplicateStatus.DATA_DOWNLOADING,
        ReplicateStatus.COMPUTING,
    }
)
"""There is no result yet: a worker that starts again computes these anew."""


def waits_for_upload(entry: Entry) -> bool:
    """Return whether a result is to be stored next: whatever else there is waits for it."""
    if entry.result is None or entry.link:
        return False
    if entry.status is ReplicateStatus.COMPUTED:
        return entry.assignment.in_one_step
    return entry.status is ReplicateStatus.RESULT_UPLOADING


class Action(Enum):
    """What a worker can do with a task."""

    EXECUTE = auto()
    CONTRIBUTE = auto()
    COMPLETE_IN_ONE_STEP = auto()
    REVEAL = auto()
    UPLOAD = auto()
    WAIT = auto()
    PURGE = auto()
    ABANDON = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next.

    Args:
        action: what.
        reason: why, or what it waits for.
        status: what the journal says from now on; None leaves it.
        cause: name of what went wrong (spec appendix A), else empty.
    """

    action: Action
    reason: str = ""
    status: ReplicateStatus | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ChainState:
    """What one node says about one task after one block.

    Args:
        block: number of the block.
        time: its time, seconds since 1970.
        task: the task.
        contribution: the worker's own.
    """

    block: int
    time: int
    task: Task
    contribution: Contribution


Transactions = Mapping[str, TransactionState]


def contribution_key(taskid: TaskId) -> str:
    """Return the key of the transaction that contributes, in one step or not."""
    return f"contribute:0x{taskid.hex()}"


def reveal_key(taskid: TaskId, reveal_deadline: int) -> str:
    """Return the key of the transaction that reveals in one round of a task."""
    return f"reveal:0x{taskid.hex()}:{reveal_deadline}"


def transaction_keys(taskid: TaskId, task: Task) -> tuple[str, str]:
    """Return the keys that `next_step` looks at."""
    return contribution_key(taskid), reveal_key(taskid, task.reveal_deadline)


def next_step(entry: Entry, chain: ChainState, transactions: Transactions, now: float) -> Step:
    """Return what to do with a task. Safe to ask at any time, and to do twice.

    Args:
        entry: the journal's row.
        chain: what a node shows; read after `transactions`.
        transactions: the states of `transaction_keys`.
        now: seconds since 1970, for what is not the chain's to time.
    """
    task = chain.task
    if chain.block < entry.assignment.block:
        return Step(Action.WAIT, f"the node is behind block {entry.assignment.block}")
    if task.status is TaskStatus.UNSET:
        if now > entry.accepted_at + KEEP_SECONDS:
            return Step(Action.PURGE, "nobody opened the task")
        return Step(Action.WAIT, "the node does not know the task")
    if task.status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        return _after_end(entry, chain, transactions)
    if max(now, chain.time) > task.final_deadline + KEEP_SECONDS:
        return Step(Action.PURGE, "the final deadline is long past")
    return _RULES[chain.contribution.status](entry, chain, transactions, now)


def _after_end(entry: Entry, chain: ChainState, transactions: Transactions) -> Step:
    keys = transaction_keys(entry.taskid, chain.task)
    if not any(_is_pending(transactions.get(key)) for key in keys):
        return Step(Action.PURGE, f"the task is {chain.task.status.name}")
    done = entry.assignment.in_one_step and chain.contribution.status is ContributionStatus.PROVED
    status = ReplicateStatus.CONTRIBUTE_AND_FINALIZE_DONE if done else None
    return Step(Action.WAIT, "a block may still be undone", status)


def _before_contribution(
    entry: Entry, chain: ChainState, transactions: Transactions, now: float
) -> Step:
    task = chain.task
    if entry.status in FAILURES:
        return Step(Action.WAIT, "it was given up")
    sent = transactions.get(contribution_key(entry.taskid))
    if _is_pending(sent):
        return Step(Action.WAIT, "the contribution is under way")
    if task.status is not TaskStatus.ACTIVE:
        return _give_up(entry, "CONSENSUS_REACHED", "others agreed on a result before")
    if chain.time >= task.contribution_deadline:
        return _give_up(entry, "CONTRIBUTION_TIMEOUT", "the contribution deadline has passed")
    if entry.result is None:
        return _before_result(entry, chain, now)
    if sent is not None:
        if sent.failed:
            return _give_up(entry, "CONTRIBUTE_FAILED", sent.reason or str(sent.revert))
        return Step(Action.WAIT, "the node does not show the contribution yet")
    if not entry.assignment.in_one_step:
        return Step(Action.CONTRIBUTE, status=ReplicateStatus.CONTRIBUTING)
    if task.contributors:
        return _give_up(entry, "TASK_ALREADY_CONTRIBUTED", "somebody else contributed before")
    if not entry.link:
        return Step(Action.UPLOAD, "the result must be stored before the task is completed")
    ongoing = ReplicateStatus.CONTRIBUTE_AND_FINALIZE_ONGOING
    return Step(Action.COMPLETE_IN_ONE_STEP, status=ongoing)


def _before_result(entry: Entry, chain: ChainState, now: float) -> Step:
    task = chain.task
    needed = max(now, chain.time) + task.clock
    if entry.status is ReplicateStatus.CREATED and needed > task.contribution_deadline:
        return _give_up(
            entry,
            "NOT_ENOUGH_TIME",
            f"the category's {task.clock} s do not fit before {task.contribution_deadline}",
        )
    return Step(Action.EXECUTE)


def _before_reveal(entry: Entry, chain: ChainState, transactions: Transactions, _: float) -> Step:
    task = chain.task
    if entry.result is None:
        if entry.status in FAILURES:
            return Step(Action.WAIT, "it was given up")
        return _give_up(entry, "CONTRIBUTION_ALREADY_SET", "this account contributed before")
    if task.status is TaskStatus.ACTIVE:
        return Step(Action.WAIT, "others must contribute", ReplicateStatus.CONTRIBUTED)
    if task.consensus != result_hash(entry.taskid, entry.result.digest):
        reason = "consensus is on another result"
        return Step(Action.WAIT, reason, ReplicateStatus.REVEAL_FAILED, "CANNOT_REVEAL")
    if chain.time >= task.reveal_deadline:
        reason = f"the reveal deadline {task.reveal_deadline} has passed"
        return Step(Action.WAIT, reason, ReplicateStatus.REVEAL_FAILED, "REVEAL_TIMEOUT")
    if _is_pending(transactions.get(reveal_key(entry.taskid, task.reveal_deadline))):
        return Step(Action.WAIT, "the reveal is under way")
    return Step(Action.REVEAL, status=ReplicateStatus.REVEALING)


def _after_reveal(entry: Entry, _: ChainState, __: Transactions, ___: float) -> Step:
    if entry.result is None or entry.link:
        return Step(Action.WAIT, "the scheduler must finalize", _uploaded(entry.result))
    return Step(Action.UPLOAD, status=ReplicateStatus.RESULT_UPLOADING)


def _after_rejection(entry: Entry, _: ChainState, __: Transactions, ___: float) -> Step:
    if entry.status in FAILURES:
        return Step(Action.WAIT, "it was given up")
    return _give_up(entry, "CANNOT_REVEAL", "the round was opened again because nobody revealed")


_RULES: Mapping[ContributionStatus, Callable[[Entry, ChainState, Transactions, float], Step]] = {
    ContributionStatus.UNSET: _before_contribution,
    ContributionStatus.CONTRIBUTED: _before_reveal,
    ContributionStatus.PROVED: _after_reveal,
    ContributionStatus.REJECTED: _after_rejection,
}


def _give_up(entry: Entry, cause: str, reason: str) -> Step:
    return Step(Action.ABANDON, reason, _failure(entry.status), cause)


def _failure(status: ReplicateStatus) -> ReplicateStatus:
    """Return the failure that a status ends in (spec offchain §2.7)."""
    if status in _FAILURE_OF:
        return _FAILURE_OF[status]
    return ReplicateStatus.ABORTED


_FAILURE_OF: Mapping[ReplicateStatus, ReplicateStatus] = {
    ReplicateStatus.CREATED: ReplicateStatus.START_FAILED,
    ReplicateStatus.CONTRIBUTING: ReplicateStatus.CONTRIBUTE_FAILED,
    ReplicateStatus.CONTRIBUTE_AND_FINALIZE_ONGOING: (
        ReplicateStatus.CONTRIBUTE_AND_FINALIZE_FAILED
    ),
    ReplicateStatus.CONTRIBUTED: ReplicateStatus.REVEAL_FAILED,
    ReplicateStatus.REVEALING: ReplicateStatus.REVEAL_FAILED,
}


def _uploaded(result: TaskResult | None) -> ReplicateStatus | None:
    return None if result is None else ReplicateStatus.RESULT_UPLOADED


def _is_pending(state: TransactionState | None) -> bool:
    """Return whether a transaction may still have an effect, or lose the one it has."""
    final = (TransactionStatus.CONFIRMED, TransactionStatus.FAILED)
    return state is not None and state.status not in final
