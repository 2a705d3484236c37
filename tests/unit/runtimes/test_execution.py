"""From a task to a result: folders, run, logs, digest, archive (spec offchain §1.6, §1.8)."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eth_utils.crypto import keccak
from runtime_bench import Bench

from poco.appio import Cause
from poco.runtimes import RunLimits, RunResult, RunSpec
from poco.worker.execution import AppReference, DatasetFile, Execution, TaskInputs, execute

CALLBACK = "0x" + "44" * 20
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


class ScriptedRuntime:
    """Does to the output folder what a test wants, and ends as it wants."""

    app_type = "WASM"

    def __init__(self, act: Callable[[Path], None], result: RunResult | None = None) -> None:
        self._act = act
        self._result = result or RunResult(0, b"out", b"err", 0.5)
        self.specs: list[RunSpec] = []

    def fetch(self, image: str, checksum: bytes) -> str:
        return image

    def run(self, spec: RunSpec) -> RunResult:
        self.specs.append(spec)
        self._act(spec.mounts[1].host)
        return self._result


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[..., Execution]:
    def run_script(
        act: Callable[[Path], None], result: RunResult | None = None, **changes: object
    ) -> Execution:
        task = TaskInputs(
            b"\x11" * 32, b"\x33" * 32, 0, 0, 1, AppReference("x", bytes(32), "WASM"), "",
            RunLimits(seconds=1),
        )  # fmt: skip
        runtime = ScriptedRuntime(act, result)
        return execute(replace(task, **changes), runtime, tmp_path / "work")  # type: ignore[arg-type]

    return run_script


def contents(archive: Path | None) -> dict[str, bytes]:
    assert archive is not None
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def writes(declared: str = "/iexec_out/r", **files: str) -> Callable[[Path], None]:
    """Return an app that writes some files and declares its result."""

    def act(output: Path) -> None:
        for name, content in files.items():
            (output / name).write_text(content)
        (output / "computed.json").write_text(json.dumps({"deterministic-output-path": declared}))

    return act


def assert_error_result(execution: Execution, cause: Cause, text: str) -> None:
    assert execution.failure is not None
    assert execution.failure.cause is cause
    assert execution.digest == hashlib.sha256(text.encode()).digest()
    assert contents(execution.archive)["error.txt"] == text.encode()


# --- with real apps on every runtime ---


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


# --- with scripted outputs ---


def test_execute__non_zero_exit_with_a_valid_result__counts(
    scripted: Callable[..., Execution],
) -> None:
    ended = RunResult(3, b"", b"", 0.1, Cause.APP_COMPUTE_FAILED, "exit code 3")
    execution = scripted(writes(r="42"), ended)
    assert (execution.failure, execution.exit_code) == (None, 3)
    assert execution.digest == hashlib.sha256(b"42").digest()


@pytest.mark.parametrize("cause", [Cause.APP_COMPUTE_TIMEOUT, Cause.APP_OUTPUT_TOO_LARGE])
def test_execute__killed_after_declaring_a_result__does_not_count(
    scripted: Callable[..., Execution], cause: Cause
) -> None:
    execution = scripted(writes(r="42"), RunResult(137, b"", b"", 1.0, cause, "killed"))
    assert_error_result(execution, cause, f"[IEXEC] COMPUTE_FAILED {cause}\n")
    assert "r" not in contents(execution.archive)


def test_execute__limit_of_this_worker__leaves_the_task_to_others(
    scripted: Callable[..., Execution],
) -> None:
    ended = RunResult(137, b"", b"", 1.0, Cause.APP_OUT_OF_MEMORY, "out of memory")
    execution = scripted(lambda output: None, ended)
    assert (execution.digest, execution.archive) == (None, None)


def test_execute__callback__digest_is_that_of_the_data(scripted: Callable[..., Execution]) -> None:
    def act(output: Path) -> None:
        (output / "computed.json").write_text('{"callback-data": "0x' + "00" * 31 + '01"}')

    execution = scripted(act, callback=CALLBACK)
    assert execution.callback_data == (1).to_bytes(32, "big")
    assert execution.digest == keccak((1).to_bytes(32, "big"))


def test_execute__failure_of_a_callback_deal__is_not_contributed(
    scripted: Callable[..., Execution],
) -> None:
    execution = scripted(lambda output: None, callback=CALLBACK)
    assert execution.failure is not None
    assert (execution.digest, execution.archive) == (None, None)


def test_execute__logs_the_app_forged__are_replaced_and_links_not_followed(
    scripted: Callable[..., Execution], tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")

    def act(output: Path) -> None:
        writes(r="42")(output)
        (output / "stdout.txt").symlink_to(victim)
        (output / "stderr.txt").write_text("forged")

    execution = scripted(act)
    assert victim.read_text() == "untouched"
    packed = contents(execution.archive)
    assert (packed["stdout.txt"], packed["stderr.txt"]) == (b"out", b"err")


def test_execute__folder_in_the_place_of_a_log__is_an_invalid_output(
    scripted: Callable[..., Execution],
) -> None:
    def act(output: Path) -> None:
        writes(r="42")(output)
        (output / "stdout.txt").mkdir()

    assert_error_result(
        scripted(act), Cause.OUTPUT_TREE_INVALID, "[IEXEC] COMPUTE_FAILED OUTPUT_TREE_INVALID\n"
    )


def test_execute__result_is_a_link_to_the_host__is_refused(
    scripted: Callable[..., Execution],
) -> None:
    def act(output: Path) -> None:
        writes()(output)
        (output / "r").symlink_to("/etc/hostname")

    assert_error_result(
        scripted(act),
        Cause.DETERMINISM_HASH_NOT_FOUND,
        "[IEXEC] COMPUTE_FAILED DETERMINISM_HASH_NOT_FOUND\n",
    )


def test_execute__bad_argument_line__never_starts_the_app(
    scripted: Callable[..., Execution],
) -> None:
    execution = scripted(writes(r="42"), params='{"iexec_args": "it\'s"}')
    assert_error_result(
        execution,
        Cause.TASK_DESCRIPTION_INVALID,
        "[IEXEC] START_FAILED TASK_DESCRIPTION_INVALID\n",
    )
    assert execution.exit_code is None


def test_execute__input_not_downloaded__leaves_the_task_to_others(
    scripted: Callable[..., Execution],
) -> None:
    execution = scripted(writes(r="42"), params=json.dumps({"iexec_input_files": [URL]}))
    assert execution.failure is not None
    assert execution.failure.cause is Cause.INPUT_FILES_DOWNLOAD_FAILED
    assert execution.digest is None


def test_execute__app_of_another_type__leaves_the_task_to_others(
    scripted: Callable[..., Execution],
) -> None:
    execution = scripted(writes(r="42"), app=AppReference("org/app", bytes(32), "DOCKER"))
    assert execution.failure is not None
    assert execution.failure.value == "DOCKER"
    assert execution.digest is None


def test_execute__unknown_params_key__reaches_the_requester_as_a_warning(
    scripted: Callable[..., Execution],
) -> None:
    execution = scripted(writes(r="42"), params='{"iexec_developer_logger": true}')
    assert execution.failure is None
    assert "iexec_developer_logger" in execution.warnings[0]


def test_execute__folders__are_private_but_for_the_leaves(
    scripted: Callable[..., Execution], tmp_path: Path
) -> None:
    modes: list[int] = []
    scripted(lambda output: modes.extend(p.stat().st_mode & 0o777 for p in (output, output.parent)))
    base = tmp_path / "work" / ("0x" + "11" * 32)
    assert modes == [0o777, 0o700]
    assert base.stat().st_mode & 0o777 == 0o700


def test_execute__two_workers_on_one_host__name_their_runs_differently(tmp_path: Path) -> None:
    runtime = ScriptedRuntime(writes(r="42"))
    app = AppReference("x", bytes(32), "WASM")
    task = TaskInputs(b"\x11" * 32, bytes(32), 0, 0, 1, app, "", RunLimits(seconds=1))
    for worker in ("one", "two", "two"):
        execute(task, runtime, tmp_path / worker / "work")
    names = [spec.name for spec in runtime.specs]
    assert names[0] != names[1]
    assert names[1] == names[2]
