"""From a task to a result with real apps on every runtime (spec offchain §1.6, §1.8)."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from runtime_bench import Bench

from poco.appio import Cause
from poco.runtimes import RunLimits
from poco.worker.execution import AppReference, DatasetFile, Execution, TaskInputs, execute

URL = "https://example.com/data/numbers.txt"


@pytest.fixture
def task(bench: Bench) -> TaskInputs:
    return TaskInputs(
        task_id=b"\x11" * 32,
        deal_id=b"\x33" * 32,
        index=6,
        bot_first=5,
        bot_size=3,
        app=AppReference(*bench.probe, bench.runtime.app_type),
        params="",
        limits=RunLimits(seconds=30),
    )


@pytest.fixture
def run(bench: Bench, task: TaskInputs, tmp_path: Path) -> Callable[..., Execution]:
    def run_probe(line: str, **changes: object) -> Execution:
        params = json.dumps({"iexec_args": line, "iexec_input_files": changes.pop("urls", [])})
        changed = replace(task, params=params, **changes)  # type: ignore[arg-type]
        return execute(changed, bench.runtime, tmp_path / "work")

    return run_probe


def contents(archive: Path | None) -> dict[str, bytes]:
    assert archive is not None
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def assert_error_result(execution: Execution, cause: Cause, text: str) -> None:
    assert execution.failure is not None
    assert execution.failure.cause is cause
    assert execution.digest == hashlib.sha256(text.encode()).digest()
    assert contents(execution.archive)["error.txt"] == text.encode()


def test_execute__probe_that_declares_its_result__yields_digest_and_archive(
    run: Callable[..., Execution],
) -> None:
    declared = '{"deterministic-output-path":"/iexec_out/computed.json"}'
    execution = run(f"write /iexec_out/computed.json '{declared}'")
    assert execution.failure is None
    assert execution.digest == hashlib.sha256(declared.encode()).digest()
    assert contents(execution.archive) == {
        "computed.json": declared.encode(),
        "stderr.txt": b"",
        "stdout.txt": b"",
    }


def test_execute__dataset_and_inputs__are_where_the_environment_says(
    run: Callable[..., Execution], tmp_path: Path
) -> None:
    (tmp_path / "dataset").write_text("keys")
    (tmp_path / "copy").write_text("1 2 3")
    execution = run(
        "env",
        urls=[URL],
        input_files={URL: tmp_path / "copy"},
        dataset=DatasetFile("0x" + "55" * 20, "/ipfs/QmData", tmp_path / "dataset"),
    )
    lines = execution.stdout.decode().splitlines()
    names = dict(line.split("=", 1) for line in lines)
    folder = tmp_path / "work" / ("0x" + "11" * 32) / "input"
    assert (folder / names["IEXEC_DATASET_FILENAME"]).read_text() == "keys"
    assert (folder / names["IEXEC_INPUT_FILE_NAME_1"]).read_text() == "1 2 3"
    assert (names["IEXEC_BOT_TASK_INDEX"], names["IEXEC_DATASET_ADDRESS"]) == (
        "6",
        "0x" + "55" * 20,
    )


def test_execute__non_zero_exit_without_result__is_an_error_result_with_logs(
    run: Callable[..., Execution],
) -> None:
    execution = run("read /missing")
    assert_error_result(
        execution, Cause.APP_COMPUTE_FAILED, "[IEXEC] COMPUTE_FAILED APP_COMPUTE_FAILED\n"
    )
    assert execution.exit_code == 9
    assert b"/missing" in contents(execution.archive)["stderr.txt"]


def test_execute__timeout__is_an_error_result(run: Callable[..., Execution]) -> None:
    assert_error_result(
        run("spin", limits=RunLimits(seconds=1.5)),
        Cause.APP_COMPUTE_TIMEOUT,
        "[IEXEC] COMPUTE_FAILED APP_COMPUTE_TIMEOUT\n",
    )


def test_execute__wrong_checksum__never_starts_the_app(
    task: TaskInputs, run: Callable[..., Execution]
) -> None:
    execution = run("env", app=replace(task.app, checksum=b"\x01" * 32))
    assert execution.failure is not None
    assert execution.failure.cause is Cause.APP_IMAGE_BAD_CHECKSUM
    assert (execution.exit_code, execution.stdout) == (None, b"")


def test_execute__again__replaces_what_was_there(run: Callable[..., Execution]) -> None:
    run("write /iexec_out/computed.json x")
    execution = run("print x")
    assert execution.failure is not None
    assert execution.failure.cause is Cause.DETERMINISM_HASH_NOT_FOUND
    assert "computed.json" in execution.failure.field
