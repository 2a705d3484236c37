"""Which orders are published (spec sdk §3.6).

Many orders are published in one transaction: a few statements for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import Connection, bindparam, func, insert, select, update

from poco.database import Database, upsert
from poco.errors import UserInputError
from poco.orders import (
    MAX_PARAMS_BYTES,
    ORDER_CLASSES,
    ZERO_ADDRESS,
    AnyOrder,
    AppOrder,
    Asset,
    DatasetOrder,
    OrderKind,
    RequestOrder,
    WorkerpoolOrder,
    scheduler_stake,
)
from poco.services.orderbook.facts import FactKind, Facts
from poco.services.orderbook.judgement import ASSETS, NAMES, request_fault
from poco.services.orderbook.records import stored_order
from poco.services.orderbook.refusals import RefusedError, invalid, refused
from poco.services.orderbook.shapes import count_opened
from poco.services.orderbook.tables import groups, orders, shapes, tag_words

__all__ = ["Submission", "order_row", "publish", "read_order", "restrictions"]

_stored = select(orders.c.hash, orders.c.status, orders.c.published).where(
    orders.c.hash.in_(bindparam("hashes", expanding=True))
)
_open = (
    select(shapes.c.signer, shapes.c.kind, func.sum(shapes.c.open).label("open"))
    .where(shapes.c.signer.in_(bindparam("signers", expanding=True)))
    .group_by(shapes.c.signer, shapes.c.kind)
)


@dataclass(frozen=True, slots=True)
class Submission:
    """An order that its signer wants to publish.

    Args:
        order: the order.
        hash: its hash for the hub, 0x-hex.
        author: who asks.
        signed: whether the author stands behind it.
        presigned: whether only because of a presignature on chain.
        groups: contracts that the order may name as groups.
    """

    order: AnyOrder
    hash: str
    author: ChecksumAddress
    signed: bool
    presigned: bool = False
    groups: tuple[ChecksumAddress, ...] = ()


def read_order(kind: OrderKind, document: object) -> AnyOrder:
    """Read the order of a request.

    Raises:
        RefusedError: 400, it breaks the schema.
    """
    if document is None:
        raise invalid("order is a required field")
    try:
        order = ORDER_CLASSES[kind].from_json(document)
        order.to_json(numbers=True)
    except UserInputError as error:
        raise invalid(str(error)) from None
    if order.volume < 1:
        raise invalid("order.volume must be greater than or equal to 1")
    if isinstance(order, RequestOrder) and len(order.params.encode()) > MAX_PARAMS_BYTES:
        raise invalid(f"order.params must have at most {MAX_PARAMS_BYTES} bytes")
    return order


def publish(
    database: Database,
    connection: Connection,
    submissions: Sequence[Submission],
    *,
    now: int,
    max_open: int,
) -> list[Any]:
    """Publish orders.

    Args:
        database: of the book.
        connection: a transaction in which nobody else changes the book.
        submissions: the orders.
        now: milliseconds since 1970.
        max_open: open orders that a signer may have, per kind.

    Returns:
        For each order its row, or the `RefusedError` that says why not.
    """
    batch = _Batch(connection, submissions, max_open)
    results: list[Any] = [None] * len(submissions)
    for requests in (False, True):  # which may need the other orders
        for place, submission in enumerate(submissions):
            if (submission.order.kind == OrderKind.REQUEST) == requests:
                try:
                    results[place] = batch.add(submission, now)
                except RefusedError as error:
                    results[place] = error
        batch.flush()
    named = {group for submission in submissions for group in submission.groups}
    for address in sorted(named):
        connection.execute(upsert(database, groups, {"address": address}))
    return results


class _Batch:
    """Orders that are checked and written together."""

    def __init__(
        self, connection: Connection, submissions: Sequence[Submission], max_open: int
    ) -> None:
        self._connection = connection
        self._max_open = max_open
        self._facts = Facts(connection)
        self._facts.load(
            fact
            for found in submissions
            for fact in (
                (FactKind.CONSUMED, found.hash),
                (FactKind.CLOSED, found.hash),
                (FactKind.PRESIGNED, found.hash),
                (FactKind.STAKE, found.author),
                (FactKind.OWNER, getattr(found.order, NAMES[found.order.kind])),
            )
        )
        hashes = {"hashes": [found.hash for found in submissions]}
        self._stored: dict[str, Any] = {
            row.hash: row for row in connection.execute(_stored, hashes)
        }
        signers = {"signers": list({found.author for found in submissions})}
        self._open = Counter(
            {(row.signer, row.kind): int(row.open) for row in connection.execute(_open, signers)}
        )
        self._new: list[dict[str, Any]] = []

    def add(self, submission: Submission, now: int) -> Any:
        """Check an order and keep it for `flush`."""
        stored = self._stored.get(submission.hash)
        if stored is not None and stored.status != "dead":
            raise refused("order already published")
        self._check_authority(submission)
        kind, author = submission.order.kind, submission.author
        if self._open[author, kind] >= self._max_open:
            raise refused(
                f"maximum of {self._max_open} published open {kind} has been reached for "
                f"wallet {author}"
            )
        remaining = submission.order.volume - self._facts.consumed(submission.hash)
        if remaining <= 0 or self._facts.is_closed(submission.hash):
            raise refused("order already consumed")
        published = now if stored is None else stored.published
        values = order_row(submission, remaining, published)
        row = SimpleNamespace(**values)
        self._check_stake(row)
        if kind == OrderKind.REQUEST:
            fault = request_fault(self._connection, row)
            if fault is not None:
                raise refused(fault)
        if stored is None:
            self._new.append(values)
        else:
            (values["shape"],) = count_opened(self._connection, [values])
            here = orders.c.hash == submission.hash
            self._connection.execute(update(orders).where(here).values(values))
        self._stored[submission.hash] = row
        self._open[author, kind] += 1
        return row

    def flush(self) -> None:
        """Write the new orders."""
        if self._new:
            numbers = count_opened(self._connection, self._new)
            rows = zip(self._new, numbers, strict=True)
            self._connection.execute(
                insert(orders), [values | {"shape": number} for values, number in rows]
            )
            self._new = []

    def _check_authority(self, submission: Submission) -> None:
        order, author = submission.order, submission.author
        signer: str | None
        if isinstance(order, RequestOrder):
            signer = order.requester
        else:
            asset = ASSETS[order.kind]
            signer = self._facts.owner(asset, getattr(order, asset))
            if signer is None:
                raise refused("Resource not deployed")
        if signer != author:
            raise refused(f"only order signer {signer} can publish an order")
        is_dropped = submission.presigned and not self._facts.is_presigned(submission.hash)
        if is_dropped or not submission.signed:
            raise refused("invalid sign")

    def _check_stake(self, row: Any) -> None:
        needed = row.stake * row.remaining
        if self._facts.stake(row.signer) >= needed:
            return
        if row.kind == OrderKind.WORKERPOOL:
            raise refused("workerpool owner's stake is too low to cover required workerpool lock")
        raise refused(
            "requester stake is too low to cover requestorder payment, minimum stake required "
            f"is {needed} nRLC"
        )


def restrictions(order: AnyOrder) -> set[ChecksumAddress]:
    """Return the addresses that an order restricts the other sides to."""
    names = [f"{asset}restrict" for asset in (*Asset, "requester")]
    found = {getattr(order, name, ZERO_ADDRESS) for name in names}
    if isinstance(order, RequestOrder):
        found.add(order.workerpool)
    return found - {ZERO_ADDRESS}


def order_row(submission: Submission, remaining: int, published: int) -> dict[str, Any]:
    """Return the row of an open order; see `tables.orders`."""
    order = submission.order
    row: dict[str, Any] = {
        "hash": submission.hash,
        "kind": str(order.kind),
        "signer": submission.author,
        "volume": order.volume,
        "remaining": remaining,
        "presigned": submission.presigned,
        "status": "open",
        "published": published,
        "dead_since": None,
        "document": stored_order(order),
        **dict.fromkeys(("beneficiary", "appmaxprice", "datasetmaxprice", "category", "trust")),
        **tag_words(order.tag),
    }
    match order:
        case RequestOrder():
            limits = (order.appmaxprice, order.datasetmaxprice, order.workerpoolmaxprice)
            sides = (order.app, order.dataset, order.workerpool, order.requester)
            row |= {
                "price": order.workerpoolmaxprice,
                "stake": sum(limits),
                "appmaxprice": order.appmaxprice,
                "datasetmaxprice": order.datasetmaxprice,
                "beneficiary": order.beneficiary,
            }
        case AppOrder():
            sides = (
                order.app,
                order.datasetrestrict,
                order.workerpoolrestrict,
                order.requesterrestrict,
            )
            row |= {"price": order.appprice, "stake": 0}
        case DatasetOrder():
            sides = (
                order.apprestrict,
                order.dataset,
                order.workerpoolrestrict,
                order.requesterrestrict,
            )
            row |= {"price": order.datasetprice, "stake": 0}
        case WorkerpoolOrder():
            sides = (
                order.apprestrict,
                order.datasetrestrict,
                order.workerpool,
                order.requesterrestrict,
            )
            price = order.workerpoolprice
            row |= {"price": price, "stake": scheduler_stake(price, 1)}
    if isinstance(order, RequestOrder | WorkerpoolOrder):
        row |= {"category": order.category, "trust": order.trust}
    row |= dict(zip(("app", "dataset", "workerpool", "requester"), sides, strict=True))
    row["rank"] = -row["price"] if order.kind == OrderKind.REQUEST else row["price"]
    return row
