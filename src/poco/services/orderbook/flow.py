"""Offers in classes, and the flow of least cost through them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from poco.orders import ZERO_ADDRESS

__all__ = ["Curve", "Network", "Offer"]


@dataclass(frozen=True, slots=True)
class Offer:
    """An open order that suits the request as far as one can tell without the other orders.

    Args:
        hash: of the order, 0x-hex.
        price: nRLC per task.
        remaining: tasks.
        tag: flags.
        workerpool: the restriction of an app or dataset order; the workerpool of its order.
        trust: of a workerpool order.
        category: of a workerpool order.
    """

    hash: str
    price: int
    remaining: int
    tag: int = 0
    workerpool: str = ZERO_ADDRESS
    trust: int = 0
    category: int = 0


class _Edge(Protocol):
    """Where units flow, forward, or backward to take it back; a cost per unit and how many."""

    def forward(self) -> tuple[int, float] | None: ...
    def backward(self) -> tuple[int, float] | None: ...
    def move(self, units: int) -> None: ...


class _Link:
    """Between classes that suit each other: free of charge."""

    def __init__(self) -> None:
        self.flow = 0

    def forward(self) -> tuple[int, float] | None:
        return 0, math.inf

    def backward(self) -> tuple[int, float] | None:
        return (0, self.flow) if self.flow else None

    def move(self, units: int) -> None:
        self.flow += units


class Curve:
    """Interchangeable offers, the cheapest first; units are taken from them in this order."""

    def __init__(self) -> None:
        self.offers: list[Offer] = []
        self._place = 0
        self._used = 0

    def add(self, offer: Offer) -> None:
        """Add an offer that is not cheaper than those before."""
        self.offers.append(offer)

    def forward(self) -> tuple[int, float] | None:
        """Return price and number of the next units; None when all are taken."""
        if self._place < len(self.offers) and self._used == self.offers[self._place].remaining:
            self._place, self._used = self._place + 1, 0
        if self._place == len(self.offers):
            return None
        offer = self.offers[self._place]
        return offer.price, offer.remaining - self._used

    def backward(self) -> tuple[int, float] | None:
        """Return price, negative, and number of the units that were taken last; None of none."""
        if self._used == 0:
            if self._place == 0:
                return None
            self._place -= 1
            self._used = self.offers[self._place].remaining
        return -self.offers[self._place].price, self._used

    def move(self, units: int) -> None:
        """Take units, no more than `forward` offers, or give them back when negative."""
        (self.forward if units > 0 else self.backward)()
        self._used += units


class Network:
    """Units flow from the source through apps, workerpools and datasets to the sink."""

    def __init__(
        self,
        apps: list[Curve],
        datasets: list[Curve],
        classes: dict[tuple[frozenset[int], frozenset[int]], Curve],
    ) -> None:
        self._apps, self._datasets, self._pools = apps, datasets, list(classes.values())
        self._into = [{app: _Link() for app in sorted(key[0])} for key in classes]
        self._from = [{data: _Link() for data in sorted(key[1])} for key in classes]
        self._edges: list[tuple[object, object, _Edge]] = [
            *(("source", ("app", app), curve) for app, curve in enumerate(apps)),
            *((("dataset", data), "sink", curve) for data, curve in enumerate(datasets)),
        ]
        for pool, curve in enumerate(self._pools):
            before, after = ("pool", pool), ("served", pool)
            self._edges.append((before, after, curve))
            self._edges += [(("app", app), before, link) for app, link in self._into[pool].items()]
            self._edges += [
                (after, ("dataset", data), link) for data, link in self._from[pool].items()
            ]

    def fill(self, volume: int, budget: int) -> None:
        """Send units along the cheapest paths as long as volume and budget last."""
        while volume > 0:
            distances, via = self._shortest()
            if "sink" not in distances:
                return
            price, room = distances["sink"], float(volume)
            path: list[tuple[_Edge, int]] = []
            node: object = "sink"
            while node != "source":
                node, edge, direction, limit = via[node]
                path.append((edge, direction))
                room = min(room, limit)
            units = int(room) if price <= 0 else min(int(room), budget // price)
            if units == 0:
                return
            for edge, direction in path:
                edge.move(direction * units)
            volume -= units
            budget -= units * price

    def parts(self) -> Iterator[tuple[Offer, Offer, Offer, int]]:
        """Yield what the flow takes from which orders together."""
        apps = [_Tap(curve.offers) for curve in self._apps]
        datasets = [_Tap(curve.offers) for curve in self._datasets]
        for pool, curve in enumerate(self._pools):
            served = _Tap(curve.offers)
            sources = _Tap(
                [Offer(str(app), 0, link.flow) for app, link in self._into[pool].items()]
            )
            sinks = _Tap(
                [Offer(str(data), 0, link.flow) for data, link in self._from[pool].items()]
            )
            left = sum(link.flow for link in self._into[pool].values())
            while left > 0:
                app = apps[int(sources.offer.hash)]
                dataset = datasets[int(sinks.offer.hash)]
                taps = (app, dataset, served)
                units = min(left, *(tap.room for tap in (*taps, sources, sinks)))
                yield app.offer, dataset.offer, served.offer, units
                for tap in (*taps, sources, sinks):
                    tap.draw(units)
                left -= units

    def _shortest(
        self,
    ) -> tuple[dict[object, int], dict[object, tuple[object, _Edge, int, float]]]:
        """Return distances from the source, and how each node is reached (Bellman and Ford)."""
        distances: dict[object, int] = {"source": 0}
        via: dict[object, tuple[object, _Edge, int, float]] = {}
        changed = True
        while changed:
            changed = False
            for begin, end, edge in self._edges:
                for tail, tip, direction in ((begin, end, 1), (end, begin, -1)):
                    if tail not in distances:
                        continue
                    step = edge.forward() if direction == 1 else edge.backward()
                    if step is None or tip == "source":
                        continue
                    distance = distances[tail] + step[0]
                    if tip not in distances or distance < distances[tip]:
                        distances[tip] = distance
                        via[tip] = (tail, edge, direction, step[1])
                        changed = True
        return distances, via


class _Tap:
    """Draws units from offers in their order."""

    def __init__(self, offers: list[Offer]) -> None:
        self._offers = [offer for offer in offers if offer.remaining]
        self._place = 0
        self._used = 0

    @property
    def offer(self) -> Offer:
        return self._offers[self._place]

    @property
    def room(self) -> int:
        return self.offer.remaining - self._used

    def draw(self, units: int) -> None:
        self._used += units
        if self.room == 0:
            self._place, self._used = self._place + 1, 0
