"""Orders out of JSON: orders.json, a single order, or one as the order book returns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from poco.errors import UserInputError
from poco.orders import ORDER_CLASSES, AnyOrder, OrderKind, OrdersByKind, read_orders

__all__ = ["orders_in"]

_MARKS = {
    "appmaxprice": OrderKind.REQUEST,
    "workerpoolprice": OrderKind.WORKERPOOL,
    "datasetprice": OrderKind.DATASET,
    "appprice": OrderKind.APP,
}
"""A field that no other kind of order has."""


def orders_in(document: object, chain_id: int | None, *, name: str) -> OrdersByKind:
    """Return the orders of a document.

    Args:
        document: parsed JSON: an order, an order under ``order`` as in the market API, orders by
            kind, or orders by kind under chain ids as in orders.json.
        chain_id: whose orders to take of an orders.json; None takes the only chain.
        name: of the file, for messages.

    Raises:
        UserInputError: there is no order, or one is malformed.
    """
    if not isinstance(document, Mapping):
        raise _nothing(name, "it must hold a JSON object")
    if (kind := _kind(document)) is not None:
        return _by_kind(ORDER_CLASSES[kind].from_json(document))
    if isinstance(document.get("order"), Mapping):
        return orders_in(document["order"], chain_id, name=name)
    if found := {kind: document[kind] for kind in ORDER_CLASSES if kind in document}:
        orders = (ORDER_CLASSES[kind].from_json(entry) for kind, entry in found.items())
        return _by_kind(*orders)
    chains = [key for key in document if str(key).isdecimal()]
    if chain_id is None and len(chains) == 1:
        chain_id = int(chains[0])
    if not chains:
        raise _nothing(name, "it has neither orders nor chain ids with orders")
    orders_of_chain = read_orders(document, chain_id) if chain_id is not None else {}
    if not orders_of_chain:
        told = ", ".join(map(str, chains))
        raise _nothing(name, f"it must hold orders of chain {chain_id}; it has chains: {told}")
    return orders_of_chain


def _kind(document: Mapping[object, object]) -> OrderKind | None:
    return next((kind for mark, kind in _MARKS.items() if mark in document), None)


def _by_kind(*orders: AnyOrder) -> OrdersByKind:
    return cast("OrdersByKind", {str(order.kind): order for order in orders})


def _nothing(name: str, rule: str) -> UserInputError:
    return UserInputError(
        f"there is no order in it: {rule}",
        field="file",
        value=name,
        remedy="give an orders.json, which `poco order sign` writes, or a file with one order",
    )
