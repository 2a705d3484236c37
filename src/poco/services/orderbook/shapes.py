"""The shapes of open orders: all that filters look at, but price and volume.

A market has many orders of few shapes. So open orders are counted and found by their shapes: each
order has the number of its shape, and each shape how many orders of it are open.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from poco.services.orderbook.tables import SHAPE, orders, shapes

__all__ = ["admits", "count_closed", "count_opened", "found_by", "shaped"]

_FEW = 1_000
"""So many orders are sorted faster than they are found among all of their kind."""

_known = select(shapes.c.key, shapes.c.id).where(
    shapes.c.key.in_(bindparam("keys", expanding=True))
)
_add = (
    update(shapes)
    .where(shapes.c.key == bindparam("sought"))
    .values(open=shapes.c.open + bindparam("more"))
)
_take = update(shapes).where(shapes.c.id == bindparam("sought")).values(open=shapes.c.open - 1)


def count_opened(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Count orders that are open from now on; return the number of each one's shape.

    Args:
        connection: a transaction in which nobody else changes the book.
        rows: of the orders, by column.
    """
    keys = [_key(row) for row in rows]
    counts = Counter(keys)
    known = connection.execute(_known, {"keys": list(counts)})
    numbers: dict[str, int] = {row.key: row.id for row in known}
    if numbers:
        connection.execute(_add, [{"sought": key, "more": counts[key]} for key in numbers])
    new = {key: row for key, row in zip(keys, rows, strict=True) if key not in numbers}
    if new:
        values = [
            {"key": key, "open": counts[key], **{name: row[name] for name in SHAPE}}
            for key, row in new.items()
        ]
        made = connection.execute(insert(shapes).returning(shapes.c.key, shapes.c.id), values)
        numbers.update((row.key, row.id) for row in made)
    return [numbers[key] for key in keys]


def count_closed(connection: Connection, numbers: Iterable[int]) -> None:
    """Count orders that are open no more; shapes without open orders are forgotten.

    Args:
        connection: as for `count_opened`.
        numbers: of each order's shape.
    """
    gone = list(numbers)
    if gone:
        connection.execute(_take, [{"sought": number} for number in gone])
        connection.execute(delete(shapes).where(shapes.c.id.in_(set(gone)), shapes.c.open == 0))


def found_by(
    connection: Connection, kind: str, where: ColumnElement[bool]
) -> tuple[ColumnElement[bool], int]:
    """Return the condition for the open orders of some shapes, and how many these are.

    Args:
        connection: of the database.
        kind: of the orders.
        where: which shapes.
    """
    query = select(func.coalesce(func.sum(shapes.c.open), 0)).where(shapes.c.kind == kind, where)
    number = int(connection.execute(query).scalar_one())
    condition = (shapes.c.kind == kind) & where
    if number <= _FEW:
        return shaped(condition), number
    # The first of many are soon found among all. The sum keeps the database from looking them up.
    sought = (orders.c.shape + 0).in_(select(shapes.c.id).where(condition))
    return (orders.c.kind == kind) & (orders.c.status == "open") & sought, number


def shaped(where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that an order is open and of some shapes, to look it up by them."""
    return orders.c.shape.in_(select(shapes.c.id).where(where))


def admits(column: ColumnElement[str], sides: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column of shapes is one of some sides.

    Most are open to everybody, so the database is kept from looking shapes up by this column.
    """
    return column.concat("").in_(list(sides))


def _key(row: Mapping[str, Any]) -> str:
    text = json.dumps([row[name] for name in SHAPE])
    return hashlib.sha256(text.encode()).hexdigest()
