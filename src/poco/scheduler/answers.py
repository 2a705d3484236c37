"""What a scheduler answers to a worker: assignments and commands, and their JSON (spec §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from eth_typing import ChecksumAddress

from poco.errors import PeerError, UserInputError
from poco.orders import ZERO_ADDRESS, DealId, TaskId, checked_address

__all__ = ["Assignment", "Command", "Order", "Orders"]


class Command(StrEnum):
    """What a scheduler wants of a task that the worker has."""

    CONTINUE = "CONTINUE"
    ABORT = "ABORT"
    UPLOAD = "UPLOAD"
    PURGE = "PURGE"


@dataclass(frozen=True, slots=True)
class Order:
    """A command and, for ABORT, its cause (``CONSENSUS_REACHED``, ``CONTRIBUTION_TIMEOUT``, …)."""

    command: Command
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Leave for one worker to contribute to one task.

    It is worth nothing to anybody else: the signature binds the worker's address.

    Args:
        taskid: the task.
        dealid: its deal.
        index: its index in the request.
        worker: who may contribute.
        authorization: the scheduler's signature of `poco.orders.authorization_digest`, 65 bytes.
        in_one_step: whether to use contributeAndFinalize; else contribute, then reveal.
        enclave_challenge: address of the enclave's key, zero when there is none.
        block: height of the chain that the scheduler has seen; a node below it is behind.
        results_url: where to upload the result.
        secrets_url: where to ask for secrets, empty when there are none.
    """

    taskid: TaskId
    dealid: DealId
    index: int
    worker: ChecksumAddress
    authorization: bytes
    in_one_step: bool
    enclave_challenge: ChecksumAddress = ZERO_ADDRESS
    block: int = 0
    results_url: str = ""
    secrets_url: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "workerpoolAuthorization": {
                "chainTaskId": _hex(self.taskid),
                "dealId": _hex(self.dealid),
                "taskIndex": self.index,
                "workerWallet": self.worker,
                "enclaveChallenge": self.enclave_challenge,
                "signature": {"value": _hex(self.authorization)},
            },
            "contributeAndFinalize": self.in_one_step,
            "blockNumber": self.block,
            "resultsUrl": self.results_url,
            "smsUrl": self.secrets_url,
        }

    @classmethod
    def from_json(cls, document: object) -> Assignment:
        """Read the JSON form.

        Raises:
            PeerError: it is malformed.
        """
        try:
            outer = _mapping(document)
            leave = outer["workerpoolAuthorization"]
            return cls(
                taskid=TaskId(_bytes(leave["chainTaskId"], 32)),
                dealid=DealId(_bytes(leave["dealId"], 32)),
                index=int(leave["taskIndex"]),
                worker=checked_address("workerWallet", leave["workerWallet"]),
                authorization=_bytes(leave["signature"]["value"], 65),
                in_one_step=outer["contributeAndFinalize"] is True,
                enclave_challenge=checked_address("enclaveChallenge", leave["enclaveChallenge"]),
                block=int(outer["blockNumber"]),
                results_url=str(outer["resultsUrl"]),
                secrets_url=str(outer["smsUrl"] or ""),
            )
        except (KeyError, TypeError, ValueError, AttributeError, UserInputError) as error:
            raise _malformed("assignment", document, error) from error


@dataclass(frozen=True, slots=True)
class Orders:
    """What a scheduler answers to a sync.

    Args:
        assignments: tasks to take up, the ones that are not in the report yet.
        commands: what to do with tasks of the report; one that is missing goes on.
    """

    assignments: tuple[Assignment, ...] = ()
    commands: Mapping[TaskId, Order] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "assignments": [assignment.to_json() for assignment in self.assignments],
            "commands": {
                _hex(taskid): {"command": str(order.command), "cause": order.cause}
                for taskid, order in self.commands.items()
            },
        }

    @classmethod
    def from_json(cls, document: object) -> Orders:
        """Read the JSON form.

        Raises:
            PeerError: it is malformed.
        """
        try:
            outer = _mapping(document)
            return cls(
                tuple(Assignment.from_json(found) for found in outer["assignments"]),
                {
                    TaskId(_bytes(taskid, 32)): Order(
                        Command(order["command"]), str(order["cause"])
                    )
                    for taskid, order in outer["commands"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _malformed("orders", document, error) from error


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


def _mapping(document: object) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise TypeError("a JSON object is needed")
    return document


def _bytes(text: str, length: int) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != length:
        raise ValueError(f"{length} bytes are needed, not {len(value)}")
    return value


def _malformed(what: str, document: object, error: Exception) -> PeerError:
    return PeerError(
        f"the scheduler must send well-formed {what}: {error!r}",
        field=what,
        value=str(document)[:200],
        remedy="check that worker and scheduler are of the same version",
    )
