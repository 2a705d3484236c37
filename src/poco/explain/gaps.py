"""One, two or three orders of a match: the missing ones are played by orders that break no rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eth_typing import ChecksumAddress

from poco.orders import (
    MAX_INDEX,
    NULL_DATASET_ORDER,
    ZERO_ADDRESS,
    AnyOrder,
    AppOrder,
    Asset,
    ChainView,
    DatasetOrder,
    OrderKind,
    OrdersByKind,
    RequestOrder,
    Tag,
    Violation,
    WorkerpoolOrder,
    checked_address,
    why_not_match,
)

__all__ = ["Quartet", "why_not"]

_NOBODY = checked_address("nobody", f"0x{0xDEAD:040x}")
_EVERYTHING = Tag(2**256 - 1)
_ANY_PRICE = 2**96 - 1
_SALT = bytes(32)
_ASSETS = (OrderKind.APP, OrderKind.DATASET)


@dataclass(frozen=True, slots=True)
class Quartet:
    """Four orders, some of which only play a part.

    Args:
        app: the app order.
        dataset: the dataset order.
        workerpool: the workerpool order.
        request: the request order.
        given: kinds of those that are real; a null dataset order counts when the request is real.
    """

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder
    given: frozenset[OrderKind]

    @classmethod
    def of(cls, orders: OrdersByKind) -> Quartet:
        """Complete some orders."""
        app, dataset = orders.get("apporder"), orders.get("datasetorder")
        pool, request = orders.get("workerpoolorder"), orders.get("requestorder")
        given = {order.kind for order in (app, dataset, pool, request) if order is not None}
        if request is None:
            request = _request(app, dataset, pool)
        if app is None:
            app = AppOrder(app=request.app, tag=_EVERYTHING & 1, volume=MAX_INDEX, salt=_SALT)
        if dataset is None:
            dataset = NULL_DATASET_ORDER
            if OrderKind.REQUEST in given and request.dataset == ZERO_ADDRESS:
                given.add(OrderKind.DATASET)
            elif request.dataset != ZERO_ADDRESS:
                dataset = DatasetOrder(dataset=request.dataset, volume=MAX_INDEX, salt=_SALT)
        if pool is None:
            pool = WorkerpoolOrder(
                workerpool=_NOBODY if request.workerpool == ZERO_ADDRESS else request.workerpool,
                volume=MAX_INDEX,
                tag=_EVERYTHING,
                category=request.category,
                trust=request.trust,
                salt=_SALT,
            )
        return cls(app, dataset, pool, request, frozenset(given))

    @property
    def orders(self) -> tuple[AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder]:
        """All four."""
        return self.app, self.dataset, self.workerpool, self.request

    @property
    def real(self) -> tuple[AnyOrder, ...]:
        """The ones that are real and stand for something."""
        return tuple(
            order
            for order in self.orders
            if order.kind in self.given and order is not NULL_DATASET_ORDER
        )

    @property
    def is_complete(self) -> bool:
        """Whether no order is missing."""
        return len(self.given) == len(OrderKind)


def why_not(
    quartet: Quartet, view: ChainView, sponsor: ChecksumAddress | None = None
) -> list[Violation]:
    """Return the rules that the real orders break, whatever the missing ones will say.

    Args:
        quartet: the orders.
        view: the state of the hub.
        sponsor: who pays instead of the requester.

    Returns:
        The violations in the order of the hub's checks; see `poco.orders.why_not_match`.

    Raises:
        UserInputError: `sponsor` is not an address.
    """
    found = why_not_match(*quartet.orders, view, sponsor=sponsor)
    told = (_as_told(violation, quartet) for violation in found)
    return [violation for violation in told if _counts(violation, quartet, view)]


def _request(
    app: AppOrder | None, dataset: DatasetOrder | None, pool: WorkerpoolOrder | None
) -> RequestOrder:
    return RequestOrder(
        app=_NOBODY if app is None else app.app,
        appmaxprice=_ANY_PRICE,
        dataset=ZERO_ADDRESS if dataset is None else dataset.dataset,
        datasetmaxprice=_ANY_PRICE,
        workerpoolmaxprice=_ANY_PRICE,
        requester=_NOBODY,
        beneficiary=_NOBODY,
        category=0 if pool is None else pool.category,
        salt=_SALT,
    )


def _as_told(violation: Violation, quartet: Quartet) -> Violation:
    """Give a missing asset the field that names it: that of the request."""
    if OrderKind.REQUEST in quartet.given and violation.rule.endswith("NotRegistered"):
        kind, _, asset = violation.field.partition(".")
        if kind in _ASSETS and kind not in quartet.given:
            return replace(violation, field=f"requestorder.{asset}")
    if violation.rule == "Match_UnknownCategory" and OrderKind.REQUEST not in quartet.given:
        return replace(violation, field="workerpoolorder.category")
    return violation


def _counts(violation: Violation, quartet: Quartet, view: ChainView) -> bool:
    given = quartet.given
    if violation.rule == "Escrow_BalanceTooLow":
        # Price and volume are known from the request on; the missing ones cost nothing here.
        is_of_pool = violation.field.startswith(OrderKind.WORKERPOOL)
        return OrderKind.REQUEST in given and (not is_of_pool or OrderKind.WORKERPOOL in given)
    _, restricts, target = violation.rule.partition("Restricts")
    if restricts:
        return _is_known(target.lower(), quartet, view)
    return violation.field.partition(".")[0] in given


def _is_known(target: str, quartet: Quartet, view: ChainView) -> bool:
    """Return whether the address that a restriction is about is not a stand-in's."""
    if target == "requester":
        return OrderKind.REQUEST in quartet.given
    if target != "workerpool":
        return not quartet.given.isdisjoint({OrderKind(f"{target}order"), OrderKind.REQUEST})
    pool = quartet.workerpool.workerpool
    return (
        OrderKind.WORKERPOOL in quartet.given
        or view.registered_owner(Asset.WORKERPOOL, pool) is not None
    )
