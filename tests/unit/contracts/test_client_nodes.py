"""Several nodes as one: failover, busy nodes, and nodes that are behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.anvil import account, start_anvil
from support.faulty_rpc import FaultyNode, faulty_rpc
from support.reorg import mine
from web3.providers import JSONBaseProvider

from poco.contracts import Call, Chain, EventReader, Wallet
from poco.contracts.chain import to_int
from poco.contracts.nodes import NodeLaggingError, NodePool
from poco.contracts.wallet import nothing
from poco.errors import ChainError, ConfigurationError, ContractError

NOWHERE = "http://user:geheim@127.0.0.1:9"
TARGET = "0x00000000000000000000000000000000DeaDBeef"


@pytest.fixture
def first(anvil: str) -> Iterator[FaultyNode]:
    with faulty_rpc(anvil) as node:
        yield node


@pytest.fixture
def second(anvil: str) -> Iterator[FaultyNode]:
    with faulty_rpc(anvil) as node:
        yield node


@pytest.fixture
def both(first: FaultyNode, second: FaultyNode) -> Chain:
    return Chain.connect(f"{first.url}, {second.url}")


class Scripted(JSONBaseProvider):
    """A node that answers what a test says, one after another; the last answer stays."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked = 0

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"jsonrpc": "2.0", "id": 1, **answer}


def pool(*nodes: Scripted) -> tuple[Chain, list[float]]:
    pauses: list[float] = []
    return Chain(NodePool(nodes, pause=pauses.append), "test://pool", 1), pauses


def busy(**headers: str) -> Exception:
    response = requests.Response()
    response.status_code = 429
    response.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
    return requests.HTTPError("429 Too Many Requests", response=response)


# FAILOVER


def test_request__first_node_is_down__second_answers(
    both: Chain, first: FaultyNode, second: FaultyNode
) -> None:
    first.down = True
    assert both.block_number() == both.block_number()
    assert second.methods == ["eth_blockNumber"] * 2


def test_connect__first_node_was_never_there__second_answers(anvil: str) -> None:
    assert Chain.connect(f"{NOWHERE},{anvil}").chain_id == 31337


def test_connect__no_node_answers__names_them_without_passwords() -> None:
    with pytest.raises(ChainError, match=r"127\.0\.0\.1:9,.*does not answer") as caught:
        Chain.connect(f"{NOWHERE},{NOWHERE}")
    assert "geheim" not in str(caught.value)


def test_connect__one_of_several_is_of_another_kind__is_refused() -> None:
    with pytest.raises(ConfigurationError, match="commas between") as caught:
        Chain.connect(f"{NOWHERE},ws://127.0.0.1:9")
    assert "geheim" not in str(caught.value)


def test_request__node_comes_back_within_the_pauses__is_an_answer() -> None:
    down = requests.ConnectionError("refused")
    chain, pauses = pool(Scripted(down, down, {"result": "0x5"}))
    assert chain.block_number() == 5
    assert pauses == [0.1, 0.2]


def test_request__all_stay_down__gives_up_after_four_rounds() -> None:
    nodes = [Scripted(requests.ConnectionError("refused")) for _ in range(2)]
    chain, pauses = pool(*nodes)
    with pytest.raises(ChainError, match="refused"):
        chain.block_number()
    assert [node.asked for node in nodes] == [4, 4]
    assert pauses == [0.1, 0.2, 0.4]


def test_request__refused_for_good__is_not_repeated() -> None:
    node = Scripted({"error": {"code": -32601, "message": "no such method"}})
    chain, pauses = pool(node, Scripted({"result": "0x5"}))
    with pytest.raises(ChainError, match="no such method"):
        chain.block_number()
    assert (node.asked, pauses) == (1, [])


# BUSY NODES


def test_request__node_answers_429__is_asked_again(anvil: str, first: FaultyNode) -> None:
    chain = Chain.connect(first.url)
    first.busy = 2
    assert chain.block_number() == Chain.connect(anvil).block_number()


@pytest.mark.parametrize(("asked", "taken"), [("2", 2.0), ("3600", 5.0), ("soon", 0.1)])
def test_request__node_says_when_to_return__waits_so_long(asked: str, taken: float) -> None:
    chain, pauses = pool(Scripted(busy(Retry_After=asked), {"result": "0x5"}))
    assert chain.block_number() == 5
    assert pauses == [taken]


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32029, "message": "slow down"},
        {"code": 429, "message": "credits"},
        {"code": -32005, "message": "daily request limit reached"},
    ],
)
def test_request__node_is_busy_in_json__is_asked_again(error: dict[str, Any]) -> None:
    chain, pauses = pool(Scripted({"error": error}, {"result": "0x5"}))
    assert chain.block_number() == 5
    assert pauses == [0.1]


