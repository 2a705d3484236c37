"""What workers and schedulers say to each other (spec offchain §2.3, §5.5, as far as it goes here).

| request | answer |
|---|---|
| ``GET /replicates/available?walletAddress=0x…`` | an assignment, or 204: nothing to do |
| ``HEAD /v2/results/<taskid>`` | 200 when the archive is stored, else 404 |
| ``PUT /v2/results/<taskid>`` | 201 and the result link; the header ``Authorization`` signs it |
| ``GET /v2/results/<taskid>`` | the archive |

An assignment is worth nothing to anybody but its worker, whose address the signature binds; what it
is about the worker reads from the chain. Errors are JSON: ``{"error": "…"}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.errors import PeerError, UserInputError
from poco.orders import (
    ZERO_ADDRESS,
    DealId,
    TaskId,
    checked_address,
    personal_digest,
    sign_digest,
)
from poco.orders import recover_signer as recover

__all__ = ["Assignment", "SchedulerPort", "sign_upload", "upload_signer"]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Leave for one worker to contribute to one task.

    Args:
        taskid: the task.
        dealid: its deal.
        index: its index in the request.
        worker: who may contribute.
        authorization: the scheduler's signature of `poco.orders.authorization_digest`.
        in_one_step: whether to use contributeAndFinalize; else contribute, then reveal.
    """

    taskid: TaskId
    dealid: DealId
    index: int
    worker: ChecksumAddress
    authorization: bytes
    in_one_step: bool

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "workerpoolAuthorization": {
                "chainTaskId": f"0x{self.taskid.hex()}",
                "dealId": f"0x{self.dealid.hex()}",
                "taskIndex": self.index,
                "workerWallet": self.worker,
                "enclaveChallenge": ZERO_ADDRESS,
                "signature": {"value": f"0x{self.authorization.hex()}"},
            },
            "contributeAndFinalize": self.in_one_step,
        }

    @classmethod
    def from_json(cls, document: object) -> Assignment:
        """Read the JSON form.

        Raises:
            PeerError: it is malformed.
        """
        try:
            if not isinstance(document, Mapping):
                raise TypeError("a JSON object is needed")
            leave = document["workerpoolAuthorization"]
            return cls(
                taskid=TaskId(_bytes(leave["chainTaskId"], 32)),
                dealid=DealId(_bytes(leave["dealId"], 32)),
                index=int(leave["taskIndex"]),
                worker=checked_address("workerWallet", leave["workerWallet"]),
                authorization=_bytes(leave["signature"]["value"], 65),
                in_one_step=document["contributeAndFinalize"] is True,
            )
        except (KeyError, TypeError, ValueError, UserInputError) as error:
            raise PeerError(
                f"the scheduler must send a well-formed assignment: {error!r}",
                field="assignment",
                value=str(document)[:200],
                remedy="check that worker and scheduler are of the same version",
            ) from error


class SchedulerPort(Protocol):
    """What a worker needs of a scheduler."""

    def ask(self, worker: ChecksumAddress) -> Assignment | None:
        """Ask for work; None when there is none.

        Raises:
            PeerError: the scheduler does not answer, or refuses.
        """

    def has_result(self, taskid: TaskId) -> bool:
        """Return whether the archive of a task is stored.

        Raises:
            PeerError: the scheduler does not answer.
        """

    def upload(self, taskid: TaskId, archive: Path, signature: bytes) -> bytes:
        """Hand over the archive of a task.

        Args:
            taskid: the task.
            archive: the zip.
            signature: of `sign_upload`.

        Returns:
            The result link to put on chain.

        Raises:
            PeerError: the scheduler does not answer, or refuses the archive.
        """


def sign_upload(account: LocalAccount, taskid: TaskId, sha256: bytes) -> bytes:
    """Sign that an archive is the worker's result of a task; 65 bytes.

    Args:
        account: the worker.
        taskid: the task.
        sha256: of the archive, 32 bytes.
    """
    return sign_digest(account, personal_digest(keccak(taskid + sha256)))


def upload_signer(taskid: TaskId, sha256: bytes, signature: bytes) -> ChecksumAddress | None:
    """Return who signed an upload; None when the signature is malformed."""
    return recover(personal_digest(keccak(taskid + sha256)), signature)


def _bytes(text: str, length: int) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != length:
        raise ValueError(f"{length} bytes are needed, not {len(value)}")
    return value
