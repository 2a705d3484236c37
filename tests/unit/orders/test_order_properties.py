"""Any order survives JSON and ABI, and hashes as eth_account hashes its typed data."""

from __future__ import annotations

import json
from typing import Any

from eth_abi.abi import decode, encode
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from poco.orders import (
    ORDER_CLASSES,
    AnyOrder,
    Domain,
    OrderAction,
    OrderOperation,
    Tag,
    checked_address,
    operation_hash,
    operation_typed_data,
    order_hash,
    order_typed_data,
    type_string,
)

addresses = st.binary(min_size=20, max_size=20).map(
    lambda raw: checked_address("drawn", f"0x{raw.hex()}")
)
numbers = st.one_of(st.integers(0, 2**256 - 1), st.sampled_from([0, 1, 2**53, 2**256 - 1]))
words = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(exclude_categories=["Cs"]))
domains = st.builds(Domain, numbers, addresses)


def members(order_class: type[AnyOrder]) -> list[tuple[str, str]]:
    inner = type_string(order_class).split("(")[1].removesuffix(")")
    return [(name, abi) for abi, name in (member.split(" ") for member in inner.split(","))]


def orders_of(order_class: type[AnyOrder]) -> st.SearchStrategy[Any]:
    drawn = {"address": addresses, "uint256": numbers, "bytes32": words, "string": texts}
    values = {name: drawn[abi] for name, abi in members(order_class)}
    values |= {"tag": numbers.map(Tag), "sign": st.binary(max_size=70)}
    return st.builds(order_class, **values)


orders = st.one_of([orders_of(order_class) for order_class in ORDER_CLASSES.values()])


@given(order=orders)
def test_json__round_trip__is_the_same_order(order: AnyOrder) -> None:
    assert type(order).from_json(json.loads(json.dumps(order.to_json()))) == order


@given(order=orders)
def test_abi__round_trip_through_bytes__is_the_same_order(order: AnyOrder) -> None:
    signature = f"({','.join(abi for _, abi in members(type(order)))},bytes)"
    (values,) = decode([signature], encode([signature], [order.to_abi()]))
    assert type(order).from_abi(values) == order


@given(order=orders, domain=domains)
def test_order_hash__any_order__is_that_of_eth_account(order: AnyOrder, domain: Domain) -> None:
    message = encode_typed_data(full_message=order_typed_data(order, domain))
    assert order_hash(order, domain) == _hash_eip191_message(message)


@given(order=orders, action=st.sampled_from(OrderAction), domain=domains)
def test_operation_hash__any_operation__is_that_of_eth_account(
    order: AnyOrder, action: OrderAction, domain: Domain
) -> None:
    operation = OrderOperation(order, action)
    message = encode_typed_data(full_message=operation_typed_data(operation, domain))
    assert operation_hash(operation, domain) == _hash_eip191_message(message)


@given(order=orders, domain=domains, sign=st.binary(max_size=70))
def test_order_hash__does_not_depend_on_the_signature(
    order: Any, domain: Domain, sign: bytes
) -> None:
    resigned = type(order).from_json(order.to_json() | {"sign": f"0x{sign.hex()}"})
    assert order_hash(resigned, domain) == order_hash(order, domain)
