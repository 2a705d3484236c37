"""Parse JSON that a stranger wrote.

The standard parser recurses in C: text that nests deep enough ends the process where the
interpreter's recursion limit has been raised, as some libraries do. And three bytes of text make a
list of 56 bytes. So nesting and number are bounded before the parser sees the text.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import NoReturn

__all__ = ["MAX_NESTING", "parse_object"]

MAX_NESTING = 64
_MAX_CONTAINERS = 100_000

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_object(text: str) -> dict[str, object]:
    """Parse a JSON object.

    Raises:
        ValueError: when the text is not JSON, not an object, nests deeper than `MAX_NESTING`, or
            has more than 100,000 objects and lists.
    """
    structure = _STRING.sub("", text)
    if structure.count("[") + structure.count("{") > _MAX_CONTAINERS:
        raise ValueError(f"has more than {_MAX_CONTAINERS} objects and lists")
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(structure))
    if max(accumulate(steps), default=0) > MAX_NESTING:
        raise ValueError(f"nests deeper than {MAX_NESTING}")
    parsed = json.loads(text, parse_constant=_refuse)
    if not isinstance(parsed, dict):
        raise ValueError("is not an object")
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
