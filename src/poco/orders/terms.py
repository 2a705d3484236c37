"""The terms on which four orders agree (spec contracts §3.1, §3.5 to §3.7)."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders._abi import checked_address
from poco.orders.identities import DealId, deal_id
from poco.orders.model import AnyOrder, AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from poco.orders.tags import FRAMEWORKS, Tag
from poco.orders.typed_data import OrderHash, order_hash
from poco.orders.view import Asset, ChainView, WorkerpoolPolicy

__all__ = [
    "SCHEDULER_STAKE_PERCENT",
    "DealTerms",
    "Match",
    "Side",
    "deal_tag",
    "deal_terms",
    "scheduler_stake",
]

SCHEDULER_STAKE_PERCENT = 30
"""Part of the pool price that the scheduler stakes per task (spec contracts §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DealTerms:
    """What four orders agree on. Amounts are nRLC, volumes count tasks.

    Args:
        dealid: the id the deal gets.
        bot_first: index of the first task.
        volume: number of tasks.
        category: the category.
        timeref: time reference of the category, in seconds.
        tag: the deal's tag.
        trust: the deal's trust, at least 1.
        price_per_task: app, dataset and pool price together.
        total_price: what the payer locks.
        scheduler_stake: what the workerpool owner locks, for all tasks.
        worker_stake: what a worker locks, per contribution.
        scheduler_reward_ratio: part of the pool price the scheduler keeps, in percent.
        payer: the requester or the sponsor.
    """

    dealid: DealId
    bot_first: int
    volume: int
    category: int
    timeref: int
    tag: Tag
    trust: int
    price_per_task: int
    total_price: int
    scheduler_stake: int
    worker_stake: int
    scheduler_reward_ratio: int
    payer: ChecksumAddress


@dataclass(frozen=True, slots=True)
class Side:
    """One order with what the chain knows of it.

    Args:
        order: the order.
        hash: its hash for the hub.
        authority: who must have signed it; None when its asset is not registered.
        consumed: tasks taken from it.
    """

    order: AnyOrder
    hash: OrderHash
    authority: ChecksumAddress | None
    consumed: int

    @property
    def left(self) -> int:
        """Tasks that can still be taken from the order."""
        return max(self.order.volume - self.consumed, 0)


@dataclass(frozen=True, slots=True)
class Match:
    """Four orders before a hub.

    Args:
        app: the app order.
        dataset: the dataset order.
        workerpool: the workerpool order.
        request: the request order.
        view: the state of the hub.
        payer: the requester or the sponsor.
        sides: the orders that must be signed and have volume left, in the hub's order.
    """

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder
    view: ChainView
    payer: ChecksumAddress
    sides: tuple[Side, ...]

    @classmethod
    def gather(
        cls,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
        view: ChainView,
        sponsor: ChecksumAddress | None,
    ) -> Match:
        """Read what the hub knows of the orders; a dataset order that stands for none is no side.

        Raises:
            UserInputError: `sponsor` is not an address.
        """

        def side(order: AnyOrder, authority: ChecksumAddress | None) -> Side:
            hashed = order_hash(order, view.domain)
            return Side(order, hashed, authority, view.consumed(hashed))

        sides = [side(app, view.registered_owner(Asset.APP, app.app))]
        if not dataset.is_null:
            sides.append(side(dataset, view.registered_owner(Asset.DATASET, dataset.dataset)))
        pool_owner = view.registered_owner(Asset.WORKERPOOL, workerpool.workerpool)
        sides += [side(workerpool, pool_owner), side(request, request.requester)]
        payer = request.requester if sponsor is None else checked_address("sponsor", sponsor)
        return cls(app, dataset, workerpool, request, view, payer, tuple(sides))

    @property
    def volume(self) -> int:
        """Tasks of the deal: what every order has left (§3.5)."""
        return min(side.left for side in self.sides)

    @property
    def bot_first(self) -> int:
        """Index of the first task."""
        return self.sides[-1].consumed

    @property
    def price_per_task(self) -> int:
        """What the payer locks per task, in nRLC."""
        dataset = 0 if self.dataset.is_null else self.dataset.datasetprice
        return self.app.appprice + dataset + self.workerpool.workerpoolprice

    @property
    def tag(self) -> Tag:
        """The deal's tag."""
        return deal_tag(self.app, self.dataset, self.request)

    @property
    def policy(self) -> WorkerpoolPolicy:
        """The terms of the workerpool, which must be registered."""
        return self.view.workerpool_policy(self.workerpool.workerpool)

    @property
    def worker_stake(self) -> int:
        """What a worker locks, in nRLC; the workerpool must be registered (§3.6)."""
        return self.workerpool.workerpoolprice * self.policy.worker_stake_ratio // 100

    @property
    def scheduler(self) -> ChecksumAddress | None:
        """The owner of the workerpool; None when it is not registered."""
        return self.sides[-2].authority


def deal_tag(app: AppOrder, dataset: DatasetOrder, request: RequestOrder) -> Tag:
    """Return the tag of a deal (§3.1).

    All flags of app and request count, those of a dataset except its framework, and none of the
    dataset order that stands for no dataset (W3).
    """
    tag = app.tag | request.tag
    return tag if dataset.is_null else tag | (dataset.tag - FRAMEWORKS)


def scheduler_stake(workerpoolprice: int, volume: int) -> int:
    """Return what the workerpool owner locks, in nRLC; rounded down per task (§3.7)."""
    return workerpoolprice * SCHEDULER_STAKE_PERCENT // 100 * volume


def deal_terms(
    app: AppOrder,
    dataset: DatasetOrder,
    workerpool: WorkerpoolOrder,
    request: RequestOrder,
    view: ChainView,
    *,
    sponsor: ChecksumAddress | None = None,
) -> DealTerms:
    """Return the terms of the deal that the orders make now, provided that no rule is broken.

    Args:
        app: the app order.
        dataset: the dataset order, `NULL_DATASET_ORDER` for none.
        workerpool: the workerpool order.
        request: the request order.
        view: the state of the hub.
        sponsor: who pays instead of the requester.

    Raises:
        UserInputError: the workerpool is not registered, or the category is unknown.
    """
    match = Match.gather(app, dataset, workerpool, request, view, sponsor)
    if match.scheduler is None:
        raise UserInputError(
            "the workerpool must be registered with this hub",
            field="workerpoolorder.workerpool",
            value=workerpool.workerpool,
            remedy="check hub and chain",
        )
    if request.category >= view.category_count():
        raise UserInputError(
            f"{view.category_count()} categories exist, numbered from 0",
            field="requestorder.category",
            value=request.category,
            remedy="choose one of: poco category show",
        )
    return DealTerms(
        dealid=deal_id(match.sides[-1].hash, match.bot_first),
        bot_first=match.bot_first,
        volume=match.volume,
        category=request.category,
        timeref=view.category_clock(request.category),
        tag=match.tag,
        trust=max(request.trust, 1),
        price_per_task=match.price_per_task,
        total_price=match.price_per_task * match.volume,
        scheduler_stake=scheduler_stake(workerpool.workerpoolprice, match.volume),
        worker_stake=match.worker_stake,
        scheduler_reward_ratio=match.policy.scheduler_reward_ratio,
        payer=match.payer,
    )
