"""`poco up` whose chain ends alone: killed, or out of memory."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from support.processes import children, command_line
from up_stage import PATIENCE, Home, purchase, settings, wait_for

from poco.errors import ChainError
from poco.local import Stack, StackInfo
from poco.local.chain_copy import unpack
from poco.local.settings import OPTIONAL
from poco.local_chain import travel


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.run("down")


def chain_of(process: int) -> int:
    """Return the process of a market's chain; 0 while there is none."""
    found = [child for child in children(process) if "anvil" in command_line(child)[0]]
    return found[0] if found else 0


def until(holds: Callable[[], bool], said: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, said()
        time.sleep(0.02)


def test_chain__ends_and_nothing_is_kept__ends_the_market(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poco.local.stack._PROBE_SECONDS", 0.02)
    with Stack(settings(workers=0)) as stack:
        os.kill(stack._node.pid, signal.SIGKILL)
        with pytest.raises(ChainError, match=r"killed by signal 9.*nothing of it is kept.*--state"):
            stack.wait(threading.Event())


def test_chain__ends__market_goes_on_from_the_copy_with_tasks_under_way(home: Home) -> None:
    """Empty blocks are not copied: the chain that goes on is behind what was seen of it."""
    state, log = home.folder / "state", home.folder / "poco" / "up.log"
    words = ["up", "--detach", "--free-ports", f"--state={state}", "--workers=1", "--block-time=0"]
    told = home.raw(*words)
    assert told.pop("ok")
    info, pid = StackInfo.from_json(told), home.pid
    market, tasks = purchase(info, state, tasks=2)
    bought = market.chain.block_number()
    until(lambda: _copied(state) >= bought, log.read_text)
    market.chain.request("anvil_mine", hex(100))
    os.kill(chain_of(pid), signal.SIGKILL)
    until(lambda: "market: goes on" in log.read_text(), log.read_text)
    wait_for(market, tasks, log.read_text)
    assert home.pid == pid
    status = home.raw("status")
    assert status["info"] == told
    assert {name for name, one in status["services"].items() if not one["ok"]} == set()
    query = {"query": "{ tasks { status } }"}
    until(lambda: _completed(httpx.post(info.subgraph, json=query)) == len(tasks), log.read_text)
    assert "killed by signal 9" in log.read_text()


def test_chain__ends_again_at_once__ends_the_market(home: Home) -> None:
    left_out = [f"--without={name}" for name in OPTIONAL]
    words = ["up", "--again", "--free-ports", "--state=state", "--workers=0", *left_out]
    with home.start(*words) as process:
        runfile = home.folder / "poco" / "up.json"
        until(runfile.exists, lambda: "no run file")
        os.kill(chain_of(process.pid), signal.SIGKILL)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert said.splitlines()[-1].startswith("error: the chain has ended (killed by signal 9): what")
    assert not runfile.exists()


def test_clock__was_ahead__does_not_go_back(tmp_path: Path) -> None:
    options = settings(state=tmp_path, block_seconds=0, workers=0, without=frozenset(OPTIONAL))
    with Stack(options) as stack:
        travel(stack.market.chain, 86400)
        ahead = stack.market.chain.timestamp()
    with Stack(options) as stack:
        stack.market.chain.request("evm_mine")
        assert stack.market.chain.timestamp() >= ahead


def _copied(state: Path) -> int:
    """Return the number of the last block of a market's copy."""
    unpack(state, state.parent / "copy.json")
    number = json.loads((state.parent / "copy.json").read_text())["best_block_number"]
    return int(number, 16) if isinstance(number, str) else int(number)


def _completed(answer: httpx.Response) -> int:
    if not answer.is_success:
        return 0
    return sum(task["status"] == "COMPLETED" for task in answer.json()["data"]["tasks"])
