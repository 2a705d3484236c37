"""Limits that a query must keep before anything of it is executed.

Fragments make short texts mean much: a query is measured as if they were written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

__all__ = ["parse_query"]

MAX_TOKENS = 4_000
MAX_DEPTH = 12
MAX_FIELDS = 500


def parse_query(text: str) -> DocumentNode:
    """Parse a query that keeps the limits.

    Raises:
        GraphQLError: it is malformed, too long, too deep or too wide.
    """
    document = parse(text, max_tokens=MAX_TOKENS)
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    measure = _Measure(fragments, {})
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            depth, fields = measure.of(node.selection_set)
            if depth > MAX_DEPTH:
                raise GraphQLError(f"a query may be {MAX_DEPTH} fields deep, this one is {depth}")
            if fields > MAX_FIELDS:
                raise GraphQLError(f"a query may have {MAX_FIELDS} fields, this one has {fields}")
    return document


@dataclass(frozen=True, slots=True)
class _Measure:
    fragments: Mapping[str, FragmentDefinitionNode]
    known: dict[str, tuple[int, int]]

    def of(self, selection: SelectionSetNode | None) -> tuple[int, int]:
        """Return depth and number of the fields of a selection."""
        depth = fields = 0
        for node in selection.selections if selection is not None else ():
            below, count = 0, 0
            if isinstance(node, FieldNode):
                # Another rule limits how deep the description of the schema is asked for.
                described = node.name.value.startswith("__")
                inner = (0, 0) if described else self.of(node.selection_set)
                below, count = inner[0] + 1, inner[1] + 1
            elif isinstance(node, InlineFragmentNode):
                below, count = self.of(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                below, count = self._fragment(node.name.value)
            depth, fields = max(depth, below), fields + count
        return depth, fields

    def _fragment(self, name: str) -> tuple[int, int]:
        if name not in self.known:
            # What contains itself is too much; validation tells about fragments that are missing.
            self.known[name] = (0, MAX_FIELDS + 1)
            fragment = self.fragments.get(name)
            self.known[name] = self.of(None if fragment is None else fragment.selection_set)
        return self.known[name]
