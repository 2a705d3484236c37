"""A pool to be measured: a market on a local chain, a scheduler and workers, each in a process.

What they do is what `poco scheduler` and `poco worker` do; a worker also writes down when each app
started.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TextIO

import wasmtime

from poco.command_line import stopped_by_signals
from poco.contracts import Chain, Deal, EventReader, Market, Mode, TaskStatus, Wallet
from poco.deployment import deploy
from poco.errors import InternalError
from poco.fetching import Fetcher, FetchPolicy
from poco.market import (
    Offer,
    Role,
    buy,
    development_account,
    register_app,
    register_workerpool,
    sign_request,
)
from poco.orders import AppOrder, WorkerpoolOrder, random_salt, sign_order, task_id
from poco.runtimes import RunResult, RunSpec, WasmRuntime
from poco.runtimes.spec import TASK_LABEL
from poco.scheduler.client import SchedulerClient
from poco.scheduler.serving import Place, serve_scheduler
from poco.scheduler.settings import Settings
from poco.worker import startup
from poco.worker.agent import WorkerAgent
from poco.worker.computation import Equipment

__all__ = ["Plan", "Pool", "opened"]

_VOLUME = 10**6
_PRICE = 1_000
_DEPOSIT = 10**10
_PATIENCE_SECONDS = 600.0
_NAP_SECONDS = 0.2
_COMPUTED = '{"deterministic-output-path": "/iexec_out/result.txt"}'
_processes = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Args:
        workers: how many there are.
        slots: of each.
        sandbox: whether the app is a WASM module in its sandbox, or a function of the worker.
        worker_poll: `--poll` of the workers, seconds.
        scheduler_poll: `--poll` of the scheduler, seconds.
    """

    workers: int = 4
    slots: int = 2
    sandbox: bool = True
    worker_poll: float = 1.0
    scheduler_poll: float = 0.25


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool at work.

    Args:
        market: acting as the requester.
        offer: what it sells.
        folder: where its processes keep their files.
        processes: by name.
    """

    market: Market
    offer: Offer
    folder: Path
    processes: dict[str, int]

    @property
    def database(self) -> Path:
        """The scheduler's database."""
        return self.folder / "scheduler.sqlite"

    def buy(self, tasks: int) -> Deal:
        """Buy computations at trust 1."""
        account = development_account(Role.REQUESTER)
        request = sign_request(self.market, account, self.offer, "{}", volume=tasks)
        return buy(self.market, self.offer, request)

    def wait(self, deal: Deal) -> None:
        """Wait until all tasks of a deal are completed.

        Raises:
            InternalError: they are not, within ten minutes.
        """
        end = time.monotonic() + _PATIENCE_SECONDS
        left = list(deal.indices)
        while left:
            if time.monotonic() > end:
                raise InternalError(f"{len(left)} tasks are not completed: see {self.folder}")
            if self.market.hub.task(task_id(deal.dealid, left[-1])).status is TaskStatus.COMPLETED:
                left.pop()
            else:
                time.sleep(_NAP_SECONDS)  # seldom, for it is not what is measured

    def starts(self) -> dict[str, float]:
        """Return when the app of each task was started, seconds since 1970, by 0x-hex id."""
        found: dict[str, float] = {}
        for path in self.folder.glob("worker-*/starts"):
            for line in path.read_text().splitlines():
                task, at = line.split()
                found[task] = float(at)
        return found


@contextmanager
def opened(chain: Chain, folder: Path, plan: Plan) -> Iterator[Pool]:
    """Found a market and open a pool with idle workers; all of it ends with the block."""
    wallet = Wallet(chain, development_account(Role.DEPLOYER), EventReader(()))
    market = Market(chain, deploy(wallet, Mode.NATIVE).book)
    book = folder / "book.json"
    market.book.write(book)
    for role in (Role.REQUESTER, Role.WORKERPOOL):
        market.acting_as(development_account(role)).deposit(_DEPOSIT)
    offer = _offer(market, folder)
    with ExitStack() as stack:
        address = (chain.url, book, folder)
        scheduler = (offer.workerpool.workerpool, plan.scheduler_poll)
        process, url = stack.enter_context(_running(_scheduler, *address, *scheduler))
        processes = {"scheduler": process.pid or 0}
        for number in range(plan.workers):
            process, _ = stack.enter_context(_running(_worker, *address, url, number, plan))
            processes[f"worker {number + 1}"] = process.pid or 0
        yield Pool(market.acting_as(development_account(Role.REQUESTER)), offer, folder, processes)


