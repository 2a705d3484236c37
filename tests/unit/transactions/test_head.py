"""The end of the chain, as nodes of different kinds tell it."""

from __future__ import annotations

from typing import Any

import pytest
from web3.providers import JSONBaseProvider

from poco.contracts import Chain
from poco.errors import ChainError
from poco.transactions.fees import Price
from poco.transactions.head import Head, read_head

SENDER = "0x00000000000000000000000000000000DeaDBeef"
BLOCK = {"number": "0x7", "hash": "0xab", "timestamp": "0x64", "baseFeePerGas": "0xa"}
LEGACY = {name: value for name, value in BLOCK.items() if name != "baseFeePerGas"}


class Node(JSONBaseProvider):
    """A node that knows some methods, and refuses the others."""

    def __init__(self, **known: Any) -> None:
        super().__init__()
        self.known = {"eth_getTransactionCount": "0x3"} | known

    def make_request(self, method: Any, params: Any) -> Any:
        if method in self.known:
            return {"jsonrpc": "2.0", "id": 1, "result": self.known[method]}
        error = {"code": -32601, "message": f"{method} does not exist"}
        return {"jsonrpc": "2.0", "id": 1, "error": error}

    def make_batch_request(self, batch_requests: Any) -> Any:
        return [self.make_request(method, params) for method, params in batch_requests]


def head_of(**known: Any) -> Head:
    return read_head(Chain(Node(**known), "test://node", 1), SENDER)


def test_read_head__base_fee_and_tip__offers_twice_the_base_and_the_tip() -> None:
    head = head_of(eth_getBlockByNumber=BLOCK, eth_maxPriorityFeePerGas="0x2", eth_gasPrice="0xff")
    assert head == Head(7, "0xab", 100, 10, 3, 3, Price(22, 2))


def test_read_head__node_suggests_no_tip__takes_what_the_price_holds_of_it() -> None:
    head = head_of(eth_getBlockByNumber=BLOCK, eth_gasPrice="0xd")
    assert head.market == Price(23, 3)


def test_read_head__no_base_fee__offers_the_price() -> None:
    head = head_of(eth_getBlockByNumber=LEGACY, eth_gasPrice="0xd")
    assert (head.market, head.base_fee) == (Price(13, None), 0)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({}, "eth_getBlockByNumber does not exist"),
        ({"eth_getBlockByNumber": BLOCK}, "eth_gasPrice does not exist"),
        ({"eth_getBlockByNumber": None}, "must know its latest block"),
    ],
)
def test_read_head__node_knows_too_little__is_an_error(known: dict[str, Any], message: str) -> None:
    with pytest.raises(ChainError, match=message):
        head_of(**known)
