"""Make deals for what is to be computed: find the cheapest offers, sign, match, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from eth_typing import ChecksumAddress

from poco.contracts import Pending
from poco.contracts.events import OrdersMatched
from poco.errors import PocoError, UserInputError
from poco.local.venue import Venue
from poco.market.offers import RunTerms, Supply
from poco.market.purchase import Offer, require_match, sign_request
from poco.orders import DealId, OrderKind, RequestOrder, Tag, TaskId, WorkerpoolOrder, task_id
from poco.services.orderbook import ANY, OrdersFilter

__all__ = ["Purchase", "Work", "buy_all"]

_FINAL_CLOCKS = 10
"""Clocks of the category from the match to the final deadline (spec contracts §5)."""
_MOST_JUDGED = 20
"""Offers that are looked at, the cheapest first, until one matches."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be computed. Equal ones can be tasks of one deal.

    Args:
        app: the app.
        dataset: the dataset, or address zero.
        tag: what the request demands.
        trust: demanded trust.
        category: id of the category.
        max_price: the most that a task may cost, nRLC.
        params: exact text of the deal's parameters.
    """

    app: ChecksumAddress
    dataset: ChecksumAddress
    tag: Tag
    trust: int
    category: int
    max_price: int
    params: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """A deal that was made.

    Args:
        dealid: the deal.
        volume: how many tasks it has; perhaps fewer than were wanted.
        price: what each costs, nRLC.
        final_deadline: from then on anybody may claim its tasks, seconds since 1970.
    """

    dealid: DealId
    volume: int
    price: int
    final_deadline: int

    @property
    def taskids(self) -> list[TaskId]:
        """Its tasks in the order of their indices; its request is new, so they begin with 0."""
        return [task_id(self.dealid, index) for index in range(self.volume)]


@dataclass(frozen=True, slots=True)
class _Sent:
    pending: Pending[DealId]
    price: int
    category: int


def buy_all(venue: Venue, wanted: Sequence[tuple[Work, int]]) -> list[Purchase | PocoError]:
    """Make a deal for each piece of work; all are sent before the first is waited for.

    Args:
        venue: where; its account pays, and its wallet fills up its stake in the hub.
        wanted: each with the number of its tasks, at least 1.

    Returns:
        The deal of each, in order, or the error that stood against it.
    """
    counter = _Counter(venue, wanted)
    sent: list[_Sent | PocoError] = []
    for work, volume in wanted:
        try:
            sent.append(counter.order(work, volume))
        except PocoError as error:
            sent.append(error)
    done: list[Purchase | PocoError] = []
    for one in sent:
        try:
            done.append(one if isinstance(one, PocoError) else counter.made(one))
        except PocoError as error:
            done.append(error)
    return done


class _Counter:
    """Where one lot of deals is ordered; what it knows of offers is not older than itself.

    Args:
        venue: where.
        wanted: all that will be ordered.
    """

    def __init__(self, venue: Venue, wanted: Sequence[tuple[Work, int]]) -> None:
        self._venue = venue
        self._totals: dict[Work, int] = {}
        for work, volume in wanted:
            terms = replace(work, params="")
            self._totals[terms] = self._totals.get(terms, 0) + volume
        self._offers: dict[Work, Offer] = {}
        self._owed = 0

    def order(self, work: Work, volume: int) -> _Sent:
        """Send the transaction that makes a deal.

        Raises:
            UserInputError: nobody offers it, it would break a rule, or cost too much.
            PeerError: the order book does not answer.
            ChainError: the node does not answer.
        """
        venue, terms = self._venue, replace(work, params="")
        if terms not in self._offers:
            self._offers[terms] = self._best(work, self._totals[terms])
        offer = self._offers[terms]
        request = self._signed(offer, work, volume)
        call = venue.market.hub.match_call(offer.app, offer.dataset, offer.workerpool, request)
        assert venue.market.wallet is not None
        return _Sent(venue.market.wallet.submit(call), offer.price, work.category)

    def made(self, sent: _Sent) -> Purchase:
        """Wait until a deal is made.

        Raises:
            ChainError: it is not, or the node does not answer.
        """
        receipt = sent.pending.wait()
        start = self._venue.market.chain.timestamp(block=receipt.block_number)
        clock = self._venue.category(sent.category).clock
        return Purchase(
            dealid=receipt.value,
            volume=receipt.events.first(OrdersMatched).volume,
            price=sent.price,
            final_deadline=start + _FINAL_CLOCKS * clock,
        )

    def _best(self, work: Work, volume: int) -> Offer:
        """Return the cheapest offer that the hub takes."""
        venue = self._venue
        venue.category(work.category)
        terms = RunTerms(
            app=work.app,
            dataset=work.dataset,
            params=work.params,
            category=work.category,
            tag=work.tag,
            trust=work.trust,
            volume=volume,
        )
        supply = Supply(venue.market, venue.market.view(), venue.account, terms, venue.orderbook)
        fault: UserInputError | None = None
        for offer in islice(supply.offers(work.category), _MOST_JUDGED):
            if offer.price > work.max_price:
                raise fault or _too_dear(offer, work.max_price)
            self._pay_in(offer.price * volume)
            request = self._signed(offer, work, volume)
            try:
                require_match(venue.market, offer.app, offer.dataset, offer.workerpool, request)
            except UserInputError as error:
                fault = fault or error
            else:
                return offer
        raise fault or self._too_doubtful(work) or supply.nothing()

    def _too_doubtful(self, work: Work) -> UserInputError | None:
        """Return the error that says how much trust can be had, if that is what is missing."""
        everybody = OrdersFilter(app=ANY, dataset=ANY, requester=ANY, category=work.category)
        found = self._venue.orderbook.orders(OrderKind.WORKERPOOL, everybody).orders
        trust = max(
            (one.order.trust for one in found if isinstance(one.order, WorkerpoolOrder)), default=0
        )
        if not found or work.trust <= trust:
            return None
        return UserInputError(
            f"the highest trust on offer is {trust}",
            field="trust",
            value=work.trust,
            remedy="ask for less, or have more workers in the pool",
        )

    def _signed(self, offer: Offer, work: Work, volume: int) -> RequestOrder:
        venue = self._venue
        return sign_request(
            venue.market, venue.account, offer, work.params, volume=volume, trust=work.trust
        )

    def _pay_in(self, amount: int) -> None:
        if amount:
            self._owed += amount
            self._venue.pay_in(self._owed)


def _too_dear(offer: Offer, limit: int) -> UserInputError:
    parts = (
        f"app {offer.app.appprice}, dataset {offer.dataset.datasetprice}, "
        f"workerpool {offer.workerpool.workerpoolprice}"
    )
    return UserInputError(
        f"the cheapest task costs {offer.price} nRLC ({parts})",
        field="max_price",
        value=limit,
        remedy=f"give max_price={offer.price}",
    )
