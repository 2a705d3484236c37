"""chain.json: which chains a project knows, and where their services are (spec sdk §1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from eth_typing import ChecksumAddress

from poco.errors import ConfigurationError, UserInputError
from poco.orders import checked_address

__all__ = ["FILE", "ChainEntry", "chains_document", "choose_chain", "read_chains", "with_urls"]

FILE = "chain.json"

_KNOWN_IDS = {"arbitrum-mainnet": 42161, "arbitrum-sepolia-testnet": 421614}
"""Networks of the official client; poco has no hosts for them, its files may name them."""
_GONE = ("bellecour", "viviani", "goerli", "kovan", "ropsten", "rinkeby")
"""Networks that tutorials name and that are no more."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TOP = ("default", "allowExperimentalNetworks", "chains")
_ATTRIBUTES = {
    "host": "host",
    "hub": "hub",
    "sms": "sms",
    "iexecGateway": "iexec_gateway",
    "ipfsGateway": "ipfs_gateway",
    "compass": "compass",
    "pocoSubgraph": "poco_subgraph",
}
_KEYS = ("id", *_ATTRIBUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEntry:
    """One chain of chain.json; what the file leaves out is None.

    Args:
        name: its key in the file.
        id: EIP-155 id.
        host: a node's URL.
        hub: the market's hub.
        sms: the secret service.
        iexec_gateway: the order book (``iexecGateway``).
        ipfs_gateway: where results are downloaded (``ipfsGateway``).
        compass: tells the schedulers of workerpools.
        poco_subgraph: the indexer's GraphQL endpoint (``pocoSubgraph``).
    """

    name: str
    id: int
    host: str | None = None
    hub: ChecksumAddress | None = None
    sms: str | None = None
    iexec_gateway: str | None = None
    ipfs_gateway: str | None = None
    compass: str | None = None
    poco_subgraph: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether its node is on this machine."""
        return self.host is not None and urlsplit(self.host).hostname in _LOOPBACK

    def require(self, key: str) -> str:
        """Return a value that a command cannot do without.

        Args:
            key: as chain.json calls it, ``iexecGateway`` for example.

        Raises:
            ConfigurationError: the file does not have it.
        """
        value = getattr(self, _ATTRIBUTES[key])
        if value is None:
            raise ConfigurationError(
                f'missing {key} in "{FILE}" for chain {self.name}',
                field=f"{FILE}.chains.{self.name}.{key}",
                remedy=f'add "{key}"; `poco init --force` writes the file for the market that runs '
                "on this machine",
            )
        return str(value)

    def require_hub(self) -> ChecksumAddress:
        """Return the hub; see `require`."""
        self.require("hub")
        assert self.hub is not None
        return self.hub

    def to_json(self) -> dict[str, str]:
        """Return the entry as chain.json has it."""
        values = {key: getattr(self, name) for key, name in _ATTRIBUTES.items()}
        present = {key: str(value) for key, value in values.items() if value is not None}
        return {"id": str(self.id)} | present


def read_chains(document: object) -> tuple[str | None, dict[str, ChainEntry]]:
    """Read chain.json; keys that the official client refuses are refused here, too.

    Args:
        document: its content.

    Returns:
        The name of the default chain, if there is one, and the chains by name.

    Raises:
        ConfigurationError: the document has another shape, or a value is malformed.
    """
    content = _object(document, FILE, _TOP)
    chains = {
        str(name): _entry(str(name), entry)
        for name, entry in _object(content.get("chains", {}), f"{FILE}.chains", None).items()
    }
    default = content.get("default")
    if default is not None and default not in chains:
        raise ConfigurationError(
            "the default must be one of the chains",
            field=f"{FILE}.default",
            value=default,
            remedy=f"chains are {', '.join(chains) or 'none'}",
        )
    return default, chains


def choose_chain(document: object, name: str | None) -> ChainEntry:
    """Return the chain of that name in chain.json, or the default one.

    A default chain on this machine stands in for a network that is no more, so that tutorials work.

    Raises:
        ConfigurationError: see `read_chains`.
        UserInputError: there is no such chain, or no default.
    """
    default, chains = read_chains(document)
    wanted = name or default or (next(iter(chains)) if len(chains) == 1 else None)
    found = chains.get(wanted) if wanted is not None else None
    if found is None and wanted is not None and wanted.isdecimal():
        known = {str(number): chain for chain, number in _KNOWN_IDS.items()}
        found = chains.get(known.get(wanted, ""))
    if found is None and wanted in _GONE and default is not None and chains[default].is_local:
        found = chains[default]
    if found is None:
        raise UserInputError(
            f'the chain must be in "{FILE}"' if wanted else f'"{FILE}" has no default chain',
            field="chain",
            value=wanted,
            remedy=f"give --chain with one of {', '.join(chains) or '(no chain is there)'}",
        )
    return found


def with_urls(entry: ChainEntry, urls: Mapping[str, str]) -> ChainEntry:
    """Return a chain with some URLs replaced.

    Args:
        entry: the chain.
        urls: by key of chain.json, ``host`` or ``sms`` for example.

    Raises:
        UserInputError: there is no such key, or a value is no URL.
    """
    known = [key for key in _ATTRIBUTES if key != "hub"]
    for key in urls:
        if key not in known:
            raise UserInputError(
                "no such URL is in chain.json",
                field="--url",
                value=key,
                remedy=f"write NAME=URL with a NAME of {', '.join(known)}",
            )
    try:
        return _entry(entry.name, entry.to_json() | dict(urls))
    except ConfigurationError as error:
        raise UserInputError(
            error.rule, field=error.field, value=error.value, remedy=error.remedy
        ) from error


def chains_document(*entries: ChainEntry) -> dict[str, Any]:
    """Return a chain.json of these chains; the first is the default."""
    return {
        "default": entries[0].name,
        "chains": {entry.name: entry.to_json() for entry in entries},
    }


def _entry(name: str, document: object) -> ChainEntry:
    field = f"{FILE}.chains.{name}"
    content = _object(document, field, _KEYS)
    identity = content.get("id", str(_KNOWN_IDS.get(name, "")))
    if not isinstance(identity, str) or not identity.isdecimal():
        raise ConfigurationError(
            "the chain id is a JSON string of digits",
            field=f"{field}.id",
            value=content.get("id"),
            remedy='write "31337" for a local chain',
        )
    values: dict[str, Any] = {
        attribute: _url(f"{field}.{key}", content[key])
        for key, attribute in _ATTRIBUTES.items()
        if key in content and key != "hub"
    }
    if "hub" in content:
        try:
            values["hub"] = checked_address(f"{field}.hub", content["hub"])
        except UserInputError as error:
            raise ConfigurationError(
                error.rule, field=error.field, value=error.value, remedy=error.remedy
            ) from error
    return ChainEntry(name=name, id=int(identity), **values)


def _url(field: str, value: object) -> str:
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme in ("http", "https") and parts.hostname:
            return value.rstrip("/")
    raise ConfigurationError(
        "an http or https URL is needed",
        field=field,
        value=value,
        remedy="write it as http://127.0.0.1:8545",
    )


def _object(value: object, field: str, keys: tuple[str, ...] | None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            "a JSON object is needed", field=field, value=value, remedy="see docs/project-files.md"
        )
    for key in value if keys is not None else ():
        if key not in (keys or ()):
            raise ConfigurationError(
                f'unknown key "{key}" in {FILE}',
                field=field,
                value=key,
                remedy=f"remove it; keys are {', '.join(keys or ())}",
            )
    return value
