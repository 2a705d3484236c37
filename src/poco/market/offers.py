"""What a buyer can have: own orders, signed on the fly, and those of the order book."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts import Market
from poco.errors import ConfigurationError, UserInputError
from poco.market.purchase import Offer
from poco.orders import (
    FRAMEWORKS,
    NULL_DATASET_ORDER,
    ZERO_ADDRESS,
    AnyOrder,
    AppOrder,
    Asset,
    ChainView,
    DatasetOrder,
    OrderHash,
    RequestOrder,
    Tag,
    WorkerpoolOrder,
    order_hash,
    random_salt,
    sign_order,
)
from poco.services.orderbook.answers import ANY, OrdersFilter
from poco.services.orderbook.client import OrderbookClient

__all__ = ["RunTerms", "SoldOutError", "Supply", "requested"]

_MOST_ORDERS = 20
"""Orders of an app or dataset that are looked at, the cheapest first."""
_MOST_POOLS = 100
_NO_TAG = Tag(0)
_Order = TypeVar("_Order", AppOrder, DatasetOrder, WorkerpoolOrder)


class SoldOutError(UserInputError):
    """All that is missing is a workerpool, whichever, that has tasks left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTerms:
    """What is to be run.

    Args:
        app: the app.
        params: text of the parameters (`poco.market.write_params`).
        dataset: the dataset, or address zero.
        workerpool: the only workerpool to take, or address zero for any.
        category: category of the tasks; by default the first one that is offered.
        tag: flags that are demanded.
        trust: demanded trust.
        volume: number of tasks.
        beneficiary: whom the results are for; by default the buyer.
        callback: contract that gets the results, or address zero.
    """

    app: ChecksumAddress
    params: str
    dataset: ChecksumAddress = ZERO_ADDRESS
    workerpool: ChecksumAddress = ZERO_ADDRESS
    category: int | None = None
    tag: Tag = _NO_TAG
    trust: int = 0
    volume: int = 1
    beneficiary: ChecksumAddress | None = None
    callback: ChecksumAddress = ZERO_ADDRESS


def requested(
    terms: RunTerms,
    requester: ChecksumAddress,
    *,
    app_price: int = 0,
    dataset_price: int = 0,
    workerpool_price: int = 0,
) -> RequestOrder:
    """Return the request for what is to be run, unsigned, with a new salt.

    Args:
        terms: what is to be run; without a category it is 0.
        requester: who buys.
        app_price: the most for the app, nRLC per task.
        dataset_price: the most for the dataset.
        workerpool_price: the most for the workerpool.

    Raises:
        UserInputError: a field is malformed.
    """
    return RequestOrder(
        app=terms.app,
        appmaxprice=app_price,
        dataset=terms.dataset,
        datasetmaxprice=dataset_price,
        workerpool=terms.workerpool,
        workerpoolmaxprice=workerpool_price,
        requester=requester,
        volume=terms.volume,
        tag=terms.tag,
        category=terms.category or 0,
        trust=terms.trust,
        beneficiary=terms.beneficiary or requester,
        callback=terms.callback,
        params=terms.params,
        salt=random_salt(),
    )


