"""What others must know of a local market to use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poco.errors import ConfigurationError

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

__all__ = ["SERVICES", "ExampleApp", "Pool", "StackInfo"]

SERVICES = (
    "rpc",
    "market",
    "sms",
    "compass",
    "ipfsGateway",
    "ipfsNode",
    "resultProxy",
    "subgraph",
)
"""Whose URLs are in the document, by their names there; the scheduler's is with the pool."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The workerpool.

    Args:
        address: its entry.
        ownerKey: private key of its owner, 0x-hex.
        apiUrl: where its scheduler answers.
    """

    address: ChecksumAddress
    ownerKey: str  # noqa: N815 (the names are those of the document)
    apiUrl: str  # noqa: N815


@dataclass(frozen=True, slots=True)
class ExampleApp:
    """An app to try the market with; its owner is whoever deploys it.

    Args:
        type: of its registry entry.
        multiaddr: where its module is.
        checksum: SHA-256 of that, 0x-hex.
    """

    type: str
    multiaddr: str
    checksum: str


@dataclass(frozen=True, slots=True)
class StackInfo:
    """Addresses, keys and URLs; the keys are published test keys, worth nothing elsewhere.

    Args:
        rpc: URL of the node.
        chainId: of the chain.
        hub: the market's contract.
        token: the RLC token.
        market: URL of the order book; empty like all URLs below when it was left out.
        sms: URL of the secret service.
        compass: URL of the compass.
        ipfsGateway: URL of the gateway.
        ipfsNode: URL of the node.
        resultProxy: URL for results.
        subgraph: URL of the indexer's GraphQL.
        workerpool: the pool.
        fundingKey: private key of an account with plenty of ether and RLC, 0x-hex.
        hubOwnerKey: private key of who owns the hub, 0x-hex.
        e2e: apps by name; there is one, ``app``.
    """

    rpc: str
    chainId: int  # noqa: N815
    hub: ChecksumAddress
    token: ChecksumAddress
    market: str
    sms: str
    compass: str
    ipfsGateway: str  # noqa: N815
    ipfsNode: str  # noqa: N815
    resultProxy: str  # noqa: N815
    subgraph: str
    workerpool: Pool
    fundingKey: str  # noqa: N815
    hubOwnerKey: str  # noqa: N815
    e2e: Mapping[str, ExampleApp]

    def to_json(self) -> dict[str, Any]:
        """Return the document."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {
            "workerpool": _fields(self.workerpool),
            "e2e": {name: _fields(app) for name, app in self.e2e.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StackInfo:
        """Read the document.

        Raises:
            ConfigurationError: it is malformed.
        """
        try:
            apps = {name: ExampleApp(**app) for name, app in document["e2e"].items()}
            pool = Pool(**document["workerpool"])
            return cls(**{**document, "workerpool": pool, "e2e": apps})
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"the document must be one that `poco up --info` wrote: {error}", field="info"
            ) from error

    def chain_json(self) -> dict[str, Any]:
        """Return a ``chain.json`` for the official client, which refuses keys it does not know."""
        chain = {"id": str(self.chainId), "host": self.rpc, "hub": self.hub}
        services = {
            "sms": self.sms,
            "iexecGateway": self.market,
            "ipfsGateway": self.ipfsGateway,
            "compass": self.compass,
            "pocoSubgraph": self.subgraph,
        }
        chain |= {name: url for name, url in services.items() if url}
        return {"default": "local", "chains": {"local": chain}}


def _fields(record: Pool | ExampleApp) -> dict[str, str]:
    return {name: getattr(record, name) for name in record.__slots__}
