"""Amounts as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.errors import UserInputError
from poco.project import parse_coin, parse_token, show_coin, show_token

AMOUNTS = st.integers(0, 2**256 - 1)


@given(AMOUNTS)
def test_token__shown_and_read__is_the_same(amount):
    assert parse_token(show_token(amount)) == amount


@given(AMOUNTS)
def test_coin__shown_and_read__is_the_same(amount):
    assert parse_coin(show_coin(amount)) == amount


@pytest.mark.parametrize(
    ("words", "nrlc"),
    [(("5",), 5), (("1.5", "RLC"), 1_500_000_000), (("7 nRLC",), 7), (("2", "rlc"), 2 * 10**9)],
)
def test_token__with_or_without_unit__is_read(words, nrlc):
    assert parse_token(*words) == nrlc


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("1.5",), "whole number"),
        (("-1",), "decimal number"),
        (("1e9",), "decimal number"),
        (("",), "decimal number"),
        (("1.2.3",), "decimal number"),
        (("9" * 101,), "decimal number"),
        ((str(2**256),), "at most"),
        (("1", "EUR"), "no such unit"),
        (("1 RLC", "RLC"), "decimal number"),
        (("0.0000000001", "RLC"), "9 decimals"),
    ],
)
def test_token__no_amount__is_refused(words, message):
    with pytest.raises(UserInputError, match=message):
        parse_token(*words)
