"""Register apps, datasets and workerpools, once: the same fields give the same entry."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts import (
    AppEntry,
    AppRegistry,
    DatasetEntry,
    DatasetRegistry,
    Market,
    WorkerpoolEntry,
    WorkerpoolRegistry,
)
from poco.errors import UserInputError
from poco.fetching import multiaddr_bytes, multiaddr_text
from poco.market.descriptions import checked_description, read_checksum
from poco.orders import Asset, checked_address

__all__ = [
    "Entry",
    "Registered",
    "deploy_asset",
    "entry_document",
    "file_checksum",
    "find_asset",
    "read_asset",
    "register_app",
    "register_dataset",
    "register_workerpool",
    "registry_of",
    "require_owner",
    "transfer_asset",
]

Entry = AppEntry | DatasetEntry | WorkerpoolEntry


@dataclass(frozen=True, slots=True)
class Registered:
    """An entry of a registry.

    Args:
        address: the entry.
        gas: gas of its registration; 0 when it was registered before.
        transaction: hash of its registration, 0x-hex; empty when it was registered before.
    """

    address: ChecksumAddress
    gas: int = 0
    transaction: str = ""


def register_app(
    market: Market,
    name: str,
    app_type: str,
    multiaddr: str,
    checksum: bytes,
    *,
    owner: ChecksumAddress | None = None,
) -> Registered:
    """Register an app.

    Args:
        market: acting as whoever pays for it.
        name: name.
        app_type: ``DOCKER`` or ``WASM``.
        multiaddr: image reference, or URL or path of a module.
        checksum: 32 bytes that pin the image or module.
        owner: who gets it; by default the market's account.

    Raises:
        ChainError: the node does not answer, or the account has no funds for gas.
    """
    fields = (name, app_type, multiaddr_bytes(multiaddr), checksum)
    return _register(market.apps, owner or market.account, *fields)


def register_dataset(
    market: Market,
    name: str,
    multiaddr: str,
    checksum: bytes,
    *,
    owner: ChecksumAddress | None = None,
) -> Registered:
    """Register a dataset.

    Args:
        market: acting as whoever pays for it.
        name: name.
        multiaddr: URL of the file.
        checksum: SHA-256 of the file, 32 bytes.
        owner: who gets it; by default the market's account.

    Raises:
        ChainError: see `register_app`.
    """
    fields = (name, multiaddr_bytes(multiaddr), checksum)
    return _register(market.datasets, owner or market.account, *fields)


def register_workerpool(
    market: Market, description: str, *, owner: ChecksumAddress | None = None
) -> Registered:
    """Register a workerpool; see `register_app`."""
    return _register(market.workerpools, owner or market.account, description)


def deploy_asset(
    market: Market, asset: Asset, description: Mapping[str, Any], checksum: bytes | None = None
) -> Registered:
    """Register what a section of iexec.json describes (spec sdk §1.1).

    Args:
        market: acting as whoever pays for it.
        asset: what it is.
        description: the section.
        checksum: takes the place of the described one, 32 bytes.

    Raises:
        UserInputError: the section is malformed, or it is registered already.
        ChainError: see `register_app`.
    """
    given = checked_description(asset, description)
    owner = checked_address(f"{asset}.owner", given.pop("owner"))
    if "checksum" in given:
        given["checksum"] = checksum or read_checksum(asset, given["checksum"])
    match asset:
        case Asset.APP:
            given["app_type"] = given.pop("type")
            found = register_app(market, **given, owner=owner)
        case Asset.DATASET:
            found = register_dataset(market, **given, owner=owner)
        case Asset.WORKERPOOL:
            found = register_workerpool(market, **given, owner=owner)
    if not found.transaction:
        raise UserInputError(
            f"{asset} already deployed at address {found.address}",
            field=f"{asset}.owner",
            value=owner,
            remedy="use that address; other fields make another entry",
        )
    return found


def registry_of(market: Market, asset: Asset) -> AppRegistry | DatasetRegistry | WorkerpoolRegistry:
    """Return the registry of such assets."""
    match asset:
        case Asset.APP:
            return market.apps
        case Asset.DATASET:
            return market.datasets
        case Asset.WORKERPOOL:
            return market.workerpools


def find_asset(market: Market, asset: Asset, index: int, owner: ChecksumAddress) -> ChecksumAddress:
    """Return the address of an owner's n-th entry, counted from 0.

    Raises:
        UserInputError: the owner has not so many.
        ChainError: the node does not answer.
    """
    registry = registry_of(market, asset)
    count = registry.count(owner)
    if not 0 <= index < count:
        raise UserInputError(
            f"{owner} has {count} {asset}s; they are counted from 0",
            field="index",
            value=index,
            remedy="choose a smaller one, or name another owner with --user",
        )
    token = int(registry.read("tokenOfOwnerByIndex", owner, index))
    return checked_address("entry", f"0x{token:040x}")


def read_asset(market: Market, asset: Asset, address: ChecksumAddress) -> Entry:
    """Return an entry of a registry.

    Raises:
        UserInputError: nothing of that kind is registered there.
        ChainError: the node does not answer.
    """
    registry = registry_of(market, asset)
    if not registry.is_registered(address):
        raise _unknown(market, asset, address)
    return registry.view(address)


def entry_document(market: Market, entry: Entry) -> dict[str, str]:
    """Write an entry with the official client's names (spec sdk §1.3)."""
    match entry:
        case AppEntry():
            asset = Asset.APP
            fields = {
                "appName": entry.name,
                "appType": entry.type,
                "appMultiaddr": multiaddr_text(entry.multiaddr),
                "appChecksum": f"0x{entry.checksum.hex()}",
                "appMREnclave": entry.mrenclave.decode(errors="replace"),
            }
        case DatasetEntry():
            asset = Asset.DATASET
            fields = {
                "datasetName": entry.name,
                "datasetMultiaddr": multiaddr_text(entry.multiaddr),
                "datasetChecksum": f"0x{entry.checksum.hex()}",
            }
        case WorkerpoolEntry():
            asset = Asset.WORKERPOOL
            fields = {
                "workerpoolDescription": entry.description,
                "workerStakeRatioPolicy": str(entry.worker_stake_ratio),
                "schedulerRewardRatioPolicy": str(entry.scheduler_reward_ratio),
            }
    return {"owner": entry.owner, "registry": registry_of(market, asset).address, **fields}