def test_request__node_stays_busy__is_an_error_that_says_so() -> None:
    chain, _ = pool(Scripted({"error": {"code": -32029, "message": "slow down"}}))
    with pytest.raises(ChainError, match="slow down"):
        chain.block_number()


def test_request__error_is_a_mere_text__is_shown() -> None:
    chain, _ = pool(Scripted({"error": "it hurts"}))
    with pytest.raises(ChainError, match="it hurts"):
        chain.block_number()


# NODES THAT ARE BEHIND


def test_call__node_lacks_the_block__another_one_answers(both: Chain, first: FaultyNode) -> None:
    mine(both, 3)
    head = both.block_number()
    first.lag = 2
    assert both.balance(account(9).address, block=head) > 0


def test_call__every_node_lacks_the_block__is_an_error_at_once(first: FaultyNode) -> None:
    chain = Chain.connect(first.url)
    head = chain.block_number()
    first.lag = 2
    with pytest.raises(ChainError, match="header not found") as caught:
        chain.call(TARGET, b"", block=head)
    assert not isinstance(caught.value, ContractError)


def test_require_block__one_node_is_behind__goes_on_with_the_other(
    both: Chain, first: FaultyNode
) -> None:
    mine(both, 3)
    head = both.block_number()
    first.lag = 2
    assert both.require_block(head) == head
    assert both.block_number() == head


def test_require_block__all_are_behind__says_how_far(anvil: str) -> None:
    chain = Chain.connect(anvil)
    head = chain.block_number()
    with pytest.raises(NodeLaggingError, match=f"block {head + 1} must.* is at {head}"):
        chain.require_block(head + 1)


def test_require_fresh__one_node_has_old_blocks__goes_on_with_the_other(
    both: Chain, first: FaultyNode
) -> None:
    both.request("evm_increaseTime", 1000)
    mine(both)
    now = both.timestamp()
    first.lag = 1
    assert both.require_fresh(60, clock=lambda: now + 30) == now
    with pytest.raises(NodeLaggingError, match="younger than 60 s"):
        both.require_fresh(60, clock=lambda: now + 61)


def test_require_block__one_node_without_pool__is_asked_once() -> None:
    node = Scripted({"result": "0x5"})
    with pytest.raises(NodeLaggingError):
        Chain(node, "test://node", 1).require_block(6)
    assert node.asked == 1


# WRITING


def test_broadcast__answer_is_lost__is_not_repeated(anvil: str) -> None:
    wallet = Wallet(Chain.connect(anvil), account(8), EventReader(()))
    signed = wallet.sign(Call("payment", TARGET, b"", nothing, value=1))
    with faulty_rpc(anvil) as node:
        chain = Chain.connect(node.url)
        node.lose_answers = 1
        with pytest.raises(ChainError):
            chain.broadcast(signed.raw)
        assert len(node.sent) == 1
    assert wallet.wait(signed).gas_used == 21_000


def test_broadcast__node_knows_it_already__is_no_error() -> None:
    with start_anvil("--no-mining") as url:
        wallet = Wallet(Chain.connect(url), account(0), EventReader(()))
        signed = wallet.sign(Call("payment", TARGET, b"", nothing, value=1))
        for _ in range(2):
            assert wallet.chain.broadcast(signed.raw) == signed.transaction_hash


def test_broadcast__node_does_not_take_it__is_an_error(anvil: str) -> None:
    with pytest.raises(ChainError, match="refused eth_sendRawTransaction"):
        Chain.connect(anvil).broadcast(b"\x02\xc0")


# BATCHES


def test_outcomes__some_fail__each_has_its_own(anvil: str) -> None:
    chain = Chain.connect(anvil)
    chain.request("anvil_setCode", TARGET, "0x60006000fd")
    try:
        number, revert, refusal = chain.outcomes(
            [
                ("eth_blockNumber", ()),
                ("eth_call", ({"to": TARGET}, "latest")),
                ("eth_noSuchThing", ()),
            ]
        )
    finally:
        chain.request("anvil_setCode", TARGET, "0x")
    assert to_int(number) == chain.block_number()
    assert isinstance(revert, ContractError)
    assert isinstance(refusal, ChainError)
    assert not isinstance(refusal, ContractError)


@pytest.mark.parametrize("fault", ["down", "busy"])
def test_batch__first_node_fails__second_answers(
    fault: str, both: Chain, first: FaultyNode
) -> None:
    setattr(first, fault, 1)
    head = both.block_number()
    assert [to_int(one) for one in both.batch([("eth_blockNumber", ())] * 3)] == [head] * 3
