"""Register apps, datasets and workerpools, once: the same fields give the same entry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.contracts import Market
from poco.errors import UserInputError

__all__ = ["Registered", "file_checksum", "register_app", "register_dataset", "register_workerpool"]


@dataclass(frozen=True, slots=True)
class Registered:
    """An entry of a registry.

    Args:
        address: the entry.
        gas: gas of its registration; 0 when it was registered before.
    """

    address: ChecksumAddress
    gas: int


def register_app(
    market: Market, name: str, app_type: str, multiaddr: str, checksum: bytes
) -> Registered:
    """Register an app for the market's account.

    Args:
        market: acting as the owner.
        name: name.
        app_type: ``DOCKER`` or ``WASM``.
        multiaddr: image reference, or path of a module.
        checksum: 32 bytes that pin the image or module.

    Raises:
        ChainError: the node does not answer, or the account has no funds for gas.
    """
    fields = (market.account, name, app_type, multiaddr.encode(), checksum)
    address = market.apps.predict(*fields)
    if market.apps.is_registered(address):
        return Registered(address, 0)
    receipt = market.apps.create(*fields)
    return Registered(receipt.value, receipt.gas_used)


def register_dataset(market: Market, name: str, multiaddr: str, checksum: bytes) -> Registered:
    """Register a dataset for the market's account.

    Args:
        market: acting as the owner.
        name: name.
        multiaddr: URL of the file.
        checksum: SHA-256 of the file, 32 bytes.

    Raises:
        ChainError: see `register_app`.
    """
    fields = (market.account, name, multiaddr.encode(), checksum)
    address = market.datasets.predict(*fields)
    if market.datasets.is_registered(address):
        return Registered(address, 0)
    receipt = market.datasets.create(*fields)
    return Registered(receipt.value, receipt.gas_used)


def register_workerpool(market: Market, description: str) -> Registered:
    """Register a workerpool for the market's account.

    Raises:
        ChainError: see `register_app`.
    """
    fields = (market.account, description)
    address = market.workerpools.predict(*fields)
    if market.workerpools.is_registered(address):
        return Registered(address, 0)
    receipt = market.workerpools.create(*fields)
    return Registered(receipt.value, receipt.gas_used)


def file_checksum(path: Path, field: str) -> bytes:
    """Return the SHA-256 of a file, 32 bytes.

    Args:
        path: the file.
        field: what it is, for the message.

    Raises:
        UserInputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise UserInputError(
            f"the file cannot be read: {error.strerror}",
            field=field,
            value=str(path),
            remedy="name a file that exists",
        ) from error
