"""What a worker does next: every row of the table, and what must never happen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worker_cases import (
    CLOCK,
    CONTRIBUTION_DEADLINE,
    FINAL_DEADLINE,
    IN_ONE_STEP,
    LEAVE,
    OTHER,
    RESULT,
    REVEAL_DEADLINE,
    START,
    TASK,
    chain,
    entry,
)

from poco.contracts import ContributionStatus, TaskStatus
from poco.scheduler.statuses import FAILURES, ReplicateStatus
from poco.transactions import TransactionState, TransactionStatus
from poco.worker.steps import (
    KEEP_SECONDS,
    Action,
    ChainState,
    Step,
    contribution_key,
    next_step,
    reveal_key,
    waits_for_upload,
)

CREATED, COMPUTING = ReplicateStatus.CREATED, ReplicateStatus.COMPUTING
COMPUTED, CONTRIBUTING = ReplicateStatus.COMPUTED, ReplicateStatus.CONTRIBUTING
CONTRIBUTED, REVEALING = ReplicateStatus.CONTRIBUTED, ReplicateStatus.REVEALING
ACTIVE, REVEAL = TaskStatus.ACTIVE, TaskStatus.REVEALING
UNSET, OWN = ContributionStatus.UNSET, ContributionStatus.CONTRIBUTED
PROVED, REJECTED = ContributionStatus.PROVED, ContributionStatus.REJECTED
LINKED = {"result": RESULT, "link": b"{}"}
CONTRIBUTION, REVELATION = contribution_key(TASK), reveal_key(TASK, REVEAL_DEADLINE)
SENT = TransactionState(TransactionStatus.SENT)
MINED = TransactionState(TransactionStatus.MINED, block=9)
CONFIRMED = TransactionState(TransactionStatus.CONFIRMED, block=9)
FAILED = TransactionState(TransactionStatus.FAILED, reason="it was too late")


def ask(row: Any, state: ChainState, now: float = START, **sent: TransactionState) -> Step:
    keys = {"contribution": CONTRIBUTION, "revelation": REVELATION}
    return next_step(row, state, {keys[name]: tx for name, tx in sent.items()}, now)


def test_waits_for_upload__is_said_of_what_only_its_upload_leads_on() -> None:
    assert waits_for_upload(entry(COMPUTED, IN_ONE_STEP, result=RESULT))
    assert waits_for_upload(entry(ReplicateStatus.RESULT_UPLOADING, result=RESULT))
    assert not waits_for_upload(entry(COMPUTED, result=RESULT))
    assert not waits_for_upload(entry(COMPUTED, IN_ONE_STEP, **LINKED))
    assert not waits_for_upload(entry(COMPUTING, IN_ONE_STEP))


@pytest.mark.parametrize(
    ("row", "state", "action", "status"),
    [
        (entry(), chain(), Action.EXECUTE, None),
        (entry(COMPUTING), chain(), Action.EXECUTE, None),
        (entry(COMPUTED, result=RESULT), chain(), Action.CONTRIBUTE, CONTRIBUTING),
        (entry(COMPUTED, IN_ONE_STEP, result=RESULT), chain(), Action.UPLOAD, None),
        (
            entry(COMPUTED, IN_ONE_STEP, **LINKED),
            chain(),
            Action.COMPLETE_IN_ONE_STEP,
            ReplicateStatus.CONTRIBUTE_AND_FINALIZE_ONGOING,
        ),
        (entry(CONTRIBUTING, result=RESULT), chain(ACTIVE, OWN), Action.WAIT, CONTRIBUTED),
        (entry(CONTRIBUTED, result=RESULT), chain(REVEAL, OWN), Action.REVEAL, REVEALING),
        (
            entry(REVEALING, result=RESULT),
            chain(REVEAL, PROVED),
            Action.UPLOAD,
            ReplicateStatus.RESULT_UPLOADING,
        ),
        (
            entry(REVEALING, **LINKED),
            chain(REVEAL, PROVED),
            Action.WAIT,
            ReplicateStatus.RESULT_UPLOADED,
        ),
        (entry(CONTRIBUTED, **LINKED), chain(TaskStatus.COMPLETED, PROVED), Action.PURGE, None),
        (entry(CONTRIBUTED, result=RESULT), chain(TaskStatus.FAILED, OWN), Action.PURGE, None),
    ],
)
def test_next_step__good_course__goes_on(
    row: Any, state: ChainState, action: Action, status: ReplicateStatus | None
) -> None:
    step = ask(row, state)
    assert (step.action, step.status) == (action, status)


@pytest.mark.parametrize(
    ("row", "state", "status", "cause"),
    [
        (
            entry(),
            chain(time=CONTRIBUTION_DEADLINE - CLOCK + 1),
            ReplicateStatus.START_FAILED,
            "NOT_ENOUGH_TIME",
        ),
        (
            entry(COMPUTING),
            chain(time=CONTRIBUTION_DEADLINE),
            ReplicateStatus.ABORTED,
            "CONTRIBUTION_TIMEOUT",
        ),
        (entry(COMPUTING), chain(REVEAL), ReplicateStatus.ABORTED, "CONSENSUS_REACHED"),
        (
            entry(COMPUTED, IN_ONE_STEP, **LINKED),
            chain(contributors=(OTHER,)),
            ReplicateStatus.ABORTED,
            "TASK_ALREADY_CONTRIBUTED",
        ),
        (entry(), chain(ACTIVE, OWN), ReplicateStatus.START_FAILED, "CONTRIBUTION_ALREADY_SET"),
        (
            entry(CONTRIBUTED, result=RESULT),
            chain(ACTIVE, REJECTED),
            ReplicateStatus.REVEAL_FAILED,
            "CANNOT_REVEAL",
        ),
    ],
)
def test_next_step__nothing_to_be_won__gives_up_with_the_cause(
    row: Any, state: ChainState, status: ReplicateStatus, cause: str
) -> None:
    step = ask(row, state)
    assert (step.action, step.status, step.cause) == (Action.ABANDON, status, cause)
    assert step.reason


def test_next_step__node_behind_the_schedulers_block__is_not_believed() -> None:
    step = ask(entry(COMPUTED, result=RESULT), chain(REVEAL, block=9))
    assert (step.action, step.reason) == (Action.WAIT, "the node is behind block 10")


def test_next_step__task_unknown__waits_a_day_and_no_longer() -> None:
    unknown = chain(TaskStatus.UNSET)
    assert ask(entry(), unknown, START + KEEP_SECONDS).action is Action.WAIT
    assert ask(entry(), unknown, START + KEEP_SECONDS + 1).action is Action.PURGE


@pytest.mark.parametrize("pending", [SENT, MINED], ids=["sent", "mined"])
def test_next_step__contribution_under_way__is_neither_repeated_nor_given_up(
    pending: TransactionState,
) -> None:
    row = entry(CONTRIBUTING, result=RESULT)
    for state in (chain(), chain(REVEAL), chain(time=CONTRIBUTION_DEADLINE)):
        assert ask(row, state, contribution=pending).action is Action.WAIT


def test_next_step__contribution_refused__says_why() -> None:
    step = ask(entry(CONTRIBUTING, result=RESULT), chain(), contribution=FAILED)
    assert step == Step(
        Action.ABANDON, "it was too late", ReplicateStatus.CONTRIBUTE_FAILED, "CONTRIBUTE_FAILED"
    )


def test_next_step__confirmed_contribution_not_shown__waits_for_the_node() -> None:
    step = ask(entry(CONTRIBUTING, result=RESULT), chain(), contribution=CONFIRMED)
    assert (step.action, step.status) == (Action.WAIT, None)


def test_next_step__unconfirmed_contribution_on_chain__is_revealed_all_the_same() -> None:
    row = entry(CONTRIBUTED, result=RESULT)
    assert ask(row, chain(REVEAL, OWN), contribution=MINED).action is Action.REVEAL


def test_next_step__given_up_but_on_chain__reveals_what_it_remembers() -> None:
    """A transaction that was thought lost is mined after all: its stake is saved."""
    row = entry(ReplicateStatus.CONTRIBUTE_FAILED, result=RESULT)
    assert ask(row, chain(REVEAL, OWN), contribution=FAILED).action is Action.REVEAL


def test_next_step__reveal_under_way__is_not_repeated() -> None:
    row = entry(REVEALING, result=RESULT)
    assert ask(row, chain(REVEAL, OWN), revelation=SENT).action is Action.WAIT


def test_next_step__reveal_failed_in_time__is_tried_again() -> None:
    row = entry(REVEALING, result=RESULT)
    assert ask(row, chain(REVEAL, OWN), revelation=FAILED).action is Action.REVEAL


def test_next_step__reveal_of_an_earlier_round__does_not_count() -> None:
    row = entry(REVEALING, result=RESULT)
    second = chain(REVEAL, OWN, reveal_deadline=REVEAL_DEADLINE + 1)
    assert ask(row, second, revelation=CONFIRMED).action is Action.REVEAL


@pytest.mark.parametrize(
    ("changes", "cause"),
    [({"consensus": bytes(32)}, "CANNOT_REVEAL"), ({"time": REVEAL_DEADLINE}, "REVEAL_TIMEOUT")],
)
def test_next_step__cannot_reveal__waits_for_another_round(
    changes: dict[str, Any], cause: str
) -> None:
    step = ask(entry(CONTRIBUTED, result=RESULT), chain(REVEAL, OWN, **changes))
    failed = ReplicateStatus.REVEAL_FAILED
    assert (step.action, step.status, step.cause) == (Action.WAIT, failed, cause)


def test_next_step__completed_in_an_unsafe_block__keeps_everything() -> None:
    row = entry(ReplicateStatus.CONTRIBUTE_AND_FINALIZE_ONGOING, IN_ONE_STEP, **LINKED)
    over = chain(TaskStatus.COMPLETED, PROVED)
    step = ask(row, over, contribution=MINED)
    done = ReplicateStatus.CONTRIBUTE_AND_FINALIZE_DONE
    assert (step.action, step.status) == (Action.WAIT, done)
    assert ask(row, over, contribution=CONFIRMED).action is Action.PURGE


def test_next_step__long_after_the_final_deadline__purges() -> None:
    row = entry(ReplicateStatus.START_FAILED)
    assert ask(row, chain(time=FINAL_DEADLINE + KEEP_SECONDS)).action is Action.WAIT
    assert ask(row, chain(time=FINAL_DEADLINE + KEEP_SECONDS + 1)).action is Action.PURGE


transactions = st.one_of(
    st.none(), st.builds(TransactionState, status=st.sampled_from(TransactionStatus))
)


@given(
    status=st.sampled_from(ReplicateStatus),
    leave=st.sampled_from([LEAVE, IN_ONE_STEP]),
    result=st.sampled_from([None, RESULT]),
    link=st.sampled_from([b"", b"{}"]),
    task=st.sampled_from(TaskStatus),
    own=st.sampled_from(ContributionStatus),
    time=st.integers(START, FINAL_DEADLINE),
    contribution=transactions,
    revelation=transactions,
)
def test_next_step__whatever_the_state__keeps_stake_and_result(
    status: ReplicateStatus,
    leave: Any,
    result: Any,
    link: bytes,
    task: TaskStatus,
    own: ContributionStatus,
    time: int,
    contribution: TransactionState | None,
    revelation: TransactionState | None,
) -> None:
    row = entry(status, leave, result=result, link=link)
    sent = {"contribution": contribution, "revelation": revelation}
    given_ = {name: state for name, state in sent.items() if state is not None}
    state = chain(task, own, time=time, reveal_deadline=REVEAL_DEADLINE)
    step = ask(row, state, time, **given_)
    is_over = task in (TaskStatus.COMPLETED, TaskStatus.FAILED)
    if step.action is Action.EXECUTE:
        assert own is UNSET
        assert result is None
    if step.action in (Action.CONTRIBUTE, Action.COMPLETE_IN_ONE_STEP):
        assert own is UNSET
        assert result is not None
        assert contribution is None
        assert task is ACTIVE
    if step.action is Action.REVEAL:
        assert (task, own) == (REVEAL, OWN)
    if step.action is Action.PURGE:
        assert is_over
        final = (TransactionStatus.CONFIRMED, TransactionStatus.FAILED)
        assert all(known.status in final for known in given_.values())
    if step.action is Action.ABANDON:
        assert step.status in FAILURES
        assert step.cause
