"""Filters: the input types ``<Entity>_filter`` of graph-node, and the SQL that they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
)
from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from poco.database import storable
from poco.services.indexer.entities import entity_of, implementers
from poco.services.indexer.model import Column, Derived, Kind, Linked
from poco.services.indexer.scalars import LEAVES, canonical
from poco.services.indexer.tables import ENTITY_TABLES, valid_at

__all__ = ["TYPE", "Conditions", "filter_type", "source_of"]

TYPE = "_type"
"""Column of an interface's source that names the entity."""

_MAX_NESTING = 5
_MAX_CONDITIONS = 200
_MAX_VALUES = 1_000
_TEXT = ("contains", "starts_with", "ends_with")
_ORDER = ("gt", "lt", "gte", "lte")


def source_of(name: str) -> FromClause:
    """Return the versions of an entity, or of all that implement an interface, to select from."""
    if name in ENTITY_TABLES:
        return ENTITY_TABLES[name].alias()
    tables = {entity.name: ENTITY_TABLES[entity.name] for entity in implementers(name)}
    types = {column.name: column.type for table in tables.values() for column in table.c}
    parts = (
        select(
            literal(entity).label(TYPE),
            *(
                table.c[column] if column in table.c else cast(null(), kind).label(column)
                for column, kind in types.items()
            ),
        )
        for entity, table in tables.items()
    )
    return union_all(*parts).subquery()


@cache
def filter_type(name: str) -> GraphQLInputObjectType:
    """Return the input type of the filters of an entity or interface."""
    return GraphQLInputObjectType(f"{name}_filter", lambda: _fields(name))


def _fields(name: str) -> dict[str, GraphQLInputField]:
    made: dict[str, Any] = {}
    for part in entity_of(name).columns:
        if part.hidden:
            continue
        leaf = LEAVES[part.kind]
        made |= {part.name: leaf, f"{part.name}_not": leaf}
        listed = GraphQLList(GraphQLNonNull(leaf))
        made |= {f"{part.name}_in": listed, f"{part.name}_not_in": listed}
        made |= {f"{part.name}_{word}": leaf for word in _words(part.kind)}
    for relation in entity_of(name).fields:
        if isinstance(relation, Derived | Linked) or (relation.target and not relation.hidden):
            made[f"{relation.name}_"] = filter_type(relation.target)
    made["and"] = made["or"] = GraphQLList(filter_type(name))
    return {key: GraphQLInputField(kind) for key, kind in made.items()}


def _words(kind: Kind) -> tuple[str, ...]:
    if kind in (Kind.TASK_STATUS, Kind.CONTRIBUTION_STATUS):
        return ()
    if kind in (Kind.NUMBER, Kind.AMOUNT, Kind.SMALL, Kind.ID):
        return _ORDER
    if kind is Kind.HEX:
        return (*_ORDER, "contains", "not_contains")
    texts = (f"{no}{word}{case}" for no in ("", "not_") for word in _TEXT for case in _CASES)
    return (*_ORDER, *texts)


_CASES = ("", "_nocase")


@dataclass
class Conditions:
    """Turns filters into SQL, within limits.

    Args:
        block: the block to look at; None: the newest one.
    """

    block: int | None
    _made: int = field(default=0, init=False)

    def of(
        self, name: str, source: FromClause, where: Mapping[str, Any] | None, nesting: int = 0
    ) -> ColumnElement[bool]:
        """Return the condition that a filter means.

        Args:
            name: of the entity or interface.
            source: what the condition is about.
            where: the filter.
            nesting: filters around it.

        Raises:
            GraphQLError: it is too large, or nests too deep.
        """
        if nesting > _MAX_NESTING:
            raise GraphQLError(f"filters may nest {_MAX_NESTING} deep")
        made = [valid_at(source, self.block)]
        for key, value in (where or {}).items():
            self._made += 1
            if self._made > _MAX_CONDITIONS:
                raise GraphQLError(f"filters may have {_MAX_CONDITIONS} conditions")
            if key in ("and", "or"):
                joined = and_ if key == "and" else or_
                parts = [self.of(name, source, part, nesting + 1) for part in value or ()]
                made.append(joined(*parts) if parts else true())
            elif key.endswith("_"):
                made.append(self._related(name, source, key[:-1], value, nesting))
            else:
                made.append(_compared(name, source, key, value))
        return and_(*made)

    def _related(
        self, name: str, source: FromClause, key: str, where: Mapping[str, Any], nesting: int
    ) -> ColumnElement[bool]:
        relation = next(part for part in entity_of(name).fields if part.name == key)
        other = source_of(relation.target)
        inner = self.of(relation.target, other, where, nesting + 1)
        if isinstance(relation, Column):
            return source.c[key].in_(select(other.c.id).where(inner))
        if isinstance(relation, Derived):
            return source.c.id.in_(select(other.c[relation.via]).where(inner))
        link = source_of(relation.link)
        found = select(link.c[relation.near]).where(
            valid_at(link, self.block),
            link.c[relation.far].in_(select(other.c.id).where(inner)),
        )
        return source.c.id.in_(found)


def _compared(name: str, source: FromClause, key: str, value: Any) -> ColumnElement[bool]:
    key_name, _, word = key.partition("_")
    column = next(part for part in entity_of(name).columns if part.name == key_name)
    place = source.c[column.name]
    if isinstance(value, list):
        if len(value) > _MAX_VALUES:
            raise GraphQLError(f"{key} may have {_MAX_VALUES} values")
        found = place.in_([_stored(column, item) for item in value])
        return found if word == "in" else ~found
    if value is None:
        if word in ("", "not"):
            return place.is_(None) if word == "" else place.is_not(None)
        raise GraphQLError(f"{key} needs a value")
    compare = _WORDS[word.removesuffix("_nocase")]
    return compare(*_cased(place, _stored(column, value), word.endswith("_nocase")))


def _stored(column: Column, value: Any) -> Any:
    if column.kind in (Kind.ID, Kind.REFERENCE):
        value = canonical(value)
    return storable(value) if isinstance(value, str) else value


def _cased(place: Any, value: Any, ignored: bool) -> tuple[Any, Any]:
    return (func.lower(place), value.lower()) if ignored else (place, value)


# LIKE ignores case on one of the engines only.


def _contains(place: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    return func.replace(place, value, "") != place if value else place.is_not(None)


def _starts(place: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    return func.substr(place, 1, len(value)) == value


def _ends(place: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    start = func.length(place) - len(value) + 1
    return func.substr(place, start) == value if value else place.is_not(None)


_WORDS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "": lambda place, value: place == value,
    "not": lambda place, value: place.is_distinct_from(value),
    "gt": lambda place, value: place > value,
    "lt": lambda place, value: place < value,
    "gte": lambda place, value: place >= value,
    "lte": lambda place, value: place <= value,
    "contains": _contains,
    "starts_with": _starts,
    "ends_with": _ends,
    "not_contains": lambda place, value: ~_contains(place, value),
    "not_starts_with": lambda place, value: ~_starts(place, value),
    "not_ends_with": lambda place, value: ~_ends(place, value),
}
