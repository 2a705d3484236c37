"""What comes next for a task, at every state and time, and what a deal still locks."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.appio import Cause, error_text
from poco.contracts import Contribution, ContributionStatus, Deal, Resource, Task, TaskStatus
from poco.explain import DealFacts, TaskFacts, explain_deal, explain_task, render
from poco.explain.consensus import Vote
from poco.explain.wording import amount, counted, moment, span
from poco.market.reports import TaskReport
from poco.orders import TDX, TEE, ZERO_ADDRESS, DealId, TaskId, checked_address

CLOCK = 100
START = 1_000_000
NOW = START + 1
CONSENSUS = b"\x07" * 32
WORKERS = tuple(checked_address("worker", f"0x{number:040x}") for number in range(1, 4))
PARTIES = [checked_address("party", f"0x{number:040x}") for number in range(0x10, 0x18)]

DEAL = Deal(
    DealId(b"\x01" * 32),
    Resource(PARTIES[0], PARTIES[1], 5),
    Resource(ZERO_ADDRESS, ZERO_ADDRESS, 0),
    Resource(PARTIES[2], PARTIES[3], 100),
    trust=4,
    category=0,
    tag=TEE | TDX,
    requester=PARTIES[4],
    beneficiary=PARTIES[5],
    callback=PARTIES[6],
    params="{}",
    start_time=START,
    bot_first=2,
    bot_size=3,
    worker_stake=30,
    scheduler_reward_ratio=1,
    sponsor=PARTIES[7],
)
TASK = Task(
    TaskStatus.ACTIVE,
    DEAL.dealid,
    2,
    CLOCK,
    contribution_deadline=START + 7 * CLOCK,
    reveal_deadline=0,
    final_deadline=START + 10 * CLOCK,
    consensus=bytes(32),
    reveal_counter=0,
    winner_counter=0,
    contributors=(),
    digest=bytes(32),
    results=b"",
    results_timestamp=0,
    results_callback=b"",
)
REVEALING = replace(
    TASK,
    status=TaskStatus.REVEALING,
    reveal_deadline=NOW + 50,
    consensus=CONSENSUS,
    winner_counter=2,
    contributors=WORKERS[:2],
)


def facts(task: Task = TASK, *, now: int = NOW, **more: Any) -> TaskFacts:
    taskid = TaskId(b"\x02" * 32)
    return TaskFacts(taskid=taskid, index=2, task=task, deal=DEAL, clock=CLOCK, now=now, **more)


def vote(worker: str, result: bytes = CONSENSUS) -> Vote:
    status = ContributionStatus.CONTRIBUTED
    made = Contribution(status, result, bytes(32), ZERO_ADDRESS, 1)
    return Vote(checked_address("worker", worker), made, 0)


UNSET = replace(TASK, status=TaskStatus.UNSET, contribution_deadline=0, final_deadline=0)
STATES = {
    "unset": (UNSET, NOW, "initialize", "anybody"),
    "unset, too late to compute": (UNSET, START + 700, "claim", "anybody"),
    "unset, over": (UNSET, START + 1_000, "claim", "anybody"),
    "active": (TASK, NOW, "contribute", "worker"),
    "active, last second": (TASK, START + 699, "contribute", "worker"),
    "active, too late to contribute": (TASK, START + 700, "claim", "anybody"),
    "active, over": (TASK, START + 1_000, "claim", "anybody"),
    "revealing": (REVEALING, NOW, "reveal", "worker"),
    "revealing, one revealed": (replace(REVEALING, reveal_counter=1), NOW, "reveal", "worker"),
    "revealing, all revealed": (
        replace(REVEALING, reveal_counter=2),
        NOW,
        "finalize",
        "workerpool owner",
    ),
    "reveals ended, one revealed": (
        replace(REVEALING, reveal_counter=1),
        NOW + 50,
        "finalize",
        "workerpool owner",
    ),
    "reveals ended, nobody revealed": (REVEALING, NOW + 50, "reopen", "workerpool owner"),
    "revealing, over": (replace(REVEALING, reveal_counter=2), START + 1_000, "claim", "anybody"),
    "completed": (
        replace(TASK, status=TaskStatus.COMPLETED, results=b"\xff/ipfs/x"),
        START + 2_000,
        "completed",
        "requester",
    ),
    "failed": (replace(TASK, status=TaskStatus.FAILED), START + 2_000, "claimed", "requester"),
}


@pytest.mark.parametrize("name", STATES)
def test_explain_task__in_each_state__names_the_step_and_who_may_take_it(name: str) -> None:
    task, now, step, party = STATES[name]
    finding = explain_task(facts(task, now=now)).findings[0]
    assert finding.rule == step
    assert party in finding.parties
    assert finding.command.startswith("poco ")


def test_explain_task__claim_of_an_unopened_one__goes_through_its_deal() -> None:
    finding = explain_task(facts(UNSET, now=START + 1_000)).findings[0]
    assert finding.command == f"poco deal claim 0x{DEAL.dealid.hex()}"


def test_explain_task__some_contributed__shows_weights_and_what_is_missing() -> None:
    votes = (vote(WORKERS[0]), vote(WORKERS[1], b"\x08" * 32))
    explanation = explain_task(facts(votes=votes))
    step, remark = explanation.findings
    # Weights 2 and 2 at trust 4: the leading one needs 16 (16·4 > 19·3), which is 3 more workers.
    assert step.sentence.startswith("3 more workers")
    assert (step.allowed, step.actual) == ("weight · 4 > total · 3", "2 · 4 and 5 · 3")
    assert remark.rule == "disagreement"
    told = "0x070707070707… weight 2 of 5, not enough for trust 4: 2 · 4 ≤ 5 · 3"
    assert ("group", told) in explanation.facts


def test_explain_task__winner_is_silent__is_named() -> None:
    task = replace(REVEALING, reveal_counter=1)
    finding = explain_task(facts(task, votes=(vote(WORKERS[1]),))).findings[0]
    assert WORKERS[1] in finding.remedy


@pytest.mark.parametrize("cause", [Cause.APP_COMPUTE_TIMEOUT, Cause.APP_IMAGE_DOWNLOAD_FAILED])
def test_explain_task__app_failed_on_all_workers__names_the_cause(cause: Cause) -> None:
    digest = sha256(error_text(cause)).digest()
    explanation = explain_task(facts(replace(TASK, status=TaskStatus.COMPLETED, digest=digest)))
    assert str(cause) in explanation.title
    assert explanation.findings[1].rule == cause


def test_explain_task__scheduler_names_causes__explains_each_once() -> None:
    parts = [
        {"walletAddress": worker, "currentStatus": "FAILED", "cause": "APP_IMAGE_BAD_CHECKSUM"}
        for worker in WORKERS[:2]
    ]
    report = TaskReport({"currentStatus": "RUNNING", "blockedReason": "so", "replicates": parts})
    explanation = explain_task(facts(report=report))
    assert [finding.rule for finding in explanation.findings] == [
        "contribute",
        "APP_IMAGE_BAD_CHECKSUM",
    ]
    assert explanation.findings[0].remedy == "the scheduler says: so"
    assert [value for name, value in explanation.facts if name == "worker"] == [
        f"{worker} FAILED because of APP_IMAGE_BAD_CHECKSUM" for worker in WORKERS[:2]
    ]


@given(
    st.dictionaries(
        st.sampled_from(["currentStatus", "blockedReason", "replicates"]),
        st.recursive(
            st.text() | st.integers() | st.none(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["cause", "x"]), inner),
        ),
    )
)
def test_explain_task__scheduler_says_anything__is_shown_in_visible_characters(
    document: dict[str, Any],
) -> None:
    shown = render(explain_task(facts(report=TaskReport(document))))
    assert all(line.isprintable() for line in shown.split("\n"))


def test_explain_task__facts__say_who_pays_what_until_when() -> None:
    known = dict(explain_task(facts()).facts)
    assert known["price"] == f"105 nRLC, paid by {DEAL.sponsor}"
    assert known["final deadline"].endswith("(in 16 min 39 s)")
    assert known["callback"] == DEAL.callback
    assert known["trust"] == "4: 2 newcomers must agree when nobody dissents"


def deal_facts(*tasks: Task, now: int = NOW) -> DealFacts:
    found = {
        2 + number: (TaskId(bytes([number]) * 32), replace(task, index=2 + number))
        for number, task in enumerate(tasks)
    }
    return DealFacts(deal=DEAL, clock=CLOCK, category="XS", now=now, tasks=found)


def test_explain_deal__tasks_in_several_states__names_each_step_once() -> None:
    completed = replace(TASK, status=TaskStatus.COMPLETED)
    explanation = explain_deal(deal_facts(completed, REVEALING, UNSET))
    assert explanation.title == "3 tasks: 1 COMPLETED, 1 REVEALING, 1 UNSET"
    assert [finding.rule for finding in explanation.findings] == ["reveal", "initialize"]
    assert [value for name, value in explanation.facts if name == "locked"] == [
        f"210 nRLC of {DEAL.sponsor}, who paid for 2 tasks",
        f"60 nRLC of {DEAL.scheduler}, the scheduler, lost to claims",
        "60 nRLC of workers, 2 contributions",
    ]


def test_explain_deal__several_to_claim__claims_the_deal() -> None:
    explanation = explain_deal(deal_facts(TASK, TASK, UNSET, now=START + 1_000))
    assert [finding.command for finding in explanation.findings] == [
        f"poco deal claim 0x{DEAL.dealid.hex()}"
    ]


def test_explain_deal__scheduler_refuses__says_why_first() -> None:
    refused = replace(deal_facts(UNSET, UNSET, UNSET), refusal="it wants no DOCKER apps")
    first = explain_deal(refused).findings[0]
    assert (first.rule, first.actual) == ("refused", "it wants no DOCKER apps")


def test_explain_deal__all_over__locks_nothing() -> None:
    explanation = explain_deal(deal_facts(*[replace(TASK, status=TaskStatus.FAILED)] * 3))
    assert explanation.findings == ()
    assert ("locked", "nothing: all tasks are over") in explanation.facts


def test_explain_deal__more_tasks_than_are_looked_at__says_so() -> None:
    explanation = explain_deal(deal_facts(TASK))
    assert dict(explanation.facts)["further tasks"] == "2, see the command below"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (counted(1, "task"), "1 task"),
        (counted(0, "task"), "0 tasks"),
        (span(0), "0 s"),
        (span(59), "59 s"),
        (span(3_660), "1 h 1 min"),
        (span(-90_061), "1 d 1 h"),
        (amount(999_999), "999999 nRLC"),
        (amount(1_500_000_000), "1500000000 nRLC (1.5 RLC)"),
        (moment(0), "1970-01-01T00:00:00Z"),
        (moment(-1), "-1 s after 1970"),
    ],
)
def test_wording__values__are_readable(said: str, wanted: str) -> None:
    assert said == wanted
