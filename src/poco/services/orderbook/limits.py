"""How much an order book takes from one caller."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an order book.

    Args:
        requests_per_minute: for each IP address but this host's, and for each account.
        open_orders: of one account, per kind.
        body: bytes of a request.
    """

    requests_per_minute: int = 100
    open_orders: int = 50
    body: int = 512 * 1024
