"""Execute one task: prepare its folders, run its app, collect its result.

The order of the collection (spec offchain §1.8): the app has stopped, the logs are written, the
output is checked, ``computed.json`` is read, the digest computed, the archive packed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from poco import appio
from poco.appio import Cause, DealParams, ExecutionError
from poco.runtimes import Mount, RunLimits, RunResult, RunSpec, Runtime

__all__ = ["AppReference", "DatasetFile", "Execution", "TaskInputs", "execute"]

ARCHIVE = "iexec_out.zip"
ERROR_FILE = "error.txt"
STDOUT_FILE = "stdout.txt"
STDERR_FILE = "stderr.txt"


@dataclass(frozen=True, slots=True)
class AppReference:
    """The app of a deal, as its registry entry says.

    Attributes:
        multiaddr: image reference, or path of a WASM module.
        checksum: 32 bytes; zero bytes when none was registered.
        app_type: ``DOCKER`` or ``WASM``.
    """

    multiaddr: str
    checksum: bytes
    app_type: str = "DOCKER"


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """The dataset of a deal, already on this host.

    Attributes:
        address: hex address of the dataset.
        multiaddr: where it came from; its last part names the file for the app.
        path: the local copy, whose checksum has been verified.
    """

    address: str
    multiaddr: str
    path: Path


@dataclass(frozen=True, slots=True)
class TaskInputs:
    """All that the execution of a task depends on.

    Attributes:
        task_id: 32 bytes.
        deal_id: 32 bytes.
        index: absolute index of the task in its requester's bag.
        bot_first: index of the deal's first task.
        bot_size: number of tasks in the deal.
        app: the app to run.
        params: the deal's ``params`` as they stand on chain.
        limits: what the run may use; ``limits.seconds`` is the category's time.
        dataset: the dataset, or None.
        input_files: local copies of the input files by the URL in ``params``.
        callback: hex address of the deal's callback contract, or the zero address.
    """

    task_id: bytes
    deal_id: bytes
    index: int
    bot_first: int
    bot_size: int
    app: AppReference
    params: str
    limits: RunLimits
    dataset: DatasetFile | None = None
    input_files: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    callback: str = appio.ZERO_ADDRESS


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of a task on this host.

    Attributes:
        digest: the 32 bytes to contribute and reveal, the app's own or those of an error result;
            None when there is nothing to contribute and another worker should try.
        callback_data: bytes for the callback contract, empty without callback.
        archive: path of the result archive, None only when `digest` is None.
        archive_digest: SHA-256 of the archive, 32 bytes, empty without archive.
        stdout: what the app wrote there, bounded.
        stderr: likewise.
        exit_code: the app's exit code, None when it was never started.
        seconds: wall clock time of the app's run.
        failure: why there is no result of the app's own, None when there is one.
        warnings: remarks for the requester.
    """

    digest: bytes | None
    callback_data: bytes
    archive: Path | None
    archive_digest: bytes
    stdout: bytes
    stderr: bytes
    exit_code: int | None
    seconds: float
    failure: ExecutionError | None
    warnings: tuple[str, ...] = ()


def execute(task: TaskInputs, runtime: Runtime, workdir: Path) -> Execution:
    """Run a task's app and turn what it leaves into a result.

    Below ``workdir/<task id>/`` appear ``input/`` (what the app reads), ``output/iexec_out/`` (what
    it wrote, with ``stdout.txt`` and ``stderr.txt``) and ``output/iexec_out.zip``. What an earlier
    execution of the same task left there is replaced.

    A fault of the app that every worker would meet becomes a canonical error result, which reaches
    consensus like any other, except for a deal with a callback (spec offchain §1.6). An app that
    ends with another exit code than 0 but has written a valid ``computed.json`` counts (§1.8).

    Args:
        task: all that the execution depends on.
        runtime: runs apps of the task's type.
        workdir: folder for the work of all tasks; created when missing, private to the worker.

    Returns:
        The result, or why there is none.

    Raises:
        ConfigurationError: when the runtime does not work on this host.
        OSError: when the host's disk does not.
    """
    folders = _Folders.create(workdir.absolute() / f"0x{task.task_id.hex()}")
    run: RunResult | None = None
    warnings: tuple[str, ...] = ()
    try:
        params = appio.parse_params(task.params)
        warnings = params.warnings
        if runtime.app_type != task.app.app_type:
            raise ExecutionError(
                Cause.APP_IMAGE_DOWNLOAD_FAILED,
                f"this worker runs {runtime.app_type} apps",
                field="app.type",
                value=task.app.app_type,
                permanent=False,
            )
        run = runtime.run(_spec(task, params, folders))
        warnings += run.warnings
        return _collect(task, run, folders, warnings)
    except ExecutionError as failure:
        return _fail(task, failure, run, folders, warnings)


@dataclass(frozen=True, slots=True)
class _Folders:
    """The folders of one task (spec offchain §1.2)."""

    base: Path
    input: Path
    output: Path
    archive: Path

    @classmethod
    def create(cls, base: Path) -> _Folders:
        if base.exists():
            shutil.rmtree(base)
        folders = cls(
            base, base / "input", base / "output" / "iexec_out", base / "output" / ARCHIVE
        )
        for parent in (base, folders.output.parent):
            parent.mkdir(mode=0o700, parents=True)
        for leaf in (folders.input, folders.output):
            leaf.mkdir()
        folders.open_output()
        return folders

    def open_output(self) -> None:
        """Let images that do not run as root write, too; the parents stay private."""
        self.output.chmod(0o777)