class Supply:
    """The orders that a buyer can have.

    Args:
        market: the market.
        view: its state.
        account: the buyer.
        terms: what is to be run.
        book: the order book.
    """

    def __init__(
        self,
        market: Market,
        view: ChainView,
        account: LocalAccount,
        terms: RunTerms,
        book: OrderbookClient | None,
    ) -> None:
        self.view = view
        self._market = market
        self._account = account
        self._terms = terms
        self._book = book
        # Signed once, asked for once, whatever they are combined with.
        self._datasets = cache(self._find_datasets)
        self._apps = cache(self._find_apps)
        self._workerpools = cache(self._find_workerpools)

    def categories(self) -> Sequence[int]:
        """Return the categories that may be taken, the one to prefer first."""
        if self._terms.category is not None:
            return [self._terms.category]
        return range(self.view.category_count())

    def offers(self, category: int) -> Iterator[Offer]:
        """Return what can be had in a category, the cheapest first; not yet judged.

        Raises:
            UserInputError: app, dataset or workerpool are not registered.
            ConfigurationError: a book is needed, and there is none.
            PeerError: the book does not answer.
        """
        found = [
            Offer(app=app, dataset=dataset, workerpool=pool)
            for dataset in self._datasets()
            for app in self._apps(self._terms.tag | (dataset.tag - FRAMEWORKS))
            for pool in self._workerpools(
                category, self._terms.tag | app.tag | (dataset.tag - FRAMEWORKS)
            )
        ]
        return iter(sorted(found, key=lambda offer: offer.price))

    def nothing(self) -> UserInputError:
        """Return the error that says whose orders are missing."""
        terms = self._terms
        if not self._datasets():
            missing, value = "dataset", terms.dataset
        elif not any(self._apps(terms.tag | order.tag - FRAMEWORKS) for order in self._datasets()):
            missing, value = "app", terms.app
        else:
            missing, value = "workerpool", terms.workerpool
        demands = self._demands() if missing == "workerpool" else ""
        remedy = f"see `poco orderbook {missing}`; its owner can publish one"
        if value == ZERO_ADDRESS:
            return SoldOutError(
                f"no order with tasks left is available of any {missing}{demands}", remedy=remedy
            )
        return UserInputError(
            f"no order with tasks left is available for this {missing}{demands}",
            field=missing,
            value=value,
            remedy=remedy,
        )

    def _demands(self) -> str:
        """Return what is demanded of a workerpool order, in words."""
        terms = self._terms
        found = [] if terms.category is None else [f"in category {terms.category}"]
        if terms.trust:
            found.append(f"with trust {terms.trust}")
        if terms.tag:
            found.append(f"with the flags {terms.tag}")
        return "".join(f" {demand}" for demand in found)

    def _find_datasets(self) -> Sequence[DatasetOrder]:
        """Return orders of the dataset, the cheapest first."""
        terms = self._terms
        if terms.dataset == ZERO_ADDRESS:
            return [NULL_DATASET_ORDER]
        if self._owns(Asset.DATASET, terms.dataset):
            order = DatasetOrder(
                dataset=terms.dataset,
                volume=terms.volume,
                tag=terms.tag,
                apprestrict=terms.app,
                requesterrestrict=self._account.address,
                salt=random_salt(),
            )
            return [sign_order(order, self._market.domain, self._account)]
        wanted = OrdersFilter(
            dataset=terms.dataset,
            app=terms.app,
            workerpool=ANY,
            requester=self._account.address,
        )
        return self._published(DatasetOrder, wanted, _MOST_ORDERS)

    def _find_apps(self, tag: Tag) -> Sequence[AppOrder]:
        """Return orders of the app, the cheapest first; an own one has the flags it must have."""
        terms = self._terms
        if self._owns(Asset.APP, terms.app):
            order = AppOrder(
                app=terms.app,
                volume=terms.volume,
                tag=tag,
                requesterrestrict=self._account.address,
                salt=random_salt(),
            )
            return [sign_order(order, self._market.domain, self._account)]
        wanted = OrdersFilter(
            app=terms.app,
            dataset=terms.dataset,
            workerpool=ANY,
            requester=self._account.address,
        )
        return self._published(AppOrder, wanted, _MOST_ORDERS)

    def _find_workerpools(self, category: int, tag: Tag) -> Sequence[WorkerpoolOrder]:
        """Return orders of workerpools, the cheapest first; an own one has all flags."""
        terms = self._terms
        if terms.workerpool != ZERO_ADDRESS and self._owns(Asset.WORKERPOOL, terms.workerpool):
            order = WorkerpoolOrder(
                workerpool=terms.workerpool,
                volume=terms.volume,
                tag=tag,
                category=category,
                trust=terms.trust,
                apprestrict=terms.app,
                requesterrestrict=self._account.address,
                salt=random_salt(),
            )
            return [sign_order(order, self._market.domain, self._account)]
        restricted = terms.workerpool != ZERO_ADDRESS
        wanted = OrdersFilter(
            workerpool=terms.workerpool if restricted else None,
            app=terms.app,
            dataset=terms.dataset,
            requester=self._account.address,
            category=category,
            min_tag=tag,
            min_trust=terms.trust,
        )
        return self._published(WorkerpoolOrder, wanted, _MOST_POOLS)

    def left(self, order: AnyOrder) -> int:
        """Return how many tasks an order has left on chain."""
        hashed = order_hash(order, self._market.domain)
        return max(order.volume - self.view.consumed(hashed), 0)

    def hash(self, order: AnyOrder) -> OrderHash:
        """Return the hash of an order."""
        return order_hash(order, self._market.domain)

    def _owns(self, asset: Asset, address: ChecksumAddress) -> bool:
        owner = self.view.registered_owner(asset, address)
        if owner is None:
            raise UserInputError(
                f"no {asset} is registered at this address",
                field=str(asset),
                value=address,
                remedy=f"check it with `poco {asset} show`",
            )
        return owner == self._account.address

    def _published(
        self, order_class: type[_Order], wanted: OrdersFilter, limit: int
    ) -> Sequence[_Order]:
        if self._book is None:
            raise ConfigurationError(
                f"the {order_class.kind} of somebody else is needed, and no order book is known",
                field="iexecGateway",
                remedy='add "iexecGateway" to the chain in chain.json',
            )
        found = self._book.orders(order_class.kind, wanted, limit=limit).orders
        return [entry.order for entry in found if isinstance(entry.order, order_class)]
