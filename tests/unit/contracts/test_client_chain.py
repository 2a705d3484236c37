"""The connection: a node that fails, a contract that reverts, and ranges of logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from web3.providers import JSONBaseProvider

from poco.contracts import Chain
from poco.errors import ChainError, ConfigurationError, ContractError

HUB = "0x00000000000000000000000000000000DeaDBeef"


class Node(JSONBaseProvider):
    """A node that answers as a test says."""

    def __init__(self, answer: Callable[[str, Any], Any], *, has_batches: bool = True) -> None:
        super().__init__()
        self.answer = answer
        self.has_batches = has_batches
        self.asked: list[tuple[str, Any]] = []

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked.append((method, params))
        found = self.answer(method, params)
        key = "error" if isinstance(found, dict) and "message" in found else "result"
        return {"jsonrpc": "2.0", "id": 1, key: found}

    def make_batch_request(self, batch_requests: Sequence[tuple[Any, Any]]) -> Any:
        if not self.has_batches:
            return {"jsonrpc": "2.0", "id": None, "error": {"message": "no batches"}}
        return [self.make_request(method, params) for method, params in batch_requests]


def chain_of(answer: Callable[[str, Any], Any], **options: Any) -> Chain:
    return Chain(Node(answer, **options), "test://node", 1)


def refusing(error: dict[str, Any]) -> Chain:
    return chain_of(lambda method, params: error)


def test_connect__nobody_listens__names_the_url_soon() -> None:
    began = time.perf_counter()
    with pytest.raises(ChainError, match=r"127\.0\.0\.1:9.*does not answer"):
        Chain.connect("http://127.0.0.1:9")
    assert time.perf_counter() - began < 20


def test_request__answer_is_no_json_rpc__is_an_error() -> None:
    class WebServer(Node):
        def make_request(self, method: Any, params: Any) -> Any:
            return {"status": "ok"}

    with pytest.raises(ChainError, match="no JSON-RPC"):
        Chain(WebServer(lambda method, params: None), "test://web", 1).block_number()


@pytest.mark.parametrize("url", ["localhost:8545", "ftp://node", ""])
def test_connect__unknown_scheme__names_the_known_ones(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://"):
        Chain.connect(url)


def test_connect__reads_the_chain_id(anvil: str) -> None:
    assert Chain.connect(anvil).chain_id == 31337


def test_call__custom_error__is_decoded() -> None:
    data = "0x" + "4a7f394f".rjust(8, "0")
    with pytest.raises(ContractError) as caught:
        refusing({"code": 3, "message": "execution reverted", "data": data}).call(HUB, b"")
    assert caught.value.name == "Unknown"
    assert caught.value.arguments == {"data": data}


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted", "data": "0x"},
        {"code": -32000, "message": "execution reverted"},
        {"code": -32603, "message": "EVM error OutOfGas"},
        {"code": -32000, "message": "invalid opcode: INVALID"},
        {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x"},
    ],
)
def test_call__execution_fails_without_data__is_a_revert(error: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="Reverted"):
        refusing(error).call(HUB, b"")


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32005, "message": "limit exceeded"},
        {"code": -32000, "message": "header not found"},
        {"code": -32601, "message": "the method eth_call does not exist"},
        {"code": -32603, "message": "Internal error"},
    ],
)
def test_call__node_fails__is_no_revert(error: dict[str, Any]) -> None:
    with pytest.raises(ChainError) as caught:
        refusing(error).call(HUB, b"")
    assert not isinstance(caught.value, ContractError)


def test_call__nested_revert_data__is_found() -> None:
    panic = "0x4e487b71" + f"{0x11:064x}"
    error = {"code": -32603, "message": "failed", "data": {"data": panic}}
    with pytest.raises(ContractError) as caught:
        refusing(error).call(HUB, b"")
    assert (caught.value.name, caught.value.arguments) == ("Panic", {"code": "0x11"})


def test_batch__node_without_batches__is_asked_one_by_one() -> None:
    chain = chain_of(lambda method, params: params[0], has_batches=False)
    assert chain.batch([("a", ("0x1",)), ("b", ("0x2",))]) == ["0x1", "0x2"]


def test_batch__many__is_split() -> None:
    chain = chain_of(lambda method, params: params[0])
    assert chain.batch([("a", (number,)) for number in range(250)]) == list(range(250))


def _limited(limit: int) -> Chain:
    def answer(method: str, params: Any) -> Any:
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        if last - first + 1 > limit:
            return {"code": -32005, "message": "range is too large"}
        return [{"block": block} for block in range(first, last + 1)]

    return chain_of(answer)


@pytest.mark.parametrize("limit", [1, 7, 10_000])
def test_logs__node_limits_the_range__reads_all_in_order(limit: int) -> None:
    found = list(_limited(limit).logs([HUB], [], 5, 105))
    assert [log["block"] for log in found] == list(range(5, 106))


def test_logs__one_block_refused__is_an_error() -> None:
    with pytest.raises(ChainError, match="too large"):
        list(_limited(0).logs([HUB], [], 5, 6))


def test_timestamp__unknown_block__is_an_error() -> None:
    with pytest.raises(ChainError, match="block = 9"):
        chain_of(lambda method, params: None).timestamp(block=9)
