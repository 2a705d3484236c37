"""Turn what an app left into a result, its own or a canonical error result.

The order (spec offchain §1.8): the app has stopped, the logs are written, the output is checked,
the archive packed, the file that decides is read, the digest computed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from poco import appio
from poco.appio import Cause, ExecutionError, Generation, Outcome
from poco.appio.encryption import encrypt_result
from poco.errors import PocoError
from poco.runtimes import RunResult
from poco.worker.execution.folders import TaskFolders
from poco.worker.execution.model import Execution, TaskInputs

__all__ = ["collect", "error_result"]

ERROR_FILE = "error.txt"
STDOUT_FILE = "stdout.txt"
STDERR_FILE = "stderr.txt"


def collect(task: TaskInputs, run: RunResult, folders: TaskFolders, state: Execution) -> Execution:
    """Turn the output of a run into a result.

    Args:
        task: the task.
        run: how its app ended.
        folders: where the output is.
        state: what is known of the execution so far.

    Raises:
        ExecutionError: when there is no result of the app's own.
    """
    if run.cause not in (None, Cause.APP_COMPUTE_FAILED):
        raise _failure(run, run.cause)
    _write_logs(state, folders.output)
    try:
        tree = appio.scan_output(folders.output, task.limits.output, state.inputs)
    except ExecutionError as error:
        raise _failure(run, run.cause) if run.cause else error from error
    if run.cause and not appio.is_declared(tree):
        raise _failure(run, run.cause)
    outcome = appio.read_outcome(tree, state.generation, has_callback=task.has_callback)
    archive_digest = appio.write_archive(tree, folders.archive)
    if outcome is None:
        _check_undeclared(task, run, state.generation)
        outcome = Outcome(archive_digest, source="")
    archive, archive_digest = _for_beneficiary(task, folders, archive_digest)
    return replace(
        state,
        digest=outcome.digest,
        callback_data=outcome.callback_data,
        archive=archive,
        archive_digest=archive_digest,
        source=outcome.source,
        warnings=state.warnings + outcome.warnings,
    )


def error_result(
    task: TaskInputs, failure: ExecutionError, folders: TaskFolders, state: Execution
) -> Execution:
    """Report a failure, and put an error result in the place of the app's where that is due.

    Args:
        task: the task.
        failure: why there is no result of the app's own.
        folders: where the output is.
        state: what is known of the execution so far.
    """
    state = replace(state, failure=failure)
    if not failure.permanent or task.has_callback:
        return state
    state = replace(state, output=folders.reject_output())
    (folders.output / ERROR_FILE).write_bytes(appio.error_text(failure.cause))
    root = (state.generation or Generation.V5).layout.output
    (folders.output / appio.COMPUTED_FILE).write_text(
        f'{{"deterministic-output-path": "{root}/{ERROR_FILE}"}}'
    )
    if state.exit_code is not None:
        _write_logs(state, folders.output)
    tree = appio.scan_output(folders.output)
    packed = appio.write_archive(tree, folders.archive)
    try:
        archive, archive_digest = _for_beneficiary(task, folders, packed)
    except ExecutionError as error:
        return replace(state, failure=error)
    digest = appio.output_digest(tree, ERROR_FILE)
    return replace(state, digest=digest, archive=archive, archive_digest=archive_digest)


def _failure(run: RunResult, cause: Cause) -> ExecutionError:
    return ExecutionError(cause, run.detail, field="exit code", value=run.exit_code)


def _check_undeclared(task: TaskInputs, run: RunResult, generation: Generation | None) -> None:
    """Let the archive be the result only where nobody has to agree with it."""
    if run.cause:
        raise _failure(run, run.cause)
    if generation is Generation.V5:
        raise ExecutionError(
            Cause.DETERMINISM_HASH_NOT_FOUND,
            "the app must declare its result",
            field=appio.COMPUTED_FILE,
            value=None,
            remedy='write {"deterministic-output-path": "/iexec_out/…"} to it before the app ends',
        )
    if task.trust > 1:
        raise ExecutionError(
            Cause.DETERMINISM_HASH_NOT_FOUND,
            f"an app of {generation} that declares no result can be trusted up to 1 only",
            field="deal.trust",
            value=task.trust,
            remedy="write determinism.iexec (v2: consensus.iexec), or request it with trust 1",
        )


def _for_beneficiary(task: TaskInputs, folders: TaskFolders, digest: bytes) -> tuple[Path, bytes]:
    """Return the archive to upload and its SHA-256: encrypted when there is a key for that."""
    if not task.result_key:
        return folders.archive, digest
    try:
        encrypt_result(folders.archive, folders.encrypted_archive, task.result_key)
    except PocoError as error:
        raise ExecutionError(
            Cause.POST_COMPUTE_ENCRYPTION_FAILED,
            error.rule,
            field="result key",
            value="of the beneficiary",
            remedy="the beneficiary must push a public RSA key",
            permanent=False,
        ) from error
    with folders.encrypted_archive.open("rb") as stream:
        return folders.encrypted_archive, appio.stream_digest(stream)


def _write_logs(state: Execution, output: Path) -> None:
    """Write both log files, in the place of whatever the app left under their names."""
    for name, content in ((STDOUT_FILE, state.stdout), (STDERR_FILE, state.stderr)):
        target = output / name
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise ExecutionError(
                Cause.OUTPUT_TREE_INVALID,
                "the app must leave this name to the worker",
                field="output",
                value=name,
            ) from error
        with target.open("xb") as stream:
            stream.write(content)
