"""Categories of a market, as its owner adds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poco.contracts import Category, Market, Receipt
from poco.errors import UserInputError

__all__ = ["CategoryDraft", "create", "read", "read_draft"]

_MAX_CLOCK = 2**28 - 1


@dataclass(frozen=True, slots=True)
class CategoryDraft:
    """A category to be created.

    Args:
        name: for example ``XS``.
        description: text or JSON.
        clock: time reference, seconds.
    """

    name: str
    description: str
    clock: int


def read_draft(document: Mapping[str, Any]) -> CategoryDraft:
    """Read the section ``category`` of iexec.json.

    Raises:
        UserInputError: a value is missing or malformed.
    """
    texts = {}
    for key in ("name", "description"):
        texts[key] = document.get(key)
        if not isinstance(texts[key], str):
            raise _malformed(key, texts[key], "a text is needed")
    clock = str(document.get("workClockTimeRef", ""))
    if not (clock.isdecimal() and clock.isascii() and 0 < int(clock[:20]) <= _MAX_CLOCK):
        raise _malformed(
            "workClockTimeRef",
            document.get("workClockTimeRef"),
            f"seconds from 1 to {_MAX_CLOCK} are needed",
        )
    return CategoryDraft(str(texts["name"]), str(texts["description"]), int(clock))


def create(market: Market, draft: CategoryDraft) -> Receipt[int]:
    """Add a category; the receipt's value is its index.

    Args:
        market: acting as the hub's owner.
        draft: the category.

    Raises:
        UserInputError: the account does not own the hub; nothing is sent.
        ChainError: the node does not answer.
    """
    owner = market.hub.owner()
    if market.account != owner:
        raise UserInputError(
            f"only the hub's owner {owner} may create categories",
            field="wallet",
            value=market.account,
            remedy="name the owner's wallet with --wallet-file",
        )
    return market.hub.create_category(draft.name, draft.description, draft.clock)


def read(market: Market, index: int) -> Category:
    """Return a category of the market.

    Raises:
        UserInputError: there is none of this index.
        ChainError: the node does not answer.
    """
    count = market.hub.category_count()
    if index >= count:
        raise UserInputError(
            f"the market has {count} categories, counted from 0",
            field="category",
            value=index,
            remedy="see `poco category count`",
        )
    return market.hub.category(index)


def _malformed(key: str, value: Any, rule: str) -> UserInputError:
    return UserInputError(
        rule, field=f"iexec.json.category.{key}", value=value, remedy="edit the file"
    )
