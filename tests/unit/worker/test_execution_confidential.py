"""Secrets, encrypted datasets and encrypted results; runs that go on after a crash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.scripted_runtime import TASK, ScriptedRuntime, writes

from poco.appio import Cause, ExecutionError
from poco.appio.encryption import (
    decrypt_result,
    encrypt_dataset,
    generate_dataset_key,
    generate_result_keypair,
)
from poco.result_archive import inspect_archive
from poco.secret import Secret
from poco.worker.execution import DatasetFile, error_execution, execute, run_name

DATASET = "0x" + "Aa" * 20
PATH = "https://example.com/secret/model.bin"


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetFile:
    (tmp_path / "plain").write_bytes(b"weights")
    key = generate_dataset_key()
    encrypt_dataset(tmp_path / "plain", tmp_path / "encrypted", key)
    return DatasetFile(DATASET, PATH, tmp_path / "encrypted", Secret(key))


def test_secrets__reach_the_app_and_nothing_else(tmp_path: Path) -> None:
    task = replace(TASK, app_secret=Secret("alpha"), requester_secrets={1: Secret("beta")})
    runtime = ScriptedRuntime(writes(r="42"))
    execution = execute(task, runtime, tmp_path / "work")
    environment = runtime.specs[0].environment
    assert environment["IEXEC_APP_DEVELOPER_SECRET"] == "alpha"
    assert environment["IEXEC_REQUESTER_SECRET_1"] == "beta"
    shown = repr(task) + repr(execution)
    assert "alpha" not in shown
    assert "beta" not in shown


@pytest.mark.parametrize(("tee", "name"), [(True, DATASET.lower()), (False, "model.bin")])
def test_dataset__with_a_key__is_plain_for_the_app(
    tmp_path: Path, dataset: DatasetFile, tee: bool, name: str
) -> None:
    runtime = ScriptedRuntime(writes(r="42"))
    execute(replace(TASK, dataset=dataset, tee=tee), runtime, tmp_path / "work")
    (spec,) = runtime.specs
    assert spec.environment["IEXEC_DATASET_FILENAME"] == name
    assert (spec.mounts[0].host / name).read_bytes() == b"weights"


def test_dataset__with_a_wrong_key__fails_without_telling_it(
    tmp_path: Path, dataset: DatasetFile
) -> None:
    wrong = replace(dataset, key=Secret("not base64 of 32 bytes"))
    execution = execute(
        replace(TASK, dataset=wrong, tee=True), ScriptedRuntime(writes(r="42")), tmp_path / "work"
    )
    assert execution.failure is not None
    assert execution.failure.cause is Cause.PRE_COMPUTE_DATASET_DECRYPTION_FAILED
    assert "not base64" not in str(execution.failure)
    assert execution.exit_code is None


def test_result_key__archive_is_for_the_beneficiary_alone(tmp_path: Path) -> None:
    public, private = sorted(generate_result_keypair(tmp_path, "0x" + "22" * 20), key=_is_private)
    task = replace(TASK, params='{"iexec_result_encryption": true}', result_key=public.read_bytes())
    execution = execute(task, ScriptedRuntime(writes(r="42")), tmp_path / "work")
    assert execution.failure is None
    assert execution.archive is not None
    packed = execution.archive.read_bytes()
    assert hashlib.sha256(packed).digest() == execution.archive_digest
    assert b"computed.json" not in packed
    decrypt_result(execution.archive, tmp_path / "opened.zip", private.read_bytes())
    assert inspect_archive(tmp_path / "opened.zip").digest == execution.digest


def _is_private(path: Path) -> bool:
    return b"PRIVATE" in path.read_bytes()


def test_result_key__that_is_none__uploads_nothing(tmp_path: Path) -> None:
    task = replace(TASK, result_key=b"no key")
    for act in (writes(r="42"), lambda output: None):
        execution = execute(task, ScriptedRuntime(act), tmp_path / "work")
        assert execution.failure is not None
        assert execution.failure.cause is Cause.POST_COMPUTE_ENCRYPTION_FAILED
        assert (execution.digest, execution.archive) == (None, None)


def test_encryption_asked_of_a_standard_task__never_starts_the_app(tmp_path: Path) -> None:
    task = replace(TASK, params='{"iexec_result_encryption": true}')
    execution = execute(task, ScriptedRuntime(writes(r="42")), tmp_path / "work")
    assert execution.failure is not None
    assert execution.failure.cause is Cause.TASK_DESCRIPTION_INVALID
    assert execution.exit_code is None


# --- failures before the app, and runs that go on ---


def test_error_execution__permanent_failure__is_an_error_result(tmp_path: Path) -> None:
    failure = ExecutionError(Cause.DATASET_FILE_BAD_CHECKSUM, "must be the registered file")
    execution = error_execution(TASK, failure, tmp_path / "work")
    assert execution.failure is failure
    text = b"[IEXEC] DATA_DOWNLOAD_FAILED DATASET_FILE_BAD_CHECKSUM\n"
    assert execution.digest == hashlib.sha256(text).digest()
    assert inspect_archive(execution.archive or Path()).digest == execution.digest


def test_error_execution__transient_failure__is_left_to_others(tmp_path: Path) -> None:
    failure = ExecutionError(
        Cause.DATASET_FILE_DOWNLOAD_FAILED, "must be reachable", permanent=False
    )
    execution = error_execution(TASK, failure, tmp_path / "work")
    assert (execution.digest, execution.archive) == (None, None)


def test_resume__run_that_still_goes_on__keeps_its_folders(tmp_path: Path) -> None:
    workdir = tmp_path / "work"
    runtime = ScriptedRuntime(writes(r="42"))
    execute(TASK, runtime, workdir)
    (runtime.specs[0].mounts[1].host / "before").write_text("the crash")
    runtime.running.add(run_name(TASK.task_id, workdir))
    execution = execute(TASK, runtime, workdir, resume=True)
    assert runtime.specs[1].resume
    assert "before" in inspect_archive(execution.archive or Path()).names


@pytest.mark.parametrize("left", ["nothing", "no run", "half of the inputs"])
def test_resume__nothing_to_go_on_with__starts_anew(tmp_path: Path, left: str) -> None:
    workdir = tmp_path / "work"
    runtime = ScriptedRuntime(writes(r="42"))
    if left != "nothing":
        execute(TASK, runtime, workdir)
        (runtime.specs[0].mounts[1].host / "before").write_text("the crash")
    if left == "half of the inputs":
        runtime.running.add(run_name(TASK.task_id, workdir))
        (workdir / f"0x{TASK.task_id.hex()}" / "inputs.json").unlink()
    execution = execute(TASK, runtime, workdir, resume=True)
    assert not runtime.specs[-1].resume
    assert "before" not in inspect_archive(execution.archive or Path()).names


def test_resume__run_of_v2__still_knows_its_inputs(tmp_path: Path) -> None:
    (tmp_path / "movie").write_bytes(b"frames")
    url = "https://example.com/movie.mp4"
    params = json.dumps({"dirinuri": url})
    task = replace(TASK, params=params, input_files={url: tmp_path / "movie"})
    workdir = tmp_path / "work"

    def act(folder: Path) -> None:
        (folder / "consensus.iexec").write_text("x")

    runtime = ScriptedRuntime(act)
    first = execute(task, runtime, workdir)
    runtime.running.add(run_name(task.task_id, workdir))
    second = execute(task, runtime, workdir, resume=True)
    assert runtime.specs[1] == replace(runtime.specs[0], resume=True)
    assert (first.digest, first.archive_digest) == (second.digest, second.archive_digest)
