"""Say how to run an app on what was laid out for it (spec offchain §1.2-1.7)."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from poco import appio
from poco.appio import DealParams, Generation, OutputLimits
from poco.runtimes import STAGE_LABEL, TASK_LABEL, WORKER_LABEL, Mount, RunLimits, RunSpec
from poco.worker.execution.folders import TaskFolders
from poco.worker.execution.inputs import InputNames, PlacedInputs
from poco.worker.execution.model import TaskInputs

__all__ = ["run_labels", "run_name", "run_spec"]

_STAGE = "app"


def run_name(task_id: bytes, workdir: Path) -> str:
    """Name a run so that workers of one host do not meet, but a worker finds its own again."""
    return f"{run_prefix(workdir)}0x{task_id.hex()}"


def run_prefix(workdir: Path) -> str:
    """Return how the names of all runs of a worker in this folder begin."""
    place = hashlib.sha256(os.fsencode(workdir.absolute())).hexdigest()
    return f"poco-{place[:12]}-"


def run_labels(task: TaskInputs) -> dict[str, str]:
    """Return the labels by which a worker finds a run again."""
    labels = {TASK_LABEL: f"0x{task.task_id.hex()}", STAGE_LABEL: _STAGE}
    return {**labels, WORKER_LABEL: task.worker} if task.worker else labels


def run_spec(
    task: TaskInputs,
    params: DealParams,
    generation: Generation,
    folders: TaskFolders,
    names: InputNames,
    placed: PlacedInputs,
) -> RunSpec:
    """Describe the run of a task's app.

    Raises:
        ExecutionError: ``TASK_DESCRIPTION_INVALID`` when the argument line cannot be split.
    """
    app = appio.parse_app(task.app.multiaddr)
    context = appio.TaskContext(
        task_id=task.task_id,
        deal_id=task.deal_id,
        index=task.index,
        bot_first=task.bot_first,
        bot_size=task.bot_size,
        dataset_address=task.dataset.address if task.dataset else appio.ZERO_ADDRESS,
        dataset_file=names.dataset,
        input_files=names.files,
        app_secret=task.app_secret,
        requester_secrets=task.requester_secrets,
        app_variables=app.variables,
        bulk_files=names.bulk,
    )
    layout = generation.layout
    mounts = (
        Mount(folders.input, layout.input, read_only=True),
        Mount(folders.output, layout.output, read_only=False),
    )
    return RunSpec(
        image=app.reference,
        checksum=task.app.checksum,
        arguments=appio.split_arguments(params.args),
        environment=appio.environment(context, generation),
        mounts=mounts[1:] if generation is Generation.V2 else mounts,
        limits=_with_room_for(placed, task.limits),
        name=run_name(task.task_id, folders.base.parent),
        labels=run_labels(task),
        gpu=task.gpu,
    )


def _with_room_for(placed: PlacedInputs, limits: RunLimits) -> RunLimits:
    """Let the app write as much as the limits say beside the inputs in the same folder."""
    if not placed.entries:
        return limits
    room = OutputLimits(limits.output.size + placed.size, limits.output.entries + placed.entries)
    return replace(limits, output=room)
