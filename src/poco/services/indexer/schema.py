"""The GraphQL schema, made from the entities, in the form that graph-node gives to a subgraph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
)

from poco.services.indexer.entities import ENTITIES, INTERFACES, entity_of
from poco.services.indexer.filters import filter_type
from poco.services.indexer.loading import Node, Page, Session
from poco.services.indexer.model import Column, Derived, Entity, Kind, Linked
from poco.services.indexer.scalars import LEAVES, canonical

__all__ = ["make_schema"]

_Info: TypeAlias = GraphQLResolveInfo[Session]

_BYTES = LEAVES[Kind.HEX]
_DIRECTION = GraphQLEnumType(
    "OrderDirection", {"asc": GraphQLEnumValue(False), "desc": GraphQLEnumValue(True)}
)
_HEIGHT = GraphQLInputObjectType(
    "Block_height",
    {
        "hash": GraphQLInputField(_BYTES),
        "number": GraphQLInputField(GraphQLInt),
        "number_gte": GraphQLInputField(GraphQLInt),
    },
)
_BLOCK_ARGUMENT = {"block": GraphQLArgument(_HEIGHT)}


def make_schema(deployment: str) -> GraphQLSchema:
    """Return the schema; the context of a query is a `Session`.

    Args:
        deployment: what ``_meta`` calls the source of the data.
    """
    fields: dict[str, GraphQLField] = {}
    for entity in (*ENTITIES.values(), *INTERFACES.values()):
        fields[entity.singular] = GraphQLField(
            _type(entity.name),
            {
                "id": GraphQLArgument(GraphQLNonNull(GraphQLID), out_name="key"),
                **_BLOCK_ARGUMENT,
            },
            _one(entity.name),
        )
        fields[entity.plural] = GraphQLField(
            _several(entity.name),
            {**_page_arguments(entity.name), **_BLOCK_ARGUMENT},
            _many(entity.name),
        )
    fields["_meta"] = GraphQLField(_meta_type(), _BLOCK_ARGUMENT, _meta(deployment))
    return GraphQLSchema(
        GraphQLObjectType("Query", fields), types=[_type(name) for name in ENTITIES]
    )


# TYPES


@cache
def _type(name: str) -> Any:
    if name in INTERFACES:
        return GraphQLInterfaceType(
            name, lambda: _fields(INTERFACES[name]), resolve_type=lambda node, *_: node.entity
        )
    entity = ENTITIES[name]
    interfaces = [_type(entity.interface)] if entity.interface else []
    return GraphQLObjectType(name, lambda: _fields(entity), interfaces)


def _several(name: str) -> Any:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(_type(name))))


def _fields(entity: Entity) -> dict[str, GraphQLField]:
    fields = {}
    for column in entity.columns:
        if not column.hidden:
            kind = _type(column.target) if column.target else LEAVES[column.kind]
            fields[column.name] = GraphQLField(
                GraphQLNonNull(kind) if column.required else kind, resolve=_column(column)
            )
    for relation in entity.fields:
        if isinstance(relation, Column):
            continue
        if isinstance(relation, Derived) and relation.single:
            fields[relation.name] = GraphQLField(_type(relation.target), resolve=_single(relation))
        else:
            fields[relation.name] = GraphQLField(
                _several(relation.target), _page_arguments(relation.target), _related(relation)
            )
    return fields


@cache
def _page_arguments(name: str) -> dict[str, GraphQLArgument]:
    columns = [column.name for column in entity_of(name).columns if not column.hidden]
    order = GraphQLEnumType(f"{name}_orderBy", {key: GraphQLEnumValue(key) for key in columns})
    return {
        "first": GraphQLArgument(GraphQLInt, 100),
        "skip": GraphQLArgument(GraphQLInt, 0),
        "orderBy": GraphQLArgument(order, out_name="order"),
        "orderDirection": GraphQLArgument(_DIRECTION, out_name="descending"),
        "where": GraphQLArgument(filter_type(name)),
    }


def _meta_type() -> GraphQLObjectType:
    block = GraphQLObjectType(
        "_Block_",
        {
            "hash": GraphQLField(_BYTES),
            "number": GraphQLField(GraphQLNonNull(GraphQLInt)),
            "timestamp": GraphQLField(GraphQLInt),
        },
    )
    return GraphQLObjectType(
        "_Meta_",
        {
            "block": GraphQLField(GraphQLNonNull(block)),
            "deployment": GraphQLField(GraphQLNonNull(GraphQLString)),
            "hasIndexingErrors": GraphQLField(GraphQLNonNull(GraphQLBoolean)),
        },
    )


# RESOLVERS


def _page(arguments: dict[str, Any]) -> Page:
    return Page(**{name: value for name, value in arguments.items() if value is not None})


def _one(name: str) -> Callable[..., Any]:
    def resolve(_: Any, info: _Info, *, key: str, block: Any = None) -> Any:
        session = info.context
        return session.one(name, canonical(key), session.height(block))

    return resolve


def _many(name: str) -> Callable[..., Any]:
    def resolve(_: Any, info: _Info, *, block: Any = None, **page: Any) -> Any:
        session = info.context
        return session.many(name, _page(page), session.height(block))

    return resolve


def _column(column: Column) -> Callable[..., Any]:
    def stored(node: Node, _: _Info) -> Any:
        return node.row[column.name]

    def reference(node: Node, info: _Info) -> Any:
        return info.context.reference(node, column, str(info.path.key))

    return reference if column.target else stored


def _related(relation: Derived | Linked) -> Callable[..., Any]:
    def resolve(node: Node, info: _Info, **page: Any) -> Any:
        return info.context.related(node, relation, _page(page), str(info.path.key))

    return resolve


def _single(relation: Derived) -> Callable[..., Any]:
    def resolve(node: Node, info: _Info) -> Any:
        found = info.context.related(node, relation, Page(first=1), str(info.path.key))
        return found[0] if found else None

    return resolve


def _meta(deployment: str) -> Callable[..., Any]:
    def resolve(_: Any, info: _Info, *, block: Any = None) -> Any:
        session = info.context
        if session.head is None:
            raise GraphQLError("no block has been read yet: try again later")
        return {
            "block": session.block(session.height(block)),
            "deployment": deployment,
            "hasIndexingErrors": False,
        }

    return resolve
