"""Whoever chooses the content of a record cannot have it read as one of another kind.

Deals, Boost deals and results are kept as code at addresses that follow from ids, and ids come from
callers. Results are any bytes that a scheduler likes, so they may look like a deal whose money is
somebody else's.
"""

from __future__ import annotations

from typing import Any

import pytest
from market import RLC, Market, reverts
from tasks import Played, open_task, started
from test_boost import boost

from poco.orders import ZERO_ADDRESS

FLAG_SPONSOR, WIDTHS = 0x02, 0x48
"""Amounts of 4 bytes, integers of 8; the length of the results holds both bytes."""


def flipped(identity: bytes) -> bytes:
    """Return an id with all bits inverted."""
    return bytes(byte ^ 0xFF for byte in identity)


def looks_like_a_deal(market: Market, thief: Any, victim: Any, start: int) -> bytes:
    """Return results that read as a deal of one task, paid by the victim to the thief."""
    people = (thief, market.workerpool, victim, thief, market.app)
    parts = [
        bytes(2),  # no tag, nothing for the scheduler
        start.to_bytes(5) + (300).to_bytes(4),
        *(bytes.fromhex(str(getattr(who, "address", who))[2:]) for who in people),
        bytes(32),
        *(amount.to_bytes(4) for amount in (0, RLC, 0, 0)),
        *(number.to_bytes(8) for number in (0, 1, 1, 0)),
        bytes.fromhex(victim.address[2:]),
    ]
    return b"".join(parts).ljust(FLAG_SPONSOR << 8 | WIDTHS, b"\0")


def looks_like_a_boost_deal(market: Market, thief: Any, victim: Any, start: int) -> bytes:
    """Return results that read as a Boost deal, but for two bytes that are their length."""
    words = [
        bytes.fromhex(thief.address[2:])[2:] + bytes(12),
        bytes(32),
        bytes.fromhex(thief.address[2:]) + RLC.to_bytes(12),
        bytes.fromhex(victim.address[2:]) + bytes(12),
        bytes(20) + (start + 10**6).to_bytes(5) + bytes(2) + (1).to_bytes(2) + bytes(3),
        bytes.fromhex(victim.address[2:]),
    ]
    return b"".join(words)


def finished(market: Market, results: bytes) -> Played:
    """Finish a task with these results."""
    task = open_task(market).agree([market.cast["worker_1"]])
    task.finalize(results)
    assert task.view().results == results
    return task


def test_results__that_look_like_a_deal__are_none(market: Market) -> None:
    thief, victim = market.cast["pool_owner"], market.cast["requester"]
    start = started(market, market.match())
    task = finished(market, looks_like_a_deal(market, thief, victim, start))
    with reverts(market.hub, "Deal_Unknown", task.id):
        market.hub.initialize(task.id, 0, sender=thief)
    assert market.hub.viewDeal(task.id).requester == ZERO_ADDRESS


def test_results__that_look_like_a_boost_deal__are_none(market: Market) -> None:
    thief, victim = market.cast["pool_owner"], market.cast["requester"]
    start = started(market, market.match())
    task = finished(market, looks_like_a_boost_deal(market, thief, victim, start))
    for identity in (task.id, flipped(task.id)):
        assert market.hub.viewDealBoost(identity).requester == ZERO_ADDRESS


def test_results__of_the_task_in_one_step__are_no_deal(market: Market) -> None:
    task = open_task(market)
    task.complete_at_once(market.cast["worker_1"], b"\1" * 600)
    with reverts(market.hub, "Deal_Unknown", task.id):
        market.hub.initialize(task.id, 0, sender=market.cast["stranger"])
    assert market.hub.viewDeal(task.id).requester == ZERO_ADDRESS
    assert market.hub.viewDealBoost(flipped(task.id)).requester == ZERO_ADDRESS


@pytest.mark.parametrize("change", [bytes, flipped], ids=["same id", "flipped id"])
def test_deals__of_one_kind__are_none_of_the_other(market: Market, change: Any) -> None:
    boosted, classic = boost(market).id, market.match().dealid
    with reverts(market.hub, "Deal_Unknown", change(boosted)):
        market.hub.initialize(change(boosted), 0, sender=market.cast["stranger"])
    assert market.hub.viewDeal(change(boosted)).requester == ZERO_ADDRESS
    assert market.hub.viewDealBoost(change(classic)).requester == ZERO_ADDRESS
