"""Whether a worker may upload an archive: asked of the chain before a byte is taken (spec §5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from eth_typing import ChecksumAddress

from poco import appio
from poco.contracts import Contribution, ContributionStatus, Deal, Market, Task, TaskStatus
from poco.orders import (
    ZERO_ADDRESS,
    TaskId,
    authorization_digest,
    enclave_digest,
    is_valid_signature,
    result_hash,
    result_seal,
)
from poco.services.results.signatures import upload_signer
from poco.web import HttpError

__all__ = [
    "Admission",
    "UploadRequest",
    "admit",
    "has_leave",
    "is_vouched_for",
    "wants_encryption",
]


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What an uploader says of its archive.

    Args:
        taskid: the task.
        sha256: of the archive, 32 bytes.
        size: of the archive, bytes.
        digest: its result digest, 32 bytes.
        signature: of `sign_upload`, by the worker.
        authorization: the leave to contribute, by the deal's scheduler or the TEE broker.
        enclave: the enclave challenge, zero when there is none.
        enclave_signature: of result hash and seal, by the enclave; empty when there is none.
    """

    taskid: TaskId
    sha256: bytes
    size: int
    digest: bytes
    signature: bytes
    authorization: bytes
    enclave: ChecksumAddress = ZERO_ADDRESS
    enclave_signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Admission:
    """A worker that may upload.

    Args:
        worker: who it is.
        deal: the deal of the task.
        task: as it stands on chain.
        provisional: whether the chain has yet to confirm the digest.
        may_be_encrypted: whether the requester asked for it, and an enclave vouches for the digest.
    """

    worker: ChecksumAddress
    deal: Deal
    task: Task
    provisional: bool
    may_be_encrypted: bool


def admit(market: Market, request: UploadRequest) -> Admission:
    """Check an upload against the chain.

    Before its contribution a worker may upload when it contributes and finalises in one step, or
    when an enclave vouches for the digest; after it, when it has revealed this digest.

    Raises:
        HttpError: 401, a signature is missing; 404, there is no such task; 409, the task is not at
            the point where this worker uploads.
        ChainError: the node does not answer.
    """
    worker = upload_signer(request.taskid, request.sha256, request.signature)
    if worker is None:
        raise _unauthorized("Authorization", "the worker signs task and SHA-256 of its archive")
    answers = market.hub.read_all(
        [("viewTask", (request.taskid,)), ("viewContribution", (request.taskid, worker))]
    )
    task, contribution = Task.from_abi(answers[0]), Contribution.from_abi(answers[1])
    deal = market.hub.deal(task.dealid) if task.status is not TaskStatus.UNSET else None
    if deal is None:
        raise HttpError(
            HTTPStatus.NOT_FOUND,
            "the task must be initialized on chain",
            field="task",
            value=f"0x{request.taskid.hex()}",
        )
    leave = request.enclave, request.authorization
    if not has_leave(market, deal, worker, request.taskid, *leave):
        raise _unauthorized(
            "X-Poco-Authorization", f"the scheduler {deal.scheduler} must have admitted {worker}"
        )
    vouched = is_vouched_for(request, worker)
    provisional = contribution.status is ContributionStatus.UNSET
    if provisional:
        _check_before(task, deal, vouched=vouched)
    else:
        _check_after(request, contribution)
    return Admission(worker, deal, task, provisional, vouched and wants_encryption(deal))


def has_leave(
    market: Market,
    deal: Deal,
    worker: ChecksumAddress,
    taskid: TaskId,
    enclave: ChecksumAddress,
    authorization: bytes,
) -> bool:
    """Return whether the deal's scheduler, or the TEE broker, has admitted a worker to a task.

    Raises:
        ChainError: the node does not answer.
    """
    digest = authorization_digest(worker, taskid, enclave)
    signers = [deal.scheduler]
    if enclave != ZERO_ADDRESS:
        signers.append(market.hub.constants().tee_broker)
    if any(is_valid_signature(who, digest, authorization) for who in signers):
        return True
    view = market.view()  # an owner may be a contract
    return any(is_valid_signature(who, digest, authorization, view) for who in signers)


def is_vouched_for(request: UploadRequest, worker: ChecksumAddress) -> bool:
    """Return whether the enclave has signed what a worker uploads."""
    digest = enclave_digest(
        result_hash(request.taskid, request.digest),
        result_seal(worker, request.taskid, request.digest),
    )
    return is_valid_signature(request.enclave, digest, request.enclave_signature)


def _check_before(task: Task, deal: Deal, *, vouched: bool) -> None:
    in_one_step = deal.trust <= 1 and not task.contributors
    if task.status is not TaskStatus.ACTIVE or not (in_one_step or (deal.tag.is_tee and vouched)):
        raise _wrong_time(
            f"the task is {task.status.name} at trust {deal.trust}; without an enclave's signature "
            "only the first worker at trust 1 uploads before it contributes",
            "contribute and reveal first",
        )


def _check_after(request: UploadRequest, contribution: Contribution) -> None:
    if contribution.status is not ContributionStatus.PROVED:
        raise _wrong_time(
            f"the contribution is {contribution.status.name}; its archive is taken once it is "
            "revealed",
            "reveal first",
        )
    if contribution.result_hash != result_hash(request.taskid, request.digest):
        raise _wrong_time(
            f"0x{request.digest.hex()} is not the digest that was revealed",
            "upload the archive of the contribution",
        )


def wants_encryption(deal: Deal) -> bool:
    """Return whether the requester of a task for an enclave asked for an encrypted result."""
    try:
        return deal.tag.is_tee and appio.parse_params(deal.params).result_encryption
    except appio.ExecutionError:
        return False


def _unauthorized(field: str, rule: str) -> HttpError:
    return HttpError(HTTPStatus.UNAUTHORIZED, rule, field=field, remedy="send the signature")


def _wrong_time(rule: str, remedy: str) -> HttpError:
    return HttpError(HTTPStatus.CONFLICT, rule, remedy=remedy)
