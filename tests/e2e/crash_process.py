"""The processes of a market that die as a story says: a scheduler with its store, and workers."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from support.mortality import Crash, MortalDatabase, Reaper, die_with_parent
from support.recorded_runtime import IdleRuntime, RecordedRuntime

from poco.contracts import Market
from poco.fetching import Fetcher, FetchPolicy
from poco.market import Role, development_account
from poco.runtimes import WasmRuntime
from poco.scheduler.client import SchedulerClient
from poco.scheduler.endpoint import scheduler_app
from poco.scheduler.protocol import Capability
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.settings import Settings
from poco.scheduler.tables import metadata
from poco.services.results import TABLES, Results, ResultsClient, open_storage, results_router
from poco.web import serving
from poco.worker.agent import WorkerAgent
from poco.worker.computation import Equipment

SCHEDULER = "scheduler"
PAUSE_SECONDS = 0.03


def worker(number: int) -> str:
    """The name of a worker's process."""
    return f"worker {number}"


@dataclass(frozen=True, slots=True)
class Story:
    """What is bought, who works for it, and who dies where.

    Args:
        trust: of the deal.
        tasks: of the deal.
        workers: how many there are.
        one_step: whether tasks of trust 1 are completed in one step.
        wasm: whether apps really run; else their result is made up.
        crashes: where each process dies, by its name: the first life, the second, ...
        late: those that start only when the others have died as often as they should.
        store: URL of a result store; empty is one in the scheduler's process.
    """

    trust: int = 1
    tasks: int = 1
    workers: int = 1
    one_step: bool = True
    wasm: bool = False
    crashes: Mapping[str, tuple[Crash, ...]] = field(default_factory=dict)
    late: tuple[str, ...] = ()
    store: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What a process is told at its start.

    Args:
        name: of the process.
        rpc: URL of the node.
        book: file of the market's address book.
        folder: of the story.
        port: of the scheduler.
        pool: address of the workerpool.
        story: see there.
        crash: where it dies.
    """

    name: str
    rpc: str
    book: Path
    folder: Path
    port: int
    pool: ChecksumAddress
    story: Story
    crash: Crash | None

    def reaper(self) -> Reaper:
        die_with_parent()
        return Reaper(self.crash, self.folder / f"{self.name}.points")

    def report(self, line: str) -> None:
        with (self.folder / f"{self.name}.log").open("a") as log:
            log.write(f"{time.time() % 1000:.2f} {line}\n")


def play_scheduler(part: Part) -> None:
    """Be a scheduler with its result store until killed."""
    reaper, account = part.reaper(), development_account(Role.WORKERPOOL)
    market = Market.connect(part.rpc, book=part.book).acting_as(account)
    _end_leases(part.folder / "scheduler.sqlite")
    database = MortalDatabase(f"sqlite:///{part.folder / 'scheduler.sqlite'}", metadata, reaper)
    own = open_results(market, part.folder, reaper)
    results = ResultsClient(part.story.store) if part.story.store else own
    made: list[Scheduler] = []

    def application(root: str) -> Any:
        settings = Settings(results_url=part.story.store or root, one_step=part.story.one_step)
        terms = (market, account, part.pool, database, results, settings)
        made.append(Scheduler(*terms, report=part.report))
        return scheduler_app(made[0], results_router(own), unbounded=("/v2/results/",))

    with serving(application, port=part.port):
        made[0].run(threading.Event(), PAUSE_SECONDS)


def play_worker(part: Part) -> None:
    """Be a worker until killed."""
    number = int(part.name.removeprefix("worker "))
    reaper, account = part.reaper(), development_account(Role.WORKER + number)
    market = Market.connect(part.rpc, book=part.book).acting_as(account)
    runtime = WasmRuntime(allow_files=True) if part.story.wasm else IdleRuntime()
    counted = RecordedRuntime(runtime, market.chain, part.folder / "runs")
    fetcher = Fetcher(FetchPolicy(allow_private=True))
    agent = WorkerAgent(
        market,
        account,
        SchedulerClient(f"http://127.0.0.1:{part.port}", account),
        Equipment({"WASM": counted}, fetcher, part.folder / part.name),
        Capability(name=part.name, slots=2, app_types=("WASM",)),
        store=partial(ResultsClient, pause=PAUSE_SECONDS),
        poll_seconds=PAUSE_SECONDS,
        report=part.report,
        crash_point=reaper,
    )
    agent.run(threading.Event())


def enact(part: Part) -> None:
    """Be the process that a part is of, until killed."""
    (play_scheduler if part.name == SCHEDULER else play_worker)(part)


def open_results(market: Market, folder: Path, crash_point: Callable[[str], None]) -> Results:
    """The result store of a story."""
    database = MortalDatabase(f"sqlite:///{folder / 'results.sqlite'}", TABLES, crash_point)
    return Results(market, open_storage(str(folder / "store"), folder / "store"), database)


def _end_leases(path: Path) -> None:
    """Let the time pass until the lease of a scheduler that died is over."""
    if path.exists():
        with closing(sqlite3.connect(path)) as database:
            with suppress(sqlite3.OperationalError):  # it died before it had tables
                database.execute("DELETE FROM leases")
            database.commit()
