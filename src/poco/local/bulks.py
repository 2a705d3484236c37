"""Put datasets together for a task: find an order for each, and leave the list in IPFS.

All tasks of a request read the same datasets, so its bulk has the same slice for each of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.local.bringing import CONFIDENTIAL
from poco.local.goods import Dataset
from poco.local.purchasing import MOST_TASKS
from poco.local.venue import Venue
from poco.orders import (
    MIN_BULK_VOLUME,
    ZERO_ADDRESS,
    DatasetOrder,
    OrderKind,
    random_salt,
    sign_order,
    why_not_for_bulks,
)
from poco.services.bulk import MAX_ORDERS
from poco.services.orderbook import OrdersFilter

__all__ = ["write_bulk"]


def write_bulk(
    venue: Venue,
    datasets: Sequence[Dataset],
    app: ChecksumAddress,
    workerpool: ChecksumAddress,
) -> str:
    """Publish a bulk of which each task reads the same datasets; return its content id.

    Args:
        venue: where.
        datasets: what is read.
        app: which app reads it.
        workerpool: the only pool to take, or address zero for any.

    Raises:
        UserInputError: there are too many, one is not encrypted, or its owner does not offer it.
        PeerError: the order book or the IPFS node do not answer.
        ChainError: the node does not answer.
    """
    if len(datasets) > MAX_ORDERS:
        raise UserInputError(
            f"a task reads at most {MAX_ORDERS} datasets",
            field="datasets",
            value=len(datasets),
            remedy="spread them over several tasks",
        )
    orders = [_order(venue, dataset, app, workerpool) for dataset in datasets]
    own = venue.publish(json.dumps([order.to_json() for order in orders]).encode())
    return venue.publish(json.dumps([own] * MOST_TASKS).encode())


def _order(
    venue: Venue, dataset: Dataset, app: ChecksumAddress, workerpool: ChecksumAddress
) -> DatasetOrder:
    address, account = dataset.address, venue.account
    if not dataset.confidential:
        raise UserInputError(
            "datasets that are read together are encrypted",
            field="datasets",
            value=address,
            remedy="register it with encrypt=True, or give it alone: dataset=…",
        )
    if venue.market.datasets.owner_of(address) == account.address:
        order = DatasetOrder(
            dataset=address,
            volume=MIN_BULK_VOLUME,
            tag=CONFIDENTIAL,
            apprestrict=app,
            requesterrestrict=account.address,
            salt=random_salt(),
        )
        return sign_order(order, venue.market.domain, account)
    wanted = OrdersFilter(
        dataset=address,
        app=app,
        workerpool=None if workerpool == ZERO_ADDRESS else workerpool,
        requester=account.address,
        min_volume=MIN_BULK_VOLUME,
    )
    for found in venue.orderbook.orders(OrderKind.DATASET, wanted).orders:
        if isinstance(found.order, DatasetOrder) and not why_not_for_bulks(found.order):
            return found.order
    raise UserInputError(
        f"its owner offers it to no bulk: with price 0 and volume {MIN_BULK_VOLUME}",
        field="datasets",
        value=address,
        remedy="give it alone: dataset=…",
    )
