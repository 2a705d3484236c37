"""A deal in words: what its tasks wait for, whose money is locked, until when (contracts §4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from poco.contracts import BoostDeal, Deal, Task, TaskStatus
from poco.explain.consensus import Vote
from poco.explain.model import Explanation, Finding
from poco.explain.steps import TaskFacts, clock_line, next_step
from poco.explain.wording import amount, counted, hexed
from poco.orders import ZERO_ADDRESS, TaskId, scheduler_stake

__all__ = ["DealFacts", "explain_boost_deal", "explain_deal"]

_SHOWN_TASKS = 20
_PARAMS_CHARACTERS = 200
_OVER = (TaskStatus.COMPLETED, TaskStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealFacts:
    """What is known of a deal.

    Args:
        deal: what the hub says.
        clock: time reference of its category, seconds.
        category: name of the category.
        now: time of the chain, seconds.
        tasks: its first tasks by index, opened or not.
        votes: contributions to them by index; none where they were not read.
        refusal: why the scheduler does not do it; empty when it does, or was not asked.
        silence: why the scheduler was not heard; empty when it was.
    """

    deal: Deal
    clock: int
    category: str
    now: int
    tasks: Mapping[int, tuple[TaskId, Task]]
    votes: Mapping[int, tuple[Vote, ...]] = field(default_factory=dict)
    refusal: str = ""
    silence: str = ""


def explain_deal(facts: DealFacts) -> Explanation:
    """Explain a deal."""
    deal = facts.deal
    name = hexed(deal.dealid)
    steps = {index: next_step(_task(facts, index)) for index in facts.tasks}
    counts = Counter(task.status.name for _, task in facts.tasks.values())
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    return Explanation(
        kind="deal",
        subject=name,
        title=f"{counted(deal.bot_size, 'task')}: {states}",
        facts=tuple(_facts(facts, steps)),
        findings=(*_refusals(facts), *_steps(facts, steps)),
        see=(f"poco deal show {name}",),
    )


def explain_boost_deal(deal: BoostDeal, now: int) -> Explanation:
    """Explain a Boost deal, of which the hub keeps no tasks (spec contracts §7)."""
    price = deal.app_price + deal.dataset_price + deal.workerpool_price
    is_over = now >= deal.deadline
    step = Finding(
        rule="claim" if is_over else "push result",
        sentence="results can be pushed no more" if is_over else "a worker pushes each result",
        source="contracts §7.5" if is_over else "contracts §7.4",
        parties=("anybody",) if is_over else ("worker",),
        remedy="claim its tasks with `Hub.claim_boost` of poco.contracts: the price goes back"
        if is_over
        else "wait for the results",
        command=f"poco explain {hexed(deal.dealid)}",
    )
    return Explanation(
        kind="deal",
        subject=hexed(deal.dealid),
        title=f"Boost deal of {counted(deal.bot_size, 'task')}, indices 0 to {deal.bot_size - 1}",
        facts=(
            ("requester", deal.requester),
            ("scheduler", deal.scheduler),
            ("price", f"{amount(price)} per task, paid by {deal.sponsor}"),
            ("deadline", clock_line(deal.deadline, now)),
        ),
        findings=(step,),
    )


def _task(facts: DealFacts, index: int) -> TaskFacts:
    taskid, task = facts.tasks[index]
    return TaskFacts(
        taskid=taskid,
        index=index,
        task=task,
        deal=facts.deal,
        clock=facts.clock,
        now=facts.now,
        votes=facts.votes.get(index, ()),
    )


def _refusals(facts: DealFacts) -> Iterator[Finding]:
    if facts.refusal:
        yield Finding(
            rule="refused",
            sentence=f"the scheduler does not do this deal: {facts.refusal}",
            source="offchain §3.2",
            field="deal",
            allowed="what the scheduler is set up for",
            actual=facts.refusal,
            parties=("workerpool owner", "requester"),
            remedy="buy from another pool; claim this deal from its final deadline on",
            command=f"poco deal claim {hexed(facts.deal.dealid)}",
        )


def _steps(facts: DealFacts, steps: Mapping[int, Finding]) -> tuple[Finding, ...]:
    """Return the next step of each kind once, that of the first task that waits for it."""
    first: dict[str, Finding] = {}
    for index, step in steps.items():
        if facts.tasks[index][1].status not in _OVER:
            first.setdefault(step.rule, step)
    if "claim" in first and sum(step.rule == "claim" for step in steps.values()) > 1:
        first["claim"] = _whole_claim(facts, first["claim"])
    return tuple(first.values())


def _whole_claim(facts: DealFacts, claim: Finding) -> Finding:
    return Finding(
        rule=claim.rule,
        sentence=claim.sentence,
        source=claim.source,
        field=claim.field,
        allowed=claim.allowed,
        actual=claim.actual,
        parties=claim.parties,
        remedy=claim.remedy,
        command=f"poco deal claim {hexed(facts.deal.dealid)}",
    )


def _facts(facts: DealFacts, steps: Mapping[int, Finding]) -> Iterator[tuple[str, str]]:
    deal, now = facts.deal, facts.now
    final = _task(facts, deal.bot_first)
    yield "requester", deal.requester
    if deal.beneficiary != deal.requester:
        yield "beneficiary", deal.beneficiary
    for name, side in (
        ("app", deal.app),
        ("dataset", deal.dataset),
        ("workerpool", deal.workerpool),
    ):
        if side.pointer != ZERO_ADDRESS:
            yield name, f"{side.pointer} of {side.owner}, {amount(side.price)} per task"
    yield "category", f"{deal.category} {facts.category}, {facts.clock} s"
    yield "trust, tag", f"{deal.trust}, {deal.tag}"
    yield "params", deal.params[:_PARAMS_CHARACTERS]
    yield "made", clock_line(deal.start_time, now)
    yield "contributions", f"until {clock_line(final.contribution_deadline, now)}"
    yield "final deadline", clock_line(final.final_deadline, now)
    if facts.silence:
        yield "scheduler", facts.silence
    yield from _money(facts)
    for index, (taskid, task) in list(facts.tasks.items())[:_SHOWN_TASKS]:
        waits = "" if task.status in _OVER else f", next: {steps[index].rule}"
        yield f"task {index}", f"{hexed(taskid)} {task.status.name}{waits}"
    if deal.bot_size > min(len(facts.tasks), _SHOWN_TASKS):
        rest = deal.bot_size - min(len(facts.tasks), _SHOWN_TASKS)
        yield "further tasks", f"{rest}, see the command below"


def _money(facts: DealFacts) -> Iterator[tuple[str, str]]:
    """Tell what the deal still locks; tasks beyond the ones looked at count as open."""
    deal = facts.deal
    over = sum(task.status in _OVER for _, task in facts.tasks.values())
    left = deal.bot_size - over
    if not left:
        yield "locked", "nothing: all tasks are over"
        return
    yield (
        "locked",
        f"{amount(deal.price * left)} of {deal.sponsor}, who paid for {counted(left, 'task')}",
    )
    stake = scheduler_stake(deal.workerpool.price, left)
    yield "locked", f"{amount(stake)} of {deal.scheduler}, the scheduler, lost to claims"
    at_stake = sum(
        len(task.contributors) for _, task in facts.tasks.values() if task.status not in _OVER
    )
    if at_stake:
        stakes = amount(deal.worker_stake * at_stake)
        yield "locked", f"{stakes} of workers, {counted(at_stake, 'contribution')}"
