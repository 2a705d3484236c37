"""What a task waits for: who may call what now, and until when (spec contracts §4)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from poco.appio import Cause, error_text
from poco.contracts import ContributionStatus, Deal, Task, TaskStatus
from poco.explain.consensus import Vote, tally, wanted
from poco.explain.model import Finding
from poco.explain.wording import amount, hexed, moment, span
from poco.market.reports import TaskReport
from poco.orders import TaskId

__all__ = ["TaskFacts", "clock_line", "failure_of", "next_step", "step"]

FINAL_CLOCKS, CONTRIBUTION_CLOCKS = 10, 7
"""Clocks of the category from the deal to the final deadline, and to the last contribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What is known of a task.

    Args:
        taskid: the task.
        index: its index in the request.
        task: what the hub says.
        deal: its deal.
        clock: time reference of the deal's category, seconds.
        now: time of the chain, seconds.
        votes: contributions in their order.
        report: what the scheduler says; None when it was not asked or does not know.
        silence: why the scheduler was not heard; empty when it was.
    """

    taskid: TaskId
    index: int
    task: Task
    deal: Deal
    clock: int
    now: int
    votes: tuple[Vote, ...] = ()
    report: TaskReport | None = None
    silence: str = ""

    @property
    def contribution_deadline(self) -> int:
        """Last time to contribute, known also before the task is opened."""
        return self.deal.start_time + CONTRIBUTION_CLOCKS * self.clock

    @property
    def final_deadline(self) -> int:
        """From then on anybody may claim."""
        return self.deal.start_time + FINAL_CLOCKS * self.clock


def clock_line(deadline: int, now: int) -> str:
    """Return a deadline as a time, and how far it is."""
    left = deadline - now
    return f"{moment(deadline)} ({f'in {span(left)}' if left > 0 else f'{span(left)} ago'})"


def next_step(facts: TaskFacts) -> Finding:
    """Return what has to happen next, who may do it, and the command."""
    task, now = facts.task, facts.now
    if task.status is TaskStatus.COMPLETED:
        cause = failure_of(task)
        return step(
            "completed",
            f"the app failed on the workers alike: {cause}; everybody is paid"
            if cause
            else "the result is on chain and everybody is paid",
            "§4.8",
            ("requester",),
            "download the result",
            f"poco task show {hexed(facts.taskid)} --download",
        )
    if task.status is TaskStatus.FAILED:
        return step(
            "claimed",
            "it was claimed after its final deadline, the price went back to who paid",
            "§4.10",
            ("requester",),
            "buy again, perhaps from another pool",
            f"poco app run {facts.deal.app.pointer}",
        )
    if now >= facts.final_deadline:
        return _claim(facts)
    if task.status is TaskStatus.REVEALING:
        return _reveal(facts)
    if now >= facts.contribution_deadline:
        return step(
            "claim",
            "contributions have ended without consensus: nothing can happen until the final "
            "deadline",
            "§4.3, §4.10",
            ("anybody",),
            f"wait until {clock_line(facts.final_deadline, now)}, then claim: the price goes back",
            _claim_command(facts),
            field="task.contributionDeadline",
            allowed=moment(facts.contribution_deadline),
            actual=moment(now),
        )
    return _initialize(facts) if task.status is TaskStatus.UNSET else _contribute(facts)


def failure_of(task: Task) -> Cause | None:
    """Return the failure that a completed task's digest stands for: errors are results, too."""
    if task.status is not TaskStatus.COMPLETED:
        return None
    return next(
        (cause for cause in Cause if sha256(error_text(cause)).digest() == task.digest), None
    )


def _claim_command(facts: TaskFacts) -> str:
    if facts.task.status is TaskStatus.UNSET:
        return f"poco deal claim {hexed(facts.deal.dealid)}"
    return f"poco task claim {hexed(facts.taskid)}"


def _claim(facts: TaskFacts) -> Finding:
    back = amount(facts.deal.price)
    return step(
        "claim",
        f"the final deadline has passed: only a claim is left, which gives {back} back",
        "§4.10",
        ("anybody",),
        "claim it; nobody else has to agree",
        _claim_command(facts),
        field="task.finalDeadline",
        allowed=moment(facts.final_deadline),
        actual=moment(facts.now),
    )


