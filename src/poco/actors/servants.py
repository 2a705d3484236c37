"""Those who run computations: the owner of a workerpool with its scheduler, and workers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poco.actors.stage import Stage, say
from poco.market import register_workerpool
from poco.orders import WorkerpoolOrder, random_salt, sign_order
from poco.runtimes import available_runtimes
from poco.scheduler import ResultStore, Scheduler, SchedulerClient, serve_scheduler
from poco.worker.downloads import Downloads
from poco.worker.worker import Worker

__all__ = ["Pool", "play_worker", "play_workerpool"]


@dataclass(frozen=True, slots=True)
class Pool:
    """What a workerpool offers.

    Args:
        description: its name.
        price: nRLC per task.
        volume: how many tasks.
        category: id of the category, which says how long a task may take.
        trust: highest trust that a request may ask for.
        stake: free stake to hold, nRLC; the scheduler stakes 30 % of the price per task.
    """

    description: str
    price: int
    volume: int
    category: int
    trust: int
    stake: int


def play_workerpool(
    stage: Stage, pool: Pool, store: Path, *, port: int, stop: threading.Event
) -> None:
    """Register a workerpool, publish a signed order for it, and run its scheduler.

    Args:
        stage: where the owner stands.
        pool: what it offers.
        store: folder for the result archives.
        port: TCP port of the scheduler; 0 takes a free one.
        stop: ends it when set.

    Raises:
        PocoError: what went wrong.
    """
    stage.ensure_stake(pool.stake)
    address = register_workerpool(stage.market, pool.description).address
    say(f"workerpool {pool.description} is registered as {address}")
    results = ResultStore(store)

    def scheduler(url: str) -> Scheduler:
        return Scheduler(stage.market, stage.account, address, results, url=url, report=say)

    with serve_scheduler(scheduler, port=port) as running:
        stage.folder.announce(address, running.url)
        order = WorkerpoolOrder(
            workerpool=address,
            workerpoolprice=pool.price,
            volume=pool.volume,
            category=pool.category,
            trust=pool.trust,
            salt=random_salt(),
        )
        stage.folder.publish(stage.chain_id, sign_order(order, stage.market.domain, stage.account))
        say(
            f"workerpool order is published in {stage.folder.path}: {pool.volume} at "
            f"{pool.price} nRLC, trust up to {pool.trust}"
        )
        say(f"scheduler answers at {running.url}, Ctrl-C ends it")
        running.run(stop)


def play_worker(
    stage: Stage,
    workdir: Path,
    *,
    stake: int,
    scheduler: str | None,
    patience: float,
    stop: threading.Event,
    falsify: Callable[[bytes], bytes] | None = None,
) -> None:
    """Work for the published workerpool.

    Args:
        stage: where the worker stands.
        workdir: folder for its work.
        stake: free stake to hold, nRLC.
        scheduler: URL of the scheduler; None is the one announced in the market folder.
        patience: how long to wait for a workerpool, in seconds.
        stop: ends it when set.
        falsify: makes it a cheat, see `Worker`.

    Raises:
        PocoError: what went wrong.
    """
    runtimes = available_runtimes()
    say(f"runs {' and '.join(runtimes) or 'no'} apps")
    pool = stage.workerpool_order(patience).workerpool

    def locate() -> str:
        # A scheduler that was started again announces another port.
        return scheduler or stage.folder.scheduler(pool)

    stage.ensure_stake(stake)
    worker = Worker(
        stage.market,
        stage.account,
        SchedulerClient(locate),
        runtimes,
        workdir / stage.account.address,
        downloads=Downloads(allow_local=stage.is_development),
        report=say,
        falsify=falsify,
    )
    say(f"works for the scheduler at {locate()}, Ctrl-C ends it")
    worker.run(stop)