def require_owner(market: Market, asset: Asset, address: ChecksumAddress) -> None:
    """Check that an asset is the account's, before gas or a signature is spent on it.

    Args:
        market: acting as the account.
        asset: what it is.
        address: the asset.

    Raises:
        UserInputError: it is not registered, or somebody else's.
        ChainError: the node does not answer.
    """
    owner = registry_of(market, asset).owner_of(address)
    if owner is None:
        raise _unknown(market, asset, address)
    if owner != market.account:
        raise UserInputError(
            f"only its owner {owner} may do this, not {market.account}",
            field=str(asset),
            value=address,
            remedy="choose the owner's wallet with --wallet-file or --wallet-address",
        )


def transfer_asset(
    market: Market, asset: Asset, address: ChecksumAddress, target: ChecksumAddress
) -> str:
    """Give an asset of the account to another owner; open deals keep the old one.

    Returns:
        The hash of the transaction, 0x-hex.

    Raises:
        UserInputError: it is not registered, or somebody else's.
        ChainError: see `register_app`.
    """
    require_owner(market, asset, address)
    return registry_of(market, asset).transfer(address, target).transaction_hash


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


def _register(
    registry: AppRegistry | DatasetRegistry | WorkerpoolRegistry, *fields: Any
) -> Registered:
    address = registry.predict(*fields)
    if registry.is_registered(address):
        return Registered(address)
    receipt = registry.create(*fields)
    return Registered(receipt.value, receipt.gas_used, receipt.transaction_hash)


def _unknown(market: Market, asset: Asset, address: ChecksumAddress) -> UserInputError:
    return UserInputError(
        f"no {asset} is registered at this address on chain {market.chain.chain_id}",
        field=str(asset),
        value=address,
        remedy=f"deploy it with `poco {asset} deploy`, or check address and chain",
    )
