"""Execute a task from its inputs to its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from poco import appio
from poco.appio import Cause, DealParams, ExecutionError, Generation
from poco.runtimes import Runtime
from poco.worker.execution.collection import collect, error_result
from poco.worker.execution.folders import TaskFolders
from poco.worker.execution.inputs import name_inputs, place_inputs, placed_inputs
from poco.worker.execution.model import Execution, TaskInputs
from poco.worker.execution.preparation import run_labels, run_name, run_spec

__all__ = ["error_execution", "execute"]


def execute(
    task: TaskInputs,
    runtime: Runtime,
    workdir: Path,
    *,
    resume: bool = False,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Execution:
    """Run a task's app and turn what it leaves into a result.

    Below ``workdir/<task id>/`` appear ``input/`` (what the app reads), ``output/iexec_out/`` (what
    it wrote, with ``stdout.txt`` and ``stderr.txt``) and ``output/iexec_out.zip``; an app of v2
    finds its input in the output folder. What an earlier execution of the same task left there is
    replaced.

    A fault of the app that every worker would meet becomes a canonical error result, which reaches
    consensus like any other, except for a deal with a callback (spec offchain §1.6). An app that
    ends with another exit code than 0 but has declared a valid result counts (§1.8).

    Args:
        task: all that the execution depends on.
        runtime: runs apps of the task's type.
        workdir: folder for the work of all tasks; created when missing, private to the worker.
        resume: whether a run of the task that an earlier process of the worker began goes on, if
            it still can.
        is_wanted: asked before the app is started, which may be long after the call: its image may
            have to be pulled.

    Returns:
        The result, or why there is none.

    Raises:
        ConfigurationError: when the runtime does not work on this host.
        OSError: when the host's disk does not.
    """
    folders = TaskFolders.find(workdir, task.task_id)
    placed = placed_inputs(folders) if resume else None
    resumed = placed is not None and runtime.resumable(
        run_name(task.task_id, workdir), run_labels(task)
    )
    if not resumed:
        placed, folders = None, TaskFolders.create(workdir, task.task_id)
    state = _nothing_yet(folders)
    try:
        params = appio.parse_params(task.params)
        state = replace(state, warnings=params.warnings)
        _check(task, params, runtime)
        generation = _generation(task, params, runtime)
        state = replace(state, generation=generation)
        names = name_inputs(task, params)
        if placed is None:
            placed = place_inputs(task, params, names, generation, folders)
        state = replace(state, inputs=placed.digests)
        spec = run_spec(task, params, generation, folders, names, placed)
        if not is_wanted():
            raise ExecutionError(Cause.ABORTED_BY_WORKER, "the worker has ended it before it began")
        run = runtime.run(replace(spec, resume=resumed))
        state = replace(
            state,
            stdout=run.stdout,
            stderr=run.stderr,
            exit_code=run.exit_code,
            seconds=run.seconds,
            warnings=state.warnings + run.warnings,
        )
        return collect(task, run, folders, state)
    except ExecutionError as failure:
        return error_result(task, failure, folders, state)


def error_execution(task: TaskInputs, failure: ExecutionError, workdir: Path) -> Execution:
    """Return what becomes of a task whose app could not even be started.

    For a worker that could not download what the app needs: a failure that every worker would meet
    becomes an error result, as in `execute`.

    Args:
        task: the task; nothing needs to have been downloaded.
        failure: why its app was not started.
        workdir: folder for the work of all tasks.

    Raises:
        OSError: when the host's disk does not work.
    """
    folders = TaskFolders.create(workdir, task.task_id)
    return error_result(task, failure, folders, _nothing_yet(folders))


def _nothing_yet(folders: TaskFolders) -> Execution:
    return Execution(
        digest=None,
        callback_data=b"",
        archive=None,
        archive_digest=b"",
        stdout=b"",
        stderr=b"",
        exit_code=None,
        seconds=0.0,
        failure=None,
        output=folders.output,
    )


def _check(task: TaskInputs, params: DealParams, runtime: Runtime) -> None:
    """Refuse what cannot be done before anything is started."""
    if runtime.app_type != task.app.app_type:
        raise ExecutionError(
            Cause.APP_IMAGE_DOWNLOAD_FAILED,
            f"this worker runs {runtime.app_type} apps",
            field="app.type",
            value=task.app.app_type,
            permanent=False,
        )
    if params.result_encryption and not task.result_key:
        raise ExecutionError(
            Cause.TASK_DESCRIPTION_INVALID,
            "a result is encrypted in confidential tasks only, with the key of the beneficiary",
            field="params.iexec_result_encryption",
            value=True,
            remedy="ask for the tag tee and push the beneficiary's key, or leave the key out",
        )
    if params.bulk_cid is not None and task.bulk is None:
        raise ExecutionError(
            Cause.TASK_DESCRIPTION_INVALID,
            "the datasets of a bulk are for confidential tasks only",
            field="params.bulk_cid",
            value=params.bulk_cid,
            remedy="ask for the tag tee",
        )


def _generation(task: TaskInputs, params: DealParams, runtime: Runtime) -> Generation:
    app = appio.parse_app(task.app.multiaddr)
    generation = appio.choose_generation(params, app)
    if generation is Generation.V2:
        return generation  # no label can change that
    labels = runtime.labels(app.reference, task.app.checksum)
    return appio.choose_generation(params, app, labels)
