"""What a deal demands of its workers; read once, because nothing of it changes after the match."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from poco.contracts import AppEntry, DatasetEntry, Deal, Market
from poco.orders import ZERO_ADDRESS, DealId

__all__ = ["Terms", "TermsBook"]

_MOST = 1024


@dataclass(frozen=True, slots=True)
class Terms:
    """A deal with what it refers to.

    Args:
        deal: the deal.
        app: its app.
        dataset: its dataset; None without one.
        clock: time reference of its category, seconds.
    """

    deal: Deal
    app: AppEntry
    dataset: DatasetEntry | None
    clock: int


class TermsBook:
    """The terms of deals, the last ones remembered. Safe to use from several threads.

    Args:
        market: where to read them.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._known: dict[DealId, Terms] = {}
        self._lock = Lock()

    def find(self, dealid: DealId) -> Terms | None:
        """Return the terms of a deal; None when the node knows no such deal.

        Raises:
            ChainError: the node does not answer.
        """
        with self._lock:
            if (known := self._known.get(dealid)) is not None:
                return known
        deal = self._market.hub.deal(dealid)
        if deal is None:
            return None
        dataset = deal.dataset.pointer
        terms = Terms(
            deal,
            self._market.apps.view(deal.app.pointer),
            None if dataset == ZERO_ADDRESS else self._market.datasets.view(dataset),
            self._market.hub.category(deal.category).clock,
        )
        with self._lock:
            while len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[dealid] = terms
        return terms
