"""Loads entities for one query: each field costs one statement, however many parents it has.

Entities that were loaded together know each other. When one is asked for a relation, that of all of
them is loaded, and their rows are the next such group.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from graphql import GraphQLError
from sqlalchemy import Connection, FromClause, Row, func, select

from poco.database import storable
from poco.services.indexer.filters import TYPE, Conditions, source_of
from poco.services.indexer.follower import Head
from poco.services.indexer.model import Column, Derived, Linked
from poco.services.indexer.tables import blocks, valid_at

__all__ = ["Node", "Page", "Session"]

MAX_FIRST = 1_000
MAX_SKIP = 5_000
_PARENT, _RANK = "_parent", "_rank"


@dataclass(frozen=True, slots=True)
class Page:
    """Which of several entities are wanted.

    Args:
        first: how many, 1 to `MAX_FIRST`.
        skip: how many to leave out before, up to `MAX_SKIP`.
        order: column to sort by; ties are sorted by id.
        descending: whether the largest comes first.
        where: filter.

    Raises:
        GraphQLError: a number is out of range.
    """

    first: int = 100
    skip: int = 0
    order: str = "id"
    descending: bool = False
    where: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.first <= MAX_FIRST:
            raise GraphQLError(f"first must be 1 to {MAX_FIRST}, not {self.first}")
        if not 0 <= self.skip <= MAX_SKIP:
            raise GraphQLError(f"skip must be 0 to {MAX_SKIP}, not {self.skip}")

    def sorting(self, source: FromClause) -> list[Any]:
        """Return what to sort a source by; both engines put what is missing below all else."""
        column, key = source.c[self.order], source.c.id
        if self.descending:
            return [column.desc().nulls_last(), key.desc()]
        return [column.asc().nulls_first(), key.asc()]


@dataclass(slots=True)
class _Group:
    """Entities that were loaded together."""

    block: int | None
    nodes: list[Node] = field(default_factory=list)
    relations: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """An entity in an answer.

    Args:
        entity: name of its type.
        row: values by column.
        group: what was loaded with it.
    """

    entity: str
    row: Mapping[str, Any]
    group: _Group


class Session:
    """What one query may read: one state of the database, and not too much of it.

    Args:
        connection: that sees one state.
        head: the block of the view; None before the first one.
        history: how many blocks before it can be looked at.
        max_rows: most entities to load.
        seconds: longest time to begin another statement.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        connection: Connection,
        head: Head | None,
        *,
        history: int,
        max_rows: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.head = head
        self._history = history
        self._connection = connection
        self._max_rows = max_rows
        self._rows = 0
        self._clock = clock
        self._end = clock() + seconds

    def height(self, wanted: Mapping[str, Any] | None) -> int | None:
        """Return the block that a query wants to look at; None for the newest one.

        Args:
            wanted: ``number``, ``hash`` or ``number_gte``.

        Raises:
            GraphQLError: it is too old, or has not been read yet.
        """
        given = {key: value for key, value in (wanted or {}).items() if value is not None}
        if "hash" in given:
            here = select(blocks.c.number).where(blocks.c.hash == storable(given["hash"]))
            number = self._connection.execute(here).scalar()
            if number is None:
                raise GraphQLError(f"no such block: {given['hash'][:80]}")
            return int(number)
        head = -1 if self.head is None else self.head.number
        for asked in given.values():
            if asked > head:
                raise GraphQLError(f"block {asked} has not been read yet, only up to {head}")
        if "number" not in given:
            return None
        if given["number"] < head - self._history:
            raise GraphQLError(f"blocks before {head - self._history} cannot be looked at any more")
        return int(given["number"])

    def block(self, number: int | None) -> Mapping[str, Any] | None:
        """Return what is known of a block; None: the newest one."""
        if number is None:
            return None if self.head is None else asdict(self.head)
        known = self._connection.execute(select(blocks).where(blocks.c.number == number)).first()
        return {"number": number} if known is None else dict(known._mapping)

    def one(self, entity: str, key: str, block: int | None) -> Node | None:
        """Return the entity with an id."""
        return self._by_id(entity, [key], block).get(key)

    def many(self, entity: str, page: Page, block: int | None) -> list[Node]:
        """Return a page of all entities of a type or interface."""
        source = source_of(entity)
        condition = Conditions(block).of(entity, source, page.where)
        statement = select(source).where(condition).order_by(*page.sorting(source))
        rows = self._execute(statement.offset(page.skip).limit(page.first), page.first)
        return self._nodes(entity, rows, block)

    def reference(self, node: Node, column: Column, key: str) -> Node | None:
        """Return what a column of an entity refers to.

        Args:
            node: the entity.
            column: the reference.
            key: name of the field in the answer.
        """

        def load(siblings: list[Node]) -> dict[str, Any]:
            ids = (other.row[column.name] for other in siblings)
            return self._by_id(column.target, ids, node.group.block)

        target = node.row[column.name]
        found: Node | None = self._once(node, key, load).get(target)
        return found

    def related(self, node: Node, relation: Derived | Linked, page: Page, key: str) -> list[Node]:
        """Return a page of the entities that belong to an entity.

        Args:
            node: the entity.
            relation: how they do.
            page: which of them, for each parent.
            key: name of the field in the answer.
        """

        def load(siblings: list[Node]) -> dict[str, Any]:
            return self._children(relation, [other.row["id"] for other in siblings], page, node)

        found: list[Node] = self._once(node, key, load).get(node.row["id"], [])
        return found

    def _once(
        self, node: Node, key: str, load: Callable[[list[Node]], dict[str, Any]]
    ) -> dict[str, Any]:
        relations, place = node.group.relations, (node.entity, key)
        if place not in relations:
            siblings = [other for other in node.group.nodes if other.entity == node.entity]
            relations[place] = load(siblings)
        return relations[place]

    def _by_id(self, entity: str, keys: Iterable[str | None], block: int | None) -> dict[str, Node]:
        wanted = sorted({key for key in keys if key is not None})
        if not wanted:
            return {}
        source = source_of(entity)
        statement = select(source).where(source.c.id.in_(wanted), valid_at(source, block))
        nodes = self._nodes(entity, self._execute(statement, len(wanted)), block)
        return {node.row["id"]: node for node in nodes}

    def _children(
        self, relation: Derived | Linked, parents: list[str], page: Page, node: Node
    ) -> dict[str, list[Node]]:
        block = node.group.block
        source = source_of(relation.target)
        if isinstance(relation, Derived):
            parent = source.c[relation.via]
        else:
            source = _joined(source, relation, block)
            parent = source.c[_PARENT]
        condition = Conditions(block).of(relation.target, source, page.where)
        rank = func.row_number().over(partition_by=parent, order_by=page.sorting(source))
        ranked = (
            select(source, parent.label(_PARENT) if isinstance(relation, Derived) else parent)
            .add_columns(rank.label(_RANK))
            .where(parent.in_(parents), condition)
            .subquery()
        )
        statement = (
            select(ranked)
            .where(ranked.c[_RANK] > page.skip, ranked.c[_RANK] <= page.skip + page.first)
            .order_by(ranked.c[_RANK])
        )
        found: dict[str, list[Node]] = defaultdict(list)
        rows = self._execute(statement, len(parents) * page.first)
        for made in self._nodes(relation.target, rows, block):
            found[made.row[_PARENT]].append(made)
        return found

    def _nodes(self, entity: str, rows: Iterable[Row[Any]], block: int | None) -> list[Node]:
        group = _Group(block)
        for row in rows:
            values = dict(row._mapping)
            group.nodes.append(Node(values.get(TYPE, entity), values, group))
        return group.nodes

    def _execute(self, statement: Any, expected: int) -> list[Row[Any]]:
        """Run a statement.

        Raises:
            GraphQLError: the query takes too long, or loads too much.
        """
        if self._clock() > self._end:
            raise GraphQLError("the query takes too long: ask for less at once")
        left = self._max_rows - self._rows
        if expected > left:
            statement = statement.limit(left + 1)
        rows = list(self._connection.execute(statement))
        self._rows += len(rows)
        if self._rows > self._max_rows:
            raise GraphQLError(
                f"a query may load {self._max_rows} entities: ask for less at once, use first"
            )
        return rows


def _joined(source: FromClause, relation: Linked, block: int | None) -> FromClause:
    """Return the targets of a relation with their parents."""
    link = source_of(relation.link)
    near, far = link.c[relation.near], link.c[relation.far]
    return (
        select(source, near.label(_PARENT))
        .join(link, far == source.c.id)
        .where(valid_at(link, block))
        .distinct()
        .subquery()
    )
