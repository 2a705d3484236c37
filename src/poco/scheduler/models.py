"""What the public interface shows, in the shapes that the official client reads (spec sdk §6.2)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

__all__ = [
    "ComputeLogs",
    "DatedStatus",
    "DealModel",
    "ReplicateModel",
    "TaskLogsModel",
    "TaskModel",
    "TaskPage",
    "WorkerModel",
]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class DatedStatus(_Model):
    """When something came to a status; dates are ISO 8601 with milliseconds, in UTC."""

    status: str
    date: str
    cause: str | None = None


class ReplicateModel(_Model):
    """One worker's part in a task."""

    self_: str
    chain_task_id: str
    wallet_address: str
    current_status: str
    status_update_list: list[DatedStatus]
    contribution_hash: str | None = None
    app_logs: str | None = None
    app_exit_code: int | None = None
    cause: str | None = None

    model_config = ConfigDict(
        alias_generator=lambda name: "self" if name == "self_" else to_camel(name),
        validate_by_name=True,
    )


class TaskModel(_Model):
    """A task; times are ISO 8601, durations milliseconds as in the original."""

    chain_task_id: str
    chain_deal_id: str
    index: int
    current_status: str
    blocked_reason: str
    date_status_list: list[DatedStatus]
    replicates: list[ReplicateModel]
    max_execution_time: int
    tag: str
    dapp_type: str
    dapp_name: str
    command_line: str
    trust: int
    consensus: str | None = None
    contribution_deadline: str
    reveal_deadline: str | None = None
    final_deadline: str
    result_link: str | None = None
    chain_callback_data: str | None = None


class TaskPage(_Model):
    """Some tasks, the newest first."""

    count: int
    tasks: list[TaskModel]


class DealModel(_Model):
    """How far a deal has come: its tasks by status."""

    chain_deal_id: str
    requester: str
    app_type: str
    trust: int
    tag: str
    bot_first: int
    bot_size: int
    expanded: int
    refusal: str
    task_statuses: dict[str, int]


class WorkerModel(_Model):
    """A worker; its address is public on chain as soon as it contributes."""

    wallet_address: str
    name: str
    alive: bool
    slots: int
    computing: int
    app_types: list[str]
    tags: str
    version: str
    quarantine_until: str | None = None


class ComputeLogs(_Model):
    """What an app wrote at one worker."""

    wallet_address: str
    stdout: str
    stderr: str


class TaskLogsModel(_Model):
    """What an app wrote at all workers of a task."""

    chain_task_id: str
    compute_logs_list: list[ComputeLogs]
