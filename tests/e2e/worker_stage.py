"""A market with one pool, a result store, and a scheduler that does what a test tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from terminals import ROOT

from poco.contracts import Chain, Deal, EventReader, Market, TaskStatus, Wallet
from poco.database import Database
from poco.deployment import deploy
from poco.errors import PeerError
from poco.fetching import Fetcher, FetchPolicy
from poco.http_server import serve_files
from poco.local_chain import local_chain
from poco.market import (
    Offer,
    Role,
    buy,
    development_account,
    package_app,
    register_app,
    register_workerpool,
    sign_request,
)
from poco.orders import (
    ZERO_ADDRESS,
    AppOrder,
    TaskId,
    WorkerpoolOrder,
    random_salt,
    sign_authorization,
    sign_order,
    task_id,
)
from poco.scheduler.protocol import Assignment, Capability, Command, Order, Orders, Report, TaskLogs
from poco.scheduler.statuses import ReplicateStatus
from poco.services.results import TABLES, Results, open_storage, results_app
from poco.web import serving
from poco.worker.agent import WorkerAgent
from poco.worker.computation import Equipment

APP = ROOT / "apps" / "csv-histogram"
INPUT = "orders.csv"
POOL_PRICE, VOLUME, CLOCK = 10_000, 10_000, 300
DEPOSIT = 10**6
WORKERS = 4


class Desk:
    """A scheduler as one worker sees it: it says what a test has put on it."""

    def __init__(self) -> None:
        self.assignments: dict[TaskId, Assignment] = {}
        self.orders: dict[TaskId, Order] = {}
        self.capability: Capability | None = None
        self.reports: list[Report] = []
        self.written: dict[TaskId, TaskLogs] = {}
        self.is_down = False

    def register(self, capability: Capability) -> None:
        self._answer()
        self.capability = capability

    def sync(self, report: Report, wait: float = 0.0) -> Orders:
        self._answer()
        self.reports.append(report)
        self.written |= {logs.task_id: logs for logs in report.logs}
        known = {replicate.task_id for replicate in report.replicates}
        fresh = [leave for key, leave in self.assignments.items() if key not in known]
        return Orders(
            tuple(fresh[: report.free]),
            {key: order for key, order in self.orders.items() if key in known},
        )

    def assign(self, leave: Assignment) -> Assignment:
        self.assignments[leave.taskid] = leave
        return leave

    def abort(self, taskid: TaskId, cause: str = "CONSENSUS_REACHED") -> None:
        self.orders[taskid] = Order(Command.ABORT, cause)

    def purge(self, taskid: TaskId) -> None:
        self.assignments.pop(taskid, None)
        self.orders[taskid] = Order(Command.PURGE)

    def _answer(self) -> None:
        if self.is_down:
            raise PeerError("the scheduler does not answer")


class Town:
    """The market, its result store and its people."""

    def __init__(self, chain: Chain, files: str) -> None:
        self.chain, self.files, self.store = chain, files, ""
        wallet = Wallet(chain, development_account(Role.DEPLOYER), EventReader(()))
        self.market = Market(chain, deploy(wallet).book)
        self.owner = development_account(Role.WORKERPOOL)
        self.requester = self._funded(Role.REQUESTER)
        self.pool_owner = self._funded(Role.WORKERPOOL)
        self.workers = [self._funded(Role.WORKER + number) for number in range(WORKERS)]
        self.hub = self.requester.hub
        self.offer = self._offer()

    def _funded(self, index: int) -> Market:
        account = development_account(index)
        deployer = self.market.acting_as(development_account(Role.DEPLOYER))
        deployer.token.transfer(account.address, 10 * DEPOSIT)
        person = self.market.acting_as(account)
        person.deposit(DEPOSIT)
        return person

    def _offer(self) -> Offer:
        packaged = package_app(APP, "wasm")
        self.runtimes = {packaged.app_type: packaged.runtime}
        owner = development_account(Role.APP_OWNER)
        app = register_app(
            self.market.acting_as(owner),
            packaged.name,
            packaged.app_type,
            packaged.multiaddr,
            packaged.checksum,
        )
        pool = register_workerpool(self.pool_owner, "test pool").address
        terms = WorkerpoolOrder(
            workerpool=pool,
            workerpoolprice=POOL_PRICE,
            volume=VOLUME,
            trust=3,
            salt=random_salt(),
        )
        order = AppOrder(app=app.address, volume=VOLUME, salt=random_salt())
        domain = self.market.domain
        return Offer(
            app=sign_order(order, domain, owner), workerpool=sign_order(terms, domain, self.owner)
        )

    def deal(
        self,
        *,
        trust: int = 1,
        line: str = "--column price",
        volume: int = 1,
        inputs: Sequence[str] | None = None,
    ) -> Deal:
        """Buy computations, and open their tasks."""
        urls = [self.files] if inputs is None else list(inputs)
        params = json.dumps({"iexec_args": line, "iexec_input_files": urls})
        account = development_account(Role.REQUESTER)
        options = {"trust": trust, "volume": volume}
        request = sign_request(self.requester, account, self.offer, params, **options)
        deal = buy(self.requester, self.offer, request)
        self.pool_owner.hub.initialize_all([(deal.dealid, index) for index in deal.indices])
        return deal

    def leave(self, deal: Deal, worker: int = 0, index: int = 0, **changes: Any) -> Assignment:
        """The scheduler's leave for a worker."""
        address = self.workers[worker].account
        taskid = task_id(deal.dealid, index)
        enclave = changes.get("enclave_challenge", ZERO_ADDRESS)
        values: dict[str, Any] = {
            "taskid": taskid,
            "dealid": deal.dealid,
            "index": index,
            "worker": address,
            "authorization": sign_authorization(self.owner, address, taskid, enclave),
            "in_one_step": deal.trust == 1,
            "block": self.chain.block_number(),
            "results_url": self.store,
        }
        return Assignment(**values | changes)

    def agent(self, desk: Desk, folder: Path, worker: int = 0, **options: Any) -> WorkerAgent:
        """A worker that is to be stepped, or run."""
        market = self.workers[worker]
        equipment = {"falsify": options.pop("falsify")} if "falsify" in options else {}
        return WorkerAgent(
            market,
            development_account(Role.WORKER + worker),
            desk,
            Equipment(
                options.pop("runtimes", self.runtimes),
                options.pop("fetcher", Fetcher(FetchPolicy(allow_private=True))),
                folder / f"worker-{worker}",
                **equipment,
            ),
            options.pop(
                "capability", Capability(name=f"worker {worker}", slots=2, app_types=("WASM",))
            ),
            **{"poll_seconds": 0.02} | options,
        )

    def status(self, taskid: TaskId) -> TaskStatus:
        return self.hub.task(taskid).status


def statuses(agent: WorkerAgent) -> dict[TaskId, ReplicateStatus]:
    """What the journal says, by task."""
    return {entry.taskid: entry.status for entry in agent.journal.entries()}


def finish(agent: WorkerAgent, *, rounds: int = 30) -> None:
    """Let a worker do all that it can do now."""
    for _ in range(rounds):
        if not agent.step():
            return
    raise AssertionError(f"the worker does not come to rest: {statuses(agent)}")


@contextmanager
def founded(*options: str) -> Iterator[Town]:
    """Found a town on a chain of its own, started with options of anvil."""
    samples = {INPUT: APP / "samples" / INPUT}
    with local_chain("--base-fee", "0", *options) as chain, serve_files(samples) as files:
        yield Town(chain, files.url_of(INPUT))


@contextmanager
def result_store(town: Town, folder: Path, *, port: int = 0) -> Iterator[Results]:
    """Open the result store that the scheduler of a town names."""
    database = Database(f"sqlite:///{folder / 'results.sqlite'}", TABLES)
    results = Results(town.market, open_storage(str(folder / "store"), folder / "store"), database)
    with serving(results_app(results), port=port) as url:
        town.store = url
        yield results
