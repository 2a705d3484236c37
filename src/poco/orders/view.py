"""What matching needs to know of the chain: a protocol, and a view made of dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders._abi import ZERO_ADDRESS
from poco.orders.typed_data import Domain, OrderHash

__all__ = ["Asset", "ChainView", "StaticChainView", "WorkerpoolPolicy"]


class Asset(StrEnum):
    """What a registry holds."""

    APP = "app"
    DATASET = "dataset"
    WORKERPOOL = "workerpool"


@dataclass(frozen=True, slots=True)
class WorkerpoolPolicy:
    """The terms a workerpool sets for its workers, in percent.

    Args:
        worker_stake_ratio: part of the pool price that a worker stakes per task.
        scheduler_reward_ratio: part of the pool price that the scheduler keeps.
    """

    worker_stake_ratio: int = 30
    scheduler_reward_ratio: int = 1


class ChainView(Protocol):
    """The state of one hub and its registries at one block; pure data access."""

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of the hub."""
        ...

    def category_count(self) -> int:
        """Return how many categories exist; ids run from 0."""
        ...

    def category_clock(self, category: int) -> int:
        """Return the time reference of an existing category, in seconds."""
        ...

    def registry(self, asset: Asset) -> ChecksumAddress:
        """Return the address of the registry of such assets."""
        ...

    def registered_owner(self, asset: Asset, address: ChecksumAddress) -> ChecksumAddress | None:
        """Return the owner of a registered entry; None when the registry does not know it."""
        ...

    def workerpool_policy(self, workerpool: ChecksumAddress) -> WorkerpoolPolicy:
        """Return the policy of a registered workerpool."""
        ...

    def consumed(self, order_hash: OrderHash) -> int:
        """Return how many tasks of an order are taken; its whole volume when it is closed."""
        ...

    def presigned(self, order_hash: OrderHash) -> ChecksumAddress:
        """Return the account that presigned an order, address zero when nobody did."""
        ...

    def balance(self, account: ChecksumAddress) -> int:
        """Return the free stake of an account in the hub, in nRLC."""
        ...

    def has_code(self, address: ChecksumAddress) -> bool:
        """Return whether the address is a contract (or a delegated account, EIP-7702)."""
        ...

    def is_valid_signature(self, address: ChecksumAddress, digest: bytes, signature: bytes) -> bool:
        """Return whether a contract accepts a signature (ERC-1271).

        A revert, a malformed answer and an address without code all count as no (W14).
        """
        ...

    def is_group_member(self, group: ChecksumAddress, account: ChecksumAddress) -> bool:
        """Return whether a group contract lists an account (ERC-734 keyHasPurpose, purpose 4).

        A revert, a malformed answer and an address without code all count as no (W14).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticChainView:
    """A `ChainView` of plain dictionaries, for tests and for work without a node.

    Args:
        domain: the EIP-712 domain of the hub.
        clocks: time reference of each category in seconds, by id.
        registries: address of each registry.
        owners: owner of each registered entry, by asset.
        policies: policies that differ from the default, by workerpool.
        volumes_consumed: tasks taken, by order hash.
        presigners: account that presigned, by order hash.
        balances: free stake in nRLC, by account.
        signers: contracts that speak ERC-1271, with their answer for a digest and a signature.
        groups: ERC-734 groups with their members.
        contracts: further addresses that have code.
    """

    domain: Domain
    clocks: tuple[int, ...] = (300, 1200, 3600, 10800, 36000)
    registries: Mapping[Asset, ChecksumAddress] = field(default_factory=dict)
    owners: Mapping[Asset, Mapping[ChecksumAddress, ChecksumAddress]] = field(default_factory=dict)
    policies: Mapping[ChecksumAddress, WorkerpoolPolicy] = field(default_factory=dict)
    volumes_consumed: Mapping[OrderHash, int] = field(default_factory=dict)
    presigners: Mapping[OrderHash, ChecksumAddress] = field(default_factory=dict)
    balances: Mapping[ChecksumAddress, int] = field(default_factory=dict)
    signers: Mapping[ChecksumAddress, Callable[[bytes, bytes], bool]] = field(default_factory=dict)
    groups: Mapping[ChecksumAddress, AbstractSet[ChecksumAddress]] = field(default_factory=dict)
    contracts: AbstractSet[ChecksumAddress] = frozenset()

    def category_count(self) -> int:
        """See `ChainView`."""
        return len(self.clocks)

    def category_clock(self, category: int) -> int:
        """See `ChainView`.

        Raises:
            UserInputError: there is no such category.
        """
        if not 0 <= category < len(self.clocks):
            raise UserInputError(
                f"{len(self.clocks)} categories exist, numbered from 0",
                field="category",
                value=category,
                remedy="choose one of them",
            )
        return self.clocks[category]

    def registry(self, asset: Asset) -> ChecksumAddress:
        """See `ChainView`; address zero when none was given."""
        return self.registries.get(asset, ZERO_ADDRESS)

    def registered_owner(self, asset: Asset, address: ChecksumAddress) -> ChecksumAddress | None:
        """See `ChainView`."""
        return self.owners.get(asset, {}).get(address)

    def workerpool_policy(self, workerpool: ChecksumAddress) -> WorkerpoolPolicy:
        """See `ChainView`."""
        return self.policies.get(workerpool, WorkerpoolPolicy())

    def consumed(self, order_hash: OrderHash) -> int:
        """See `ChainView`."""
        return self.volumes_consumed.get(order_hash, 0)

    def presigned(self, order_hash: OrderHash) -> ChecksumAddress:
        """See `ChainView`."""
        return self.presigners.get(order_hash, ZERO_ADDRESS)

    def balance(self, account: ChecksumAddress) -> int:
        """See `ChainView`."""
        return self.balances.get(account, 0)

    def has_code(self, address: ChecksumAddress) -> bool:
        """See `ChainView`."""
        return address in self.signers or address in self.groups or address in self.contracts

    def is_valid_signature(self, address: ChecksumAddress, digest: bytes, signature: bytes) -> bool:
        """See `ChainView`."""
        answer = self.signers.get(address)
        return answer is not None and answer(digest, signature)

    def is_group_member(self, group: ChecksumAddress, account: ChecksumAddress) -> bool:
        """See `ChainView`."""
        return account in self.groups.get(group, frozenset())
