"""Text from strangers cannot crash or stall the parser."""

from __future__ import annotations

import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.appio.untrusted_json import MAX_NESTING, parse_object


def nested(depth: int) -> str:
    return '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)


def test_parse__nesting_at_the_bound__is_accepted() -> None:
    assert parse_object(nested(MAX_NESTING)) == json.loads(nested(MAX_NESTING))


def test_parse__nesting_over_the_bound__is_refused() -> None:
    with pytest.raises(ValueError, match="nests deeper"):
        parse_object(nested(MAX_NESTING + 1))


def test_parse__raised_recursion_limit__does_not_reach_the_parser() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(ValueError, match="nests deeper"):
            parse_object('{"a":' + "[" * 90_000)
    finally:
        sys.setrecursionlimit(before)


def test_parse__brackets_in_strings__do_not_count() -> None:
    text = json.dumps({"a": '\\"' + "[" * 200})
    assert parse_object(text) == json.loads(text)


def test_parse__more_lists_than_memory_should_hold__is_refused() -> None:
    with pytest.raises(ValueError, match="has more than 100000 objects and lists"):
        parse_object('{"a": [' + "[]," * 100_000 + "{}]}")
    assert len(str(parse_object('{"a": [' + "[]," * 99_997 + "{}]}")))


def test_parse__many_escaped_quotes__takes_linear_time() -> None:
    begun = time.monotonic()
    with pytest.raises(ValueError, match="Unterminated"):
        parse_object('{"' + '\\"' * 500_000)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("text", ["", "[]", "1", '{"a": NaN}', '{"a": 1', "{}{}"])
def test_parse__no_json_object__is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_object(text)


@given(st.dictionaries(st.text(), st.recursive(st.text() | st.integers(), st.lists, max_leaves=8)))
def test_parse__any_object__is_what_the_standard_parser_reads(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value)) == value
