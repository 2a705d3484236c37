"""Which contracts make a market, with their arguments and addresses: known before anything is sent.

An address follows from the code, the owner and the token alone (CREATE2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts import Mode, artifact, interface
from poco.contracts.chain import to_bytes
from poco.deployment.factory import predict_address
from poco.orders import ZERO_ADDRESS

__all__ = ["REGISTRIES", "Plan", "PlannedContract"]

REGISTRIES = ("AppRegistry", "DatasetRegistry", "WorkerpoolRegistry")

# Each byte of creation code is sent (16 gas, EIP-2028) and, but for the constructor's own, stored
# (200 gas); the rest is for the transaction, CREATE2 and what the constructor writes.
_GAS_PER_BYTE = 216
_GAS_PER_CREATION = 200_000


@dataclass(frozen=True, slots=True)
class PlannedContract:
    """One contract of a market.

    Args:
        name: Solidity name.
        arguments: ABI-encoded constructor arguments.
        embedded: addresses that the constructor may write into the code.
    """

    name: str
    arguments: bytes
    embedded: tuple[ChecksumAddress, ...]

    @property
    def init_code(self) -> bytes:
        """Creation code and constructor arguments."""
        return to_bytes(artifact(self.name).bytecode) + self.arguments

    @property
    def address(self) -> ChecksumAddress:
        """Where the factory puts it."""
        return predict_address(self.init_code)

    @property
    def gas_estimate(self) -> int:
        """About what its deployment costs, gas."""
        return len(self.init_code) * _GAS_PER_BYTE + _GAS_PER_CREATION


class Plan:
    """The contracts of one market, in the order of their deployment.

    Args:
        mode: token or native.
        owner: owns hub and registries, holds the supply of a new token.
        token: the base token; None for a new one.
    """

    def __init__(self, mode: Mode, owner: ChecksumAddress, token: ChecksumAddress | None) -> None:
        self.mode = mode
        self.owner = owner
        self.contracts: list[PlannedContract] = []
        new_token = PlannedContract("RLC", _encoded("RLC", owner), ())
        self.token: ChecksumAddress | None = None
        if mode is Mode.TOKEN:
            self.token = token or new_token.address
        if self.token == new_token.address:
            self.contracts.append(new_token)
        self.registries = tuple(self._add(name, owner) for name in REGISTRIES)
        config = (self.token or ZERO_ADDRESS, *self.registries)
        self.extension = self._add("PocoHubExtension", config, embedded=config)
        self.boost = self._add("PocoHubBoost", config, embedded=config)
        self.hub_name = "PocoHub" if mode is Mode.TOKEN else "PocoHubNative"
        parts = (self.extension, self.boost)
        self.hub = self._add(self.hub_name, config, *parts, owner, embedded=(*config, *parts))

    def _add(
        self, name: str, *arguments: Any, embedded: tuple[ChecksumAddress, ...] = ()
    ) -> ChecksumAddress:
        planned = PlannedContract(name, _encoded(name, *arguments), embedded)
        self.contracts.append(planned)
        return planned.address


def _encoded(name: str, *arguments: Any) -> bytes:
    return interface(name).encode_constructor(*arguments)
