"""Run an app: find or sign the orders that make the cheapest deals, check them, buy (sdk §1.4).

::

    terms = RunTerms(app=app, params=write_params(args="hello"))
    plan = plan_run(market, account, terms, book)       # nothing is sent
    for deal in carry_out(market, plan): ...

What the buyer owns is sold to the buyer alone, for nothing, by an order that is signed on the fly;
all else is bought at the best price from the order book.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eth_account.signers.local import LocalAccount

from poco.contracts import Market
from poco.errors import UserInputError
from poco.market.offers import RunTerms, Supply, requested
from poco.market.publishing import Filled, fill_orders
from poco.market.stock import Part, Stock, priced, too_few
from poco.orders import RequestOrder, Tag, deal_tag, sign_order
from poco.services.orderbook.client import OrderbookClient

__all__ = ["Part", "RunPlan", "RunTerms", "carry_out", "plan_run"]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Deals that run an app as often as it is wanted.

    Args:
        request: the one signed request of all deals, so that the tasks are numbered through.
        parts: the deals, to be made in this order.
    """

    request: RequestOrder
    parts: tuple[Part, ...]

    @property
    def cost(self) -> int:
        """What all tasks cost, nRLC."""
        return sum(part.cost for part in self.parts)

    @property
    def tag(self) -> Tag:
        """All flags of the deals."""
        tag = Tag(0)
        for part in self.parts:
            tag |= deal_tag(part.offer.app, part.offer.dataset, self.request)
        return tag


def plan_run(
    market: Market, account: LocalAccount, terms: RunTerms, book: OrderbookClient | None
) -> RunPlan:
    """Find the cheapest orders that run an app, and sign the request for them.

    Args:
        market: the market.
        account: who buys.
        terms: what is to be run.
        book: where to look for what the buyer does not own; None when there is no book.

    Returns:
        The plan; nothing was sent or published.

    Raises:
        UserInputError: nothing fits, with the rules that the best offers break; too few tasks are
            offered; or the buyer's stake does not cover the cost.
        ConfigurationError: a book is needed, and there is none.
        PeerError: the book does not answer.
        ChainError: the node does not answer.
    """
    view = market.view()
    supply = Supply(market, view, account, terms, book)
    draft = requested(terms, account.address)
    parts = _parts(supply, draft, terms.volume)
    draft = replace(draft, category=parts[0].offer.workerpool.category)
    request = priced(draft, [part.offer for part in parts])
    plan = RunPlan(sign_order(request, market.domain, account), tuple(parts))
    stake = view.balance(account.address)
    if plan.cost > stake:
        raise UserInputError(
            f"{terms.volume} tasks cost {plan.cost} nRLC, the account has {stake} nRLC in the hub",
            field="requester",
            value=account.address,
            remedy=f"poco account deposit {plan.cost - stake}",
        )
    return plan


def carry_out(market: Market, plan: RunPlan) -> Iterator[Filled]:
    """Make the deals of a plan.

    Args:
        market: acting as the buyer.
        plan: from `plan_run`.

    Returns:
        Each deal as soon as it is made; together they have all tasks of the request, unless
        somebody else has bought meanwhile what was planned.

    Raises:
        UserInputError: an order does not match any more; nothing was sent for it.
        ChainError: the node does not answer.
        PeerError: some deals were made, which the message names, and another could not be made.
    """
    return fill_orders(market, ((part.offer, plan.request) for part in plan.parts))


def _parts(supply: Supply, draft: RequestOrder, volume: int) -> list[Part]:
    """Return the cheapest deals that make up a volume, in the first category that has them."""
    most, nearest = 0, None
    for category in supply.categories():
        stock = Stock(supply, category)
        parts = stock.take(replace(draft, category=category), volume)
        found = sum(part.volume for part in parts)
        if found == volume:
            return parts
        most = max(most, found)
        if stock.broken and (nearest is None or len(stock.broken) < len(nearest)):
            nearest = stock.broken
    raise too_few(supply, most, volume, nearest)
