"""The categories a market is deployed with (spec contracts §5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poco.contracts import Category
from poco.errors import UserInputError

__all__ = ["MAX_CLOCK", "STANDARD_CATEGORIES", "load_categories"]

MAX_CLOCK = 2**28 - 1
"""Longest time reference of a category, in seconds."""

_NO_DESCRIPTION = '""'

STANDARD_CATEGORIES: tuple[Category, ...] = tuple(
    Category(name, _NO_DESCRIPTION, clock)
    for name, clock in (("XS", 300), ("S", 1200), ("M", 3600), ("L", 10_800), ("XL", 36_000))
)
"""Five categories from 5 minutes to 10 hours; the description is an empty JSON text."""

_REMEDY = 'give a list of {"name": "XS", "description": "", "workClockTimeRef": 300}'


def load_categories(path: Path) -> tuple[Category, ...]:
    """Read categories from a JSON file: a list of name, description and workClockTimeRef.

    Raises:
        UserInputError: the file cannot be read, or an entry is malformed; it is named.
    """
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserInputError(
            f"the categories file cannot be read: {error}",
            field="categories",
            value=str(path),
            remedy=_REMEDY,
        ) from error
    if not isinstance(document, list) or not document:
        raise UserInputError(
            "categories are a JSON list with at least one entry",
            field="categories",
            value=str(path),
            remedy=_REMEDY,
        )
    return tuple(_category(index, entry) for index, entry in enumerate(document))


def _category(index: int, entry: Any) -> Category:
    keys = {"name", "description", "workClockTimeRef"}
    if not isinstance(entry, Mapping) or not {"name", "workClockTimeRef"} <= set(entry) <= keys:
        raise UserInputError(
            "a category has name and workClockTimeRef, and may have a description",
            field=f"categories[{index}]",
            value=entry,
            remedy=_REMEDY,
        )
    name, clock = entry["name"], entry["workClockTimeRef"]
    description = entry.get("description", _NO_DESCRIPTION)
    if not isinstance(name, str) or not name or not isinstance(description, str):
        raise UserInputError(
            "name and description are texts, and the name is not empty",
            field=f"categories[{index}]",
            value=entry,
            remedy=_REMEDY,
        )
    if isinstance(clock, bool) or not isinstance(clock, int) or not 0 < clock <= MAX_CLOCK:
        raise UserInputError(
            f"a clock is a whole number of seconds from 1 to {MAX_CLOCK}",
            field=f"categories[{index}].workClockTimeRef",
            value=clock,
            remedy=_REMEDY,
        )
    return Category(name, description, clock)
