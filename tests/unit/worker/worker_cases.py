"""Tasks, contributions and journal rows to ask the worker's pure functions about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from poco.contracts import Contribution, ContributionStatus, Task, TaskStatus
from poco.market import development_account
from poco.orders import ZERO_ADDRESS, DealId, result_hash, task_id
from poco.scheduler.protocol import Assignment
from poco.scheduler.statuses import ReplicateStatus
from poco.worker.journal import Entry, TaskResult
from poco.worker.steps import ChainState

WORKER = development_account(5).address
OTHER = development_account(6).address
CLOCK, START = 300, 1_000_000
CONTRIBUTION_DEADLINE, REVEAL_DEADLINE = START + 7 * CLOCK, START + 5 * CLOCK
FINAL_DEADLINE = START + 10 * CLOCK
DEAL = DealId(keccak(b"deal"))
TASK = task_id(DEAL, 7)
DIGEST = keccak(b"digest")
RESULT = TaskResult(DIGEST, b"", Path("iexec_out.zip"), keccak(b"zip"), 3)
LEAVE = Assignment(
    TASK, DEAL, 7, WORKER, bytes(range(65)), False, block=10, results_url="http://results"
)
IN_ONE_STEP = replace(LEAVE, in_one_step=True)


def task(status: TaskStatus = TaskStatus.ACTIVE, **changes: Any) -> Task:
    """A task that just became ACTIVE, or is in another status."""
    values: dict[str, Any] = {
        "status": status,
        "dealid": DEAL,
        "index": 7,
        "clock": CLOCK,
        "contribution_deadline": CONTRIBUTION_DEADLINE,
        "reveal_deadline": 0,
        "final_deadline": FINAL_DEADLINE,
        "consensus": bytes(32),
        "reveal_counter": 0,
        "winner_counter": 0,
        "contributors": (),
        "digest": bytes(32),
        "results": b"",
        "results_timestamp": 0,
        "results_callback": b"",
    }
    if status is TaskStatus.REVEALING:
        values |= {"consensus": result_hash(TASK, DIGEST), "reveal_deadline": REVEAL_DEADLINE}
    return Task(**values | changes)


def chain(
    status: TaskStatus = TaskStatus.ACTIVE,
    contribution: ContributionStatus = ContributionStatus.UNSET,
    *,
    block: int = 10,
    time: int = START,
    **changes: Any,
) -> ChainState:
    """What a node shows."""
    own = Contribution(contribution, bytes(32), bytes(32), ZERO_ADDRESS, 1)
    return ChainState(block, time, task(status, **changes), own)


def entry(
    status: ReplicateStatus = ReplicateStatus.CREATED,
    leave: Assignment = LEAVE,
    **changes: Any,
) -> Entry:
    """A row of the journal."""
    return Entry(leave, status, START, **changes)
