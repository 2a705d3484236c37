"""iexec.js is read, and never executed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.errors import UserInputError
from poco.project.literals import read_literal

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_literal__any_json__is_that_value(value):
    text = json.dumps(value, ensure_ascii=False)
    assert read_literal(f"module.exports = {text};") == value


def test_literal__module_of_the_first_era__is_read():
    text = """'use strict';
    // my app
    module.exports = {
      name: 'It\\'s "mine"', /* two
      lines */
      app: { price: 0x0A, params: { "envvars": `XWDOCKERIMAGE=a/b`, }, },
      list: [1, -2.5, true, null, undefined,],
    };
    """
    assert read_literal(text) == {
        "name": 'It\'s "mine"',
        "app": {"price": 10, "params": {"envvars": "XWDOCKERIMAGE=a/b"}},
        "list": [1, -2.5, True, None, None],
    }


def test_literal__escapes__are_those_of_the_language():
    assert read_literal(r"'\u0041\x42\u{43}\n\q'") == "ABC\nq"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("module.exports = {\n  key: process.env.KEY\n}", "line 2"),
        ("require('fs')", "a literal is expected"),
        ("{a: `${b}`}", "a literal is expected"),
        ("{a: 1} + 2", "the end of the file"),
        ("{a 1}", "a colon is expected after 'a'"),
        ("{a: 1 b: 2}", "a comma or }"),
        ("[1 2]", "a comma or ]"),
        ("{: 1}", "the name of a property"),
        ("[1,", "a literal is expected"),
        ("'open", "a literal is expected"),
        ("[" * 40, "32 deep"),
    ],
)
def test_literal__anything_else__is_refused_with_its_line(text, message):
    with pytest.raises(UserInputError, match=message):
        read_literal(text)
