"""One request and one state of the book: which offers suit it, and what would have to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import ColumnElement, Connection, and_, select

from poco.contracts import MarketView
from poco.orders import (
    MAX_JSON_INTEGER,
    TEE,
    ZERO_ADDRESS,
    OrderKind,
    RequestOrder,
    Tag,
    order_hash,
)
from poco.services.orderbook.book import Orderbook
from poco.services.orderbook.facts import FactKind, Facts
from poco.services.orderbook.flow import Offer
from poco.services.orderbook.matching import Part, cheapest_fill, cost_of
from poco.services.orderbook.shapes import admits, found_by, shaped
from poco.services.orderbook.tables import (
    SORTING,
    TAG_WORDS,
    categories,
    groups,
    orders,
    shapes,
    tag_words,
)

__all__ = ["Search"]

_COLUMNS = ("hash", "price", "remaining", "workerpool", "signer", "stake", "trust", "category")


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a request asks for, as far as its owner can change it; None: anything goes."""

    appmaxprice: int
    datasetmaxprice: int
    workerpoolmaxprice: int
    trust: int
    category: int | None
    workerpool: str
    tag: int
    stake: int


_ANYTHING: dict[str, Any] = {
    "appmaxprice": MAX_JSON_INTEGER,
    "datasetmaxprice": MAX_JSON_INTEGER,
    "workerpoolmaxprice": MAX_JSON_INTEGER,
    "trust": 0,
    "category": None,
    "workerpool": ZERO_ADDRESS,
    "tag": 0,
    "stake": 4 * MAX_JSON_INTEGER,
}