def _offer(market: Market, folder: Path) -> Offer:
    module = folder / "noop.wasm"
    module.write_bytes(wasmtime.wat2wasm(Path(__file__).with_name("noop.wat").read_text()))
    checksum = hashlib.sha256(module.read_bytes()).digest()
    owner, pool_owner = (development_account(role) for role in (Role.APP_OWNER, Role.WORKERPOOL))
    app = register_app(market.acting_as(owner), "noop", "WASM", str(module), checksum)
    pool = register_workerpool(market.acting_as(pool_owner), "a pool to be measured")
    return Offer(
        app=sign_order(
            AppOrder(app=app.address, volume=_VOLUME, salt=random_salt()), market.domain, owner
        ),
        workerpool=sign_order(
            WorkerpoolOrder(
                workerpool=pool.address,
                workerpoolprice=_PRICE,
                volume=_VOLUME,
                trust=1,
                salt=random_salt(),
            ),
            market.domain,
            pool_owner,
        ),
    )


# PROCESSES


@contextmanager
def _running(target: Callable[..., None], *arguments: Any) -> Iterator[tuple[BaseProcess, str]]:
    """Run a function in a process of its own; yield it with what it says when it is ready."""
    here, there = _processes.Pipe(duplex=False)
    process = _processes.Process(target=target, args=(there, *arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield process, str(here.recv())
    finally:
        process.terminate()
        process.join()


def _scheduler(
    ready: Connection, rpc: str, book: Path, folder: Path, workerpool: Any, poll: float
) -> None:
    _, stop = stopped_by_signals()
    key = development_account(Role.WORKERPOOL)
    market = Market.connect(rpc, book=book).acting_as(key)
    place = Place(f"sqlite:///{folder / 'scheduler.sqlite'}", str(folder / "results"))
    log = (folder / "scheduler.log").open("w")
    with (
        log,
        serve_scheduler(
            market, key, workerpool, place, Settings(), report=_writer(log)
        ) as scheduler,
    ):
        ready.send(scheduler.url)
        scheduler.run(stop, poll)


def _worker(
    ready: Connection, rpc: str, book: Path, folder: Path, url: str, number: int, plan: Plan
) -> None:
    _, stop = stopped_by_signals()
    workdir = folder / f"worker-{number + 1}"
    key = development_account(Role.WORKER + number)
    market = Market.connect(rpc, book=book).acting_as(key)
    with startup.alone_in(workdir), (workdir / "log").open("w") as log:
        runtime = (_Sandbox if plan.sandbox else _Function)(workdir)
        equipment = Equipment({"WASM": runtime}, Fetcher(FetchPolicy()), workdir)
        agent = WorkerAgent(
            market,
            key,
            SchedulerClient(url, key),
            equipment,
            startup.capability_of(equipment, f"worker {number + 1}", slots=plan.slots),
            poll_seconds=plan.worker_poll,
            report=_writer(log),
        )
        ready.send("")
        agent.run(stop)


class _Sandbox(WasmRuntime):
    """The usual runtime; it also writes down when each app starts."""

    def __init__(self, workdir: Path) -> None:
        super().__init__(cache=workdir / "modules", allow_files=True)
        self._starts = (workdir / "starts").open("a", buffering=1)

    def run(self, spec: RunSpec) -> RunResult:
        self._starts.write(f"{spec.labels[TASK_LABEL]} {time.time()}\n")
        return self._run(spec)

    def _run(self, spec: RunSpec) -> RunResult:
        return super().run(spec)


class _Function(_Sandbox):
    """Does what the module does without a process, so that the rest of the work is seen alone."""

    def _run(self, spec: RunSpec) -> RunResult:
        output = next(mount.host for mount in spec.mounts if not mount.read_only)
        (output / "result.txt").write_text(json.dumps(dict(spec.environment)))
        (output / "computed.json").write_text(_COMPUTED)
        return RunResult(0, b"", b"", 0.0)


def _writer(log: TextIO) -> Callable[[str], None]:
    def write(text: str) -> None:
        log.write(f"{time.time():.3f} {text}\n")
        log.flush()

    return write
