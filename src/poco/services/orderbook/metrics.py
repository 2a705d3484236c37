"""The state of a book in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from poco.orders import OrderKind
from poco.services.orderbook.book import Orderbook

__all__ = ["metrics_text"]


def metrics_text(book: Orderbook) -> bytes:
    """Return open orders by kind, the block of the book, and how long ago the chain was seen."""
    registry = CollectorRegistry()
    counts = book.counts()
    names = ("poco_market_open_orders", "Open orders.", ["kind"])
    open_orders = Gauge(*names, registry=registry)
    for kind in OrderKind:
        open_orders.labels(kind).set(counts[f"{kind}s"])
    Gauge("poco_market_block", "Block of the book.", registry=registry).set(counts["lastBlock"])
    silence = Gauge(
        "poco_market_silence_seconds", "Since the chain was last seen.", registry=registry
    )
    silence.set(book.follower.silence)
    return generate_latest(registry)
