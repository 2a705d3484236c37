"""``ape run demo`` as a user types it; what it claims is looked at again from outside."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import socket
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from terminals import (
    ROOT,
    Terminal,
    imitate_checkout,
    processes_with,
    runtimes_under_test,
    wait_for,
)

from poco.demo.command import run
from poco.errors import AppError, ConfigurationError
from poco.result_archive import inspect_archive

APP = ROOT / "apps" / "csv-histogram"
NO_ENGINE = {"DOCKER_HOST": "tcp://127.0.0.1:1"}


@pytest.fixture(scope="module", params=runtimes_under_test())
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Any], str]:
    folder = imitate_checkout(tmp_path_factory.mktemp("demo"))
    ended = Terminal(folder).run("ape", "run", "demo", "--raw", "--runtime", request.param)
    assert ended.returncode == 0, ended.stderr
    document: dict[str, Any] = json.loads(ended.stdout)
    for task in document["tasks"]:
        if task["archive"] is not None:
            task["archive"] = folder / task["archive"]
    return request.param, document, ended.stderr


def test_demo__runtime_option__is_what_the_app_ran_on(played: Any) -> None:
    runtime, document, _ = played
    assert document["runtime"] == runtime.upper()


def test_demo__deals__have_the_promised_trust_and_end(played: Any) -> None:
    _, document, _ = played
    tasks = document["tasks"]
    assert [task["trust"] for task in tasks] == [1] * 2 + [3] * 13 + [1]
    assert [task["status"] for task in tasks] == ["COMPLETED"] * 15 + ["FAILED"]
    assert [len(task["workers"]) for task in tasks] == [1] * 2 + [2] * 12 + [3, 0]
    assert tasks[14]["workers"][0] == document["parties"]["worker 3"]


def test_demo__archives__are_named_by_task_and_prove_the_digest_on_chain(played: Any) -> None:
    _, document, _ = played
    for task in document["tasks"][:15]:
        assert task["archive"].name == f"{task['taskid']}.zip"
        content = inspect_archive(task["archive"])
        assert f"0x{content.digest.hex()}" == task["digest"]
        assert {"stdout.txt", "stderr.txt", "computed.json"} < set(content.names)
    assert document["tasks"][15]["archive"] is None


def test_demo__result__is_that_of_the_sample_input(played: Any) -> None:
    _, document, _ = played
    with zipfile.ZipFile(document["tasks"][0]["archive"]) as archive:
        statistics = json.loads(archive.read("result/statistics.json"))
    samples = APP / "samples"
    regions = set((samples / "regions.txt").read_text().split("\n")[1:])
    with (samples / "orders.csv").open(newline="") as file:
        prices = [row["price"] for row in csv.DictReader(file) if row["region"] in regions]
    known = [Decimal(price) for price in prices if re.fullmatch(r"[0-9.]+", price)]
    assert statistics["column"] == "price"
    assert statistics["count"] == len(known)
    assert Decimal(str(statistics["sum"])) == sum(known)


def test_demo__balances__add_up(played: Any) -> None:
    _, document, _ = played
    moved = {line["party"]: int(line["change"]) for line in document["balances"]}
    assert sum(moved.values()) == 0
    assert moved["kitty"] == 300_000_000
    assert moved["requester"] == -15 * 1_300_000_000
    assert moved["app owner"] == 15 * 100_000_000
    assert moved["dataset owner"] == 15 * 200_000_000
    assert moved["worker 3"] == -300_000_000
    # two tasks settled alone (0.99 of the price), 12 shared, the contested one with a stake
    shared = 12 * 990_000_000 // 2 + 1_300_000_000 * 99 // 100 // 2
    assert moved["worker 1"] == shared
    assert moved["worker 2"] == 2 * 990_000_000 + shared
    for line in document["balances"]:
        parts = sum(int(line[key]) for key in ("wallet", "stake", "locked"))
        assert parts == int(line["after"]) == int(line["before"]) + int(line["change"])


def test_demo__worker_killed_in_the_middle__is_told_with_its_stake(played: Any) -> None:
    _, document, story = played
    killed = [claim for claim in document["claims"] if "SIGKILL" in claim]
    assert len(killed) == 1
    assert re.search(r"worker 2 is started again with [1-9]\d* tasks in its journal", story)
    assert "worker 2 has revealed what it had contributed before, and lost no stake" in story


def test_demo__story__is_told_with_table_and_next_step(played: Any) -> None:
    _, document, story = played
    assert story.count("✓") == len(document["claims"])
    assert "worker 3 was slashed" in story
    assert "Balances in RLC" in story
    assert story.strip().splitlines()[-1].startswith("Where to look next: unzip -p ")
    assert "Traceback" not in story


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_demo__interrupted__leaves_no_process_and_no_folder(
    project: Path, tmp_path: Path, number: int
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    terminal = Terminal(project, {"TMPDIR": str(temporary)})
    log = terminal.start("ape", "run", "demo", "--runtime", "wasm")
    wait_for(log, "at trust 1")
    assert len(processes_with(temporary)) == 2  # the scheduler, and a worker
    assert terminal.close(number) == [130]
    assert log.read_text().endswith("interrupted\n")
    assert processes_with(temporary) == []
    assert list(temporary.glob("poco-demo-*")) == []


def test_demo__worker_dies_by_itself__shows_the_end_of_its_log(
    project: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    terminal = Terminal(project, {"TMPDIR": str(temporary)})
    log = terminal.start("ape", "run", "demo", "--runtime", "wasm")
    wait_for(log, "at trust 1")
    (worker,) = (one for one in processes_with(temporary) if "worker" in one.arguments)
    os.kill(worker.pid, signal.SIGKILL)
    assert terminal.ended() == [5]
    assert "process = 'worker 2': must go on; it ended with exit code -9" in log.read_text()
    assert "scheduler: this scheduler acts for the pool" in log.read_text()
    assert processes_with(temporary) == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--runtime", "jvm"], 2, "runtimes are auto, docker, wasm"),
        (["--runtime", "docker"], 3, "no container engine answers"),
        (["--runtime", "wasm", "--results", "ape-config.yaml/results"], 2, "cannot be written"),
    ],
    ids=["unknown runtime", "no engine", "results not writable"],
)
def test_demo__wrong_option__one_line_and_exit_code(
    project: Path, options: list[str], code: int, words: str
) -> None:
    ended = Terminal(project, NO_ENGINE).run("ape", "run", "demo", *options)
    assert ended.returncode == code
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert words in ended.stderr


def test_demo__port_is_taken__is_an_error_of_configuration(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="choose another port"):
            run(APP, "wasm", tmp_path, raw=False, port=port)


def test_demo__app_fails__is_an_error_of_the_app(tmp_path: Path) -> None:
    app = tmp_path / "csv-histogram"
    shutil.copytree(APP, app)
    (app / "samples" / "orders.csv").write_text("region,other\nnorth,1\n")
    with pytest.raises(AppError, match="APP_COMPUTE_FAILED"):
        run(app, "wasm", tmp_path / "results", raw=False)


def test_demo__auto_without_engine__runs_on_wasm(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from poco.market import package_app

    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE["DOCKER_HOST"])
    packaged = package_app(APP, "auto")
    assert packaged.app_type == "WASM"
    assert "no container engine answers" in packaged.remark
