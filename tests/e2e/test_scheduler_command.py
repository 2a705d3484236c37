"""`poco scheduler` as an operator starts it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from scheduler_stage import purchase
from terminals import Terminal, wait_for
from worker_stage import Town, founded

from poco.contracts import TaskStatus


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def shell(town: Town, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal whose variables say all but what a test names."""
    town.market.book.write(tmp_path / "book.json")
    key = tmp_path / "owner.key"
    key.write_text(town.owner.key.hex())
    terminal = Terminal(
        tmp_path,
        {
            "POCO_WORKERPOOL": town.offer.workerpool.workerpool,
            "POCO_RPC": town.chain.url,
            "POCO_DEPLOYMENT": str(tmp_path / "book.json"),
            "POCO_PRIVATE_KEY_FILE": str(key),
            "POCO_PORT": "0",
        },
    )
    yield terminal
    terminal.close()


def test_command__started__opens_tasks_answers_and_ends_cleanly(
    town: Town, shell: Terminal
) -> None:
    _, taskid = purchase(town)
    log = shell.start("poco", "scheduler")
    wait_for(log, "INITIALIZED")
    found = re.search(r"answers at (\S+)", log.read_text())
    assert found
    shown = httpx.get(f"{found[1]}/tasks/0x{taskid.hex()}").json()
    assert shown["blockedReason"].endswith("no worker is connected")
    assert town.status(taskid) is TaskStatus.ACTIVE
    assert shell.close() == [0]
    assert town.owner.key.hex() not in log.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--workerpool", "0x12"), 2, "workerpool"),
        (("--allow-worker", "nobody"), 2, "allow-worker"),
        (("--rpc", "http://127.0.0.1:1"), 4, "the node does not answer"),
        (("--simulated-enclaves",), 3, "need a secret service"),
        (("--database", "mysql://h/d"), 3, "a database is sqlite"),
    ],
)
def test_command__cannot_start__says_why_in_one_line(
    shell: Terminal, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended = shell.run("poco", "scheduler", *arguments)
    assert ended.returncode == code
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1
