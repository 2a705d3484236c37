"""Names of secrets, and what their owners sign to set them (spec sdk §4.1, offchain §4.2).

Pure. All challenges are 32 bytes, signed as personal messages (EIP-191).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import checked_address

__all__ = [
    "MAX_VALUE_BYTES",
    "RESULT_KEY_NAME",
    "SecretKind",
    "SecretName",
    "bound_challenge",
    "challenge",
]

MAX_VALUE_BYTES = 4096
"""Most bytes of a secret."""
RESULT_KEY_NAME = "iexec-result-encryption-public-key"
"""Setting of a beneficiary: the key that results are encrypted for."""

_DOMAIN = keccak(b"IEXEC_SMS_DOMAIN")
_REQUESTER_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MAX_SETTING_NAME = 256
_APP_SECRET = "1"  # noqa: S105 (the index of an app's only secret)


class SecretKind(StrEnum):
    """Whose secret it is, and so who may set it and who may read it."""

    DATASET = "dataset"
    SETTING = "setting"
    APP = "app"
    REQUESTER = "requester"


@dataclass(frozen=True, slots=True)
class SecretName:
    """Which secret.

    Args:
        kind: whose.
        address: the dataset, app or account.
        name: name among several of an account; "" for datasets, ``1`` for apps.
    """

    kind: SecretKind
    address: ChecksumAddress
    name: str = ""

    @classmethod
    def dataset(cls, address: str) -> SecretName:
        """Name the key of a dataset.

        Raises:
            UserInputError: the address is malformed.
        """
        return cls(SecretKind.DATASET, checked_address("secretAddress", address))

    @classmethod
    def setting(cls, address: str, name: str) -> SecretName:
        """Name a setting of an account.

        Raises:
            UserInputError: the address is malformed.
        """
        return cls(SecretKind.SETTING, checked_address("ownerAddress", address), name)

    @classmethod
    def app(cls, address: str) -> SecretName:
        """Name the developer's secret of an app.

        Raises:
            UserInputError: the address is malformed.
        """
        return cls(SecretKind.APP, checked_address("app", address), _APP_SECRET)

    @classmethod
    def requester(cls, address: str, name: str) -> SecretName:
        """Name a secret of a requester.

        Raises:
            UserInputError: the address is malformed.
        """
        return cls(SecretKind.REQUESTER, checked_address("requester", address), name)

    @property
    def path(self) -> str:
        """Path of the secret, below the root of the service."""
        match self.kind:
            case SecretKind.DATASET:
                return "/secrets/web3"
            case SecretKind.SETTING:
                return "/secrets/web2"
            case SecretKind.APP:
                return f"/apps/{self.address}/secrets"
            case SecretKind.REQUESTER:
                return f"/requesters/{self.address}/secrets/{quote(self.name, safe='')}"

    @property
    def query(self) -> dict[str, str]:
        """Query that goes with the path."""
        match self.kind:
            case SecretKind.DATASET:
                return {"secretAddress": self.address}
            case SecretKind.SETTING:
                return {"ownerAddress": self.address, "secretName": self.name}
            case _:
                return {}

    @property
    def stored(self) -> str:
        """The name as it is stored: that of settings in lower case (spec sdk §4.3)."""
        return self.name.lower() if self.kind is SecretKind.SETTING else self.name

    def require_valid(self) -> None:
        """Check the name.

        Raises:
            UserInputError: it is malformed.
        """
        if self.kind is SecretKind.REQUESTER and not _REQUESTER_NAME.fullmatch(self.name):
            raise UserInputError(
                "a secret's name has 1 to 64 letters, digits, - and _",
                field="secretName",
                value=self.name,
                remedy="choose another name",
            )
        if self.kind is SecretKind.SETTING and not (
            0 < len(self.stored) <= _MAX_SETTING_NAME and self.name.isprintable()
        ):
            raise UserInputError(
                f"a setting's name has 1 to {_MAX_SETTING_NAME} printable characters",
                field="secretName",
                value=self.name[:_MAX_SETTING_NAME],
                remedy="choose another name",
            )

    def __str__(self) -> str:
        named = f" {self.name}" if self.kind in (SecretKind.SETTING, SecretKind.REQUESTER) else ""
        return f"{self.kind} {self.address}{named}"


def challenge(name: SecretName, value: str) -> bytes:
    """Return what the owner of a secret signs to set it, as the official client does.

    Args:
        name: which secret; its name as the owner wrote it.
        value: the secret.
    """
    named = b"" if name.kind is SecretKind.DATASET else keccak(name.name.encode())
    return keccak(_DOMAIN + bytes.fromhex(name.address[2:]) + named + keccak(value.encode()))


def bound_challenge(challenge: bytes, chain_id: int, hub: ChecksumAddress, nonce: int) -> bytes:
    """Return a challenge that counts for one market and one time only.

    Args:
        challenge: that of the official client.
        chain_id: EIP-155 id.
        hub: the market.
        nonce: what the service told at ``GET /nonce``.
    """
    bound = chain_id.to_bytes(32) + bytes.fromhex(hub[2:]) + nonce.to_bytes(32)
    return keccak(challenge + bound)
