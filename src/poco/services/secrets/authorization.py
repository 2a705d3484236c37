"""The leave of a pool's owner for one worker to do one task, as secrets are asked for with it.

JSON and signatures are those of spec sdk §4.6 and offchain §4.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import DealId, TaskId, authorization_digest, checked_address, personal_digest

__all__ = ["Authorization", "WorkerpoolAuthorization", "challenge_digest", "sealed_request_digest"]


class Authorization(Protocol):
    """What of an assignment secrets are released for; a scheduler's `Assignment` has it all."""

    @property
    def taskid(self) -> TaskId:
        """The task."""

    @property
    def dealid(self) -> DealId:
        """Its deal; not trusted, the chain tells."""

    @property
    def index(self) -> int:
        """Its index; not trusted either."""

    @property
    def worker(self) -> ChecksumAddress:
        """Who may contribute."""

    @property
    def enclave_challenge(self) -> ChecksumAddress:
        """Address of the task's enclave key; zero without one."""

    @property
    def authorization(self) -> bytes:
        """Signature of `poco.orders.authorization_digest` by the pool's owner (or TEE broker)."""


@dataclass(frozen=True, slots=True)
class WorkerpoolAuthorization:
    """An `Authorization` as a plain value.

    Args:
        taskid: see `Authorization`.
        dealid: see there.
        index: see there.
        worker: see there.
        enclave_challenge: see there.
        authorization: see there.
    """

    taskid: TaskId
    dealid: DealId
    index: int
    worker: ChecksumAddress
    enclave_challenge: ChecksumAddress
    authorization: bytes

    @property
    def digest(self) -> bytes:
        """What the pool's owner signed, and the worker signs to open a session."""
        return authorization_digest(self.worker, self.taskid, self.enclave_challenge)

    def to_json(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "chainTaskId": f"0x{self.taskid.hex()}",
            "dealId": f"0x{self.dealid.hex()}",
            "taskIndex": self.index,
            "workerWallet": self.worker,
            "enclaveChallenge": self.enclave_challenge,
            "signature": {"value": f"0x{self.authorization.hex()}"},
        }

    @classmethod
    def of(cls, other: Authorization) -> WorkerpoolAuthorization:
        """Copy what is needed of an assignment."""
        return cls(
            other.taskid,
            other.dealid,
            other.index,
            other.worker,
            other.enclave_challenge,
            other.authorization,
        )

    @classmethod
    def from_json(cls, document: object) -> WorkerpoolAuthorization:
        """Read the JSON form.

        Raises:
            UserInputError: it is malformed.
        """
        try:
            if not isinstance(document, Mapping):
                raise TypeError("a JSON object is needed")
            return cls(
                taskid=TaskId(_bytes(document["chainTaskId"], 32)),
                dealid=DealId(_bytes(document["dealId"], 32)),
                index=int(document["taskIndex"]),
                worker=checked_address("workerWallet", document["workerWallet"]),
                enclave_challenge=checked_address("enclaveChallenge", document["enclaveChallenge"]),
                authorization=_bytes(document["signature"]["value"], None),
            )
        except (KeyError, TypeError, ArithmeticError, ValueError, AttributeError) as error:
            raise UserInputError(
                f"an authorization has chainTaskId, dealId, taskIndex, workerWallet, "
                f"enclaveChallenge and signature.value: {error!r}",
                field="workerpoolAuthorization",
                value=str(document)[:200],
                remedy="send it as the scheduler gave it",
            ) from error


def challenge_digest(taskid: TaskId) -> bytes:
    """Return what the pool's owner signs to get the enclave challenge of a task (offchain §4.4)."""
    return personal_digest(keccak(taskid))


def sealed_request_digest(authorization: WorkerpoolAuthorization, seal_to: bytes) -> bytes:
    """Return what a worker signs to get the secrets of a task, sealed to a key of its own.

    Args:
        authorization: for the task.
        seal_to: the worker's X25519 public key, 32 bytes; signed, so that nobody can put another
            one in its place.
    """
    return personal_digest(keccak(authorization.digest + seal_to))


def _bytes(text: str, length: int | None) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if length is not None and len(value) != length:
        raise ValueError(f"{length} bytes are needed, not {len(value)}")
    return value
