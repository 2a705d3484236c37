"""The view: entities as they are after a block, read from the database and written back to it.

Changes are kept in memory until `View.flush`. Undoing blocks needs no knowledge of what happened in
them: versions that began there are dropped, and those that ended there are the newest ones again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from poco.errors import InternalError
from poco.services.indexer.tables import ENTITY_TABLES, valid_at

__all__ = ["Row", "View", "forget", "undo"]

Row = Mapping[str, Any]
"""Values by column; amounts in nRLC."""


class View:
    """The newest versions of all entities, to be read and changed within one transaction.

    Args:
        connection: of a transaction that writes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._stored: dict[tuple[str, str], int] = {}
        self._versions: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._ended: dict[tuple[str, str], int] = {}
        self.block = 0
        """The block whose events are being applied."""

    def find(self, entity: str, key: str) -> Row | None:
        """Return an entity; None when there is none."""
        place = (entity, key)
        if place not in self._known:
            table = ENTITY_TABLES[entity]
            statement = select(table).where(table.c.id == key, valid_at(table, None))
            row = self._connection.execute(statement).one_or_none()
            self._known[place] = None if row is None else dict(row._mapping)
            if row is not None:
                self._stored[place] = row.since
        return self._known[place]

    def get(self, entity: str, key: str) -> Row:
        """Return an entity that must be there.

        Raises:
            InternalError: it is not: an event was missed.
        """
        found = self.find(entity, key)
        if found is None:
            raise InternalError(
                "an event is about something that no earlier event made",
                field=entity,
                value=key,
                remedy="delete the database: the view is made again from the chain",
            )
        return found

    def all(self, entity: str, column: str, value: str) -> list[Row]:
        """Return the entities with a value in a column, in the order of their ids."""
        table = ENTITY_TABLES[entity]
        statement = select(table.c.id).where(table.c[column] == value, valid_at(table, None))
        keys = set(self._connection.execute(statement).scalars())
        keys |= {key for kind, key in self._known if kind == entity}
        found = (self.find(entity, key) for key in sorted(keys))
        return [row for row in found if row is not None and row[column] == value]

    def made(self, entity: str, key: str) -> bool:
        """Return whether an entity was made or changed since the view was opened."""
        return self._known.get((entity, key)) is not None

    def make(self, entity: str, key: str, **values: Any) -> None:
        """Make an entity that no earlier block can have made; it is not looked for."""
        self._known[entity, key] = None
        self.put(entity, key, **values)

    def put(self, entity: str, key: str, **values: Any) -> Row:
        """Make an entity, or change some of its values."""
        old = self.find(entity, key)
        new = {**(old or {"id": key}), **values, "since": self.block, "until": None}
        place = (entity, key)
        if place in self._stored and self._stored[place] < self.block:
            self._ended.setdefault(place, self.block)
        if (
            old is not None
            and old["since"] < self.block
            and (*place, old["since"]) in self._versions
        ):
            self._versions[*place, old["since"]]["until"] = self.block
        self._versions[*place, self.block] = new
        self._known[place] = new
        return new

    def flush(self) -> None:
        """Write all changes; the view is not used again."""
        ended: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for (entity, key), block in self._ended.items():
            ended[entity].append({"key": key, "began": self._stored[entity, key], "block": block})
        for entity, rows in ended.items():
            table = ENTITY_TABLES[entity]
            here = (table.c.id == bindparam("key")) & (table.c.since == bindparam("began"))
            self._connection.execute(
                update(table).where(here).values(until=bindparam("block")), rows
            )
        made: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for (entity, _, _), row in self._versions.items():
            names = ENTITY_TABLES[entity].c.keys()
            made[entity].append({name: row.get(name) for name in names})
        for entity, rows in made.items():
            self._connection.execute(ENTITY_TABLES[entity].insert(), rows)


def undo(connection: Connection, block: int) -> None:
    """Return to what was after a block.

    Args:
        connection: of a transaction that writes.
        block: the last one that stays.
    """
    for table in ENTITY_TABLES.values():
        connection.execute(delete(table).where(table.c.since > block))
        connection.execute(update(table).where(table.c.until > block).values(until=None))


def forget(connection: Connection, block: int) -> None:
    """Drop versions that ended at or before a block: it cannot be undone any more."""
    for table in ENTITY_TABLES.values():
        connection.execute(delete(table).where(table.c.until <= block))
