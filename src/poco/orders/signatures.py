"""Who signed: ECDSA over secp256k1, ERC-1271 contracts and presignatures.

The rules are those of spec contracts §2.4 and §2.5, with the deviations W4, W8 and W14 of §9.2.
"""

from __future__ import annotations

from dataclasses import replace

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_typing import ChecksumAddress, Hash32

from poco.errors import ConfigurationError, UserInputError
from poco.orders._abi import ZERO_ADDRESS, checked_address
from poco.orders.identities import TaskId, authorization_digest
from poco.orders.model import OrderOperation, OrderT
from poco.orders.typed_data import Domain, OrderHash, operation_hash, order_hash
from poco.orders.view import ChainView

try:
    from coincurve import PublicKey
except ImportError as error:
    raise ConfigurationError(
        "coincurve must be installed: recovering signers in pure Python is 40 times slower",
        remedy="pip install 'coincurve>=21,<22'",
    ) from error

__all__ = [
    "SIGNATURE_LENGTHS",
    "is_authorized",
    "is_valid_signature",
    "recover_signer",
    "sign_authorization",
    "sign_digest",
    "sign_operation",
    "sign_order",
    "to_compact_signature",
]

SIGNATURE_LENGTHS = (64, 65)
"""Bytes of an ECDSA signature: compact (EIP-2098, parity in the top bit of s), or r, s and v."""

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
# Of a signature's two forms only the one with the smaller s counts (EIP-2).
_MAX_S = _ORDER // 2


def recover_signer(digest: bytes, signature: bytes) -> ChecksumAddress | None:
    """Return the account whose key made an ECDSA signature of 64 or 65 bytes.

    Args:
        digest: the 32 bytes that were signed.
        signature: the signature; v is 27 or 28, s in the lower half.

    Returns:
        The signer; None when the signature is malformed.
    """
    raw = _recover(digest, signature)
    return None if raw is None else checked_address("signer", f"0x{raw.hex()}")


def _recover(digest: bytes, signature: bytes) -> bytes | None:
    """Return the 20 bytes of the signer's address, None when the signature is malformed."""
    if len(signature) not in SIGNATURE_LENGTHS:
        return None
    s = int.from_bytes(signature[32:64])
    if len(signature) == 65:
        parity = signature[64] - 27
    else:
        parity, s = s >> 255, s & ((1 << 255) - 1)
    if s > _MAX_S or parity not in (0, 1):
        return None
    recoverable = signature[:32] + s.to_bytes(32) + bytes((parity,))
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:
        return None
    return keccak(key.format(compressed=False)[1:])[12:]


def is_valid_signature(
    account: ChecksumAddress, digest: bytes, signature: bytes, view: ChainView | None = None
) -> bool:
    """Return whether `signature` of `digest` counts as that of `account`.

    ECDSA is tried first when the length fits, so that accounts with EIP-7702 code can sign; a
    contract is asked next. Account zero never signs.

    Args:
        account: who should have signed.
        digest: the 32 bytes that were signed.
        signature: ECDSA of 64 or 65 bytes, or whatever the contract `account` understands.
        view: asks contracts; without it only ECDSA counts.
    """
    if account == ZERO_ADDRESS:
        return False
    if _recover(digest, signature) == bytes.fromhex(account[2:]):
        return True
    return (
        view is not None
        and view.has_code(account)
        and view.is_valid_signature(account, digest, signature)
    )


def is_authorized(
    account: ChecksumAddress, hashed: OrderHash, signature: bytes, view: ChainView
) -> bool:
    """Return whether `account` stands behind an order: presigned on chain, or a valid signature.

    A presignature counts whatever `signature` holds.
    """
    if account != ZERO_ADDRESS and view.presigned(hashed) == account:
        return True
    return is_valid_signature(account, hashed, signature, view)


def sign_order(order: OrderT, domain: Domain, account: LocalAccount) -> OrderT:
    """Return the order signed with the key of `account` (65 bytes)."""
    return replace(order, sign=sign_digest(account, order_hash(order, domain)))


def sign_operation(
    operation: OrderOperation[OrderT], domain: Domain, account: LocalAccount
) -> OrderOperation[OrderT]:
    """Return the operation signed with the key of `account`, for somebody else to send."""
    return replace(operation, sign=sign_digest(account, operation_hash(operation, domain)))


def sign_authorization(
    scheduler: LocalAccount,
    worker: ChecksumAddress,
    taskid: TaskId,
    enclave: ChecksumAddress = ZERO_ADDRESS,
) -> bytes:
    """Sign, as scheduler or TEE broker, that a worker may contribute to a task (spec §4.3).

    Returns:
        The signature, 65 bytes.
    """
    return sign_digest(scheduler, authorization_digest(worker, taskid, enclave))


def sign_digest(account: LocalAccount, digest: bytes) -> bytes:
    """Sign a digest of 32 bytes, of typed data or of a personal message, and return 65 bytes."""
    return bytes(account.unsafe_sign_hash(Hash32(digest)).signature)


def to_compact_signature(signature: bytes) -> bytes:
    """Return the 64-byte form (EIP-2098) of a signature of 65 bytes.

    Raises:
        UserInputError: the signature has another length, s is in the upper half, or v is neither
            27 nor 28.
    """
    well_formed = len(signature) == 65 and signature[64] in (27, 28)
    if not well_formed or int.from_bytes(signature[32:64]) > _MAX_S:
        raise UserInputError(
            "only r, low s and v of 27 or 28 have a compact form",
            field="signature",
            value=signature.hex(),
            remedy="give the 65 bytes that a wallet returns",
        )
    s = int.from_bytes(signature[32:64]) | (signature[64] - 27) << 255
    return signature[:32] + s.to_bytes(32)
