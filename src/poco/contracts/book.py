"""The address book of a market: one JSON file per chain, written by ``ape run deploy``."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts.chain import Chain
from poco.errors import ConfigurationError, UserInputError
from poco.new_file import new_file
from poco.orders import ZERO_ADDRESS, checked_address

__all__ = ["AddressBook", "Mode", "default_path", "require_writable", "write_json"]

ENVIRONMENT_VARIABLE = "POCO_DEPLOYMENT"


class Mode(StrEnum):
    """What a market is paid in."""

    TOKEN = "token"  # noqa: S105 (no password)
    NATIVE = "native"


_REMEDY = "deploy again with `ape run deploy`, or name another book in POCO_DEPLOYMENT"


def default_path(chain_id: int) -> Path:
    """Return where the book of a chain is: POCO_DEPLOYMENT, else ``deployments/<chainId>.json``."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(named) if named else Path("deployments") / f"{chain_id}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBook:
    """Where a market's contracts are.

    Args:
        chain_id: EIP-155 id of the chain.
        mode: token or native.
        hub: the hub.
        token: the base token; None in native mode.
        app_registry: registry of apps.
        dataset_registry: registry of datasets.
        workerpool_registry: registry of workerpools.
        owner: the hub's owner at deployment.
        deploy_block: the block from which on the hub has events.
        version: version of poco that deployed it.
        genesis_hash: hash of block 0, which tells chains of one id apart; None if not recorded.
        extension: the hub's second code part; None if not recorded.
        boost: the hub's third code part; None if not recorded.
    """

    chain_id: int
    mode: Mode
    hub: ChecksumAddress
    token: ChecksumAddress | None
    app_registry: ChecksumAddress
    dataset_registry: ChecksumAddress
    workerpool_registry: ChecksumAddress
    owner: ChecksumAddress
    deploy_block: int
    version: str
    genesis_hash: str | None = None
    extension: ChecksumAddress | None = None
    boost: ChecksumAddress | None = None

    @classmethod
    def load(cls, path: Path | str | None = None, *, chain_id: int | None = None) -> AddressBook:
        """Read a book.

        Args:
            path: the file; by default that of `default_path`.
            chain_id: the chain, needed without a path.

        Raises:
            ConfigurationError: there is no such file, or it is no address book.
            UserInputError: neither path nor chain id is given.
        """
        if path is None:
            if chain_id is None:
                raise UserInputError("path or chain id is needed", field="path", value=path)
            path = default_path(chain_id)
        try:
            document = json.loads(Path(path).read_text())
        except FileNotFoundError as error:
            raise ConfigurationError(
                "there is no address book",
                field="deployment",
                value=str(path),
                remedy="deploy with `ape run deploy`, or name a book in POCO_DEPLOYMENT",
            ) from error
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"the address book cannot be read: {error}",
                field="deployment",
                value=str(path),
                remedy=_REMEDY,
            ) from error
        return cls.from_json(document, path=str(path))

    @classmethod
    def from_json(cls, document: Any, *, path: str = "") -> AddressBook:
        """Read a book from its JSON form.

        Args:
            document: the JSON object; keys of later versions are ignored.
            path: the file, for messages.

        Raises:
            ConfigurationError: a key is missing or malformed.
        """
        if not isinstance(document, Mapping):
            raise ConfigurationError(
                "an address book is a JSON object",
                field="deployment",
                value=path,
                remedy=_REMEDY,
            )
        try:
            return cls(
                chain_id=int(document["chainId"]),
                mode=Mode(document["mode"]),
                hub=checked_address("hub", document["hub"]),
                token=_optional_address(document, "token"),
                app_registry=checked_address("appRegistry", document["appRegistry"]),
                dataset_registry=checked_address("datasetRegistry", document["datasetRegistry"]),
                workerpool_registry=checked_address(
                    "workerpoolRegistry", document["workerpoolRegistry"]
                ),
                owner=checked_address("owner", document["owner"]),
                deploy_block=int(document["deployBlock"]),
                version=str(document["version"]),
                genesis_hash=document.get("genesisHash"),
                extension=_optional_address(document, "extension"),
                boost=_optional_address(document, "boost"),
            )
        except (KeyError, ValueError, TypeError, UserInputError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ConfigurationError(
                f"the address book is malformed: {what}",
                field="deployment",
                value=path,
                remedy=_REMEDY,
            ) from error

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        document = {
            "chainId": self.chain_id,
            "mode": str(self.mode),
            "hub": self.hub,
            "token": self.token,
            "appRegistry": self.app_registry,
            "datasetRegistry": self.dataset_registry,
            "workerpoolRegistry": self.workerpool_registry,
            "owner": self.owner,
            "deployBlock": self.deploy_block,
            "version": self.version,
        }
        optional = {
            "genesisHash": self.genesis_hash,
            "extension": self.extension,
            "boost": self.boost,
        }
        return document | {key: value for key, value in optional.items() if value is not None}

    def write(self, path: Path) -> None:
        """Write the book so that no reader sees half of it.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        write_json(path, self.to_json())

    def require_on(self, chain: Chain) -> None:
        """Check that the book is of this chain and that the hub exists.

        Raises:
            ConfigurationError: chain id or genesis differ, or there is no code at the hub.
            ChainError: the node does not answer.
        """
        if chain.chain_id != self.chain_id:
            raise ConfigurationError(
                f"the address book is of chain {self.chain_id}, the node of chain {chain.chain_id}",
                field="chainId",
                value=self.chain_id,
                remedy="use the node of that chain, or another book",
            )
        block, code = chain.batch(
            [
                ("eth_getBlockByNumber", ("0x0", False)),
                ("eth_getCode", (self.hub, "latest")),
            ]
        )
        genesis = block and block["hash"]
        if self.genesis_hash is not None and genesis != self.genesis_hash:
            raise ConfigurationError(
                f"the node's chain began with another block ({genesis}): it was started anew",
                field="genesisHash",
                value=self.genesis_hash,
                remedy=_REMEDY,
            )
        if len(code) <= 2:
            raise ConfigurationError(
                "there is no contract at the hub's address on this chain",
                field="hub",
                value=self.hub,
                remedy=_REMEDY,
            )


def write_json(path: Path, document: Mapping[str, Any], field: str = "out") -> None:
    """Write a JSON file so that no reader sees half of it.

    Args:
        path: the file.
        document: its content.
        field: the option that names it.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path, mode=0o644) as file:
            file.write(f"{json.dumps(document, indent=2)}\n".encode())
    except OSError as error:
        raise _unwritable(path, error, field) from error


def require_writable(path: Path, field: str = "out") -> None:
    """Check that a file can be written, before anything is done that it should record.

    Args:
        path: the file.
        field: the option that names it.

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise _unwritable(path, error, field) from error


def _unwritable(path: Path, error: OSError, field: str) -> ConfigurationError:
    return ConfigurationError(
        f"the file cannot be written: {error.strerror}",
        field=field,
        value=str(path),
        remedy="make room, or choose a file in a folder that you may write to",
    )


def _optional_address(document: Mapping[str, Any], key: str) -> ChecksumAddress | None:
    value = document.get(key)
    if value is None or value == ZERO_ADDRESS:
        return None
    return checked_address(key, value)
