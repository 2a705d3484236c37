"""Tasks and deals as their requester sees them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from poco.appio import Cause, error_text
from poco.contracts import Deal, Resource, Task, TaskStatus
from poco.errors import UserInputError
from poco.market.following import parse_deal_id, parse_task_id
from poco.market.states import DealState, TaskState
from poco.orders import ZERO_ADDRESS, DealId, Tag, TaskId

NOBODY = Resource(ZERO_ADDRESS, ZERO_ADDRESS, 0)
DEAL = Deal(
    dealid=DealId(b"\x01" * 32),
    app=NOBODY,
    dataset=NOBODY,
    workerpool=NOBODY,
    trust=1,
    category=0,
    tag=Tag(0),
    requester=ZERO_ADDRESS,
    beneficiary=ZERO_ADDRESS,
    callback=ZERO_ADDRESS,
    params="",
    start_time=1000,
    bot_first=0,
    bot_size=2,
    worker_stake=0,
    scheduler_reward_ratio=1,
    sponsor=ZERO_ADDRESS,
)
TASK = Task(
    status=TaskStatus.ACTIVE,
    dealid=DEAL.dealid,
    index=0,
    clock=300,
    contribution_deadline=3100,
    reveal_deadline=0,
    final_deadline=4000,
    consensus=bytes(32),
    reveal_counter=0,
    winner_counter=0,
    contributors=(),
    digest=bytes(32),
    results=b"",
    results_timestamp=0,
    results_callback=b"",
)


def state(status: TaskStatus, *, late: bool = False, digest: bytes = bytes(32)) -> TaskState:
    task = replace(TASK, status=status, digest=digest)
    return TaskState(TaskId(b"\x02" * 32), DEAL, 0, task, 4000, late)


@pytest.mark.parametrize(
    ("status", "late", "name", "is_over", "trouble"),
    [
        (TaskStatus.UNSET, False, "UNSET", False, ""),
        (TaskStatus.ACTIVE, False, "ACTIVE", False, ""),
        (TaskStatus.UNSET, True, "TIMEOUT", True, "it was not completed in time"),
        (TaskStatus.REVEALING, True, "TIMEOUT", True, "it was not completed in time"),
        (TaskStatus.COMPLETED, True, "COMPLETED", True, ""),
        (TaskStatus.FAILED, False, "FAILED", True, "it failed: its price was refunded"),
    ],
)
def test_task__status_and_time__have_one_name(
    status: TaskStatus, late: bool, name: str, is_over: bool, trouble: str
) -> None:
    found = state(status, late=late)
    assert (found.name, found.is_over) == (name, is_over)
    assert found.trouble.startswith(trouble)
    assert bool(found.trouble) == bool(trouble)


@pytest.mark.parametrize("cause", list(Cause))
def test_task__workers_agreed_on_a_failure__is_told_by_its_digest(cause: Cause) -> None:
    digest = hashlib.sha256(error_text(cause)).digest()
    found = state(TaskStatus.COMPLETED, digest=digest)
    assert found.app_failure is cause
    assert found.to_json()["appFailure"] == cause
    assert cause in found.trouble


def test_task__result_of_the_app__is_no_failure() -> None:
    found = state(TaskStatus.COMPLETED, digest=b"\x05" * 32)
    assert found.trouble == ""
    assert "appFailure" not in found.to_json()


@pytest.mark.parametrize("results", [b"", b"no json", b"[1]", b"\xff"])
def test_task__link_that_is_none__is_storage_none(results: bytes) -> None:
    found = replace(state(TaskStatus.COMPLETED), task=replace(TASK, results=results))
    assert found.to_json()["results"] == {"storage": "none"}


def test_deal__some_tasks_over__is_not() -> None:
    tasks = (state(TaskStatus.COMPLETED), state(TaskStatus.FAILED), state(TaskStatus.ACTIVE))
    deal = DealState(DEAL, 4000, False, tasks)
    assert (len(deal.completed), len(deal.failed), deal.is_over) == (1, 1, False)
    assert len(deal.troubles) == 1


@pytest.mark.parametrize("text", ["", "0x12", "12" * 32, f"0x{'zz' * 32}", f"0x{'12' * 33}"])
def test_parse_id__not_32_bytes__is_refused(text: str) -> None:
    for parse in (parse_deal_id, parse_task_id):
        with pytest.raises(UserInputError, match="64 hex digits"):
            parse(text)
