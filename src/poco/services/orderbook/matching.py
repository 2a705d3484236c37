"""The cheapest way to fill a request from many offers: a minimum-cost flow over classes of offers.

A task takes one unit of an app order, of a dataset order and of a workerpool order. App and dataset
orders of the same restriction and tag are interchangeable but for their price, and so are
workerpool orders that the same of these classes admit: units flow from the classes of apps through
those of workerpools to those of datasets. Along shortest paths the flow of each volume is the
cheapest one, so the request is filled as far as offers and money reach. Pure; prices are nRLC.

All tasks of a request run alike: all of them with a TEE, or all without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from poco.orders import FRAMEWORKS, TEE, ZERO_ADDRESS
from poco.services.orderbook.flow import Curve, Network, Offer

__all__ = ["Part", "cheapest_fill", "cost_of", "happens_in_sequence"]

Admits: TypeAlias = Callable[[str, str], bool]
"""Whether a restriction that is not zero admits a workerpool."""


@dataclass(frozen=True, slots=True)
class Part:
    """One deal of a fill.

    Args:
        app: the app order.
        dataset: the dataset order; None without one.
        workerpool: the workerpool order.
        volume: tasks.
    """

    app: Offer
    dataset: Offer | None
    workerpool: Offer
    volume: int

    @property
    def price(self) -> int:
        """What one task costs, nRLC."""
        dataset = 0 if self.dataset is None else self.dataset.price
        return self.app.price + dataset + self.workerpool.price


def cost_of(parts: Iterable[Part]) -> int:
    """Return what a fill costs, nRLC."""
    return sum(part.price * part.volume for part in parts)


def cheapest_fill(
    apps: Iterable[Offer],
    datasets: Iterable[Offer] | None,
    workerpools: Iterable[Offer],
    *,
    volume: int,
    budget: int,
    tag: int,
    enclave: bool,
    admits: Admits,
) -> list[Part]:
    """Return the fill of the largest volume, and of these the cheapest.

    The offers come the cheapest first, and are read only as far as they can matter.

    Args:
        apps: offers of the app.
        datasets: offers of the dataset; None for a request without one.
        workerpools: offers of workerpools.
        volume: tasks that are wanted.
        budget: what may be spent, nRLC.
        tag: flags that the request demands.
        enclave: whether the tasks run with a TEE; else offers that demand one do not count.
        admits: asks groups of workerpools.
    """
    if tag & TEE and not enclave:
        return []
    least = tag | TEE if enclave else tag
    none = Offer("", 0, volume)
    app_curves = _curves(_fitting_apps(apps, enclave), least, volume)
    flags = [none] if datasets is None else _fitting_datasets(datasets, enclave)
    dataset_curves = _curves(flags, least, volume)
    classes: dict[tuple[frozenset[int], frozenset[int]], Curve] = {}
    everybody = (frozenset(range(len(app_curves))), frozenset(range(len(dataset_curves))))
    if not everybody[0] or not everybody[1]:
        return []
    left = volume
    for offer in workerpools:
        key = (
            frozenset(i for i, curve in enumerate(app_curves) if _suits(curve, offer, admits)),
            frozenset(i for i, curve in enumerate(dataset_curves) if _suits(curve, offer, admits)),
        )
        if least & ~offer.tag or not key[0] or not key[1]:
            continue
        classes.setdefault(key, Curve()).add(offer)
        if key == everybody:
            left -= offer.remaining
            if left <= 0:  # whatever is dearer can be exchanged for one of these
                break
    network = Network(app_curves, dataset_curves, classes)
    network.fill(volume, budget)
    return [
        Part(app, None if dataset is none else dataset, pool, number)
        for app, dataset, pool, number in network.parts()
    ]


def happens_in_sequence(parts: Iterable[Part], volume: int, remaining: Mapping[str, int]) -> bool:
    """Return whether one request order makes just these deals, when they are matched in order.

    The hub takes as much as all four orders have left.

    Args:
        parts: the deals.
        volume: what the request order has left.
        remaining: what the other orders have left, by hash.
    """
    left = dict(remaining)
    for part in parts:
        hashes = [offer.hash for offer in (part.app, part.dataset, part.workerpool) if offer]
        if min(volume, *(left[found] for found in hashes)) != part.volume:
            return False
        volume -= part.volume
        for found in hashes:
            left[found] -= part.volume
    return True


def _fitting_apps(apps: Iterable[Offer], enclave: bool) -> Iterator[Offer]:
    return (offer for offer in apps if bool(offer.tag & TEE) == enclave)


def _fitting_datasets(datasets: Iterable[Offer], enclave: bool) -> Iterator[Offer]:
    for offer in datasets:
        if enclave or not offer.tag & TEE:
            yield Offer(
                offer.hash,
                offer.price,
                offer.remaining,
                offer.tag & ~int(FRAMEWORKS),
                offer.workerpool,
            )


def _curves(offers: Iterable[Offer], least: int, volume: int) -> list[Curve]:
    """Return the classes of offers, read until those that suit everybody are enough."""
    classes: dict[tuple[str, int], Curve] = {}
    for offer in offers:
        key = (offer.workerpool, offer.tag & ~least)
        classes.setdefault(key, Curve()).add(offer)
        if key == (ZERO_ADDRESS, 0):
            volume -= offer.remaining
            if volume <= 0:
                break
    return list(classes.values())


def _suits(curve: Curve, pool: Offer, admits: Admits) -> bool:
    """Return whether the offers of a class go with a workerpool order."""
    offer = curve.offers[0]
    restricted = offer.workerpool not in (ZERO_ADDRESS, pool.workerpool)
    return not offer.tag & ~pool.tag and not (
        restricted and not admits(offer.workerpool, pool.workerpool)
    )
