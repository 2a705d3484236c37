"""Make deals for what is to be computed: take the cheapest offers, sign, match, many at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from poco.contracts import Pending
from poco.contracts.events import OrdersMatched
from poco.errors import PocoError, UserInputError
from poco.local.venue import Venue
from poco.market.offers import RunTerms, SoldOutError, Supply, requested
from poco.market.purchase import Offer
from poco.market.stock import Part, Stock, priced, too_few
from poco.orders import (
    DealId,
    OrderHash,
    OrderKind,
    RequestOrder,
    TaskId,
    WorkerpoolOrder,
    sign_order,
    task_id,
)
from poco.secret import Secret
from poco.services.orderbook import ANY, OrdersFilter

__all__ = ["MOST_TASKS", "Bought", "Limits", "Purchase", "Work", "buy_all"]

MOST_TASKS = 1000
"""Tasks of one request: their opening fits into a few blocks."""
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
_FINAL_CLOCKS = 10
"""Clocks of the category from the match to the final deadline (spec contracts §5)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a task may cost, nRLC.

    Args:
        total: app, dataset and workerpool together.
        app: the app alone; None sets no limit of its own.
        dataset: the dataset alone, likewise.
    """

    total: int
    app: int | None = None
    dataset: int | None = None

    def broken(self, offer: Offer) -> UserInputError | None:
        """Return the error that says what costs too much; None when nothing does."""
        app, dataset = offer.app.appprice, offer.dataset.datasetprice
        parts = f"app {app}, dataset {dataset}, workerpool {offer.workerpool.workerpoolprice}"
        for option, what, limit, price in (
            ("max_app_price", "app", self.app, app),
            ("max_dataset_price", "dataset", self.dataset, dataset),
            ("max_price", "task", self.total, offer.price),
        ):
            if limit is not None and price > limit:
                return UserInputError(
                    f"the cheapest {what} costs {price} nRLC ({parts})",
                    field=option,
                    value=limit,
                    remedy=f"give {option}={price}",
                )
        return None


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be computed. Equal ones can be tasks of one deal.

    Args:
        terms: what the request demands; its volume does not matter.
        limits: what it may cost.
        result_key: private key (PEM) that opens the result; None when it is not encrypted, or for
            somebody else.
    """

    terms: RunTerms
    limits: Limits
    result_key: Secret | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Purchase:
    """A deal that was made.

    Args:
        dealid: the deal.
        first: index of its first task; those of other deals of the same request come before.
        volume: how many tasks it has.
        price: what each costs, nRLC.
        final_deadline: from then on anybody may claim its tasks, seconds since 1970.
    """

    dealid: DealId
    first: int
    volume: int
    price: int
    final_deadline: int

    @property
    def tasks(self) -> Iterator[tuple[int, TaskId]]:
        """Indices and ids of its tasks."""
        for index in range(self.first, self.first + self.volume):
            yield index, task_id(self.dealid, index)


