"""The tables of the indexer: one for each entity, and what is known of the chain.

A row is one version of an entity: what it was from block `since` on, until before block `until`.
The newest version has no `until`. So the blocks that a reorganisation drops can be undone, and
recent blocks can be looked at, whatever the entity is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    FromClause,
    Index,
    MetaData,
    Table,
    Text,
    and_,
    or_,
)
from sqlalchemy.types import TypeDecorator

from poco.database import storable
from poco.services.following import place
from poco.services.indexer.entities import ENTITIES
from poco.services.indexer.model import Entity, Kind

__all__ = ["ENTITY_TABLES", "PLACE", "TABLES", "Natural", "Plain", "blocks", "valid_at"]

# Both engines compare text byte by byte then, as the ids and numbers below need it.
_BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")


class Natural(TypeDecorator[int]):
    """A number of up to 256 bits as text that sorts like it: its length comes first, ``03123``.

    Negative numbers only appear in comparisons, where they are less than all others.
    """

    impl = _BYTEWISE
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write the number."""
        if value is None:
            return None
        digits = str(value)
        return "-" if value < 0 else f"{len(digits):02}{digits}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Read the number."""
        return None if value is None else int(value[2:])


class Plain(TypeDecorator[str]):
    """Text of strangers, `storable`."""

    impl = _BYTEWISE
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace what cannot be stored."""
        return None if value is None else storable(value)


TABLES = MetaData()
"""All tables, to open the database with."""

PLACE = place(TABLES)
"""How far the view is."""

blocks = PLACE.blocks
"""The last blocks that were read."""


def _columns(entity: Entity) -> list[Column[Any]]:
    kinds: dict[Kind, Any] = {Kind.NUMBER: Natural, Kind.AMOUNT: Natural, Kind.SMALL: BigInteger}
    return [
        Column(
            column.name,
            kinds.get(column.kind, Plain),
            primary_key=column.name == "id",
            nullable=not column.required,
        )
        for column in entity.columns
    ]


def _table(entity: Entity) -> Table:
    table = Table(
        entity.name,
        TABLES,
        *_columns(entity),
        Column("since", BigInteger, primary_key=True, autoincrement=False),
        Column("until", BigInteger),
    )
    indexed = (
        column.name
        for column in entity.columns
        if column.kind is Kind.REFERENCE or column.name == "timestamp"
    )
    for name in ("since", "until", *indexed):
        Index(f"{entity.name}_{name}", table.c[name])
    return table


ENTITY_TABLES = {name: _table(entity) for name, entity in ENTITIES.items()}
"""The tables of the entities, by name of the entity."""


def valid_at(source: FromClause, block: int | None) -> ColumnElement[bool]:
    """Return the condition that a version is that after a block; None: the newest one."""
    until = source.c.until
    if block is None:
        return until.is_(None)
    return and_(source.c.since <= block, or_(until.is_(None), until > block))
