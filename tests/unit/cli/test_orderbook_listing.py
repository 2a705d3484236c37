"""Lists of orders, in terminals of any width."""

from __future__ import annotations

from poco.cli.orderbook import listing
from poco.orders import ZERO_ADDRESS

ROWS = [
    {"orderHash": "0xaa", "price": 1, "app": ZERO_ADDRESS, "tag": "0x" + "0" * 63 + "9"},
    {"orderHash": "0xbb", "price": 10, "app": ZERO_ADDRESS, "tag": "0x" + "0" * 64},
]
TABLE = [
    "orderHash  price  tag",
    "0xaa       1      tee,tdx",
    "0xbb       10     none",
]


def test_listing__room_enough__is_a_table():
    assert listing(ROWS, None) == TABLE
    assert listing(ROWS, len(TABLE[1])) == TABLE


def test_listing__narrow_terminal__has_the_fields_below_each_other():
    assert listing(ROWS, len(TABLE[1]) - 1) == [
        "orderHash: 0xaa\nprice:     1\ntag:       tee,tdx\n",
        "orderHash: 0xbb\nprice:     10\ntag:       none\n",
    ]


def test_listing__no_orders__is_empty():
    assert listing([], 10) == []
