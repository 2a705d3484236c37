"""Buy computations: sign a request for published orders, match them, wait for the tasks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from poco.contracts import Deal, Market, Task, TaskStatus
from poco.errors import PeerError, UserInputError
from poco.orders import (
    NULL_DATASET_ORDER,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    TaskId,
    WorkerpoolOrder,
    random_salt,
    sign_order,
    why_not_match,
)

__all__ = ["Offer", "buy", "require_match", "sign_request", "wait_for_tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is for sale.

    Args:
        app: signed app order.
        workerpool: signed workerpool order.
        dataset: signed dataset order, or none.
    """

    app: AppOrder
    workerpool: WorkerpoolOrder
    dataset: DatasetOrder = NULL_DATASET_ORDER

    @property
    def price(self) -> int:
        """What one task costs, nRLC."""
        return self.app.appprice + self.dataset.datasetprice + self.workerpool.workerpoolprice


def sign_request(
    market: Market,
    account: LocalAccount,
    offer: Offer,
    params: str,
    *,
    volume: int = 1,
    trust: int = 1,
) -> RequestOrder:
    """Sign a request that accepts the prices of an offer.

    Args:
        market: the market it is for.
        account: who buys, and gets the results.
        offer: what to buy.
        params: the exact text of the parameters (`poco.appio.parse_params`).
        volume: number of tasks.
        trust: demanded trust; 3 asks for agreement against a chance of error of a third.

    Raises:
        UserInputError: a field is malformed.
    """
    order = RequestOrder(
        app=offer.app.app,
        appmaxprice=offer.app.appprice,
        dataset=offer.dataset.dataset,
        datasetmaxprice=offer.dataset.datasetprice,
        workerpool=offer.workerpool.workerpool,
        workerpoolmaxprice=offer.workerpool.workerpoolprice,
        requester=account.address,
        volume=volume,
        tag=offer.app.tag | offer.dataset.tag,
        category=offer.workerpool.category,
        trust=trust,
        beneficiary=account.address,
        params=params,
        salt=random_salt(),
    )
    return sign_order(order, market.domain, account)


def buy(market: Market, offer: Offer, request: RequestOrder) -> Deal:
    """Match a request with an offer.

    Args:
        market: acting as the requester, whose deposit pays.
        offer: what to buy.
        request: the signed request.

    Returns:
        The deal; it may have fewer tasks than the request, when an order has no more volume.

    Raises:
        UserInputError: the orders do not match; every broken rule is named.
        ChainError: the node does not answer, or the account has no funds for gas.
    """
    orders = (offer.app, offer.dataset, offer.workerpool, request)
    require_match(market, *orders)
    dealid = market.hub.match_orders(*orders).value
    deal = market.hub.deal(dealid)
    if deal is None:
        raise PeerError(
            "the node must know a deal that it has mined",
            field="deal",
            value=f"0x{dealid.hex()}",
            remedy="use a node that keeps up with the chain",
        )
    return deal


def require_match(
    market: Market,
    app: AppOrder,
    dataset: DatasetOrder,
    workerpool: WorkerpoolOrder,
    request: RequestOrder,
) -> None:
    """Check that orders make a deal.

    Raises:
        UserInputError: they do not; every broken rule is named.
        ChainError: the node does not answer.
    """
    broken = why_not_match(app, dataset, workerpool, request, market.view())
    if broken:
        raise UserInputError(
            "the orders do not match: " + "; ".join(str(violation) for violation in broken),
            remedy="mend the orders, sign and publish them again",
        )


def wait_for_tasks(
    market: Market,
    deal: Deal,
    *,
    patience: float,
    report: Callable[[TaskId, Task], None] = lambda *_: None,
    pause: float = 0.2,
) -> dict[TaskId, Task]:
    """Wait until all tasks of a deal are completed or failed.

    Args:
        market: the market.
        deal: the deal.
        patience: longest wait, in seconds.
        report: called when the status of a task has changed.
        pause: between two looks at the chain, in seconds.

    Returns:
        The tasks by id, in the order of their indices.

    Raises:
        PeerError: they are not done in time.
        ChainError: the node does not answer.
    """
    end = time.monotonic() + patience
    seen: dict[TaskId, TaskStatus] = {}
    while True:
        tasks = market.hub.tasks(deal.dealid)
        for taskid, task in tasks.items():
            if seen.get(taskid, TaskStatus.UNSET) is not task.status:
                report(taskid, task)
            seen[taskid] = task.status
        if all(task.status >= TaskStatus.COMPLETED for task in tasks.values()):
            return tasks
        if time.monotonic() >= end:
            waiting = [f"0x{key.hex()}" for key, task in tasks.items() if task.status < 3]
            raise PeerError(
                f"the workerpool has not completed the tasks within {patience:g} s",
                field="deal",
                value=f"0x{deal.dealid.hex()}",
                remedy=f"wait longer for {', '.join(waiting)}; after the final deadline, 10 times "
                "the category's time from the match, anybody can claim your money back",
            )
        time.sleep(pause)
