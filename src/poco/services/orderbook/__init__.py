"""The order book: keeps the market's open orders, true to the chain, and matches requests.

Run it with ``poco market serve``, or inside another process::

    book = Orderbook("sqlite:///market.sqlite", Market.connect(rpc))
    with serving(orderbook_application(book)) as url: ...

    Proposals(book).propose(request)      # the cheapest fill over all open orders
"""

from poco.services.orderbook.book import Orderbook
from poco.services.orderbook.endpoint import orderbook_application
from poco.services.orderbook.flow import Offer
from poco.services.orderbook.limits import Limits
from poco.services.orderbook.matching import Part, cheapest_fill
from poco.services.orderbook.proposals import Proposals

__all__ = [
    "Limits",
    "Offer",
    "Orderbook",
    "Part",
    "Proposals",
    "cheapest_fill",
    "orderbook_application",
]
