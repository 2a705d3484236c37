"""The ids and digests that follow from an order hash: deals, tasks, results, authorisations.

Inputs and outputs are 32 bytes unless they are addresses (spec contracts §3.6, §4.1, §4.3, §7.4).
"""

from __future__ import annotations

from typing import NewType

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.orders._abi import checked_address, checked_bytes, checked_uint256
from poco.orders.typed_data import OrderHash

__all__ = [
    "DealId",
    "TaskId",
    "authorization_digest",
    "deal_id",
    "enclave_digest",
    "personal_digest",
    "result_hash",
    "result_seal",
    "task_id",
]

DealId = NewType("DealId", bytes)
TaskId = NewType("TaskId", bytes)


def deal_id(request_hash: OrderHash, consumed: int) -> DealId:
    """Return the id of the deal that a request makes next.

    Args:
        request_hash: hash of the request order.
        consumed: tasks of the request that earlier deals took; the first index of this deal.

    Raises:
        UserInputError: an argument is malformed.
    """
    index = checked_uint256("consumed", consumed).to_bytes(32)
    return DealId(keccak(_word("request_hash", request_hash) + index))


def task_id(dealid: DealId, index: int) -> TaskId:
    """Return the id of a task.

    Args:
        dealid: the deal.
        index: position in the request order, from botFirst on; in a Boost deal, position in the
            deal, from 0 on.

    Raises:
        UserInputError: an argument is malformed.
    """
    return TaskId(keccak(_word("dealid", dealid) + checked_uint256("index", index).to_bytes(32)))


def result_hash(taskid: TaskId, digest: bytes) -> bytes:
    """Return what consensus is reached on: the result digest bound to its task."""
    return keccak(_word("taskid", taskid) + _word("digest", digest))


def result_seal(worker: ChecksumAddress, taskid: TaskId, digest: bytes) -> bytes:
    """Return the proof that a worker knew the digest before it was revealed."""
    return keccak(_address("worker", worker) + _word("taskid", taskid) + _word("digest", digest))


def authorization_digest(
    worker: ChecksumAddress, taskid: TaskId, enclave: ChecksumAddress
) -> bytes:
    """Return what the scheduler (or the TEE broker) signs to admit a worker to a task.

    Args:
        worker: the account that contributes.
        taskid: the task.
        enclave: the enclave challenge, address zero when there is none.
    """
    message = _address("worker", worker) + _word("taskid", taskid) + _address("enclave", enclave)
    return personal_digest(keccak(message))


def enclave_digest(hashed: bytes, seal: bytes) -> bytes:
    """Return what the enclave signs for a classic task: result hash and seal."""
    return personal_digest(keccak(_word("hashed", hashed) + _word("seal", seal)))


def personal_digest(message: bytes) -> bytes:
    """Return the EIP-191 personal-message digest of 32 bytes.

    That of a result seal is what the enclave signs for a Boost task.
    """
    return keccak(b"\x19Ethereum Signed Message:\n32" + _word("message", message))


def _word(field: str, value: bytes) -> bytes:
    return checked_bytes(field, value, length=32)


def _address(field: str, value: ChecksumAddress) -> bytes:
    return bytes.fromhex(checked_address(field, value)[2:])
