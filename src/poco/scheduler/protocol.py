"""What workers and schedulers say to each other (spec offchain §2.3, §8.4).

| request | answer |
|---|---|
| ``GET /workers/challenge?walletAddress=0x…`` | ``{"challenge": "0x<32 bytes>"}`` |
| ``POST /workers/login?walletAddress=0x…`` | ``{"signature"}`` of `login_digest`; ``{"token"}`` |
| ``POST /workers/register`` | `Capability`; 204 |
| ``POST /v2/sync?wait=<seconds>`` | `Report`; `Orders`, at once when there is something new |

The last two carry the header ``Authorization: Bearer <token>``. What a scheduler orders follows
from its state, not from what it said before, so that an answer that is lost is no loss: an
assignment that the worker does not list yet is sent again. Errors are JSON: ``{"error": "…"}``.
The answers are defined in `poco.scheduler.answers`.
"""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from eth_hash.auto import keccak
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from poco.orders import TaskId, personal_digest
from poco.scheduler.answers import Assignment, Command, Order, Orders
from poco.scheduler.statuses import ReplicateStatus

__all__ = [
    "LONGEST_WAIT_SECONDS",
    "MAX_LOGS",
    "MAX_LOG_CHARACTERS",
    "Assignment",
    "Capability",
    "Command",
    "Order",
    "Orders",
    "ReplicateReport",
    "ReplicateStatus",
    "Report",
    "SchedulerPort",
    "TaskLogs",
    "login_digest",
]

LONGEST_WAIT_SECONDS = 25.0
"""How long a sync may stay open."""

MAX_LOG_CHARACTERS = 100_000
"""Of each stream the tail of this length is kept (spec §1.8)."""

MAX_LOGS = 4
"""Logs of so many tasks are in one report: it stays a few megabytes whatever is in them."""

_MAX_TEXT = 2_000
_LOGIN = b"log in to the scheduler of a workerpool: "


def _word(value: object) -> bytes:
    if isinstance(value, str):
        try:
            value = bytes.fromhex(value.removeprefix("0x"))
        except ValueError as error:
            raise ValueError("0x and hex digits are needed") from error
    if not isinstance(value, bytes) or len(value) != 32:
        raise ValueError("32 bytes are needed")
    return value


def _mask(value: object) -> object:
    return int(value, 16) if isinstance(value, str) and value.startswith("0x") else value


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


_TaskId = Annotated[TaskId, BeforeValidator(_word), PlainSerializer(_hex, when_used="json")]
_Mask = Annotated[
    int, BeforeValidator(_mask), Field(ge=0, lt=2**256), PlainSerializer(hex, when_used="json")
]


class _Message(BaseModel):
    """A message of a worker; its JSON has names in camel case."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return self.model_dump(mode="json", by_alias=True)


class Capability(_Message):
    """What a worker can do.

    Args:
        name: what people call it.
        slots: tasks it runs at the same time.
        cpus: processors.
        memory: bytes.
        disk: free bytes.
        app_types: what it runs, for example ``DOCKER`` and ``WASM``.
        tags: mask of the tag bits that it covers: 0x100 for a GPU, 0x1 for enclaves.
        host: id of the machine; two workers of one host do not vote on one task.
        version: of its software.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    slots: Annotated[int, Field(ge=1, le=1024)] = 1
    cpus: Annotated[int, Field(ge=1, le=2**20)] = 1
    memory: Annotated[int, Field(ge=0, lt=2**62)] = 0
    disk: Annotated[int, Field(ge=0, lt=2**62)] = 0
    app_types: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    tags: _Mask = 0
    host: Annotated[str, Field(max_length=200)] = ""
    version: Annotated[str, Field(max_length=100)] = ""


class ReplicateReport(_Message):
    """Where a worker is with one of its tasks.

    Args:
        task_id: the task.
        status: where it is.
        cause: name of what went wrong (spec appendix A), else empty.
        message: the same in a sentence.
        exit_code: of the app, once it ended.
    """

    task_id: _TaskId
    status: ReplicateStatus
    cause: Annotated[str, Field(max_length=200)] = ""
    message: Annotated[str, Field(max_length=_MAX_TEXT)] = ""
    exit_code: Annotated[int | None, Field(ge=-(2**31), lt=2**31)] = None


class TaskLogs(_Message):
    """What an app wrote, the tail of it; only its requester may read it.

    Args:
        task_id: the task.
        stdout: standard output.
        stderr: standard error.
        exit_code: of the app, None when it did not end by itself.
    """

    task_id: _TaskId
    stdout: str = Field("", repr=False)
    stderr: str = Field("", repr=False)
    exit_code: Annotated[int | None, Field(ge=-(2**31), lt=2**31)] = None


class Report(_Message):
    """What a worker tells with each sync.

    Args:
        head: number of the last block that it has seen.
        free: slots that are free.
        replicates: all tasks of its journal.
        logs: of tasks, once; an answer says that they have arrived.
    """

    head: Annotated[int, Field(ge=0, lt=2**62)] = 0
    free: Annotated[int, Field(ge=0, le=1024)] = 0
    replicates: Annotated[tuple[ReplicateReport, ...], Field(max_length=5_000)] = ()
    logs: Annotated[tuple[TaskLogs, ...], Field(max_length=MAX_LOGS)] = ()


class SchedulerPort(Protocol):
    """A scheduler as one worker sees it, in the same process or over HTTP."""

    def register(self, capability: Capability) -> None:
        """Say what the worker can do; to be repeated when that changes.

        Raises:
            PeerError: the scheduler does not answer, or refuses the worker.
        """

    def sync(self, report: Report, wait: float = 0.0) -> Orders:
        """Report all tasks, and hear what to do.

        Args:
            report: everything in the worker's journal.
            wait: how long the answer may take when there is nothing new, seconds, up to
                `LONGEST_WAIT_SECONDS`.

        Raises:
            PeerError: the scheduler does not answer, or does not know the worker.
        """


def login_digest(challenge: bytes) -> bytes:
    """Return what a worker signs to log in, the personal-message digest of a hash.

    A scheduler chooses the 32 bytes of the challenge, and must not choose what is signed: bare,
    they could be an upload, a request for secrets, or the leave of a pool of the worker's own.

    Raises:
        ValueError: the challenge has not 32 bytes.
    """
    if len(challenge) != 32:
        raise ValueError("a challenge has 32 bytes")
    return personal_digest(keccak(_LOGIN + challenge))
