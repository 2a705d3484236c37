"""Who may upload: the worker signs its archive, the scheduler has signed that it may contribute.

The worker's signature binds task and archive, so that it is of no use for anything else. The leave
is the contribution authorization that also the chain asks for (spec offchain §1.12, §5.5).
"""

from __future__ import annotations

from typing import Protocol

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.orders import TaskId, personal_digest, recover_signer, sign_digest

__all__ = ["Leave", "sign_upload", "upload_signer"]


class Leave(Protocol):
    """What an uploader needs of its assignment."""

    @property
    def authorization(self) -> bytes:
        """The scheduler's signature of `poco.orders.authorization_digest`."""

    @property
    def enclave_challenge(self) -> ChecksumAddress:
        """The enclave's address, zero when there is none."""


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
    return recover_signer(personal_digest(keccak(taskid + sha256)), signature)
