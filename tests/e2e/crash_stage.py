"""A market whose scheduler and workers are processes that die, and start again, as a story says."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from scheduler_stage import purchase
from support.mortality import Crash, MortalDatabase, Reaper, die_with_parent
from support.recorded_runtime import IdleRuntime, RecordedRuntime, recorded
from worker_stage import Town

from poco.contracts import Account, Deal, Market, TaskStatus
from poco.contracts.events import TaskContribute
from poco.fetching import Fetcher, FetchPolicy
from poco.market import Role, development_account
from poco.runtimes import WasmRuntime
from poco.scheduler.client import SchedulerClient
from poco.scheduler.endpoint import scheduler_app
from poco.scheduler.protocol import Capability
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.settings import Settings
from poco.scheduler.tables import metadata
from poco.services.results import TABLES, Results, open_storage, results_router
from poco.web import serving
from poco.worker.agent import WorkerAgent
from poco.worker.computation import Equipment
from poco.worker.settlement import OVER

SCHEDULER = "scheduler"
_PAUSE_SECONDS = 0.03
_PATIENCE_SECONDS = 60.0

_processes = multiprocessing.get_context("forkserver")
# Children are forks of a process that has imported all that takes long.
_processes.set_forkserver_preload(["poco.worker.agent", "poco.scheduler.endpoint", "poco.market"])


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
    """

    trust: int = 1
    tasks: int = 1
    workers: int = 1
    one_step: bool = True
    wasm: bool = False
    crashes: Mapping[str, tuple[Crash, ...]] = field(default_factory=dict)
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a story.

    Args:
        deaths: who died where, in order.
        passed: the points that each process passed.
        tasks: how they ended.
        runs: of apps.
        reverted: transactions that were mined in vain.
        seconds: that it took.
        losses: what must never happen, in words.
    """

    deaths: tuple[tuple[str, Crash], ...]
    passed: Mapping[str, Counter[str]]
    tasks: Counter[TaskStatus]
    runs: int
    reverted: int
    seconds: float
    losses: tuple[str, ...]


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
    results = open_results(market, part.folder, reaper)
    made: list[Scheduler] = []

    def application(root: str) -> Any:
        settings = Settings(results_url=root, one_step=part.story.one_step)
        terms = (market, account, part.pool, database, results, settings)
        made.append(Scheduler(*terms, report=part.report))
        return scheduler_app(made[0], results_router(results), unbounded=("/v2/results/",))

    with serving(application, port=part.port):
        made[0].run(threading.Event(), _PAUSE_SECONDS)


def play_worker(part: Part, number: int) -> None:
    """Be a worker until killed."""
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
        poll_seconds=_PAUSE_SECONDS,
        report=part.report,
        crash_point=reaper,
    )
    agent.run(threading.Event())


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


class Troupe:
    """The processes of one story: killed ones start again."""

    def __init__(self, town: Town, story: Story, folder: Path) -> None:
        self._town, self._story, self._folder = town, story, folder
        self._book = folder / "book.json"
        town.market.book.write(self._book)
        self._port = _free_port()
        self._plans = {
            name: list(story.crashes.get(name, ()))
            for name in (SCHEDULER, *map(worker, range(story.workers)))
        }
        assert self._plans.keys() >= story.crashes.keys()
        self._living: dict[str, tuple[Any, Crash | None]] = {}
        self.deaths: list[tuple[str, Crash]] = []

    def start(self) -> None:
        """Start all processes but those that are late."""
        for name in self._plans:
            if name not in self._story.late:
                self._start(name)

    def revive(self) -> None:
        """Start those again that died where they should."""
        for name, (process, crash) in list(self._living.items()):
            if process.is_alive():
                continue
            assert process.exitcode == -signal.SIGKILL, f"{name} ended: {self.told()}"
            assert crash is not None
            self.deaths.append((name, crash))
            self._start(name)
        if not any(crash for _, crash in self._living.values()):
            for name in self._plans.keys() - self._living.keys():
                self._start(name)

    def is_at_rest(self) -> bool:
        """Whether scheduler and workers have put everything aside."""
        statuses = [
            status
            for name in self._plans
            for status in self._ask(f"{name}/worker.sqlite", "select status from tasks_local")
        ]
        is_over = self._ask("scheduler.sqlite", "select is_over from tasks")
        return all(is_over) and all(status in OVER for status in statuses)

    def end(self) -> None:
        """Kill all processes."""
        for process, _ in self._living.values():
            process.kill()
        for process, _ in self._living.values():
            process.join()

    def passed(self) -> dict[str, Counter[str]]:
        """The points that processes passed, in all their lives."""
        files = {name: self._folder / f"{name}.points" for name in self._plans}
        return {
            name: Counter(file.read_text().splitlines()) if file.exists() else Counter()
            for name, file in files.items()
        }

    def told(self) -> str:
        """What the processes said, for a test that fails."""
        logs = sorted(self._folder.glob("*.log"))
        texts = [f"--- {log.stem}\n{log.read_text()}" for log in logs]
        return "\n".join([f"died: {self.deaths}", *texts])

    def _start(self, name: str) -> None:
        plan = self._plans[name]
        crash = plan.pop(0) if plan else None
        town = self._town
        pool = town.offer.workerpool.workerpool
        part = Part(
            name, town.chain.url, self._book, self._folder, self._port, pool, self._story, crash
        )
        if name == SCHEDULER:
            process = _processes.Process(target=play_scheduler, args=(part,), daemon=True)
        else:
            number = int(name.removeprefix(worker(0)[:-1]))
            process = _processes.Process(target=play_worker, args=(part, number), daemon=True)
        process.start()
        self._living[name] = process, crash

    def _ask(self, database: str, question: str) -> list[Any]:
        path = self._folder / database
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            try:
                return [value for (value,) in connection.execute(question)]
            except sqlite3.OperationalError:  # it has no tables yet
                return []


def play(town: Town, story: Story, folder: Path) -> Outcome:
    """Play a story to its end; the market is as before afterwards.

    Args:
        town: the market, without any open task.
        story: what happens.
        folder: empty, for its files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    snapshot = town.chain.request("evm_snapshot")
    try:
        return _play(town, story, folder)
    finally:
        assert town.chain.request("evm_revert", snapshot) is True


