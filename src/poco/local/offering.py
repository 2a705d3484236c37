"""The offers of the workerpool: one open order in each category, replaced when it is used up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.orders import (
    TDX,
    TEE,
    OrderKind,
    WorkerpoolOrder,
    random_salt,
    scheduler_stake,
    sign_order,
)
from poco.services.orderbook import Orderbook
from poco.services.orderbook.queries import OrdersQuery
from poco.services.orderbook.refusals import RefusedError

__all__ = ["Offering"]

TAG = TEE | TDX
"""What the official client puts on every order; untagged requests match it, too."""
_VOLUME = 10**6
_PAID_VOLUME = 1000


class Offering:
    """Keeps orders of a pool open.

    Args:
        orderbook: where they are published.
        workerpool: the pool.
        owner: signs.
        price: of a task, nRLC.
        trust: the highest trust that is offered.
        stake: called with the free stake that the owner needs, nRLC, before orders are published.
        report: called with a line about what is offered.
    """

    def __init__(
        self,
        orderbook: Orderbook,
        workerpool: ChecksumAddress,
        owner: LocalAccount,
        *,
        price: int,
        trust: int,
        stake: Callable[[int], None],
        report: Callable[[str], None],
    ) -> None:
        self._orderbook = orderbook
        self._workerpool = workerpool
        self._owner = owner
        self._price = price
        self._trust = trust
        self._stake = stake
        self._report = report
        self._volume = _PAID_VOLUME if price else _VOLUME

    def run(self, stop: threading.Event, pause: float) -> None:
        """Look after the orders until told to stop.

        Args:
            stop: ends it.
            pause: seconds between two looks.

        Raises:
            PocoError: the chain or the database do not answer, or an order is refused.
        """
        while not stop.wait(pause):
            self.renew()

    def renew(self) -> int:
        """Publish an order for each category that has none of this price; return how many.

        Raises:
            ChainError: the node does not answer.
            RefusedError: the book does not take one.
        """
        book = self._orderbook
        categories = range(book.market.hub.category_count())
        wanted = [category for category in categories if not self._is_open(category)]
        if not wanted:
            return 0
        self._stake(scheduler_stake(self._price, self._volume) * len(categories))
        book.follower.follow()
        orders = [self._signed(category) for category in wanted]
        submissions = [book.submission(order, self._owner.address) for order in orders]
        for result in book.publish(submissions):
            if isinstance(result, RefusedError):
                raise result
        names = ", ".join(map(str, wanted))
        self._report(f"offers {self._volume} tasks at {self._price} nRLC in category {names}")
        return len(wanted)

    def withdraw_others(self) -> None:
        """Unpublish what was offered on other terms before the last restart.

        Orders of other volumes are not of this class: the owner's key is no secret here.
        """
        for record in self._open():
            order = record["order"]
            if order["volume"] in (_VOLUME, _PAID_VOLUME) and not self._is_ours(order):
                target = {"target": "unpublish_orderHash", "orderHash": record["orderHash"]}
                self._orderbook.unpublish(OrderKind.WORKERPOOL, target, self._owner.address)

    def _is_open(self, category: int) -> bool:
        return any(self._is_ours(record["order"]) for record in self._open(category=str(category)))

    def _open(self, **filters: str) -> list[dict[str, Any]]:
        query = OrdersQuery(workerpool=self._workerpool, pageSize="1000", **filters)
        found: list[dict[str, Any]] = self._orderbook.orders(OrderKind.WORKERPOOL, query)["orders"]
        return found

    def _is_ours(self, order: Mapping[str, Any]) -> bool:
        return (order["workerpoolprice"], order["trust"]) == (self._price, self._trust)

    def _signed(self, category: int) -> WorkerpoolOrder:
        order = WorkerpoolOrder(
            workerpool=self._workerpool,
            workerpoolprice=self._price,
            volume=self._volume,
            category=category,
            trust=self._trust,
            tag=TAG,
            salt=random_salt(),
        )
        return sign_order(order, self._orderbook.market.domain, self._owner)
