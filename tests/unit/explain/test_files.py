"""Orders out of the shapes in which people have them."""

from __future__ import annotations

from typing import Any

import pytest
from explain_stage import Fair

from poco.errors import UserInputError
from poco.explain.files import orders_in

ORDERS = Fair().orders
JSON = {kind: order.to_json() for kind, order in ORDERS.items()}


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("shape", ["alone", "as the order book returns it", "by kind"])
def test_orders_in__one_order__is_found_in_each_shape(kind: str, shape: str) -> None:
    document = {
        "alone": JSON[kind],
        "as the order book returns it": {"orderHash": "0x", "order": JSON[kind]},
        "by kind": {kind: JSON[kind]},
    }[shape]
    assert orders_in(document, 31337, name="order.json") == {kind: ORDERS[kind]}


@pytest.mark.parametrize("chain_id", [31337, None])
def test_orders_in__orders_json__gives_those_of_the_chain(chain_id: int | None) -> None:
    assert orders_in({"31337": JSON}, chain_id, name="orders.json") == ORDERS


@pytest.mark.parametrize(
    ("document", "chain_id", "words"),
    [
        ([], 1, "must hold a JSON object"),
        ({}, 1, "neither orders nor chain ids"),
        ({"31337": JSON}, 1, "orders of chain 1; it has chains: 31337"),
        ({"31337": JSON, "1": {}}, None, "it has chains: 31337, 1"),
        ({"31337": 5}, 31337, "a JSON object is needed"),
        ({"appprice": 1}, 1, "the field is missing"),
    ],
)
def test_orders_in__no_order__says_what_is_there(document: Any, chain_id: int, words: str) -> None:
    with pytest.raises(UserInputError, match=words):
        orders_in(document, chain_id, name="orders.json")