class Search:
    """What one state of the book has for a request.

    Args:
        book: the order book.
        connection: of its database.
        request: the request, signed or not.
        excluded: hashes of orders that do not count.
    """

    def __init__(
        self, book: Orderbook, connection: Connection, request: RequestOrder, excluded: set[str]
    ) -> None:
        self._book = book
        self._connection = connection
        self._request = request
        self._excluded = excluded
        self._facts = Facts(connection)
        hashed = f"0x{order_hash(request, book.market.domain).hex()}"
        self._facts.load([(FactKind.STAKE, request.requester), (FactKind.CONSUMED, hashed)])
        closed = self._facts.is_closed(hashed)
        self.left = 0 if closed else max(request.volume - self._facts.consumed(hashed), 0)
        self._groups = [row.address for row in connection.execute(select(groups))]
        self._clocks = {row.catid for row in connection.execute(select(categories.c.catid))}
        self._view: MarketView | None = None
        self.terms = _Terms(
            request.appmaxprice,
            request.datasetmaxprice,
            request.workerpoolmaxprice,
            request.trust,
            request.category,
            request.workerpool,
            request.tag,
            self._facts.stake(request.requester),
        )

    def fill(self, terms: _Terms, volume: int) -> list[Part]:
        """Return the cheapest fill under some terms."""
        if terms.category is not None and terms.category not in self._clocks:
            return []
        fills = [self._fill(terms, volume, enclave) for enclave in (False, True)]
        return max(fills, key=lambda parts: (sum(part.volume for part in parts), -cost_of(parts)))

    def advice(self) -> dict[str, Any]:
        """Return the smallest set of changes of the request after which one task can be had.

        Of sets of the same size it is the one with the cheapest task.
        """
        fields = [name for name in _ANYTHING if getattr(self.terms, name) != _ANYTHING[name]]
        if self._request.dataset == ZERO_ADDRESS:
            fields.remove("datasetmaxprice")
        if not self._relaxed(_ANYTHING):
            return {"changes": [], "missing": self._missing()}
        # What no set of changes can do without narrows the search.
        needed = [
            name
            for name in fields
            if not self._relaxed([other for other in fields if other != name])
        ]
        others = [name for name in fields if name not in needed]
        for size in range(len(others) + 1):
            found = []
            for more in combinations(others, size):
                chosen = [name for name in fields if name in (*needed, *more)]
                parts = self._relaxed(chosen)
                if parts:
                    found.append((cost_of(parts), chosen, parts[0]))
            if found:
                _, chosen, part = min(found, key=lambda candidate: candidate[:2])
                return {"changes": [self._change(name, part) for name in chosen], "missing": []}
        return {"changes": [], "missing": self._missing()}

    def _relaxed(self, names: Iterable[str]) -> list[Part]:
        """Return the cheapest fill of one task when some of the terms do not count."""
        return self.fill(replace(self.terms, **{name: _ANYTHING[name] for name in names}), 1)

    def rows(self, parts: list[Part]) -> dict[str, Any]:
        """Return the orders of a fill by their hash."""
        offers = [
            offer
            for part in parts
            for offer in (part.app, part.dataset, part.workerpool)
            if offer is not None
        ]
        query = select(orders).where(orders.c.hash.in_({offer.hash for offer in offers}))
        return {row.hash: row for row in self._connection.execute(query)}

    def _fill(self, terms: _Terms, volume: int, enclave: bool) -> list[Part]:
        dataset = self._request.dataset
        datasets = None
        if dataset != ZERO_ADDRESS:
            datasets = self._offers(OrderKind.DATASET, terms.datasetmaxprice)
        return cheapest_fill(
            self._offers(OrderKind.APP, terms.appmaxprice, enclave),
            datasets,
            self._workerpools(terms, volume),
            volume=volume,
            budget=terms.stake,
            tag=terms.tag,
            enclave=enclave,
            admits=self._is_member,
        )

    def _offers(self, kind: OrderKind, limit: int, enclave: bool | None = None) -> Iterator[Offer]:
        """Yield app or dataset orders, the cheapest first."""
        asset = kind.removesuffix("order")
        where = [
            shapes.c.kind == kind,
            shapes.c[asset] == getattr(self._request, asset),
            *self._admitting(asset),
        ]
        if enclave is not None:
            where.append(shapes.c[TAG_WORDS[0]].op("&")(int(TEE)) == int(enclave))
        for row in self._stream(shaped(and_(*where)), limit):  # an owner has few of them
            yield _offer(row, row.remaining)

    def _workerpools(self, terms: _Terms, volume: int) -> Iterator[Offer]:
        """Yield workerpool orders, the cheapest first, as far as their owners' stake reaches."""
        where = [shapes.c.trust >= terms.trust, *self._admitting("workerpool")]
        if terms.category is not None:
            where.append(shapes.c.category == terms.category)
        else:
            where.append(shapes.c.category.in_(self._clocks))
        group = terms.workerpool in self._groups
        if terms.workerpool != ZERO_ADDRESS and not group:
            where.append(shapes.c.workerpool == terms.workerpool)
        words = tag_words(Tag(terms.tag))
        where += [shapes.c[name].op("&")(word) == word for name, word in words.items() if word]
        stakes: dict[str, int] = {}
        condition, _ = found_by(self._connection, OrderKind.WORKERPOOL, and_(*where))
        for row in self._stream(condition, terms.workerpoolmaxprice):
            if group and not self._is_member(terms.workerpool, row.workerpool):
                continue
            units = min(row.remaining, volume)
            if row.stake:
                stake = stakes.get(row.signer)
                if stake is None:
                    stake = self._facts.stake(row.signer)
                units = min(units, stake // row.stake)
                stakes[row.signer] = stake - units * row.stake
            if units:
                yield _offer(row, units)

    def _stream(self, condition: ColumnElement[bool], limit: int) -> Iterator[Any]:
        query = (
            select(*(orders.c[name] for name in (*_COLUMNS, *TAG_WORDS)))
            .where(orders.c.rank <= limit, condition)
            .order_by(*SORTING)
        )
        found = self._connection.execute(query, execution_options={"yield_per": 100})
        try:
            for row in found:
                if row.hash not in self._excluded:
                    yield row
        finally:
            found.close()

    def _admitting(self, own: str) -> list[Any]:
        """Return the conditions that an order admits the sides that the request fixes."""
        sides = {
            name: getattr(self._request, name)
            for name in ("app", "dataset", "requester")
            if name != own
        }
        return [
            admits(
                shapes.c[name],
                {ZERO_ADDRESS, side, *(it for it in self._groups if self._is_member(it, side))},
            )
            for name, side in sides.items()
        ]

    def _is_member(self, group: str, account: str) -> bool:
        if group not in self._groups:
            return False
        if self._view is None:
            self._view = self._book.market.view()
        return self._view.is_group_member(ChecksumAddress(group), ChecksumAddress(account))  # type: ignore[arg-type]

    def _missing(self) -> list[str]:
        """Return the kinds of orders that must be published first."""
        kinds = [OrderKind.APP]
        if self._request.dataset != ZERO_ADDRESS:
            kinds.append(OrderKind.DATASET)
        without = [
            str(kind) for kind in kinds if next(self._offers(kind, MAX_JSON_INTEGER), None) is None
        ]
        anything = replace(self.terms, **_ANYTHING)
        if next(self._workerpools(anything, 1), None) is None:
            without.append(str(OrderKind.WORKERPOOL))
        elif not without:  # they are there, but do not fit together
            kind = OrderKind.APP if self._lacks_enclave() else OrderKind.WORKERPOOL
            without.append(str(kind))
        return without

    def _lacks_enclave(self) -> bool:
        """Whether the dataset is for enclaves only, and no order of the app is."""
        sold = [(OrderKind.APP, True), (OrderKind.DATASET, False)]
        return self._request.dataset != ZERO_ADDRESS and all(
            next(self._offers(kind, MAX_JSON_INTEGER, enclave), None) is None
            for kind, enclave in sold
        )

    def _change(self, name: str, part: Part) -> dict[str, Any]:
        old = getattr(self.terms, name)
        new: Any
        match name:
            case "appmaxprice":
                new = part.app.price
            case "datasetmaxprice":
                new = part.dataset.price if part.dataset else 0
            case "workerpoolmaxprice":
                new = part.workerpool.price
            case "tag":
                lost = 0 if part.app.tag & TEE else int(TEE)
                new = Tag(old & part.workerpool.tag & ~lost).to_hex()
                old = Tag(old).to_hex()
            case "stake":
                new = part.price
            case _:
                new = getattr(part.workerpool, name)
        field = "account.stake" if name == "stake" else f"requestorder.{name}"
        return {"field": field, "actual": old, "needed": new}


def _offer(row: Any, units: int) -> Offer:
    words = (getattr(row, name) for name in TAG_WORDS)
    tag = sum((int(word) & 2**64 - 1) << 64 * place for place, word in enumerate(words))
    return Offer(row.hash, row.price, units, tag, row.workerpool, row.trust or 0, row.category or 0)
