"""Deals and tasks at one moment, as their requester sees them (spec sdk §1.3). Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from poco.appio import Cause, failure_of
from poco.contracts import Deal, Resource, Task, TaskStatus
from poco.orders import TaskId

__all__ = ["DealState", "TaskState"]

_TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task as its requester sees it.

    Args:
        taskid: its id.
        deal: its deal.
        index: its index in the request.
        task: what the chain says; UNSET and all zeros until somebody opens it.
        final_deadline: from then on it may be claimed, seconds since 1970.
        is_late: whether that time has come.
    """

    taskid: TaskId
    deal: Deal
    index: int
    task: Task
    final_deadline: int
    is_late: bool

    @property
    def is_timed_out(self) -> bool:
        """Whether it was not finished in time: its money can be claimed back."""
        return self.is_late and self.task.status < TaskStatus.COMPLETED

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more but a claim."""
        return self.is_late or self.task.status >= TaskStatus.COMPLETED

    @property
    def is_completed(self) -> bool:
        """Whether it has a result."""
        return self.task.status is TaskStatus.COMPLETED

    @property
    def app_failure(self) -> Cause | None:
        """The failure of the app that the workers agreed on; None for a result of its own."""
        return failure_of(self.task.digest) if self.is_completed else None

    @property
    def trouble(self) -> str:
        """Why there is no result of the app, in words; empty while there may be one."""
        if self.app_failure is not None:
            return (
                f"the app failed with {self.app_failure}, "
                f"`poco task debug {_hex(self.taskid)} --logs` shows what it wrote"
            )
        if self.is_timed_out:
            return "it was not completed in time: its price can be claimed back"
        return "it failed: its price was refunded" if self.name == "FAILED" else ""

    @property
    def name(self) -> str:
        """The status in one word: UNSET, ACTIVE, REVEALING, COMPLETED, FAILED or TIMEOUT."""
        return _TIMEOUT if self.is_timed_out else self.task.status.name

    def to_json(self) -> dict[str, Any]:
        """Return the task in the shape of the official client; integers are texts."""
        task = self.task
        return {
            "taskid": _hex(self.taskid),
            "status": int(task.status),
            "dealid": _hex(self.deal.dealid),
            "idx": str(self.index),
            "timeref": str(task.clock),
            "contributionDeadline": str(task.contribution_deadline),
            "revealDeadline": str(task.reveal_deadline),
            "finalDeadline": str(self.final_deadline),
            "consensusValue": _hex(task.consensus),
            "revealCounter": str(task.reveal_counter),
            "winnerCounter": str(task.winner_counter),
            "contributors": list(task.contributors),
            "resultDigest": _hex(task.digest),
            "results": _results(task.results),
            "resultsTimestamp": str(task.results_timestamp),
            "resultsCallback": _hex(task.results_callback),
            "statusName": self.name,
            "taskTimedOut": self.is_timed_out,
            **({} if self.app_failure is None else {"appFailure": str(self.app_failure)}),
        }


@dataclass(frozen=True, slots=True)
class DealState:
    """A deal with its tasks.

    Args:
        deal: its terms.
        final_time: from then on unfinished tasks may be claimed, seconds since 1970.
        is_late: whether that time has come.
        tasks: in the order of their indices.
    """

    deal: Deal
    final_time: int
    is_late: bool
    tasks: tuple[TaskState, ...]

    @property
    def completed(self) -> tuple[TaskState, ...]:
        """The tasks that have a result."""
        return tuple(task for task in self.tasks if task.is_completed)

    @property
    def failed(self) -> tuple[TaskState, ...]:
        """The tasks that will have none: claimed, or not finished in time."""
        return tuple(task for task in self.tasks if task.is_over and not task.is_completed)

    @property
    def troubles(self) -> list[str]:
        """What went wrong, a sentence for each task without a result of the app."""
        return [f"task {_hex(task.taskid)}: {task.trouble}" for task in self.tasks if task.trouble]

    @property
    def is_over(self) -> bool:
        """Whether all tasks are over."""
        return all(task.is_over for task in self.tasks)

    def to_json(self) -> dict[str, Any]:
        """Return the deal in the shape of the official client; integers are texts."""
        deal = self.deal
        return {
            "dealid": _hex(deal.dealid),
            "app": _resource(deal.app),
            "dataset": _resource(deal.dataset),
            "workerpool": _resource(deal.workerpool),
            "trust": str(deal.trust),
            "category": str(deal.category),
            "tag": deal.tag.to_hex(),
            "requester": deal.requester,
            "beneficiary": deal.beneficiary,
            "callback": deal.callback,
            "params": deal.params,
            "startTime": str(deal.start_time),
            "botFirst": str(deal.bot_first),
            "botSize": str(deal.bot_size),
            "workerStake": str(deal.worker_stake),
            "schedulerRewardRatio": str(deal.scheduler_reward_ratio),
            "sponsor": deal.sponsor,
            "finalTime": str(self.final_time),
            "deadlineReached": self.is_late,
            "tasks": [_hex(task.taskid) for task in self.tasks],
        }


def _resource(resource: Resource) -> dict[str, str]:
    return {
        "pointer": resource.pointer,
        "owner": resource.owner,
        "price": str(resource.price),
    }


def _results(results: bytes) -> dict[str, Any]:
    """Read the link of a result; whatever is none is the storage ``none`` (spec sdk §5.1)."""
    try:
        document = json.loads(results)
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {"storage": "none"}


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"
