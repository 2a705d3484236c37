"""A pool on a chain: a scheduler with its result store, and workers played by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from worker_stage import Town

from poco import appio
from poco.contracts import Deal, Market
from poco.database import Database
from poco.errors import PeerError
from poco.market import Offer, Role, buy, development_account, sign_request
from poco.orders import (
    ZERO_ADDRESS,
    Tag,
    TaskId,
    random_salt,
    result_hash,
    result_seal,
    sign_order,
    task_id,
)
from poco.scheduler.client import SchedulerClient
from poco.scheduler.endpoint import scheduler_app
from poco.scheduler.protocol import (
    Assignment,
    Capability,
    Orders,
    ReplicateReport,
    ReplicateStatus,
    Report,
    TaskLogs,
)
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.settings import Settings
from poco.scheduler.tables import metadata
from poco.services.results import TABLES, Results, ResultsClient, open_storage, results_router
from poco.web import serving

NO_TAG = Tag(0)


def purchase(
    town: Town,
    *,
    trust: int = 1,
    volume: int = 1,
    tag: Tag = NO_TAG,
    buyer: int = Role.REQUESTER,
    callback: str = ZERO_ADDRESS,
    line: str = "--column price",
) -> tuple[Deal, TaskId]:
    """Buy computations; nobody opens their tasks yet."""
    params = json.dumps({"iexec_args": line, "iexec_input_files": [town.files]})
    account, domain = development_account(buyer), town.market.domain
    market = town.requester if buyer == Role.REQUESTER else town.market.acting_as(account)
    options: dict[str, Any] = {"trust": trust, "volume": volume}
    request = sign_request(market, account, town.offer, params, **options)
    offer = town.offer
    if tag:
        app, pool = (
            replace(order, tag=tag, salt=random_salt()) for order in (offer.app, offer.workerpool)
        )
        offer = Offer(
            app=sign_order(app, domain, development_account(Role.APP_OWNER)),
            workerpool=sign_order(pool, domain, town.owner),
        )
        request = sign_order(replace(request, tag=tag), domain, account)
    if callback != ZERO_ADDRESS:
        request = sign_order(replace(request, callback=callback), domain, account)
    deal = buy(market, offer, request)
    return deal, task_id(deal.dealid, deal.bot_first)


@dataclass
class Pool:
    """A scheduler that is being served, and what a test may want to touch."""

    town: Town
    scheduler: Scheduler
    database: Database
    url: str
    store: Store
    said: list[str]
    clock: list[float]

    def hand(self, number: int = 0, **capability: Any) -> Hand:
        """A worker that a test plays, registered over HTTP."""
        account = development_account(Role.WORKER + number)
        hand = Hand(self.town.workers[number], account, SchedulerClient(self.url, account))
        values = {"name": f"worker {number}", "app_types": ("WASM",), "slots": 4}
        hand.client.register(Capability(**values | capability))
        return hand

    def reason(self, taskid: TaskId) -> str:
        """Why a task waits."""
        return self.scheduler.views.task(taskid, "").blocked_reason

    def stage(self, taskid: TaskId) -> str:
        """Where the scheduler is with a task."""
        return self.scheduler.views.task(taskid, "").current_status

    def replicas(self, taskid: TaskId) -> dict[str, tuple[str, str | None]]:
        """Status and cause of each worker's part."""
        found = self.scheduler.views.task(taskid, "").replicates
        return {one.wallet_address: (one.current_status, one.cause) for one in found}


class Store:
    """The result store as the scheduler sees it; a test may have it fall silent."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self.is_down = False

    def find(self, taskid: TaskId, digest: bytes) -> bytes | None:
        if self.is_down:
            raise PeerError("the result store does not answer")
        return self._results.find(taskid, digest)


@dataclass
class Hand:
    """A worker whose every move a test makes."""

    market: Market
    account: Any
    client: SchedulerClient
    leaves: dict[TaskId, Assignment] = field(default_factory=dict)
    reports: dict[TaskId, ReplicateReport] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return str(self.account.address)

    def sync(self, *, free: int = 1, wait: float = 0.0, logs: Sequence[TaskLogs] = ()) -> Orders:
        """Report what there is, and take up what is offered."""
        report = Report(free=free, replicates=tuple(self.reports.values()), logs=tuple(logs))
        orders = self.client.sync(report, wait)
        for leave in orders.assignments:
            self.leaves[leave.taskid] = leave
        return orders

    def say(self, taskid: TaskId, status: ReplicateStatus, **more: Any) -> None:
        """Change what the next report says of a task."""
        self.reports[taskid] = ReplicateReport(task_id=taskid, status=status, **more)

    def contribute(self, taskid: TaskId, digest: bytes) -> None:
        hashed, seal = (
            result_hash(taskid, digest),
            result_seal(self.account.address, taskid, digest),
        )
        self.market.hub.contribute(taskid, hashed, seal, self.leaves[taskid].authorization)

    def upload(self, taskid: TaskId, archive: Path, digest: bytes) -> bytes:
        leave = self.leaves[taskid]
        return ResultsClient(leave.results_url).upload(
            taskid, archive, account=self.account, assignment=leave, digest=digest
        )


def pack(folder: Path, text: str = "a result") -> tuple[Path, bytes]:
    """Make an archive; return it with its result digest."""
    output = folder / f"output of {text}"
    output.mkdir(parents=True)
    (output / "a.txt").write_text(text)
    (output / "computed.json").write_text('{"deterministic-output-path": "/iexec_out/a.txt"}')
    tree = appio.scan_output(output)
    archive = folder / f"{text}.zip"
    appio.write_archive(tree, archive)
    computed = appio.read_computed(output, has_callback=False)
    return archive, appio.output_digest(tree, computed.output_path or "")


def pack_callback(folder: Path, data: bytes) -> tuple[Path, bytes]:
    """Make an archive for a callback contract; return it with its result digest."""
    output = folder / "output"
    output.mkdir(parents=True)
    (output / "computed.json").write_text(f'{{"callback-data": "0x{data.hex()}"}}')
    appio.write_archive(appio.scan_output(output), folder / "callback.zip")
    return folder / "callback.zip", appio.callback_digest(data)


@contextmanager
def opened(
    town: Town, folder: Path, url: str = "", *, secrets: Any = None, **settings: Any
) -> Iterator[Pool]:
    """Open a pool's scheduler, with a result store in the same process."""
    database = Database(url or f"sqlite:///{folder / 'scheduler.sqlite'}", metadata)
    store = Database(f"sqlite:///{folder / 'results.sqlite'}", TABLES)
    results = Results(town.market, open_storage(str(folder / "store"), folder / "store"), store)
    kept = Store(results)
    said: list[str] = []
    ahead = [0.0]
    made: list[Scheduler] = []

    def application(root: str) -> Any:
        scheduler = Scheduler(
            town.pool_owner,
            town.owner,
            town.offer.workerpool.workerpool,
            database,
            kept,
            Settings(results_url=root, **settings),
            secrets=secrets,
            report=said.append,
            clock=lambda: time.time() + ahead[0],
        )
        made.append(scheduler)
        return scheduler_app(scheduler, results_router(results), unbounded=("/v2/results/",))

    with serving(application) as root:
        yield Pool(town, made[0], database, root, kept, said, ahead)
        made[0].close()
    database.close()
