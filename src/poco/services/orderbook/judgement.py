"""What becomes of published orders when the chain or other orders change (spec sdk §3.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, select, update

from poco.orders import ZERO_ADDRESS, Asset, OrderKind
from poco.services.orderbook.facts import Fact, FactKind, Facts
from poco.services.orderbook.shapes import admits, count_closed, count_opened, shaped
from poco.services.orderbook.tables import TAG_WORDS, orders, shapes

__all__ = ["ASSETS", "NAMES", "Change", "bury_requests", "judge", "judge_all", "request_fault"]

ASSETS = {
    OrderKind.APP: Asset.APP,
    OrderKind.DATASET: Asset.DATASET,
    OrderKind.WORKERPOOL: Asset.WORKERPOOL,
}
"""What the kinds of offers sell."""

NAMES = {kind: str(asset) for kind, asset in ASSETS.items()} | {OrderKind.REQUEST: "requester"}
"""Where orders of each kind name what is their signer's."""

_CHUNK = 400
_OF_ORDERS = (FactKind.CONSUMED, FactKind.CLOSED, FactKind.PRESIGNED)


_SIDES = ("app", "dataset", "workerpool", "requester")


def _cheapest(kind: OrderKind) -> Select[Any]:
    """Return the query for the best price of an asset, given the sides and `flags`."""
    asset = ASSETS[kind]
    enclave = shapes.c[TAG_WORDS[0]].op("&")(bindparam("flags")) == bindparam("flags")
    suitable = [
        admits(shapes.c[name], (ZERO_ADDRESS, bindparam(name))) for name in _SIDES if name != asset
    ]
    where = and_(shapes.c.kind == kind, shapes.c[asset] == bindparam(asset), enclave, *suitable)
    return select(func.min(orders.c.price)).where(shaped(where))


_CHEAPEST = {kind: _cheapest(kind) for kind in (OrderKind.APP, OrderKind.DATASET)}


@dataclass(frozen=True, slots=True)
class Change:
    """An order that is not what it was.

    Args:
        kind: of the order.
        hash: of the order, 0x-hex.
        gone: whether it was open and is no more.
    """

    kind: OrderKind
    hash: str
    gone: bool


def _required_facts(row: Any) -> list[Fact]:
    """Return the facts that an order's status depends on."""
    needed: list[Fact] = [
        (FactKind.CONSUMED, row.hash),
        (FactKind.CLOSED, row.hash),
        (FactKind.STAKE, row.signer),
    ]
    if row.kind in ASSETS:
        needed.append((FactKind.OWNER, getattr(row, ASSETS[row.kind])))
    if row.presigned:
        needed.append((FactKind.PRESIGNED, row.hash))
    return needed


def judge(
    connection: Connection, facts: Facts, changed: Iterable[Fact], block: int, *, undone: bool
) -> list[Change]:
    """Bring the orders that facts concern to the state they have now, and those that need them.

    Args:
        connection: of the database.
        facts: of the chain after the block.
        changed: which facts are new.
        block: the block.
        undone: whether later blocks were undone: orders that died in them live again.

    Returns:
        The orders that changed.
    """
    rows = _concerned(connection, changed, block, undone=undone)
    return _judge_rows(connection, facts, rows, block)


def judge_all(connection: Connection, facts: Facts, block: int) -> list[Change]:
    """Do what `judge` does for all orders, after facts changed that nobody has counted."""
    return _judge_rows(connection, facts, connection.execute(select(orders)).all(), block)


def _judge_rows(
    connection: Connection, facts: Facts, rows: Iterable[Row[Any]], block: int
) -> list[Change]:
    changes: list[Change] = []
    touched: set[tuple[str, str]] = set()
    # What a request needs is judged before it.
    for row in sorted(rows, key=lambda row: bool(row.kind == OrderKind.REQUEST)):
        facts.load(_required_facts(row))
        change = _judge_one(connection, facts, row, block)
        if change is None:
            continue
        changes.append(change)
        if row.kind in (OrderKind.APP, OrderKind.DATASET):
            touched.add((row.kind, getattr(row, ASSETS[row.kind])))
    changes += bury_requests(connection, touched, block)
    return changes


def bury_requests(
    connection: Connection, touched: Iterable[tuple[str, str]], block: int
) -> list[Change]:
    """Mark request orders as dead whose last app or dataset order is gone.

    Args:
        connection: of the database.
        touched: kind and asset of the orders that changed.
        block: when they did.
    """
    changes = []
    for kind, asset in touched:
        column = orders.c.app if kind == OrderKind.APP else orders.c.dataset
        query = select(orders).where(
            orders.c.kind == OrderKind.REQUEST, orders.c.status == "open", column == asset
        )
        for row in connection.execute(query).all():
            if request_fault(connection, row) is not None:
                _store(connection, row, row.remaining, "dead", block)
                changes.append(Change(OrderKind.REQUEST, row.hash, gone=True))
    return changes