def _spec(task: TaskInputs, params: DealParams, folders: _Folders) -> RunSpec:
    """Lay out the input folder and say how to run the app on it."""
    missing = [url for url in params.input_files if url not in task.input_files]
    if missing:
        raise ExecutionError(
            Cause.INPUT_FILES_DOWNLOAD_FAILED,
            "every input file must have been downloaded",
            field="params.iexec_input_files",
            value=missing[0],
            permanent=False,
        )
    sources = [(task.dataset.multiaddr, task.dataset.path)] if task.dataset else []
    sources += [(url, task.input_files[url]) for url in params.input_files]
    names = appio.file_names([url for url, _ in sources])
    for name, (_, path) in zip(names, sources, strict=True):
        target = folders.input / name
        shutil.copyfile(path, target)
        target.chmod(0o644)
    context = appio.TaskContext(
        task_id=task.task_id,
        deal_id=task.deal_id,
        index=task.index,
        bot_first=task.bot_first,
        bot_size=task.bot_size,
        dataset_address=task.dataset.address if task.dataset else appio.ZERO_ADDRESS,
        dataset_file=names[0] if task.dataset else None,
        input_files=names[1:] if task.dataset else names,
    )
    task_id = f"0x{task.task_id.hex()}"
    return RunSpec(
        image=task.app.multiaddr,
        checksum=task.app.checksum,
        arguments=appio.split_arguments(params.args),
        environment=appio.environment(context),
        mounts=(
            Mount(folders.input, appio.V5.input, read_only=True),
            Mount(folders.output, appio.V5.output, read_only=False),
        ),
        limits=task.limits,
        name=_run_name(folders.base.parent, task_id),
        labels={"iexec.task": task_id, "iexec.stage": "app"},
    )


def _run_name(workdir: Path, task_id: str) -> str:
    """Name a run so that workers of one host do not meet, but a worker finds its own again."""
    return f"poco-{hashlib.sha256(os.fsencode(workdir)).hexdigest()[:12]}-{task_id}"


def _collect(
    task: TaskInputs, run: RunResult, folders: _Folders, warnings: tuple[str, ...]
) -> Execution:
    """Turn the output of a run into a result."""
    declared = os.path.lexists(folders.output / appio.COMPUTED_FILE)
    if run.cause and not (run.cause is Cause.APP_COMPUTE_FAILED and declared):
        raise ExecutionError(run.cause, run.detail, field="exit code", value=run.exit_code)
    _write_logs(run, folders.output)
    tree = appio.scan_output(folders.output, task.limits.output)
    computed = appio.read_computed(folders.output, has_callback=_has_callback(task))
    if computed.callback_data is not None:
        digest = appio.callback_digest(computed.callback_data)
    else:
        digest = appio.output_digest(tree, computed.output_path or "")
    return Execution(
        digest=digest,
        callback_data=computed.callback_data or b"",
        archive=folders.archive,
        archive_digest=appio.write_archive(tree, folders.archive),
        stdout=run.stdout,
        stderr=run.stderr,
        exit_code=run.exit_code,
        seconds=run.seconds,
        failure=None,
        warnings=warnings + computed.warnings,
    )


def _fail(
    task: TaskInputs,
    failure: ExecutionError,
    run: RunResult | None,
    folders: _Folders,
    warnings: tuple[str, ...],
) -> Execution:
    """Report a failure, and make it a canonical error result where that is due."""
    digest, archive_digest = None, b""
    if failure.permanent and not _has_callback(task):
        digest, archive_digest = _error_result(failure, run, folders)
    return Execution(
        digest=digest,
        callback_data=b"",
        archive=folders.archive if digest else None,
        archive_digest=archive_digest,
        stdout=run.stdout if run else b"",
        stderr=run.stderr if run else b"",
        exit_code=run.exit_code if run else None,
        seconds=run.seconds if run else 0.0,
        failure=failure,
        warnings=warnings,
    )


def _error_result(
    failure: ExecutionError, run: RunResult | None, folders: _Folders
) -> tuple[bytes, bytes]:
    """Put an error result in the place of whatever the app left."""
    folders.output.rename(folders.output.with_name("rejected"))
    folders.output.mkdir()
    (folders.output / ERROR_FILE).write_bytes(appio.error_text(failure.cause))
    (folders.output / appio.COMPUTED_FILE).write_text(
        f'{{"deterministic-output-path": "{appio.V5.output}/{ERROR_FILE}"}}'
    )
    if run:
        _write_logs(run, folders.output)
    tree = appio.scan_output(folders.output)
    digest = appio.output_digest(tree, ERROR_FILE)
    return digest, appio.write_archive(tree, folders.archive)


def _write_logs(run: RunResult, output: Path) -> None:
    """Write both log files, in the place of whatever the app left under their names."""
    for name, content in ((STDOUT_FILE, run.stdout), (STDERR_FILE, run.stderr)):
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


def _has_callback(task: TaskInputs) -> bool:
    return int(task.callback, 16) != 0
