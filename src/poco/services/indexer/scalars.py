"""The leaf types of the schema: what the columns of the view look like in queries and answers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from graphql import (
    FloatValueNode,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
    IntValueNode,
    StringValueNode,
    ValueNode,
)

from poco.services.indexer.model import Kind

__all__ = ["LEAVES", "canonical"]

_INTEGER = re.compile(r"-?[0-9]{1,78}")
_DECIMAL = re.compile(r"-?[0-9]{1,78}(\.[0-9]{1,9}0*)?")
_NRLC_DIGITS = 9


def canonical(value: str) -> str:
    """Return hex the way it is stored, in lower case; other text as it is."""
    return value.lower() if value.startswith("0x") else value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not _INTEGER.fullmatch(str(value)):
        raise GraphQLError(
            f"BigInt must be an integer of at most 78 digits, not {str(value)[:80]!r}"
        )
    return int(value)


def _nrlc(value: Any) -> int:
    if isinstance(value, bool) or not _DECIMAL.fullmatch(str(value)):
        raise GraphQLError(
            f"BigDecimal must be an amount with at most 9 decimals, not {str(value)[:80]!r}"
        )
    return int(Decimal(str(value)).scaleb(_NRLC_DIGITS))


def _rlc(value: int) -> str:
    """Write nRLC as RLC, without an exponent or zeros at the end."""
    whole, part = divmod(abs(value), 10**_NRLC_DIGITS)
    decimals = f"{part:09}".rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def _hex(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("Bytes must be a string of hex digits")
    return canonical(value)


def _literal(parse: Any) -> Any:
    def read(node: ValueNode, _: Any = None) -> Any:
        if not isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
            raise GraphQLError("a number or a string is needed", node)
        return parse(node.value)

    return read


def _scalar(name: str, description: str, serialize: Any, parse: Any) -> GraphQLScalarType:
    return GraphQLScalarType(
        name,
        description=description,
        serialize=serialize,
        parse_value=parse,
        parse_literal=_literal(parse),
    )


def _enum(name: str, values: tuple[str, ...], aliases: dict[str, str]) -> GraphQLEnumType:
    # The first name of a value is the one in answers.
    old = {
        alias: GraphQLEnumValue(value, deprecation_reason=f"write {value}")
        for alias, value in aliases.items()
    }
    return GraphQLEnumType(name, {**{value: GraphQLEnumValue(value) for value in values}, **old})


LEAVES: dict[Kind, Any] = {
    Kind.ID: GraphQLID,
    Kind.REFERENCE: GraphQLString,
    Kind.TEXT: GraphQLString,
    Kind.SMALL: GraphQLInt,
    Kind.HEX: _scalar("Bytes", "Bytes as 0x-hex.", str, _hex),
    Kind.NUMBER: _scalar("BigInt", "An integer, as a string.", str, _integer),
    Kind.AMOUNT: _scalar("BigDecimal", "An amount in RLC, as a string.", _rlc, _nrlc),
    # The original misspells FAILED.
    Kind.TASK_STATUS: _enum(
        "TaskStatus",
        ("UNSET", "ACTIVE", "REVEALING", "COMPLETED", "FAILED"),
        {"FAILLED": "FAILED"},
    ),
    Kind.CONTRIBUTION_STATUS: _enum(
        "ContributionStatus", ("UNSET", "CONTRIBUTED", "PROVED", "REJECTED"), {}
    ),
}
"""The GraphQL type of each kind of column; references are their ids, for filters."""
