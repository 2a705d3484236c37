"""Live updates, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from poco.orders import NULL_DATASET_ORDER, OrderKind

if TYPE_CHECKING:
    from bazaar import Bazaar


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Name and data of each event."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_orders__are_told_as_they_change(bazaar: Bazaar) -> None:
    query = {"chainId": bazaar.chain_id, "topic": "orders"}
    with bazaar.client.stream("GET", "/events", params=query) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": listening"
        app, pool, request = bazaar.app(volume=2), bazaar.pool(), bazaar.request()
        hashes = bazaar.publish(app, pool, request)
        found = events(lines)
        told = [next(found) for _ in range(3)]
        assert [name for name, _ in told] == [
            "apporder_published",
            "workerpoolorder_published",
            "requestorder_published",
        ]
        assert "chainId" not in told[0][1]
        bazaar.stage.requester.hub.match_orders(app, NULL_DATASET_ORDER, pool, request)
        bazaar.follow()
        later = dict(next(found) for _ in range(3))
        assert later["apporder_updated"]["remaining"] == 1
        assert later["workerpoolorder_unpublished"] == hashes[1]
        assert later["requestorder_unpublished"] == hashes[2]
        bazaar.unpublish(OrderKind.APP, orderHash=hashes[0])
        assert next(found) == ("apporder_unpublished", hashes[0])


def test_deals__are_told_when_they_are_made(bazaar: Bazaar) -> None:
    query = {"chainId": bazaar.chain_id, "topic": "deals"}
    with bazaar.client.stream("GET", "/events", params=query) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": listening"
        dealid = bazaar.stage.deal()
        bazaar.follow()
        name, record = next(events(lines))
    assert (name, record["dealid"]) == ("deal_created", f"0x{dealid.hex()}")
