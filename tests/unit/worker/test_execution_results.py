"""From a task to a result: folders, run, logs, digest, archive (spec offchain §1.6, §1.8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eth_utils.crypto import keccak
from support.scripted_runtime import (
    CALLBACK,
    TASK,
    URL,
    ScriptedRuntime,
    assert_error_result,
    contents,
    writes,
)

from poco.appio import Cause
from poco.runtimes import RunResult
from poco.worker.execution import AppReference, Execution, execute


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[..., Execution]:
    def run_script(
        act: Callable[[Path], None], result: RunResult | None = None, **changes: object
    ) -> Execution:
        runtime = ScriptedRuntime(act, result)
        return execute(replace(TASK, **changes), runtime, tmp_path / "work")  # type: ignore[arg-type]

    return run_script


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
    for worker in ("one", "two", "two"):
        execute(TASK, runtime, tmp_path / worker / "work")
    names = [spec.name for spec in runtime.specs]
    assert names[0] != names[1]
    assert names[1] == names[2]


def test_execute__given_up_while_the_app_was_brought__starts_nothing(tmp_path: Path) -> None:
    def start(_: Path) -> None:
        raise AssertionError("the app was started")

    execution = execute(TASK, ScriptedRuntime(start), tmp_path / "work", is_wanted=lambda: False)
    assert execution.digest is None
    assert execution.failure is not None
    assert execution.failure.cause is Cause.ABORTED_BY_WORKER