def _play(town: Town, story: Story, folder: Path) -> Outcome:
    before, first = _accounts(town, story), town.chain.block_number() + 1
    begun = time.monotonic()
    deal, _ = purchase(town, trust=story.trust, volume=story.tasks)
    troupe = Troupe(town, story, folder)
    losses: list[str] = []
    troupe.start()
    try:
        if not _comes_to_rest(town, deal, troupe):
            losses.append(f"it does not come to an end: {troupe.told()}")
    finally:
        troupe.end()
    seconds = time.monotonic() - begun
    losses += _losses(town, story, deal, before, folder, first)
    return Outcome(
        deaths=tuple(troupe.deaths),
        passed=troupe.passed(),
        tasks=Counter(task.status for task in town.hub.tasks(deal.dealid).values()),
        runs=len(recorded(folder / "runs")),
        reverted=_reverted(town, first),
        seconds=seconds,
        losses=tuple(losses),
    )


def _comes_to_rest(town: Town, deal: Deal, troupe: Troupe) -> bool:
    end = time.monotonic() + _PATIENCE_SECONDS
    over = (TaskStatus.COMPLETED, TaskStatus.FAILED)
    while time.monotonic() < end:
        troupe.revive()
        statuses = [task.status for task in town.hub.tasks(deal.dealid).values()]
        if all(status in over for status in statuses) and troupe.is_at_rest():
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def _people(town: Town, story: Story) -> dict[str, ChecksumAddress]:
    workers = {worker(number): town.workers[number].account for number in range(story.workers)}
    return workers | {SCHEDULER: town.pool_owner.account}


def _accounts(town: Town, story: Story) -> dict[str, Account]:
    return {name: town.hub.account(one) for name, one in _people(town, story).items()}


def _losses(
    town: Town, story: Story, deal: Deal, before: Mapping[str, Account], folder: Path, first: int
) -> Iterator[str]:
    """Compare how a story ended with how every story must end."""
    for name, account in _accounts(town, story).items():
        if account.locked != before[name].locked or account.stake < before[name].stake:
            yield f"{name} has {account}, and had {before[name]}"
    requester = town.hub.account(town.requester.account)
    if requester.locked:
        yield f"the requester has locked {requester.locked} nRLC"
    results = open_results(town.market, folder, lambda _: None)
    for taskid, task in town.hub.tasks(deal.dealid).items():
        if task.status is not TaskStatus.COMPLETED:
            yield f"task 0x{taskid.hex()} is {task.status.name}"
        elif results.find(taskid, task.digest) != task.results:
            yield f"the result of task 0x{taskid.hex()} is not stored"
    contributed: dict[tuple[str, str], int] = {}
    for event in town.market.events(first, kinds=[TaskContribute]):
        assert isinstance(event, TaskContribute)
        key = f"0x{event.taskid.hex()}", event.worker
        if key in contributed:
            yield f"{key} contributed twice"
        contributed[key] = event.at.block_number
    for run in recorded(folder / "runs"):
        if run.block >= contributed.get((run.task, run.worker), run.block + 1):
            yield f"{run} began after the contribution"


def _reverted(town: Town, first: int) -> int:
    blocks = range(first, town.chain.block_number() + 1)
    found = town.chain.batch([("eth_getBlockReceipts", (hex(block),)) for block in blocks])
    return sum(receipt["status"] == "0x0" for receipts in found for receipt in receipts)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
