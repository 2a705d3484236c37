"""The chain as matching sees it: a `poco.orders.ChainView` that asks a node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from eth_typing import ChecksumAddress

from poco.contracts.hub import Hub
from poco.contracts.interface import codec
from poco.contracts.registries import Registry, WorkerpoolRegistry
from poco.errors import ContractError
from poco.orders import ZERO_ADDRESS, Asset, Domain, OrderHash, WorkerpoolPolicy

if TYPE_CHECKING:
    from poco.contracts.market import Market

__all__ = ["MarketView"]

T = TypeVar("T")

_KEY_HAS_PURPOSE = bytes.fromhex("d202158d")  # keyHasPurpose(bytes32,uint256), ERC-734
_GROUP_MEMBER_PURPOSE = 4


class MarketView:
    """The state of one market after one block; each fact is read once.

    Args:
        market: the market.
        block: number of the block.
    """

    def __init__(self, market: Market, block: int) -> None:
        self.block = block
        self._chain = market.chain
        self._hub: Hub = market.hub.at(block)
        self._workerpools: WorkerpoolRegistry = market.workerpools.at(block)
        self._registries: dict[Asset, Registry] = {
            Asset.APP: market.apps.at(block),
            Asset.DATASET: market.datasets.at(block),
            Asset.WORKERPOOL: self._workerpools,
        }
        self._known: dict[tuple[Any, ...], Any] = {}

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of the hub."""
        return self._hub.domain

    def category_count(self) -> int:
        """Return how many categories exist."""
        return self._once(("categories",), self._hub.category_count)

    def category_clock(self, category: int) -> int:
        """Return the time reference of an existing category, in seconds."""
        return self._once(("clock", category), lambda: self._hub.category(category).clock)

    def registry(self, asset: Asset) -> ChecksumAddress:
        """Return the address of the registry of such assets."""
        return self._registries[asset].address

    def registered_owner(self, asset: Asset, address: ChecksumAddress) -> ChecksumAddress | None:
        """Return the owner of a registered entry; None when the registry does not know it."""
        return self._once(
            ("owner", asset, address), lambda: self._registries[asset].owner_of(address)
        )

    def workerpool_policy(self, workerpool: ChecksumAddress) -> WorkerpoolPolicy:
        """Return the policy of a registered workerpool."""
        return self._once(
            ("policy", workerpool),
            lambda: self._workerpools.policy(workerpool) or WorkerpoolPolicy(),
        )

    def consumed(self, order_hash: OrderHash) -> int:
        """Return how many tasks of an order are taken."""
        return self._once(("consumed", order_hash), lambda: self._hub.consumed(order_hash))

    def presigned(self, order_hash: OrderHash) -> ChecksumAddress:
        """Return the account that presigned an order, address zero when nobody did."""
        return self._once(
            ("presigned", order_hash), lambda: self._hub.presigned(order_hash) or ZERO_ADDRESS
        )

    def balance(self, account: ChecksumAddress) -> int:
        """Return the free stake of an account in the hub, in nRLC."""
        return self._once(("balance", account), lambda: self._hub.account(account).stake)

    def has_code(self, address: ChecksumAddress) -> bool:
        """Return whether the address is a contract (or a delegated account, EIP-7702)."""
        return self._once(
            ("code", address), lambda: bool(self._chain.code(address, block=self.block))
        )

    def is_valid_signature(self, address: ChecksumAddress, digest: bytes, signature: bytes) -> bool:
        """Return whether a contract accepts a signature (ERC-1271), as the hub judges it."""
        return self._once(
            ("signature", address, digest, signature),
            lambda: (
                self.has_code(address) and self._hub.verify_signature(address, digest, signature)
            ),
        )

    def is_group_member(self, group: ChecksumAddress, account: ChecksumAddress) -> bool:
        """Return whether a group contract lists an account (ERC-734 keyHasPurpose, purpose 4)."""
        return self._once(("member", group, account), lambda: self._ask_group(group, account))

    def _ask_group(self, group: ChecksumAddress, account: ChecksumAddress) -> bool:
        key = bytes(12) + bytes.fromhex(account[2:])
        question = _KEY_HAS_PURPOSE + codec.encode(
            ["bytes32", "uint256"], [key, _GROUP_MEMBER_PURPOSE]
        )
        try:
            answer = self._chain.call(group, question, sender=self._hub.address, block=self.block)
        except ContractError:
            # A contract that fails is no group (W14); a node that fails is another error.
            return False
        return len(answer) >= 32 and int.from_bytes(answer[:32]) == 1

    def _once(self, key: tuple[Any, ...], read: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = read()
        value: T = self._known[key]
        return value
