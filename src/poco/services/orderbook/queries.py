"""What lists are asked for, checked and turned into conditions (spec sdk §3.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, and_, true

from poco.errors import UserInputError
from poco.orders import (
    MAX_JSON_INTEGER,
    ZERO_ADDRESS,
    OrderKind,
    Tag,
    checked_address,
)
from poco.services.orderbook.records import BULK_VOLUME
from poco.services.orderbook.refusals import invalid
from poco.services.orderbook.shapes import admits
from poco.services.orderbook.tables import TAG_WORDS, deals, orders, shapes, tag_words

__all__ = [
    "DealsQuery",
    "OrdersQuery",
    "Page",
    "PagedQuery",
    "Sought",
    "address",
    "bytes32",
    "deal_conditions",
    "number",
    "sought_orders",
]

_Text: TypeAlias = str | None
_PAGE_SIZE = 20


class PagedQuery(BaseModel):
    """What all lists take."""

    model_config = ConfigDict(extra="ignore")

    chainId: _Text = None  # noqa: N815 (names of the API)
    pageIndex: _Text = Field(default=None, description="Page, from 0.")  # noqa: N815
    pageSize: _Text = Field(default=None, description="Rows of a page, 10 to 1000; 20 by default.")  # noqa: N815
    page: _Text = Field(default=None, description="Rows to skip; superseded by pageIndex.")


class OrdersQuery(PagedQuery):
    """Filters of the four order collections; which count depends on the collection."""

    app: _Text = None
    dataset: _Text = None
    workerpool: _Text = None
    requester: _Text = None
    beneficiary: _Text = None
    appOwner: _Text = None  # noqa: N815
    datasetOwner: _Text = None  # noqa: N815
    workerpoolOwner: _Text = None  # noqa: N815
    isAppStrict: _Text = None  # noqa: N815
    isDatasetStrict: _Text = None  # noqa: N815
    isWorkerpoolStrict: _Text = None  # noqa: N815
    isRequesterStrict: _Text = None  # noqa: N815
    category: _Text = None
    minTag: _Text = None  # noqa: N815
    maxTag: _Text = None  # noqa: N815
    minVolume: _Text = None  # noqa: N815
    minTrust: _Text = None  # noqa: N815
    maxTrust: _Text = None  # noqa: N815
    bulkOnly: _Text = None  # noqa: N815


class DealsQuery(PagedQuery):
    """Filters of deals."""

    category: _Text = None
    requester: _Text = None
    beneficiary: _Text = None
    app: _Text = None
    dataset: _Text = None
    workerpool: _Text = None
    appOwner: _Text = None  # noqa: N815
    datasetOwner: _Text = None  # noqa: N815
    workerpoolOwner: _Text = None  # noqa: N815
    apporderHash: _Text = None  # noqa: N815
    datasetorderHash: _Text = None  # noqa: N815
    workerpoolorderHash: _Text = None  # noqa: N815
    requestorderHash: _Text = None  # noqa: N815


class Page:
    """Which rows of a list are wanted.

    Args:
        query: with what the caller gave.

    Raises:
        RefusedError: 400, a number is out of range.
    """

    def __init__(self, query: PagedQuery) -> None:
        if query.page is not None and query.pageIndex is None and query.pageSize is None:
            self.skip, self.size = number("page", query.page), _PAGE_SIZE
            return
        self.size = _PAGE_SIZE if query.pageSize is None else number("pageSize", query.pageSize)
        if self.size < 10:
            raise invalid("pageSize must be greater than or equal to 10")
        if self.size > 1000:
            raise invalid("pageSize must be less than or equal to 1000")
        index = 0 if query.pageIndex is None else number("pageIndex", query.pageIndex)
        self.skip = min(index * self.size, MAX_JSON_INTEGER)

    def of(self, query: Select[Any]) -> Select[Any]:
        """Return the statement for the rows."""
        return query.offset(self.skip).limit(self.size)

    def next(self, found: int) -> dict[str, int]:
        """Return what an answer says of the next page; nothing when this one is not full."""
        return {"nextPage": self.skip + self.size} if found == self.size else {}


def address(name: str, text: str | None) -> str:
    """Read an address.

    Raises:
        RefusedError: 400.
    """
    if text is None:
        raise invalid(f"{name} is a required field")
    try:
        return checked_address(name, text)
    except UserInputError:
        raise invalid(f"{text} is not a valid ethereum address") from None


def bytes32(text: str) -> str:
    """Read 32 bytes of hex, into lower case.

    Raises:
        RefusedError: 400.
    """
    if not re.fullmatch("0x[0-9a-fA-F]{64}", text):
        raise invalid(f"{text} must be a bytes32 hexstring")
    return text.lower()


@dataclass(frozen=True, slots=True)
class Sought:
    """The open orders that a query is about.

    Args:
        shapes: the condition for their shapes.
        more: conditions for the orders themselves.
    """

    shapes: ColumnElement[bool]
    more: list[ColumnElement[bool]]


def sought_orders(kind: OrderKind, query: OrdersQuery) -> Sought:
    """Return which open orders a query is about.

    Raises:
        RefusedError: 400.
    """
    found = _requests(query) if kind == OrderKind.REQUEST else _offers(kind, query)
    if query.minTag is not None:
        found += _tag_conditions(query.minTag, _has_all)
    if query.maxTag is not None:
        found += _tag_conditions(query.maxTag, _has_only)
    more: list[ColumnElement[bool]] = []
    if query.minVolume is not None and (least := number("minVolume", query.minVolume)) > 1:
        more.append(orders.c.remaining >= least)
    if kind == OrderKind.DATASET and query.bulkOnly == "true":
        more += [orders.c.price == 0, orders.c.volume >= BULK_VOLUME]
    return Sought(and_(true(), *found), more)


def deal_conditions(query: DealsQuery) -> ColumnElement[bool]:
    """Return the condition for the deals that a query is about.

    Raises:
        RefusedError: 400.
    """
    found: list[ColumnElement[bool]] = []
    if query.category is not None:
        found.append(deals.c.category == number("category", query.category))
    for side in ("app", "dataset", "workerpool"):
        for name in (side, f"{side}Owner"):
            found += _equal_or_any(deals.c[name], name, getattr(query, name))
    for name in ("requester", "beneficiary"):
        found += _equal_or_any(deals.c[name], name, getattr(query, name))
    for side in ("app", "dataset", "workerpool", "request"):
        hashed = getattr(query, f"{side}orderHash")
        if hashed is not None:
            found.append(deals.c[f"{side}Hash"] == bytes32(hashed))
    return and_(true(), *found)


def _requests(query: OrdersQuery) -> list[ColumnElement[bool]]:
    found = _restricted("workerpool", query.workerpool, query.isWorkerpoolStrict)
    for name in ("app", "dataset", "requester", "beneficiary"):
        found += _equal_or_any(shapes.c[name], name, getattr(query, name))
    if query.category is not None:
        found.append(shapes.c.category == number("category", query.category))
    if query.maxTrust is not None:
        found.append(shapes.c.trust <= number("maxTrust", query.maxTrust))
    return found


def _offers(kind: OrderKind, query: OrdersQuery) -> list[ColumnElement[bool]]:
    own = kind.removesuffix("order")
    owner = getattr(query, f"{own}Owner")
    asset = getattr(query, own)
    if kind != OrderKind.WORKERPOOL and asset is None and owner is None:
        raise invalid(f"{own} or {own}Owner is required")
    found = _equal_or_any(shapes.c[own], own, asset)
    found += _equal_or_any(shapes.c.signer, f"{own}Owner", owner)
    for name in ("app", "dataset", "workerpool", "requester"):
        if name != own:
            strict = getattr(query, f"is{name.capitalize()}Strict")
            found += _restricted(name, getattr(query, name), strict)
    if kind == OrderKind.WORKERPOOL:
        if query.category is not None:
            found.append(shapes.c.category == number("category", query.category))
        if query.minTrust is not None and (trust := number("minTrust", query.minTrust)) > 1:
            found.append(shapes.c.trust >= trust)
    return found


def _restricted(name: str, given: str | None, strict: str | None) -> list[ColumnElement[bool]]:
    column = shapes.c[name]
    if given is None:
        return [admits(column, (ZERO_ADDRESS,))]
    if given == "any":
        return []
    wanted = _address_or_any(name, given)
    if strict == "true":
        return [column == wanted]
    return [admits(column, (ZERO_ADDRESS, wanted))]


def _equal_or_any(column: Any, name: str, given: str | None) -> list[ColumnElement[bool]]:
    if given is None or given == "any":
        return []
    return [column == _address_or_any(name, given)]


def _address_or_any(name: str, given: str) -> str:
    try:
        return checked_address(name, given)
    except UserInputError:
        raise invalid(f'{given} is neither "any" nor a valid ethereum address') from None


def _tag_conditions(
    text: str, condition: Callable[[Any, int], ColumnElement[bool]]
) -> list[ColumnElement[bool]]:
    words = tag_words(Tag.parse(bytes32(text)))
    return [condition(shapes.c[name], words[name]) for name in TAG_WORDS]


def _has_all(column: Any, word: int) -> ColumnElement[bool]:
    return true() if word == 0 else _bits(column, word) == word


def _has_only(column: Any, word: int) -> ColumnElement[bool]:
    return _bits(column, ~word) == 0


def _bits(column: Any, word: int) -> ColumnElement[int]:
    found: ColumnElement[int] = column.op("&")(word)
    return found


def number(name: str, text: str) -> int:
    """Read a whole number; what is too large for JSON counts as the largest that is not.

    Raises:
        RefusedError: 400.
    """
    if not re.fullmatch("[0-9]{1,16}", text):
        raise invalid(f"{name} must be a whole number")
    return min(int(text), MAX_JSON_INTEGER)