def request_fault(connection: Connection, row: Any) -> str | None:
    """Return why no open app or dataset order serves a request order; None when one does.

    Args:
        connection: of the database.
        row: the request order, as a row of `orders`; `document` may be missing.
    """
    tee = bool(row.tag_0 & 1)
    needs = [(OrderKind.APP, row.app, row.appmaxprice, tee)]
    if row.dataset != ZERO_ADDRESS:
        needs.append((OrderKind.DATASET, row.dataset, row.datasetmaxprice, False))
    for kind, asset, limit, enclave in needs:
        name = ASSETS[kind]
        best = _best_price(connection, kind, row, enclave=enclave)
        if best is None:
            return f"No {'tee enabled ' if enclave else ''}{kind} published for {name} {asset}"
        if best > limit:
            return f"{name}maxprice for {name} {asset} is too low, actual best price is {best} nRLC"
    return None


def _best_price(connection: Connection, kind: OrderKind, row: Any, *, enclave: bool) -> int | None:
    """Return the price of the cheapest open order that admits a request; None without one."""
    sides = {name: getattr(row, name) for name in _SIDES}
    return connection.execute(_CHEAPEST[kind], sides | {"flags": int(enclave)}).scalar()


def _concerned(
    connection: Connection, changed: Iterable[Fact], block: int, *, undone: bool
) -> list[Row[Any]]:
    """Return the orders that facts concern; each once."""
    keys: dict[str, list[str]] = {}
    for kind, key in changed:
        keys.setdefault("hash" if kind in _OF_ORDERS else kind, []).append(key)
    conditions = [
        condition
        for kind, found in keys.items()
        for begin in range(0, len(found), _CHUNK)
        for condition in _condition(kind, found[begin : begin + _CHUNK])
    ]
    if undone:
        conditions.append(orders.c.dead_since > block)
    found_rows: dict[str, Row[Any]] = {}
    for condition in conditions:
        query = select(orders).where(condition)
        found_rows.update((row.hash, row) for row in connection.execute(query))
    return list(found_rows.values())


def _condition(kind: str, keys: list[str]) -> list[Any]:
    table = orders.c
    if kind == "hash":
        return [table.hash.in_(keys)]
    if kind == FactKind.STAKE:
        return [table.signer.in_(keys) & (table.stake > 0)]
    return [(table.kind == order) & (table[asset].in_(keys)) for order, asset in ASSETS.items()]


def _judge_one(connection: Connection, facts: Facts, row: Row[Any], block: int) -> Change | None:
    remaining, status = _verdict(connection, facts, row, block)
    if (remaining, status) == (row.remaining, row.status):
        return None
    _store(connection, row, remaining, status, block)
    return Change(OrderKind(row.kind), row.hash, gone=row.status == "open" != status)


def _verdict(connection: Connection, facts: Facts, row: Row[Any], block: int) -> tuple[int, str]:
    if facts.is_closed(row.hash):
        return 0, "canceled"
    remaining = max(row.volume - facts.consumed(row.hash), 0)
    if remaining == 0:
        return 0, "filled"
    died_before = row.dead_since is not None and row.dead_since <= block
    if (row.status == "dead" and died_before) or _is_unfounded(connection, facts, row, remaining):
        return remaining, "dead"
    return remaining, "open"


def _is_unfounded(connection: Connection, facts: Facts, row: Row[Any], remaining: int) -> bool:
    """Return whether signer, signature or stake of an order are not what they must be."""
    if row.kind in ASSETS:
        asset = ASSETS[row.kind]
        if facts.owner(asset, getattr(row, asset)) != row.signer:
            return True
    if row.presigned and not facts.is_presigned(row.hash):
        return True
    if facts.stake(row.signer) < row.stake * remaining:
        return True
    return row.kind == OrderKind.REQUEST and request_fault(connection, row) is not None


def _store(connection: Connection, row: Row[Any], remaining: int, status: str, block: int) -> None:
    values: dict[str, Any] = {"remaining": remaining, "status": status}
    if status == "dead" and row.status != "dead":
        values["dead_since"] = block
    elif status == "open":
        values["dead_since"] = None
    if status == "open" != row.status:
        (values["shape"],) = count_opened(connection, [row._asdict()])
    elif row.status == "open" != status:
        count_closed(connection, [row.shape])
        values["shape"] = None
    connection.execute(update(orders).where(orders.c.hash == row.hash).values(values))
