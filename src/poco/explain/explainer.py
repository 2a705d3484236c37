"""Find out what X is, read what there is to know of it, and explain it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from poco.contracts import BoostDeal, Deal, Market, Task, TaskStatus
from poco.errors import UserInputError
from poco.explain.addresses import explain_address
from poco.explain.codes import explain_code
from poco.explain.codes.messages import explain_message
from poco.explain.deals import explain_boost_deal, explain_deal
from poco.explain.errors import explain_error, explain_original, explain_revert
from poco.explain.files import orders_in
from poco.explain.model import Explanation
from poco.explain.orders import explain_bulk, explain_orders
from poco.explain.reading import deal_facts, find_unopened, task_facts, transaction_facts
from poco.explain.recognition import Kind, Subject, recognise
from poco.explain.tasks import explain_task
from poco.explain.transactions import explain_transaction
from poco.explain.wording import counted, hexed
from poco.orders import (
    AnyOrder,
    BulkDeal,
    DatasetOrder,
    DealId,
    OrderHash,
    OrderKind,
    OrdersByKind,
    TaskId,
    checked_address,
)

__all__ = ["Explainer", "OrderSource"]


class _Published(Protocol):
    @property
    def order(self) -> AnyOrder:
        """The order."""
        ...


class OrderSource(Protocol):
    """Where orders are found by their hash: `poco.services.orderbook.client.OrderbookClient`."""

    def find(self, kind: OrderKind, order_hash: str, /) -> _Published | None:
        """Return an order; None when it is not there."""
        ...


class Explainer:
    """Explains whatever it is given.

    Args:
        market: the market; None explains what needs no chain.
        orders: where orders are found by their hash; None knows those in files only.
        compass: URL of what knows schedulers; None asks none.
    """

    def __init__(
        self,
        market: Market | None = None,
        orders: OrderSource | None = None,
        compass: str | None = None,
    ) -> None:
        self._market = market
        self._orders = orders
        self._compass = compass

    def explain(self, *texts: str, sponsor: str | None = None) -> Explanation:
        """Explain one thing, several orders together, or a dataset order and a deal.

        Args:
            texts: see `poco.explain.recognition`; files and hashes of orders may be several.
            sponsor: who pays instead of the requester; for orders.

        Raises:
            UserInputError: something is not known, malformed, or needs a chain.
            ChainError: the node does not answer.
            PeerError: the order book does not answer.
        """
        subjects = [recognise(text) for text in texts]
        found = [self._found(subject) for subject in subjects]
        match sorted(found, key=lambda one: isinstance(one, Deal)):
            case [Explanation() as explanation]:
                return explanation
            case [{"datasetorder": DatasetOrder() as order}, Deal() as deal]:
                return self._bulk(order, deal)
            case [Deal() as deal]:
                return explain_deal(deal_facts(self._need(), deal, self._compass))
        return self._together(subjects, found, sponsor)

    # ONE THING

    def _simple(self, subject: Subject) -> Explanation:
        match subject.kind:
            case Kind.ERROR:
                return explain_error(subject.text)
            case Kind.ORIGINAL:
                return explain_original(subject.text)
            case Kind.CODE:
                return explain_code(subject.text)
            case Kind.REVERT:
                return explain_revert(subject.data)
            case Kind.MESSAGE:
                return explain_message(subject.text)
            case _:
                address = checked_address("address", subject.text)
                return explain_address(self._need(), address)

    def _found(self, subject: Subject) -> Explanation | Deal | OrdersByKind:
        """Return orders and deals as they are, and everything else explained."""
        match subject.kind:
            case Kind.FILE:
                chain_id = None if self._market is None else self._market.book.chain_id
                return orders_in(_read(Path(subject.text)), chain_id, name=subject.text)
            case Kind.IDENTITY:
                return self._identity(subject.data)
            case _:
                return self._simple(subject)

    def _identity(self, identity: bytes) -> Explanation | Deal | OrdersByKind:
        """Find out of what the 32 bytes are the identity."""
        market = self._need()
        hub, name = market.hub, hexed(identity)
        deal_values, boost_values, task_values, consumed, presigner = hub.read_all(
            [
                ("viewDeal", (identity,)),
                ("viewDealBoost", (identity,)),
                ("viewTask", (identity,)),
                ("viewConsumed", (identity,)),
                ("viewPresigned", (identity,)),
            ]
        )
        if deal := Deal.from_abi(DealId(identity), deal_values):
            return deal
        task = Task.from_abi(task_values)
        if task.status is not TaskStatus.UNSET:
            return self._task(TaskId(identity), task)
        boost = BoostDeal(DealId(identity), *boost_values)
        if int(boost.requester, 16):
            return explain_boost_deal(boost, market.chain.timestamp())
        if (sent := market.chain.request("eth_getTransactionByHash", name)) is not None:
            return explain_transaction(transaction_facts(market, sent))
        if orders := self._order(name):
            return orders
        if consumed or int(presigner, 16):
            return _known_by_hash(OrderHash(identity), consumed, presigner)
        if (unopened := find_unopened(market, TaskId(identity))) is not None:
            facts = task_facts(market, TaskId(identity), task, *unopened, self._compass)
            return explain_task(facts)
        raise _unknown(name, self._orders is not None)

    def _task(self, taskid: TaskId, task: Task) -> Explanation:
        market = self._need()
        deal = market.hub.deal(task.dealid)
        assert deal is not None, "the hub has the deal of each task"
        return explain_task(task_facts(market, taskid, task, deal, task.index, self._compass))

    def _order(self, name: str) -> OrdersByKind | None:
        if self._orders is None:
            return None
        for kind in OrderKind:
            if (published := self._orders.find(kind, name)) is not None:
                return cast("OrdersByKind", {str(kind): published.order})
        return None

    # SEVERAL THINGS

    def _together(
        self,
        subjects: Sequence[Subject],
        found: Sequence[Explanation | Deal | OrdersByKind],
        sponsor: str | None,
    ) -> Explanation:
        orders: dict[str, Any] = {}
        for subject, one in zip(subjects, found, strict=True):
            if not isinstance(one, dict):
                raise UserInputError(
                    "several things are explained together when they are orders, or a dataset "
                    "order and a deal",
                    field="subject",
                    value=subject.text,
                    remedy="explain it alone",
                )
            if doubled := orders.keys() & one.keys():
                raise UserInputError(
                    f"one {doubled.pop()} is enough",
                    field="subject",
                    value=subject.text,
                    remedy="give one order of each kind",
                )
            orders |= one
        payer = None if sponsor is None else checked_address("sponsor", sponsor)
        view = None if self._market is None else self._market.view()
        return explain_orders(cast("OrdersByKind", orders), view, sponsor=payer)

    def _bulk(self, order: DatasetOrder, deal: Deal) -> Explanation:
        terms = BulkDeal(
            requester=deal.requester,
            app=deal.app.pointer,
            dataset=deal.dataset.pointer,
            workerpool=deal.workerpool.pointer,
            tag=deal.tag,
        )
        return explain_bulk(order, deal.dealid, terms, self._need().view())

    def _need(self) -> Market:
        if self._market is None:
            raise UserInputError(
                "a chain is needed to look this up",
                field="chain",
                remedy="go to a folder with a chain.json, or write one with `poco init`",
            )
        return self._market


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserInputError(
            f"the file cannot be read: {reason}",
            field="file",
            value=str(path),
            remedy="give an orders.json, which `poco order sign` writes, or a file with one order",
        ) from error
    return document


def _known_by_hash(order_hash: OrderHash, consumed: int, presigner: str) -> Explanation:
    signed = (("presigned by", presigner),) if int(presigner, 16) else ()
    return Explanation(
        kind="orders",
        subject=hexed(order_hash),
        title="the hash of an order whose terms are not known here; give its file",
        facts=(("taken", counted(consumed, "task")), *signed),
    )


def _unknown(name: str, asked_book: bool) -> UserInputError:
    book = ", nor has the order book such an order" if asked_book else ""
    return UserInputError(
        f"the chain has no such transaction, deal, task or order{book}",
        field="subject",
        value=name,
        remedy="check --chain; an old task that nobody has opened is not on chain: explain its deal"
        + ("" if asked_book else "; set iexecGateway in chain.json to find orders"),
    )
