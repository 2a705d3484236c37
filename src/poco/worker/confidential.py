"""What a confidential task needs: its secrets, and the signature of its (simulated) enclave."""

from __future__ import annotations

from collections.abc import Callable

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.appio import Cause, ExecutionError
from poco.appio.encryption import public_key_from_secret
from poco.errors import UserInputError
from poco.orders import (
    ZERO_ADDRESS,
    TaskId,
    enclave_digest,
    result_hash,
    result_seal,
    sign_digest,
)
from poco.scheduler.protocol import Assignment
from poco.services.secrets import SecretsClient, SecretsRefusedError, TaskSecrets

__all__ = ["enclave_address", "enclave_signature", "open_session", "result_key"]

_FOR_ENCLAVES_ONLY = "NO_MATCH_ONCHAIN_TYPE"
"""What a secret service says of a task without the TEE tag (spec offchain §4.5)."""


def open_session(
    leave: Assignment, account: LocalAccount, client: Callable[[str], SecretsClient]
) -> TaskSecrets:
    """Return what a task may know; nothing when secrets are only for tasks in an enclave.

    Args:
        leave: the scheduler's leave to compute the task.
        account: the worker.
        client: makes the client of a secret service, given its URL.

    Raises:
        SecretsRefusedError: the service refuses them.
        PeerError: it does not answer.
    """
    if not leave.secrets_url:
        return TaskSecrets()
    try:
        return client(leave.secrets_url).session(leave, account)
    except SecretsRefusedError as error:
        if error.code != _FOR_ENCLAVES_ONLY:
            raise
        return TaskSecrets()


def enclave_address(secrets: TaskSecrets) -> ChecksumAddress:
    """Return the address of the enclave's key, zero without one."""
    enclave = _enclave(secrets)
    return enclave.address if enclave else ZERO_ADDRESS


def enclave_signature(
    secrets: TaskSecrets, worker: LocalAccount, taskid: TaskId, digest: bytes
) -> bytes:
    """Sign a result as the (simulated) enclave does; empty without one (spec §4.3).

    Args:
        secrets: of the task.
        worker: the account that contributes.
        taskid: the task.
        digest: of its result, 32 bytes.
    """
    enclave = _enclave(secrets)
    if enclave is None:
        return b""
    seal = result_seal(worker.address, taskid, digest)
    return sign_digest(enclave, enclave_digest(result_hash(taskid, digest), seal))


def result_key(secrets: TaskSecrets) -> bytes:
    """Return the beneficiary's public key, PEM; empty when the result is not encrypted.

    Raises:
        ExecutionError: ``POST_COMPUTE_ENCRYPTION_FAILED`` when it is no such key.
    """
    if secrets.result_public_key is None:
        return b""
    try:
        return public_key_from_secret(secrets.result_public_key)
    except UserInputError as error:
        raise ExecutionError(
            Cause.POST_COMPUTE_ENCRYPTION_FAILED,
            f"the beneficiary's public key {error.rule}",
            remedy=error.remedy,
        ) from error


def _enclave(secrets: TaskSecrets) -> LocalAccount | None:
    if secrets.enclave_key is None:
        return None
    enclave: LocalAccount = Account.from_key(secrets.enclave_key.reveal())
    return enclave
