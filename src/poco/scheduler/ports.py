"""What a scheduler needs of the secret service; of the results it needs their `ResultsPort`."""

from __future__ import annotations

from typing import Protocol

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.orders import TaskId

__all__ = ["SecretsPort"]


class SecretsPort(Protocol):
    """The secret service, see `poco.services.secrets`."""

    def challenge(self, taskid: TaskId, account: LocalAccount) -> ChecksumAddress:
        """Return the address of a task's enclave key.

        Raises:
            PeerError: the service does not answer, or refuses.
        """
