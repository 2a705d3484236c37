"""Which orders their signers remove (spec sdk §3.7)."""

from __future__ import annotations

from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import Connection, delete, select

from poco.orders import OrderKind
from poco.services.orderbook.judgement import ASSETS, NAMES, Change, bury_requests
from poco.services.orderbook.refusals import refused
from poco.services.orderbook.shapes import count_closed
from poco.services.orderbook.tables import orders

__all__ = ["unpublish"]


def unpublish(
    connection: Connection,
    kind: OrderKind,
    body: dict[str, Any],
    author: ChecksumAddress,
    block: int,
) -> tuple[list[str], list[Change]]:
    """Remove orders.

    Args:
        connection: a transaction in which nobody else changes the book.
        kind: of the orders.
        body: which orders, as the API says it; addresses checksummed.
        author: who asks.
        block: that the book is of.

    Returns:
        The hashes, newest order first, and what changed because of it.

    Raises:
        RefusedError: there are none, or they are somebody else's.
    """
    rows = _targets(connection, kind, body, author)
    hashes = [row.hash for row in rows]
    connection.execute(delete(orders).where(orders.c.hash.in_(hashes)))
    count_closed(connection, (row.shape for row in rows))
    changes = [Change(kind, hashed, gone=True) for hashed in hashes]
    if kind in (OrderKind.APP, OrderKind.DATASET):
        touched = {(str(kind), getattr(row, ASSETS[kind])) for row in rows}
        changes += bury_requests(connection, touched, block)
    return hashes, changes


def _targets(
    connection: Connection, kind: OrderKind, body: dict[str, Any], author: ChecksumAddress
) -> list[Any]:
    table = orders.c
    is_open = (table.kind == kind) & (table.status == "open")
    if body["target"] == "unpublish_orderHash":
        hashed = body["orderHash"]
        row = connection.execute(select(orders).where(is_open, table.hash == hashed)).one_or_none()
        if row is None:
            raise refused(f"{kind} with orderHash {hashed} is not published")
        if row.signer != author:
            raise refused(f"only order signer {row.signer} can unpublish an order")
        return [row]
    name = NAMES[kind]
    query = (
        select(orders)
        .where(is_open, table.signer == author, table[name] == body[name])
        .order_by(table.published.desc(), table.hash.desc())
    )
    if body["target"] == "unpublish_last":
        query = query.limit(1)
    rows = list(connection.execute(query))
    if not rows:
        raise refused(f"no open {kind} published by signer {author} for {name} {body[name]}")
    return rows
