"""orders.json: the last signed order of each kind, by chain (spec sdk §1.1).

Documents are parsed JSON; no file is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from poco.errors import UserInputError
from poco.orders.model import (
    ORDER_CLASSES,
    AnyOrder,
    AppOrder,
    DatasetOrder,
    OrderKind,
    RequestOrder,
    WorkerpoolOrder,
)

__all__ = ["OrdersByKind", "read_orders", "with_orders"]


class OrdersByKind(TypedDict, total=False):
    """Orders by the name of their kind; a kind without order is absent."""

    apporder: AppOrder
    datasetorder: DatasetOrder
    workerpoolorder: WorkerpoolOrder
    requestorder: RequestOrder


def read_orders(document: object, chain_id: int) -> OrdersByKind:
    """Read the orders of one chain.

    Args:
        document: the content of orders.json.
        chain_id: EIP-155 id of the chain.

    Returns:
        The orders; none when the document does not know the chain.

    Raises:
        UserInputError: the document has another shape, or an order is malformed.
    """
    entries = _entries(_object(document, "orders.json"), chain_id)
    orders: dict[str, AnyOrder] = {}
    for kind, entry in entries.items():
        if kind not in ORDER_CLASSES:
            raise UserInputError(
                "no such kind of order",
                field=f"orders.json.{chain_id}",
                value=kind,
                remedy=f"kinds are {', '.join(ORDER_CLASSES)}",
            )
        orders[kind] = ORDER_CLASSES[OrderKind(kind)].from_json(entry)
    return cast("OrdersByKind", orders)


def with_orders(document: object, chain_id: int, *orders: AnyOrder) -> dict[str, Any]:
    """Return a copy of an orders.json in which `orders` replace those of their kind and chain.

    Raises:
        UserInputError: the document has another shape.
    """
    content = _object(document, "orders.json")
    entries = dict(_entries(content, chain_id)) | {str(o.kind): o.to_json() for o in orders}
    return {**content, str(chain_id): entries}


def _entries(document: Mapping[str, Any], chain_id: int) -> Mapping[str, Any]:
    return _object(document.get(str(chain_id), {}), f"orders.json.{chain_id}")


def _object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserInputError(
            "a JSON object is needed",
            field=field,
            value=value,
            remedy='the form is {"<chain id>": {"apporder": {...}, ...}}',
        )
    return value
