"""Who reaches the chain of a local market: programs and pages of this machine, and those named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from fastapi import FastAPI
from support.anvil import start_anvil
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from poco.errors import UserInputError
from poco.local import StackSettings
from poco.local.gate import gate_app
from poco.local.guard import PageGuard
from poco.web import serving

CARD = f"0x{'07' * 20}"
STRANGER, FRIEND = "https://evil.example", "https://app.example"
RICHER = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [CARD, "0x7"]}
HEIGHT = {"jsonrpc": "2.0", "id": 5, "method": "eth_blockNumber", "params": []}


def guarded(node: str) -> FastAPI:
    app = gate_app(node)
    app.add_middleware(PageGuard, origins=(FRIEND,))
    return app


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="module")
def gate(node: str) -> Iterator[str]:
    with serving(guarded(node)) as url:
        yield url


def converse(url: str, origin: str | None, content: str | bytes) -> str | bytes:
    async def talk() -> str | bytes:
        async with connect(url.replace("http", "ws", 1), origin=origin) as line:  # type: ignore[arg-type]
            await line.send(content)
            return await line.recv()

    return asyncio.run(talk())


def test_gate__program_asks__has_the_answer_of_the_node(node: str, gate: str) -> None:
    for question in (HEIGHT, [HEIGHT, RICHER], {"id": 1}):
        said, expected = (httpx.post(url, json=question) for url in (gate, node))
        assert (said.status_code, said.json()) == (expected.status_code, expected.json())
    assert httpx.post(gate, content=b"{").json() == httpx.post(node, content=b"{").json()


@pytest.mark.parametrize("origin", [STRANGER, "null", "http://localhost.evil.example", ""])
def test_gate__page_of_a_stranger__changes_nothing(node: str, gate: str, origin: str) -> None:
    httpx.post(node, json=RICHER | {"params": [CARD, "0x0"]})
    refused = httpx.post(gate, json=RICHER, headers={"Origin": origin})
    assert refused.status_code == 403
    assert "--allow-origin" in refused.text
    with pytest.raises(InvalidStatus):
        converse(gate, origin, json.dumps(RICHER))
    balance = httpx.post(
        node, json=HEIGHT | {"method": "eth_getBalance", "params": [CARD, "latest"]}
    )
    assert balance.json()["result"] == "0x0"


@pytest.mark.parametrize(
    "origin", [FRIEND, "http://localhost:5173", "https://[::1]", "chrome-extension://nkbihfbeo"]
)
def test_gate__page_that_is_let_in__may_ask(gate: str, origin: str) -> None:
    wish = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = httpx.options(gate, headers={"Origin": origin} | wish)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "*"
    answer = httpx.post(gate, json=HEIGHT, headers={"Origin": origin})
    assert answer.json()["result"] == "0x0"
    assert json.loads(converse(gate, origin, json.dumps(HEIGHT)))["id"] == 5


def test_gate__program_converses__in_text_and_bytes(gate: str) -> None:
    for content in (json.dumps(HEIGHT), json.dumps(HEIGHT).encode()):
        assert json.loads(converse(gate, None, content))["result"] == "0x0"


def test_gate__node_ends__is_said_and_conversations_end() -> None:
    async def talk(url: str, end: Callable[[], None]) -> None:
        async with connect(url.replace("http", "ws", 1)) as line:
            await line.send(json.dumps(HEIGHT))
            await line.recv()
            end()
            await line.wait_closed()

    with ExitStack() as chain:
        node = chain.enter_context(start_anvil())
        with serving(gate_app(node)) as gate:
            asyncio.run(talk(gate, chain.close))
            answer = httpx.post(gate, json=HEIGHT)
            assert (answer.status_code, "does not answer" in answer.text) == (502, True)
            with pytest.raises(InvalidStatus):
                converse(gate, None, "{}")


def test_gate__too_much_is_asked__is_refused(gate: str) -> None:
    assert httpx.post(gate, content=b" " * (2 * 1024**2 + 1)).status_code == 413


def test_origins__any__lets_all_pages_in(node: str) -> None:
    app = gate_app(node)
    app.add_middleware(PageGuard, origins=("*",))
    with serving(app) as gate:
        answer = httpx.post(gate, json=HEIGHT, headers={"Origin": STRANGER})
        assert answer.json()["result"] == "0x0"


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "", "https://"])
def test_origin__malformed__is_named(origin: str) -> None:
    with pytest.raises(UserInputError, match=r"allow-origin = .*https://app\.example"):
        StackSettings(origins=(origin,))
