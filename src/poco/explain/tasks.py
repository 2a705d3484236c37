"""A task in words: its deadlines, its votes, what it waits for (spec contracts §4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poco.contracts import Deal, TaskStatus
from poco.explain.codes import code_named, explain_code
from poco.explain.consensus import is_consensus, tally, wanted
from poco.explain.model import Explanation, Finding
from poco.explain.steps import TaskFacts, clock_line, failure_of, next_step, step
from poco.explain.wording import amount, hexed
from poco.market.reports import TaskReport
from poco.orders import ZERO_ADDRESS

__all__ = ["explain_task"]

_SHOWN_BYTES = 300


def explain_task(facts: TaskFacts) -> Explanation:
    """Explain a task."""
    first = next_step(facts)
    name = hexed(facts.taskid)
    return Explanation(
        kind="task",
        subject=name,
        title=f"{facts.task.status.name}: {first.sentence}",
        facts=tuple(_facts(facts)),
        findings=(first, *_remarks(facts)),
        see=(
            f"poco task show {name}",
            f"poco task debug {name} --logs",
            f"poco explain {hexed(facts.deal.dealid)}",
        ),
    )


def _remarks(facts: TaskFacts) -> Iterator[Finding]:
    """Tell what surprises: an app or workers that failed, workers that disagree."""
    failures = [failure_of(facts.task), *(part.get("cause") for part in _parts(facts.report))]
    for cause in dict.fromkeys(str(failure) for failure in failures if failure):
        if code_named(cause) == cause:
            yield explain_code(cause).findings[0]
    groups = tally(facts.votes)
    if len(groups) > 1:
        yield step(
            "disagreement",
            f"workers contributed {len(groups)} different results",
            "§4.5",
            ("app developer",),
            "make the app's result equal on all hosts: no times, no random numbers, no paths",
            "poco app test IMAGE",
            field="resultHash",
            allowed="1 result",
            actual=f"{len(groups)} results",
        )


def _parts(report: TaskReport | None) -> list[dict[str, Any]]:
    """Return what the scheduler says of each worker; it may be anybody's, so nothing is sure."""
    found = None if report is None else report.document.get("replicates")
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _facts(facts: TaskFacts) -> Iterator[tuple[str, str]]:
    task, deal, now = facts.task, facts.deal, facts.now
    bag = f", task {facts.index} of {_indices(deal)}" if deal.bot_size > 1 else ""
    yield "deal", f"{hexed(deal.dealid)}{bag}"
    yield "app", deal.app.pointer
    yield "workerpool", f"{deal.workerpool.pointer}, scheduler {deal.scheduler}"
    yield "requester", deal.requester
    yield "price", f"{amount(deal.price)}, paid by {deal.sponsor}"
    yield "trust", _trust(deal.trust)
    if task.status not in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        yield "contributions", f"until {clock_line(facts.contribution_deadline, now)}"
        if task.reveal_deadline:
            yield "reveals", f"until {clock_line(task.reveal_deadline, now)}"
        yield "final deadline", clock_line(facts.final_deadline, now)
    yield from _votes(facts)
    if task.status is TaskStatus.COMPLETED:
        yield "digest", hexed(task.digest)
        yield "result", task.results[:_SHOWN_BYTES].decode("utf-8", "replace")
    if deal.callback != ZERO_ADDRESS:
        yield "callback", deal.callback
    if facts.silence:
        yield "scheduler", facts.silence
    if facts.report is not None:
        yield "scheduler", str(facts.report.document.get("currentStatus"))
        if facts.report.blocked_reason:
            yield "waits because", facts.report.blocked_reason
    for part in _parts(facts.report):
        cause = f" because of {part['cause']}" if part.get("cause") else ""
        yield "worker", f"{part.get('walletAddress')} {part.get('currentStatus')}{cause}"


def _votes(facts: TaskFacts) -> Iterator[tuple[str, str]]:
    for vote in facts.votes:
        given = vote.contribution
        yield (
            "contribution",
            f"{vote.worker} {given.status.name} {hexed(given.result_hash[:6])}… "
            f"weight {vote.weight}, stake {amount(facts.deal.worker_stake)}",
        )
    groups = tally(facts.votes)
    total = 1 + sum(groups.values())
    for result, weight in groups.items():
        won = is_consensus(weight, total - 1 - weight, facts.deal.trust)
        yield (
            "group",
            f"{hexed(result[:6])}… weight {weight} of {total}, "
            f"{'enough' if won else 'not enough'} for trust {facts.deal.trust}: "
            f"{weight} · {facts.deal.trust} {'>' if won else '≤'} "
            f"{total} · {facts.deal.trust - 1}",
        )


def _trust(trust: int) -> str:
    if trust <= 1:
        return "1: the first contribution is believed, whoever made it"
    return f"{trust}: {wanted({}, trust)} newcomers must agree when nobody dissents"


def _indices(deal: Deal) -> str:
    return f"{deal.bot_first} to {deal.bot_first + deal.bot_size - 1}"
