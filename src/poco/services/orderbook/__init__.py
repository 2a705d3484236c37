"""The order book: keeps the market's open orders, true to the chain, and matches requests.

Run it with ``poco market serve``, or inside another process::

    book = Orderbook("sqlite:///market.sqlite", Market.connect(rpc))
    with serving(orderbook_application(book)) as url: ...

    Proposals(book).propose(request)      # the cheapest fill over all open orders

`OrderbookClient` is the other side of the wire::

    client = OrderbookClient(url, market.domain)
    client.publish(sign_order(order, market.domain, account), account)
    client.orders(OrderKind.WORKERPOOL, OrdersFilter(category=0)).orders
    client.match(request).fills
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poco.lazy import lazy_names

if TYPE_CHECKING:
    from poco.services.orderbook.answers import (
        ANY,
        Change,
        Deals,
        Fill,
        OrdersFilter,
        Proposal,
        PublishedOrder,
        PublishedOrders,
    )
    from poco.services.orderbook.book import Orderbook
    from poco.services.orderbook.client import OrderbookClient, OrderbookRefusedError
    from poco.services.orderbook.endpoint import orderbook_application
    from poco.services.orderbook.flow import Offer
    from poco.services.orderbook.limits import Limits
    from poco.services.orderbook.matching import Part, cheapest_fill
    from poco.services.orderbook.proposals import Proposals

__all__ = [
    "ANY",
    "Change",
    "Deals",
    "Fill",
    "Limits",
    "Offer",
    "Orderbook",
    "OrderbookClient",
    "OrderbookRefusedError",
    "OrdersFilter",
    "Part",
    "Proposal",
    "Proposals",
    "PublishedOrder",
    "PublishedOrders",
    "cheapest_fill",
    "orderbook_application",
]

__getattr__ = lazy_names(
    __name__,
    {
        "answers": (
            "ANY",
            "Change",
            "Deals",
            "Fill",
            "OrdersFilter",
            "Proposal",
            "PublishedOrder",
            "PublishedOrders",
        ),
        "book": ("Orderbook",),
        "client": ("OrderbookClient", "OrderbookRefusedError"),
        "endpoint": ("orderbook_application",),
        "flow": ("Offer",),
        "limits": ("Limits",),
        "matching": ("Part", "cheapest_fill"),
        "proposals": ("Proposals",),
    },
)