def _initialize(facts: TaskFacts) -> Finding:
    return step(
        "initialize",
        "nobody has initialized it; anybody may, usually the scheduler does",
        "§4.2",
        ("workerpool owner", "anybody"),
        "look whether the pool's scheduler runs; else wait for the final deadline and claim",
        f"poco workerpool show {facts.deal.workerpool.pointer}",
    )


def _contribute(facts: TaskFacts) -> Finding:
    groups = tally(facts.votes)
    trust = facts.deal.trust
    more = wanted(groups, trust)
    agreeing = "one more worker" if more == 1 else f"{more} more workers"
    weights = list(groups.values())
    leader, others = (weights[0], sum(weights[1:])) if weights else (0, 0)
    return step(
        "contribute",
        f"{agreeing} of the least weight must contribute "
        f"{'the leading result' if groups else 'one and the same result'}",
        "§4.5",
        ("worker", "workerpool owner"),
        "the scheduler must admit workers; see what it says"
        if facts.report is None
        else _blocked(facts),
        f"poco task debug {hexed(facts.taskid)}",
        field="consensus",
        allowed=f"weight · {trust} > total · {trust - 1}",
        actual=f"{leader} · {trust} and {1 + leader + others} · {trust - 1}",
    )


def _blocked(facts: TaskFacts) -> str:
    reason = facts.report.blocked_reason if facts.report is not None else ""
    return f"the scheduler says: {reason}" if reason else "wait for the workers"


def _reveal(facts: TaskFacts) -> Finding:
    task, now = facts.task, facts.now
    scheduler = facts.deal.scheduler
    is_open = now < task.reveal_deadline
    missing = task.winner_counter - task.reveal_counter
    counted = f"{task.reveal_counter} of {task.winner_counter} winners have revealed"
    if missing and is_open:
        return step(
            "reveal",
            f"{counted}; the others may until {clock_line(task.reveal_deadline, now)}",
            "§4.6",
            ("worker",),
            f"workers reveal by themselves: {_silent(facts) or 'start those that are offline'}",
            f"poco task debug {hexed(facts.taskid)}",
            field="task.revealCounter",
            allowed=str(task.winner_counter),
            actual=str(task.reveal_counter),
        )
    if task.reveal_counter:
        return step(
            "finalize",
            f"{counted}; only {scheduler}, the scheduler, may finalize, until "
            f"{clock_line(facts.final_deadline, now)}",
            "§4.8",
            ("workerpool owner",),
            "the scheduler finalizes when the result is uploaded; if it does not, claim after the "
            "final deadline",
            f"poco task debug {hexed(facts.taskid)}",
        )
    return step(
        "reopen",
        f"nobody revealed in time; only {scheduler}, the scheduler, may open another round, until "
        f"{clock_line(facts.final_deadline, now)}",
        "§4.7",
        ("workerpool owner",),
        "the scheduler reopens by itself while there is time; else claim after the final deadline",
        f"poco task debug {hexed(facts.taskid)}",
        field="task.revealDeadline",
        allowed=moment(task.reveal_deadline),
        actual=moment(now),
    )


def _silent(facts: TaskFacts) -> str:
    """Return who has won and not revealed."""
    names = [
        vote.worker
        for vote in facts.votes
        if vote.contribution.status is ContributionStatus.CONTRIBUTED
        and vote.contribution.result_hash == facts.task.consensus
    ]
    return f"wait for {', '.join(names)}" if names else ""


def step(
    rule: str,
    sentence: str,
    section: str,
    parties: tuple[str, ...],
    remedy: str,
    command: str,
    *,
    field: str = "",
    allowed: str = "",
    actual: str = "",
) -> Finding:
    """Return a step; `section` is of the specification of the contracts."""
    return Finding(
        rule=rule,
        sentence=sentence,
        source=f"contracts {section}",
        field=field,
        allowed=allowed,
        actual=actual,
        parties=parties,
        remedy=remedy,
        command=command,
    )
