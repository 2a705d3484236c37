"""`poco up`: a whole market on this machine, bought from with the unmodified official client."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import wasmtime
from eth_account import Account
from support.official_client import OfficialClient
from up_stage import PATIENCE, Home, best_offer, buy_one, offers, purchase, settings, wait_for

from poco.contracts import AddressBook
from poco.errors import ConfigurationError
from poco.local import Ports, Stack, StackInfo
from poco.local.chain_copy import CHAIN, ChainCopy
from poco.local.info import ExampleApp
from poco.local.node import GENESIS
from poco.local.places import BOOK
from poco.local.settings import OPTIONAL

# THE OFFICIAL CLIENT


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A market on a machine without Docker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", "unix:///nowhere")
        with Stack(settings()) as running:
            yield running


def test_official_client__buys_the_example_app__with_the_document_alone(
    stack: Stack, tmp_path: Path
) -> None:
    info = stack.info
    iexec = OfficialClient(tmp_path / "project", stack.market)
    iexec.write("chain.json", info.chain_json())
    person = Account.from_key(info.fundingKey)
    app = info.e2e["app"]
    fields = {"type": app.type, "multiaddr": app.multiaddr, "checksum": app.checksum}
    fields |= {"owner": person.address, "name": "echo"}
    iexec.write("iexec.json", {"description": "a project", "app": fields})
    address = iexec("app", "deploy", account=person)["address"]
    words = ("--args", "hello 'big world'", "--watch", "--force")
    [task] = iexec("app", "run", address, *words, account=person)["tasks"]
    assert task["statusName"] == "COMPLETED"
    shown = iexec("task", "show", task["taskid"], "--download", "out", account=person)
    with zipfile.ZipFile(shown["resultPath"]) as archive:
        result = archive.read("result.txt").decode()
    assert result.splitlines() == ["argument hello", "argument big world"]


def test_document__names_services_that_answer__each_at_its_own_port(stack: Stack) -> None:
    info = stack.info
    urls = [info.market, info.sms, info.compass, info.ipfsGateway, info.ipfsNode]
    urls += [info.resultProxy, info.workerpool.apiUrl]
    assert [httpx.get(f"{url}/health").status_code for url in urls] == [200] * len(urls)
    told = httpx.get(f"{info.compass}/31337/workerpools/{info.workerpool.address}").json()
    assert told == {"apiUrl": info.workerpool.apiUrl}
    query = {"query": "{ workerpools { id } }"}
    [pool] = httpx.post(info.subgraph, json=query).json()["data"]["workerpools"]
    assert pool["id"] == info.workerpool.address.lower()
    assert len({*urls, info.rpc}) == len(urls) + 1


def test_pool__offers_each_category__free_and_for_enclaves(stack: Stack) -> None:
    found = offers(stack)
    assert sorted(record["order"]["category"] for record in found) == [0, 1, 2, 3, 4]
    for record in found:
        order = record["order"]
        assert (order["workerpoolprice"], order["trust"]) == (0, 2)
        assert int(order["tag"], 16) == 9


def test_ports__in_use__are_all_named_in_a_line() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        taken = [listener.getsockname()[1] for listener in (one, two)]
        ports = replace(Ports.free(), rpc=taken[0], sms=taken[1])
        with pytest.raises(ConfigurationError, match="--free-ports") as refused:
            Stack(settings(ports=ports)).__enter__()
    assert refused.value.value == f"{taken[0]} (rpc), {taken[1]} (sms)"


def test_pool__paid__renews_its_order_and_has_the_stakes_for_it() -> None:
    with Stack(settings(price=10**8, block_seconds=0, without=frozenset({"subgraph"}))) as stack:
        order, hashed = best_offer(stack)
        tasks = buy_one(stack, stack.info.e2e["app"], order)
        wait_for(stack.market, tasks, lambda: "bought")
        stack.market.acting_as(stack.accounts.pool_owner).hub.close(order)
        end = time.monotonic() + PATIENCE
        while not _is_renewed(stack, hashed):
            assert time.monotonic() < end
            time.sleep(0.1)


def test_stack__ends_while_an_app_runs__ends_the_app(tmp_path: Path) -> None:
    module = tmp_path / "loop.wasm"
    endless = '(module (memory (export "memory") 1) (func (export "_start") (loop br 0)))'
    module.write_bytes(wasmtime.wat2wasm(endless))
    checksum = hashlib.sha256(module.read_bytes()).hexdigest()
    said: list[str] = []
    options = settings(block_seconds=0, without=frozenset({"subgraph", "compass"}))
    with Stack(options, report=lambda _, line: said.append(line)) as stack:
        buy_one(stack, ExampleApp("WASM", str(module), checksum), best_offer(stack)[0])
        end = time.monotonic() + PATIENCE
        while not any("RUNNING" in line for line in said):
            assert time.monotonic() < end, said
            time.sleep(0.05)
    end = time.monotonic() + PATIENCE
    while not any("ABORTED_BY_WORKER" in line for line in said):
        assert time.monotonic() < end, said
        time.sleep(0.05)


# WHAT IS KEPT


def test_state__loaded_again__has_the_market_on_other_terms(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Stack(settings(state=state, block_seconds=0)) as stack:
        hub = stack.info.hub
        market = stack.market.acting_as(stack.accounts.users[0])
        market.token.transfer(stack.accounts.users[1].address, 5)
        left = market.token.balance_of(market.account)
        height = market.chain.block_number()
        with pytest.raises(ConfigurationError, match="another market runs with this folder"):
            Stack(settings(state=state)).__enter__()
    terms = {"price": 10**8, "without": frozenset({"compass", "subgraph"})}
    with Stack(settings(state=state, block_seconds=0, **terms)) as stack:
        assert (stack.info.hub, stack.info.compass, stack.info.subgraph) == (hub, "", "")
        assert stack.market.token.balance_of(market.account) == left
        assert stack.market.chain.block_number() >= height
        assert abs(stack.market.chain.timestamp() - time.time()) < PATIENCE
        assert {record["order"]["workerpoolprice"] for record in offers(stack)} == {10**8}
        assert "compass" not in stack.info.chain_json()["chains"]["local"]
    for _ in range(2):
        with Stack(settings(state=state, workers=0, without=frozenset(OPTIONAL))) as stack:
            genesis = stack.market.chain.genesis_hash()
            assert (
                genesis
                == stack.market.book.genesis_hash
                == AddressBook.load(state / BOOK).genesis_hash
            )
            assert stack.info.hub == hub
    book = json.loads((state / BOOK).read_text())
    (state / BOOK).write_text(json.dumps(book | {"extension": f"0x{'11' * 20}"}))
    with pytest.raises(ConfigurationError, match=r"deployed from other code.*remove the folder"):
        Stack(settings(state=state)).__enter__()


def test_state__chain_is_behind_what_services_saw__does_the_tasks_again(tmp_path: Path) -> None:
    """Such is a power cut: the chain is copied after the services have seen it."""
    state, said = tmp_path / "state", list[str]()
    options = settings(state=state, block_seconds=0, without=frozenset({"subgraph"}))
    with Stack(options) as stack:
        market, tasks = purchase(stack.info, state, tasks=2)
        ChainCopy(tmp_path / CHAIN, stack.market.chain).save()
        wait_for(market, tasks, lambda: "tasks are done")
    (tmp_path / CHAIN).replace(state / CHAIN)
    with Stack(options, report=lambda name, line: said.append(f"{name}: {line}")):
        assert any("transactions of lost blocks were sent again" in line for line in said)
        wait_for(market, tasks, lambda: said)


def test_state__of_something_else__is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="must be new, empty, or kept by an earlier"):
        Stack(settings(state=tmp_path)).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_state__that_cannot_go_on__says_what_to_do(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    stack.market.book.write(tmp_path / BOOK)
    with pytest.raises(ConfigurationError, match=r"No such file.*genesis.*remove the folder"):
        Stack(settings(state=tmp_path)).__enter__()
    (tmp_path / GENESIS).write_text("1")
    for content, cause in ((b"no copy", CHAIN), (gzip.compress(b"no chain"), "anvil must listen")):
        (tmp_path / CHAIN).write_bytes(content)
        with pytest.raises(ConfigurationError, match=f"state = .* cannot go on: {cause}"):
            Stack(settings(state=tmp_path)).__enter__()


# THE COMMANDS


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.run("down")


def test_up__killed_in_the_middle_of_tasks__goes_on_with_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.folder)
    words = ["up", "--detach", "--state=state", "--info=info.json", "--free-ports"]
    told = home.raw(*words)
    assert told.pop("ok")
    assert told == json.loads(Path("info.json").read_text())
    market, tasks = purchase(StackInfo.from_json(told), Path("state"), tasks=3)
    time.sleep(1.5)  # the chain is copied once a second
    os.kill(home.pid, signal.SIGKILL)
    with pytest.raises(httpx.ConnectError):
        _until_silent(told["rpc"])
    again = home.raw(*words)
    assert again == told | {"ok": True}  # the ports as well: tasks under way need them
    wait_for(market, tasks, (home.folder / "poco" / "up.log").read_text)
    status = home.raw("status")
    assert {name for name, one in status["services"].items() if not one["ok"]} == set()
    assert status["simulatedEnclaves"]
    assert home.raw("down")["state"] == str(home.folder / "state")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_up__ctrl_c_or_terminal_closed__ends_everything_with_exit_code_0(
    home: Home, number: signal.Signals
) -> None:
    words = ["up", "--free-ports", "--workers=1", "--without=subgraph", "--block-time=0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "poco", *words],
        env=home.environment | {"DOCKER_HOST": "unix:///nowhere"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith("Ctrl-C"):
            break
    told = "warning: no Docker engine answers: this market runs WASM apps only"
    assert told in lines
    assert "next, in a folder of your project: `poco init`" in lines
    rpc = next(line.split()[1] for line in lines if line.startswith("rpc"))
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.post(rpc, json={})
    assert not (home.folder / "poco" / "up.json").exists()


def test_up__cannot_start_in_the_background__says_why(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = home.run("up", "--detach", "--free-ports", f"--port=sms={port}")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("error: the market did not start: port = ")


def _is_renewed(stack: Stack, closed: str) -> bool:
    hashes = {record["orderHash"] for record in offers(stack)}
    return len(hashes) == 5 and closed not in hashes


def _until_silent(url: str) -> None:
    """Ask until nobody answers; the chain ends right after the process that started it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(httpx.ReadError, httpx.RemoteProtocolError):
            httpx.post(url, json={})
        time.sleep(0.02)
