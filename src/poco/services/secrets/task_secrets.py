"""The secrets of one task, and how they travel: as JSON, sealed to a key of the worker's.

Sealed with HPKE (RFC 9180): X25519, HKDF-SHA256, AES-256-GCM; the context is the authorization.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from eth_typing import ChecksumAddress

from poco.appio.untrusted_json import parse_object
from poco.errors import PeerError, UserInputError
from poco.orders import checked_address
from poco.secret import Secret

__all__ = ["BulkDataset", "TaskSecrets", "seal", "unseal"]

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_LABEL = b"poco task secrets v1 "


@dataclass(frozen=True, slots=True)
class BulkDataset:
    """One dataset of a bulk that a task may read (spec offchain §4.5, §5.1).

    Args:
        address: the dataset's.
        multiaddr: where to fetch it.
        checksum: SHA-256 of the encrypted file, 32 bytes; zero bytes when none was registered.
        key: base64 text of its AES key.
    """

    address: ChecksumAddress
    multiaddr: str
    checksum: bytes
    key: Secret

    def to_json(self) -> dict[str, str]:
        """Return the JSON form, the key in clear."""
        return {
            "address": self.address,
            "multiaddr": self.multiaddr,
            "checksum": self.checksum.hex(),
            "key": self.key.reveal(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, str]) -> BulkDataset:
        """Read the JSON form.

        Raises:
            UserInputError: the address, which will name a file, is none.
        """
        return cls(
            address=checked_address("bulk.address", document["address"]),
            multiaddr=_text(document["multiaddr"]),
            checksum=bytes.fromhex(document["checksum"]),
            key=Secret(_text(document["key"])),
        )


@dataclass(frozen=True, slots=True)
class TaskSecrets:
    """What one task may know (spec offchain §4.5).

    Args:
        dataset_key: base64 text of the dataset's AES key; None when the deal has no dataset, or,
            without the TEE tag, no key that may be released.
        app_secret: the app developer's secret; None when there is none.
        requester_secrets: the requester's secrets by the number the app sees; missing ones absent.
        result_public_key: base64 of the PEM text of the beneficiary's RSA key; None when the deal
            does not ask for encryption. Not secret.
        storage_token: token of the storage provider; None when none is needed or known.
        enclave_key: private key of the enclave challenge, 0x and 64 hex digits; None without one.
        withheld: what exists and is not released, for the task's log, for example
            ``dataset key: its owner did not allow software``.
        bulk: the datasets of the task's slice in their order, None in the place of one that the
            task may not read; None when the deal has no bulk, or no TEE tag.
    """

    dataset_key: Secret | None = None
    app_secret: Secret | None = None
    requester_secrets: Mapping[int, Secret] = field(default_factory=dict)
    result_public_key: str | None = None
    storage_token: Secret | None = None
    enclave_key: Secret | None = None
    withheld: tuple[str, ...] = ()
    bulk: tuple[BulkDataset | None, ...] | None = None

    def variables(self) -> dict[str, Secret]:
        """Return the variables that the app gets besides those of every task (spec §1.4)."""
        variables = {
            f"IEXEC_REQUESTER_SECRET_{number}": value
            for number, value in self.requester_secrets.items()
        }
        if self.app_secret is not None:
            for name in ("IEXEC_APP_DEVELOPER_SECRET", "IEXEC_APP_DEVELOPER_SECRET_1"):
                variables[name] = self.app_secret
        return variables

    def to_bytes(self) -> bytes:
        """Return the JSON text, in clear: only to be sealed."""
        document = {
            "datasetKey": _revealed(self.dataset_key),
            "appSecret": _revealed(self.app_secret),
            "requesterSecrets": {
                str(number): value.reveal() for number, value in self.requester_secrets.items()
            },
            "resultPublicKey": self.result_public_key,
            "storageToken": _revealed(self.storage_token),
            "enclaveKey": _revealed(self.enclave_key),
            "withheld": list(self.withheld),
            "bulk": None if self.bulk is None else [one and one.to_json() for one in self.bulk],
        }
        return json.dumps(document).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> TaskSecrets:
        """Read the JSON text.

        Raises:
            PeerError: it is malformed; the message does not repeat it.
        """
        try:
            document: dict[str, Any] = parse_object(text.decode())
            return cls(
                dataset_key=_secret(document["datasetKey"]),
                app_secret=_secret(document["appSecret"]),
                requester_secrets={
                    int(number): Secret(_text(value))
                    for number, value in document["requesterSecrets"].items()
                },
                result_public_key=_optional(document["resultPublicKey"]),
                storage_token=_secret(document["storageToken"]),
                enclave_key=_secret(document["enclaveKey"]),
                withheld=tuple(map(_text, document["withheld"])),
                bulk=_bulk(document["bulk"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, UserInputError):
            raise _malformed() from None


def seal(secrets: TaskSecrets, public_key: bytes, context: bytes) -> bytes:
    """Encrypt secrets for the holder of an X25519 key.

    Args:
        secrets: what to seal.
        public_key: the worker's, 32 bytes.
        context: digest of the authorization, 32 bytes.

    Raises:
        ValueError: the key is no X25519 public key.
    """
    key = X25519PublicKey.from_public_bytes(public_key)
    return _SUITE.encrypt(secrets.to_bytes(), key, _LABEL + context)


def unseal(sealed: bytes, private_key: X25519PrivateKey, context: bytes) -> TaskSecrets:
    """Open what `seal` has sealed.

    Raises:
        PeerError: it was sealed for another key or authorization, or changed on its way.
    """
    try:
        return TaskSecrets.from_bytes(_SUITE.decrypt(sealed, private_key, _LABEL + context))
    except (InvalidTag, ValueError):
        raise _malformed() from None


def _malformed() -> PeerError:
    return PeerError(
        "the secret service must answer with secrets sealed for this task and key",
        field="sealed",
        remedy="check that worker and secret service are of the same version",
    )


def _bulk(listed: list[dict[str, str] | None] | None) -> tuple[BulkDataset | None, ...] | None:
    if listed is None:
        return None
    return tuple(None if one is None else BulkDataset.from_json(one) for one in listed)


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _secret(value: object) -> Secret | None:
    return None if value is None else Secret(_text(value))


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    value.encode()  # half a surrogate pair cannot be handed on
    return value
