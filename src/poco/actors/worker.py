"""Play a worker on a stage: find the pool, deposit, work until told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from eth_hash.auto import keccak

from poco.actors.stage import Stage, say
from poco.fetching import Fetcher, FetchPolicy
from poco.runtimes import available_runtimes
from poco.scheduler.client import SchedulerClient
from poco.worker import startup
from poco.worker.agent import WorkerAgent
from poco.worker.computation import Equipment

__all__ = ["other_digest", "play_worker"]

_POLL_SECONDS = 0.2


def play_worker(
    stage: Stage,
    workdir: Path,
    *,
    stake: int,
    scheduler: str | None,
    patience: float,
    slots: int,
    stop: threading.Event,
    drain: threading.Event,
    falsify: Callable[[bytes], bytes] = lambda digest: digest,
) -> None:
    """Work for the published workerpool.

    Args:
        stage: where the worker stands.
        workdir: folder for its work.
        stake: free stake to hold, nRLC.
        scheduler: URL of the scheduler; None is the one announced in the market folder.
        patience: how long to wait for a workerpool, in seconds.
        slots: how many tasks to compute at a time.
        stop: see `WorkerAgent.run`.
        drain: see there.
        falsify: makes it a cheat, see `Equipment`.

    Raises:
        PocoError: what went wrong.
    """
    pool = stage.workerpool_order(patience).workerpool

    def locate() -> str:
        # A scheduler that was started again announces another port.
        return scheduler or stage.folder.scheduler(pool)

    fetcher = Fetcher(FetchPolicy(allow_private=stage.is_development))
    folder = workdir / stage.account.address
    runtimes = available_runtimes(
        allow_files=stage.is_development, fetcher=fetcher, cache=folder / "modules"
    )
    equipment = Equipment(runtimes, fetcher, folder, falsify=falsify)
    with startup.alone_in(folder):
        startup.check_host(equipment, disk=0)
        stage.ensure_stake(stake)
        startup.check_market(stage.market, report=say)
        agent = WorkerAgent(
            stage.market,
            stage.account,
            SchedulerClient(locate, stage.account),
            equipment,
            startup.capability_of(equipment, stage.account.address, slots=slots),
            poll_seconds=_POLL_SECONDS,
            report=say,
        )
        say(f"runs {' and '.join(runtimes)} apps for the scheduler at {locate()}, Ctrl-C ends it")
        agent.run(stop, drain)


def other_digest(digest: bytes) -> bytes:
    """Return what a worker commits to that would rather not compute; see `Equipment`."""
    return keccak(b"some other result" + digest)