@dataclass(frozen=True, slots=True)
class Bought:
    """What became of one wish.

    Args:
        deals: what was made; together they may have fewer tasks than wanted.
        error: why there are not more; None when others were faster, and it is to be tried again.
    """

    deals: Sequence[Purchase] = ()
    error: PocoError | None = None

    @property
    def is_sold_out(self) -> bool:
        """Whether all that is missing is a pool that has tasks left."""
        return isinstance(self.error, SoldOutError)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Deals to be made for one signed request."""

    request: RequestOrder
    parts: Sequence[Part]


_Sent = list[tuple[Pending[DealId], Part]]


def buy_all(venue: Venue, wanted: Sequence[tuple[Work, int]]) -> list[Bought]:
    """Make deals for each piece of work; all are sent before the first is waited for.

    When all pools are sold out, they have some seconds to offer more.

    Args:
        venue: where; its account pays, and its wallet fills up its stake in the hub.
        wanted: each with the number of its tasks, at least 1.

    Returns:
        What became of each, in order.
    """
    done = _buy(venue, wanted)
    end = time.monotonic() + _PATIENCE_SECONDS
    while (late := [n for n, one in enumerate(done) if one.is_sold_out]) and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)
        again = _buy(venue, [wanted[number] for number in late])
        for number, one in zip(late, again, strict=True):
            done[number] = one
    return done


def _buy(venue: Venue, wanted: Sequence[tuple[Work, int]]) -> list[Bought]:
    counter = _Counter(venue, wanted)
    plans: list[_Plan | PocoError] = []
    for work, volume in wanted:
        try:
            plans.append(counter.plan(work, volume))
        except PocoError as error:
            plans.append(error)
    cost = sum(part.cost for plan in plans if isinstance(plan, _Plan) for part in plan.parts)
    try:
        if cost:
            venue.pay_in(cost)
    except PocoError as error:
        return [Bought(error=plan if isinstance(plan, PocoError) else error) for plan in plans]
    sent = [_send(venue, plan) for plan in plans]
    return [_wait(venue, *one) for one in sent]


class _Counter:
    """Where one lot of deals is planned; what it knows of offers is not older than itself.

    Args:
        venue: where.
        wanted: all that will be planned.
    """

    def __init__(self, venue: Venue, wanted: Sequence[tuple[Work, int]]) -> None:
        self._venue = venue
        self._view = venue.market.view()
        self._totals: dict[RunTerms, int] = {}
        for work, volume in wanted:
            terms = replace(work.terms, params="")
            self._totals[terms] = self._totals.get(terms, 0) + volume
        self._stocks: dict[RunTerms, tuple[Supply, Stock]] = {}
        self._left: dict[OrderHash, int] = {}

    def plan(self, work: Work, volume: int) -> _Plan:
        """Choose the cheapest offers, and sign the request for them.

        Raises:
            UserInputError: nobody offers it, it would break a rule, or cost too much.
            PeerError: the order book does not answer.
            ChainError: the node does not answer.
        """
        venue, account = self._venue, self._venue.account
        assert work.terms.category is not None
        venue.category(work.terms.category)
        supply, stock = self._stock(replace(work.terms, params=""), work.terms.category)
        draft = requested(replace(work.terms, volume=volume), account.address)
        parts = stock.take(draft, volume, lambda offer: work.limits.broken(offer) is None)
        found = sum(part.volume for part in parts)
        if found < volume:
            raise self._shortage(work, supply, stock, found, volume)
        request = priced(draft, [part.offer for part in parts])
        return _Plan(sign_order(request, venue.market.domain, account), parts)

    def _stock(self, terms: RunTerms, category: int) -> tuple[Supply, Stock]:
        if terms not in self._stocks:
            venue = self._venue
            whole = replace(terms, volume=self._totals[terms])
            supply = Supply(venue.market, self._view, venue.account, whole, venue.orderbook)
            self._stocks[terms] = supply, Stock(supply, category, self._left)
        return self._stocks[terms]

    def _shortage(
        self, work: Work, supply: Supply, stock: Stock, found: int, volume: int
    ) -> UserInputError:
        if not found and not stock.broken:
            for error in filter(None, map(work.limits.broken, stock.offers)):
                return error
            if doubt := self._too_doubtful(work.terms):
                return doubt
        return too_few(supply, found, volume, stock.broken)

    def _too_doubtful(self, terms: RunTerms) -> UserInputError | None:
        """Return the error that says how much trust can be had, if that is what is missing."""
        everybody = OrdersFilter(app=ANY, dataset=ANY, requester=ANY, category=terms.category)
        found = self._venue.orderbook.orders(OrderKind.WORKERPOOL, everybody).orders
        trust = max(
            (one.order.trust for one in found if isinstance(one.order, WorkerpoolOrder)), default=0
        )
        if not found or terms.trust <= trust:
            return None
        return UserInputError(
            f"the highest trust on offer is {trust}",
            field="trust",
            value=terms.trust,
            remedy="ask for less, or have more workers in the pool",
        )


def _send(venue: Venue, plan: _Plan | PocoError) -> tuple[_Sent, PocoError | None]:
    if isinstance(plan, PocoError):
        return [], plan
    assert venue.market.wallet is not None
    sent: _Sent = []
    for part in plan.parts:
        orders = (part.offer.app, part.offer.dataset, part.offer.workerpool, plan.request)
        try:
            sent.append((venue.market.wallet.submit(venue.market.hub.match_call(*orders)), part))
        except PocoError as error:
            return sent, error
    return sent, None


def _wait(venue: Venue, sent: _Sent, error: PocoError | None) -> Bought:
    deals: list[Purchase] = []
    first = 0
    for pending, part in sent:
        try:
            receipt = pending.wait()
            start = venue.market.chain.timestamp(block=receipt.block_number)
            clock = venue.category(part.offer.workerpool.category).clock
        except PocoError as fault:
            error = error or fault
            continue
        volume = receipt.events.first(OrdersMatched).volume
        end = start + _FINAL_CLOCKS * clock
        deals.append(Purchase(receipt.value, first, volume, part.offer.price, end))
        first += volume
    return Bought(deals, error)
