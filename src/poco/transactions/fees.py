"""What a unit of gas may cost: the first price of a transaction, and that of its replacement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FeePolicy", "Price"]

_GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Price:
    """The price fields of a transaction, in wei per unit of gas.

    Args:
        max_fee: the most it pays; the price itself in a legacy transaction.
        tip: what the block's producer gets at most (EIP-1559); None in a legacy transaction.
    """

    max_fee: int
    tip: int | None

    @classmethod
    def of(cls, fields: Mapping[str, int]) -> Price:
        """Return the price that the fields of a transaction hold."""
        if "gasPrice" in fields:
            return cls(fields["gasPrice"], None)
        return cls(fields["maxFeePerGas"], fields["maxPriorityFeePerGas"])

    def fields(self) -> dict[str, int]:
        """Return the fields under the names that a transaction has for them."""
        if self.tip is None:
            return {"gasPrice": self.max_fee}
        return {"maxFeePerGas": self.max_fee, "maxPriorityFeePerGas": self.tip}


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """How much to pay, and how much more when a transaction is not mined.

    Args:
        cap: the most that a unit of gas may cost, wei. A transaction that the market price has
            outgrown waits until it falls.
        bump_per_mille: how much a replacement adds; nodes take none below 100 (spec offchain §8.5).
    """

    cap: int = 500 * _GWEI
    bump_per_mille: int = 125

    def first(self, market: Price) -> Price:
        """Return the price of a new transaction: that of the market, up to the cap."""
        return self._capped(market.max_fee, market.tip)

    def raised(self, paid: Price, market: Price) -> Price | None:
        """Return the price of a replacement; None when the cap leaves no room for one.

        Args:
            paid: the price of the transaction to be replaced.
            market: what a new one would pay now.
        """
        needed = self._bumped(paid.max_fee)
        if needed > self.cap:
            return None
        if paid.tip is None:
            return self._capped(max(needed, market.max_fee), None)
        tip = max(self._bumped(paid.tip), market.tip or 0)
        return self._capped(max(needed, market.max_fee, tip), tip)

    def _bumped(self, price: int) -> int:
        return price + max(1, -(-price * self.bump_per_mille // 1000))

    def _capped(self, max_fee: int, tip: int | None) -> Price:
        limit = min(max_fee, self.cap)
        return Price(limit, None if tip is None else min(tip, limit))
