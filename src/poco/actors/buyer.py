"""The one who pays: buys tasks, waits for them, collects the results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poco.actors.stage import Stage, say
from poco.contracts import Task, TaskStatus
from poco.errors import PeerError
from poco.http_server import serve_files
from poco.market import (
    Offer,
    buy,
    collect_result,
    file_checksum,
    require_writable_folder,
    sign_request,
    wait_for_tasks,
)
from poco.orders import TaskId

__all__ = ["Wish", "play_requester"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be computed.

    Args:
        arguments: the app's argument line.
        input: the input file, which is handed out while the tasks run; None for none.
        tasks: how many tasks.
        trust: demanded trust.
    """

    arguments: str
    input: Path | None
    tasks: int
    trust: int


def play_requester(stage: Stage, wish: Wish, results: Path, *, patience: float) -> list[Path]:
    """Buy from the published orders, wait, and download the results.

    Args:
        stage: where the requester stands.
        wish: what to compute.
        results: folder for the archives.
        patience: how long to wait for orders, and then for the tasks, in seconds.

    Returns:
        The archives, in the order of the tasks.

    Raises:
        PeerError: a task failed, or took too long.
        PocoError: what else went wrong.
    """
    require_writable_folder(results)
    if wish.input is not None:
        file_checksum(wish.input, "input")
    offer = Offer(
        app=stage.app_order(patience),
        dataset=stage.dataset_order(patience),
        workerpool=stage.workerpool_order(patience),
    )
    stage.ensure_stake(wish.tasks * offer.price)
    with _handed_out(wish.input) as urls:
        params = json.dumps({"iexec_args": wish.arguments, "iexec_input_files": urls})
        request = sign_request(
            stage.market, stage.account, offer, params, volume=wish.tasks, trust=wish.trust
        )
        deal = buy(stage.market, offer, request)
        say(f"deal 0x{deal.dealid.hex()}: {deal.bot_size} tasks at {deal.price} nRLC")
        tasks = wait_for_tasks(stage.market, deal, patience=patience, report=_report)
    failed = [taskid for taskid, task in tasks.items() if task.status is TaskStatus.FAILED]
    if failed:
        raise PeerError(
            "the task was not done in time; its price is free again in the hub",
            field="task",
            value=f"0x{failed[0].hex()}",
            remedy="buy again, perhaps from another workerpool",
        )
    store = stage.folder.scheduler(offer.workerpool.workerpool)  # it keeps the results, too
    archives = [collect_result(stage.market, taskid, results, gateway=store) for taskid in tasks]
    for archive in archives:
        say(f"result: {archive}")
    return archives


@contextmanager
def _handed_out(path: Path | None) -> Iterator[list[str]]:
    if path is None:
        yield []
        return
    with serve_files({path.name: path}) as files:
        yield [files.url_of(path.name)]


def _report(taskid: TaskId, task: Task) -> None:
    say(f"task 0x{taskid.hex()}: {task.status.name}")
