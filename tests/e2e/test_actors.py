"""docs/actors.md, typed into terminals as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from support.anvil import start_anvil
from terminals import ROOT, Terminal, wait_for

from poco.contracts import AddressBook, Market, TaskStatus
from poco.contracts.events import OrdersMatched, TaskFinalize
from poco.result_archive import inspect_archive

GOING_ON = ("dataset_owner", "workerpool", "worker")


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "actors.md").read_text(), re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_actors__commands_of_the_guide__complete_both_deals(terminal: Terminal) -> None:
    bought = []
    for command in commands():
        name = command[0] if command[0] != "ape" else command[2]
        if name == "anvil":
            log = terminal.start(*command, "--port", "0")
            wait_for(log, "Listening on")
            found = re.search(r"Listening on (\S+)", log.read_text())
            assert found
            terminal.environment["POCO_RPC_URL"] = f"http://{found[1]}"
        elif name in GOING_ON:
            terminal.start(*command)  # whoever needs it waits for it
        else:
            ended = terminal.run(*command)
            assert ended.returncode == 0, ended.stderr + ended.stdout + terminal.said()
            bought += [ended.stdout] if name == "requester" else []

    market = Market.connect(
        terminal.environment["POCO_RPC_URL"],
        book=AddressBook.load(terminal.folder / "deployments" / "31337.json"),
    )
    deals = [event.dealid for event in market.events(kinds=[OrdersMatched])]  # type: ignore[attr-defined]
    tasks = {key: task for deal in deals for key, task in market.hub.tasks(deal).items()}
    assert len(bought) == 2
    assert [market.hub.deal(deal).trust for deal in deals] == [1, 3]  # type: ignore[union-attr]
    assert [task.status for task in tasks.values()] == [TaskStatus.COMPLETED] * 3
    assert [len(task.contributors) for task in tasks.values()] == [1, 1, 2]
    assert len(list(market.events(kinds=[TaskFinalize]))) == 3
    for taskid, task in tasks.items():
        archive = terminal.folder / "results" / f"0x{taskid.hex()}.zip"
        assert inspect_archive(archive).digest == task.digest
    orders = json.loads((terminal.folder / "market" / "orders.json").read_text())
    assert set(orders["31337"]) == {"apporder", "datasetorder", "workerpoolorder"}
    assert terminal.close() == [0, 0, 0, 130, 0]


def test_actors__no_market_on_the_chain__one_line_and_exit_code(
    terminal: Terminal,
) -> None:
    with start_anvil() as url:
        terminal.environment["POCO_RPC_URL"] = url
        ended = terminal.run("ape", "run", "app_owner", "--network", "ethereum:devnet")
    assert ended.returncode == 3
    assert ended.stderr.count("\n") == 1
    assert "there is no address book" in ended.stderr


def test_actors__no_node__one_line_and_exit_code(terminal: Terminal) -> None:
    terminal.environment["POCO_RPC_URL"] = "http://127.0.0.1:1"
    ended = terminal.run("ape", "run", "requester", "--network", "ethereum:devnet")
    assert ended.returncode == 4
    assert ended.stderr.count("\n") == 1
    assert "the node does not answer" in ended.stderr


def test_actors__unknown_account__one_line_and_exit_code(terminal: Terminal) -> None:
    ended = terminal.run("ape", "run", "worker", "--account", "nobody")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "no keyfile of this alias" in ended.stderr


def test_actors__guide__names_every_script(project: Path) -> None:
    told = {command[2] for command in commands() if command[0] == "ape"}
    scripts = {path.stem for path in (project / "scripts").glob("*.py")} - {"demo", "scenarios"}
    assert told == scripts
