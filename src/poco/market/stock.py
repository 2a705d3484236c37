"""Take tasks from the offers of a category, the cheapest first, as long as there are some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from poco.errors import UserInputError
from poco.market.offers import Supply
from poco.market.purchase import Offer
from poco.orders import OrderHash, Party, RequestOrder, Violation, why_not_match

__all__ = ["Part", "Stock", "priced", "too_few"]

_MOST_JUDGED = 200
"""Combinations of orders that are judged: the dearer ones beyond are not looked at."""
_NOT_YET_SIGNED = "requestorder.sign"


@dataclass(frozen=True, slots=True)
class Part:
    """One deal of a plan.

    Args:
        offer: the orders.
        volume: tasks.
    """

    offer: Offer
    volume: int

    @property
    def cost(self) -> int:
        """What its tasks cost, nRLC."""
        return self.offer.price * self.volume


class Stock:
    """The offers of one category, and what is left of them.

    Args:
        supply: whose offers.
        category: id of the category.
        left: what is known to be left of orders; it is kept up to date, and may be shared by
            several stocks.

    Raises:
        UserInputError: app, dataset or workerpool are not registered.
        ConfigurationError: an order book is needed, and there is none.
        PeerError: the book does not answer.

    Attributes:
        offers: the cheapest first.
        broken: the fewest rules that an offer broke which did not fit; None when none was judged.
    """

    def __init__(
        self, supply: Supply, category: int, left: dict[OrderHash, int] | None = None
    ) -> None:
        self.offers = tuple(islice(supply.offers(category), _MOST_JUDGED))
        self.broken: Sequence[Violation] | None = None
        self._supply = supply
        self._left: dict[OrderHash, int] = {} if left is None else left

    def take(
        self,
        draft: RequestOrder,
        volume: int,
        accept: Callable[[Offer], bool] = lambda _: True,
    ) -> list[Part]:
        """Take tasks; they are gone for the next one when all that are wanted can be had.

        Whether the buyer's stake covers the price is not looked at.

        Args:
            draft: the request, of this category, unsigned; its prices do not matter.
            volume: how many tasks, at least 1.
            accept: whether the buyer agrees to an offer.

        Returns:
            The cheapest deals; together they may have fewer tasks than wanted.

        Raises:
            ChainError: the node does not answer.
        """
        parts: list[Part] = []
        left = dict(self._left)
        for offer in filter(accept, self.offers):
            orders = [
                order for order in (offer.app, offer.dataset, offer.workerpool) if order.volume
            ]
            hashes = [self._supply.hash(order) for order in orders]
            for hashed, order in zip(hashes, orders, strict=True):
                if hashed not in left:
                    left[hashed] = self._supply.left(order)
            taken = min(volume, *(left[hashed] for hashed in hashes))
            if not taken or self._refused(offer, replace(draft, volume=taken)):
                continue
            parts.append(Part(offer, taken))
            for hashed in hashes:
                left[hashed] -= taken
            volume -= taken
            if not volume:
                self._left.update(left)
                break
        return parts

    def _refused(self, offer: Offer, draft: RequestOrder) -> bool:
        found = why_not_match(
            offer.app, offer.dataset, offer.workerpool, priced(draft, [offer]), self._supply.view
        )
        broken = [
            violation
            for violation in found
            if violation.field != _NOT_YET_SIGNED and Party.PAYER not in violation.parties
        ]
        if broken and (self.broken is None or len(broken) < len(self.broken)):
            self.broken = broken
        return bool(broken)


def priced(draft: RequestOrder, offers: Sequence[Offer]) -> RequestOrder:
    """Return a request that pays the prices of all these offers, at least one."""
    return replace(
        draft,
        appmaxprice=max(offer.app.appprice for offer in offers),
        datasetmaxprice=max(offer.dataset.datasetprice for offer in offers),
        workerpoolmaxprice=max(offer.workerpool.workerpoolprice for offer in offers),
    )


def too_few(
    supply: Supply, found: int, volume: int, broken: Sequence[Violation] | None
) -> UserInputError:
    """Return the error that says why tasks cannot be had.

    Args:
        supply: what there is.
        found: how many could be had.
        volume: how many are wanted.
        broken: the fewest rules that an offer breaks; None when no offer was judged.
    """
    if found:
        return UserInputError(
            f"{found} of {volume} tasks are offered on these terms",
            field="volume",
            value=volume,
            remedy=f"run {found} now and the rest later, or demand less",
        )
    if broken:
        return UserInputError(
            "no offers match: " + "; ".join(str(violation) for violation in broken),
            remedy="change what you demand, or wait for other offers",
        )
    return supply.nothing()
