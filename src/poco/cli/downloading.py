"""Results that are downloaded, and what of them was checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poco.cli.shell import Shell
from poco.errors import PocoError

if TYPE_CHECKING:
    from poco.market.states import TaskState
    from poco.orders import TaskId

__all__ = ["download_result", "download_results"]


def download_result(shell: Shell, taskid: TaskId, target: Path, key: bytes | None = None) -> Path:
    """Download the result of a task, and say what of it was checked.

    Args:
        shell: the command.
        taskid: the task.
        target: the archive, without ``.zip``.
        key: private key of the beneficiary, PEM; without it a sealed result stays sealed.

    Returns:
        The archive.

    Raises:
        PeerError: it cannot be had, or is another one.
        UserInputError: see `poco.market.results.collect_result`.
    """
    from poco.market.results import collect_result
    from poco.services.results.inspection import is_sealed

    market, gateway = shell.reader, shell.gateway
    with shell.progress("downloading the result"):
        archive = collect_result(
            market, taskid, target.parent, name=target.name, gateway=gateway, private_key=key
        )
    if is_sealed(archive):
        shell.say("the result is encrypted; it is the file that the chain names")
    else:
        shell.say("the result has the digest that the workers agreed on")
    return archive


def download_results(
    shell: Shell, tasks: list[TaskState], folder: Path
) -> tuple[dict[TaskId, Path], list[str]]:
    """Download the results of all tasks that are completed, each as ``TASKID.zip``.

    Returns:
        The archives, and why others could not be had.
    """
    archives: dict[TaskId, Path] = {}
    troubles = []
    for task in tasks:
        name = f"0x{task.taskid.hex()}"
        if task.is_completed:
            try:
                archives[task.taskid] = download_result(shell, task.taskid, folder / name)
            except PocoError as error:
                troubles.append(f"result of task {name}: {error}")
    return archives, troubles
