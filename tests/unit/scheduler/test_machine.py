"""What a scheduler does about a task: the table, state by state, and what holds for all of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.contracts import ContributionStatus, TaskStatus
from poco.market import development_account
from poco.scheduler.machine import Action, decide, diagram, wants_worker
from poco.scheduler.reasons import blocked_reason
from poco.scheduler.situation import Replica, Situation, Snapshot, Terms
from poco.scheduler.statuses import ReplicateStatus, Stage

S, C, R = Stage, ContributionStatus, ReplicateStatus
START, CLOCK = 1000, 300
EARLY, LATE, OVER = START + 1, START + 7 * CLOCK, START + 10 * CLOCK
TERMS = Terms(trust=1, start=START, clock=CLOCK)
A, B = bytes([1]) * 32, bytes([2]) * 32
WORKERS = [development_account(index).address for index in range(5, 9)]
ROOT = Path(__file__).parents[3]


def chain(status: TaskStatus, **values: Any) -> Snapshot:
    return Snapshot(status, **values)


def revealing(reveals: int, winners: int = 2, until: int = 2000) -> Snapshot:
    return chain(
        TaskStatus.REVEALING,
        reveals=reveals,
        winners=winners,
        reveal_deadline=until,
        consensus=A,
    )


def replica(number: int = 0, status: ReplicateStatus = R.CREATED, **values: Any) -> Replica:
    return Replica(WORKERS[number], status, values.pop("since", EARLY), 2, **values)


def voted(number: int, result: bytes, contribution: C = C.CONTRIBUTED) -> Replica:
    return replica(number, R.CONTRIBUTED, contribution=contribution, result_hash=result)


def situation(stage: Stage, snapshot: Snapshot, now: int = EARLY, **values: Any) -> Situation:
    return Situation(stage, values.pop("terms", TERMS), snapshot, now=now, **values)


def test_deadlines__of_a_deal__are_7_and_10_clocks_from_its_start() -> None:
    assert (TERMS.contribution_deadline, TERMS.final_deadline) == (3100, 4000)


@pytest.mark.parametrize(
    ("now", "stages", "action"),
    [
        (EARLY, (S.INITIALIZING,), Action.INITIALIZE),
        (LATE - CLOCK, (S.INITIALIZING,), Action.INITIALIZE),
        (LATE - CLOCK + 1, (), None),
        (LATE, (S.CONTRIBUTION_TIMEOUT,), None),
        (OVER - 1, (S.CONTRIBUTION_TIMEOUT,), None),
        (OVER, (S.FINAL_DEADLINE_REACHED,), Action.INITIALIZE_AND_CLAIM),
    ],
)
def test_unset__by_time__is_opened_left_or_claimed(
    now: int, stages: tuple[Stage, ...], action: Action | None
) -> None:
    decision = decide(situation(S.RECEIVED, chain(TaskStatus.UNSET), now))
    assert (decision.stages, decision.action) == (stages, action)


@pytest.mark.parametrize(
    "terms",
    [replace(TERMS, is_confirmed=False), replace(TERMS, refusal="it asks for too much")],
    ids=["unconfirmed", "refused"],
)
def test_unset__not_to_be_done__costs_no_gas(terms: Terms) -> None:
    decision = decide(situation(S.RECEIVED, chain(TaskStatus.UNSET), terms=terms))
    assert (decision.stages, decision.action) == ((), None)


@pytest.mark.parametrize(("now", "action"), [(EARLY, None), (OVER, Action.CLAIM)])
def test_active__by_time__waits_or_is_claimed(now: int, action: Action | None) -> None:
    assert decide(situation(S.INITIALIZED, chain(TaskStatus.ACTIVE), now)).action is action


@pytest.mark.parametrize(
    ("reveals", "now", "has_archive", "last", "action"),
    [
        (2, EARLY, True, S.FINALIZING, Action.FINALIZE),
        (2, EARLY, False, S.RESULT_UPLOADING, None),
        (1, 1999, True, S.RESULT_UPLOADED, None),
        (1, 2000, True, S.FINALIZING, Action.FINALIZE),
        (0, 1999, False, S.CONSENSUS_REACHED, None),
        (0, 2000, False, S.REOPENING, Action.REOPEN),
        (0, LATE, False, S.CONSENSUS_REACHED, None),
        (2, OVER, True, S.FINAL_DEADLINE_REACHED, Action.CLAIM),
    ],
)
def test_revealing__two_winners__follows_reveals_time_and_archive(
    reveals: int, now: int, has_archive: bool, last: Stage, action: Action | None
) -> None:
    found = decide(situation(S.RUNNING, revealing(reveals), now, has_archive=has_archive))
    assert (found.stages[-1], found.action) == (last, action)


@pytest.mark.parametrize("stage", [stage for stage in Stage if not stage.is_final])
@pytest.mark.parametrize(
    ("status", "target"), [(TaskStatus.COMPLETED, S.COMPLETED), (TaskStatus.FAILED, S.FAILED)]
)
def test_chain__over__wins_from_every_stage(
    stage: Stage, status: TaskStatus, target: Stage
) -> None:
    assert decide(situation(stage, chain(status), OVER)).stages == (target,)


@pytest.mark.parametrize("stage", [S.RUNNING, S.RESULT_UPLOADING, S.RUNNING_FAILED])
def test_chain__forgot_the_task__it_is_opened_again(stage: Stage) -> None:
    decision = decide(situation(stage, chain(TaskStatus.UNSET)))
    assert decision.stages == (S.RECEIVED, S.INITIALIZING)


@pytest.mark.parametrize(
    ("stage", "status", "target"),
    [
        (S.FINAL_DEADLINE_REACHED, TaskStatus.UNSET, S.INITIALIZING),
        (S.FINAL_DEADLINE_REACHED, TaskStatus.ACTIVE, S.INITIALIZED),
        (S.FINAL_DEADLINE_REACHED, TaskStatus.REVEALING, S.REOPENING),
        (S.CONTRIBUTION_TIMEOUT, TaskStatus.UNSET, S.INITIALIZING),
        (S.CONTRIBUTION_TIMEOUT, TaskStatus.ACTIVE, S.INITIALIZED),
    ],
)
def test_deadline__is_ahead_after_all__task_goes_on(
    stage: Stage, status: TaskStatus, target: Stage
) -> None:
    """The clock was wrong, or a reorganisation has brought earlier blocks."""
    assert decide(situation(stage, chain(status), EARLY)).stages[-1] is target


def test_chain__active_again_after_reopen__runs_another_round() -> None:
    loser = voted(0, A, C.REJECTED)
    found = situation(S.REOPENING, chain(TaskStatus.ACTIVE), replicas=(loser,))
    decision = decide(found)
    assert decision.stages == (S.RUNNING,)
    assert [(one.status, one.cause) for one in decision.replicas] == [(R.FAILED, "REVEAL_TIMEOUT")]
    assert decision.wants


def test_chain__consensus_though_given_up__is_followed() -> None:
    assert decide(situation(S.RUNNING_FAILED, revealing(0))).stages == (S.CONSENSUS_REACHED,)


@pytest.mark.parametrize(("capable", "stages"), [(0, ()), (1, (S.RUNNING,))])
def test_given_up__by_the_only_worker__goes_on_when_another_comes(
    capable: int, stages: tuple[Stage, ...]
) -> None:
    failed = (replica(status=R.COMPUTE_FAILED, cause="INPUT_FILES_DOWNLOAD_FAILED"),)
    active = chain(TaskStatus.ACTIVE)
    found = situation(S.RUNNING_FAILED, active, replicas=failed, capable=capable)
    assert decide(found).stages == stages


def test_worker__begins__task_runs() -> None:
    active = chain(TaskStatus.ACTIVE)
    begun = (replica(status=R.STARTED),)
    assert decide(situation(S.INITIALIZED, active, replicas=begun)).stages == (S.RUNNING,)
    failed = (replica(status=R.START_FAILED),)
    assert decide(situation(S.INITIALIZED, active, replicas=failed)).stages == ()


@pytest.mark.parametrize(
    ("failures", "capable", "given_up"),
    [
        ([("APP_COMPUTE_FAILED", 1), ("APP_COMPUTE_FAILED", 1)], 5, True),
        ([("APP_COMPUTE_FAILED", 1), ("APP_COMPUTE_FAILED", 2)], 5, False),
        ([("APP_COMPUTE_FAILED", 1)], 5, False),
        ([("APP_COMPUTE_FAILED", 1)], 0, True),
        ([("NOT_ENOUGH_DISK", None), ("NOT_ENOUGH_DISK", None)], 0, False),
    ],
)
def test_app__fails__is_given_up_when_others_would_fail_alike(
    failures: list[tuple[str, int | None]], capable: int, given_up: bool
) -> None:
    replicas = tuple(
        replica(number, R.COMPUTE_FAILED, cause=cause, exit_code=code)
        for number, (cause, code) in enumerate(failures)
    )
    active = chain(TaskStatus.ACTIVE)
    decision = decide(situation(S.RUNNING, active, replicas=replicas, capable=capable))
    assert (decision.stages == (S.RUNNING_FAILED,)) is given_up
    assert decision.wants is not given_up


@pytest.mark.parametrize(
    ("one", "pending"),
    [
        (replica(), True),
        (replica(is_silent=True), False),
        (replica(status=R.WORKER_LOST), False),
        (replica(status=R.COMPUTE_FAILED), False),
        (replica(since=EARLY - CLOCK), False),
        (voted(0, A), True),
        (voted(0, A, C.REJECTED), False),
    ],
)
def test_supply__trust_1__wants_another_only_when_nothing_comes_from_this_one(
    one: Replica, pending: bool
) -> None:
    active = chain(TaskStatus.ACTIVE)
    assert wants_worker(situation(S.RUNNING, active, replicas=(one,))) is not pending


@pytest.mark.parametrize(
    "values",
    [
        {"now": LATE - CLOCK + 1},
        {"has_challenge": False},
        {"terms": replace(TERMS, refusal="no")},
        {"stage": S.RECEIVED},
    ],
)
def test_supply__useless_or_forbidden__wants_nobody(values: dict[str, Any]) -> None:
    found = situation(S.RUNNING, chain(TaskStatus.ACTIVE))
    assert wants_worker(found)
    assert not wants_worker(replace(found, **values))


@pytest.mark.parametrize(
    ("one", "snapshot", "now", "expected"),
    [
        (voted(0, A, C.PROVED), revealing(1), EARLY, (R.REVEALED, "")),
        (voted(0, A, C.PROVED), chain(TaskStatus.COMPLETED), EARLY, (R.COMPLETED, "")),
        (voted(0, A), revealing(0), 2000, (R.REVEAL_FAILED, "REVEAL_TIMEOUT")),
        (voted(0, A), chain(TaskStatus.COMPLETED, consensus=A), 2000, (R.FAILED, "REVEAL_TIMEOUT")),
        (
            voted(0, B),
            chain(TaskStatus.COMPLETED, consensus=A),
            2000,
            (R.FAILED, "CONSENSUS_REACHED"),
        ),
        (
            replica(status=R.ABORTED, contribution=C.CONTRIBUTED, result_hash=B),
            revealing(0),
            EARLY,
            (R.CONTRIBUTED, ""),
        ),
        (replica(is_silent=True), chain(TaskStatus.ACTIVE), EARLY, (R.WORKER_LOST, "")),
        (replica(status=R.COMPUTING), chain(TaskStatus.FAILED), OVER, (R.FAILED, "")),
    ],
)
def test_replica__by_chain_and_clock__becomes_what_is_proved(
    one: Replica, snapshot: Snapshot, now: int, expected: tuple[ReplicateStatus, str]
) -> None:
    [found] = decide(situation(S.RUNNING, snapshot, now, replicas=(one,))).replicas
    assert (found.status, found.cause) == expected


def test_replica__that_reported_more_than_the_chain_shows__keeps_it() -> None:
    one = replica(status=R.RESULT_UPLOADED, contribution=C.PROVED, result_hash=A)
    assert decide(situation(S.RUNNING, revealing(1), replicas=(one,))).replicas == ()


def test_replica__that_says_it_was_outvoted__is_not_asked_to_say_so_again() -> None:
    one = replica(status=R.REVEAL_FAILED, contribution=C.CONTRIBUTED, result_hash=B)
    assert decide(situation(S.RUNNING, revealing(1), replicas=(one,))).replicas == ()


replicas = st.builds(
    lambda number, status, contribution, result, silent, since: Replica(
        WORKERS[number],
        status,
        since,
        2,
        contribution=contribution,
        result_hash=result,
        is_silent=silent,
    ),
    st.integers(0, 3),
    st.sampled_from(ReplicateStatus),
    st.sampled_from(ContributionStatus),
    st.sampled_from([A, B]),
    st.booleans(),
    st.integers(0, OVER),
)
situations = st.builds(
    Situation,
    stage=st.sampled_from(Stage),
    terms=st.builds(
        Terms,
        trust=st.integers(1, 9),
        start=st.just(START),
        clock=st.just(CLOCK),
        refusal=st.sampled_from(["", "no"]),
        is_confirmed=st.booleans(),
    ),
    chain=st.builds(
        Snapshot,
        status=st.sampled_from(TaskStatus),
        reveal_deadline=st.integers(0, OVER),
        winners=st.integers(0, 3),
        reveals=st.integers(0, 3),
        consensus=st.sampled_from([A, B]),
    ),
    replicas=st.lists(replicas, max_size=4, unique_by=lambda one: one.worker).map(tuple),
    has_archive=st.booleans(),
    has_challenge=st.booleans(),
    capable=st.integers(0, 3),
    now=st.integers(START, OVER + 10),
)


@given(situations)
def test_decide__again__has_nothing_to_add(found: Situation) -> None:
    """Safe to run at any time: the second look at the same chain changes nothing."""
    first = decide(found)
    changed = {one.worker: one for one in first.replicas}
    after = replace(
        found,
        stage=first.stages[-1] if first.stages else found.stage,
        replicas=tuple(changed.get(one.worker, one) for one in found.replicas),
    )
    second = decide(after)
    assert second.stages == ()
    assert second.replicas == ()
    assert second.action is first.action


@given(situations)
def test_decide__on_any_situation__follows_the_chain(found: Situation) -> None:
    decision = decide(found)
    stage = decision.stages[-1] if decision.stages else found.stage
    if found.chain.status is TaskStatus.COMPLETED and not found.stage.is_final:
        assert stage is S.COMPLETED
    if decision.action is Action.FINALIZE:
        assert found.has_archive
        assert found.chain.reveals > 0
    if decision.wants:
        assert found.chain.status is TaskStatus.ACTIVE
        assert found.is_computable
    assert decision.check_at > found.now


@given(situations)
def test_reason__of_a_task_that_waits__is_told(found: Situation) -> None:
    assert bool(blocked_reason(found)) is not found.stage.is_final


def test_diagram__in_the_guide__is_that_of_the_table() -> None:
    guide = (ROOT / "docs" / "scheduler.md").read_text()
    [shown] = re.findall(r"```mermaid\n(.*?)\n```", guide, re.DOTALL)
    assert shown == diagram()


@pytest.mark.parametrize(("now", "words"), [(EARLY, "about to be opened"), (LATE, "too late")])
def test_reason__of_a_received_task__says_too_late_only_when_it_is(now: int, words: str) -> None:
    assert words in blocked_reason(situation(S.RECEIVED, chain(TaskStatus.UNSET), now=now))
