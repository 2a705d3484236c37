"""The services of a local market, put together as their own commands do it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from sqlalchemy import MetaData

from poco.contracts import Market
from poco.database import Database
from poco.fetching import PUBLIC_GATEWAYS, Fetcher, FetchPolicy
from poco.local.example import MODULE, MODULE_PATH
from poco.local.settings import StackSettings
from poco.local.supervision import Supervisor
from poco.orders import FRAMEWORKS, TEE
from poco.runtimes import Runtime, available_runtimes
from poco.scheduler.endpoint import scheduler_app
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.settings import Settings
from poco.scheduler.tables import metadata as scheduler_tables
from poco.services.compass import compass_router
from poco.services.indexer import TABLES as INDEXER_TABLES
from poco.services.indexer import Bulks, Follower, Indexer, indexer_app
from poco.services.orderbook import Limits, Orderbook
from poco.services.results import TABLES as RESULTS_TABLES
from poco.services.results import NodePolicy, Results, open_storage, results_app
from poco.services.secrets import (
    Gate,
    KeyFile,
    KeyRing,
    SecretsClient,
    SecretsService,
    SecretStore,
    bulk_fetcher,
    secrets_application,
)
from poco.web import application
from poco.web_limits import RateLimit
from poco.worker.agent import WorkerAgent
from poco.worker.computation import Equipment
from poco.worker.execution import run_name
from poco.worker.startup import capability_of

__all__ = ["Services", "Workshop", "open_workshop"]

_MANY = 10**6
"""Requests a minute: nobody is a stranger here."""
_PRUNE_SECONDS = 600.0
_BULKS_SECONDS = 2.0
_END_SECONDS, _LOOK_SECONDS = 5.0, 0.05
_QUICK_SECONDS, _CALM_SECONDS = 0.05, 0.25

Workshop = tuple[Mapping[str, Runtime], Fetcher]
"""What all workers run apps with, by app type, and fetch inputs with."""


def open_workshop(folder: Path, gateway: str) -> Workshop:
    """Find out what runs apps here.

    Args:
        folder: for WASM modules.
        gateway: URL of the IPFS gateway to ask before the public ones.
    """
    gateways = (gateway, *PUBLIC_GATEWAYS)
    fetcher = Fetcher(FetchPolicy(allow_private=True, gateways=gateways))
    return available_runtimes(allow_files=True, fetcher=fetcher, cache=folder), fetcher


class Services:
    """Makes the services of one market, and starts what they do beside answering.

    Args:
        market: the market.
        settings: what it is like.
        folder: where everything is kept.
        urls: of all services, by the names in `Ports`.
        supervisor: runs them.
        stack: closes what they have open.
        report: called with the name of a service and a line about what it did.
    """

    def __init__(
        self,
        market: Market,
        settings: StackSettings,
        folder: Path,
        urls: Mapping[str, str],
        supervisor: Supervisor,
        stack: ExitStack,
        report: Callable[[str, str], None],
    ) -> None:
        self._market = market
        self._settings = settings
        self._folder = folder
        self._urls = urls
        self._supervisor = supervisor
        self._stack = stack
        self._report = report
        self.poll = _CALM_SECONDS if settings.block_seconds else _QUICK_SECONDS

    def orderbook(self) -> Orderbook:
        """Open the order book."""
        limits = Limits(requests_per_minute=_MANY, open_orders=_MANY)
        book = Orderbook(self._url("market"), self._market, limits)
        self._stack.callback(book.close)
        return book

    def results(self) -> Results:
        """Open the result store."""
        folder = self._folder / "results"
        database = self._database("results", RESULTS_TABLES)
        results = Results(self._market, open_storage(str(folder), folder), database)
        self._keep("results", lambda stop, tell: results.run(stop, _PRUNE_SECONDS, tell))
        return results

    def site(self, results: Results) -> FastAPI:
        """Make the application that is gateway, node and proxy, and has the example app."""
        app = results_app(results, node=NodePolicy(), per_minute=_MANY)
        app.include_router(_examples())
        return app

    def secrets(self) -> FastAPI:
        """Make the application of the secret service, which plays enclaves."""
        key = self._folder / "master.key"
        if not key.exists():
            KeyFile(key).create()
        store = SecretStore(self._url("secrets"), KeyRing.load(key))
        self._stack.callback(store.close)
        service = SecretsService(
            Gate(self._market, simulated=True, software=True),
            store,
            bulk_fetcher([self._urls["ipfsGateway"]]),
            per_peer=RateLimit(_MANY),
            per_address=RateLimit(_MANY),
        )
        return secrets_application(service)

    def compass(self, workerpool: ChecksumAddress) -> FastAPI:
        """Make the application that tells where the scheduler answers."""
        app = application("poco compass", description="Tells where schedulers answer.")
        schedulers = {workerpool: self._urls["scheduler"]}
        app.include_router(compass_router(self._market.book.chain_id, schedulers.get))
        return app

    def indexer(self) -> FastAPI:
        """Make the application of the indexer, which follows the chain from now on."""
        database = self._database("indexer", INDEXER_TABLES)
        follower = Follower(database, self._market, first_block=0)
        gateways = (self._urls["ipfsGateway"],)
        bulks = Bulks(database, Fetcher(FetchPolicy(allow_private=True, gateways=gateways)))
        self._keep("subgraph", lambda stop, tell: follower.run(stop, 2 * self.poll, tell))
        self._keep("bulks", lambda stop, tell: bulks.run(stop, _BULKS_SECONDS, tell))
        return indexer_app(Indexer(follower))

    def scheduler(
        self, owner: LocalAccount, workerpool: ChecksumAddress, results: Results
    ) -> tuple[Scheduler, FastAPI]:
        """Open the scheduler, which acts from now on, and make its application."""
        settings = Settings(
            simulated_enclaves=True,
            results_url=self._urls["resultProxy"],
            secrets_url=self._urls["sms"],
        )
        scheduler = Scheduler(
            self._market.acting_as(owner),
            owner,
            workerpool,
            self._database("scheduler", scheduler_tables),
            results,
            settings,
            secrets=self._stack.enter_context(closing(SecretsClient(self._urls["sms"]))),
            url=self._urls["scheduler"],
            report=lambda line: self._report("scheduler", line),
        )

        def schedule(stop: threading.Event, _: Callable[[str], None]) -> None:
            scheduler.run(stop, self.poll)
            scheduler.close()  # first of all: it answers the workers that wait

        self._keep("scheduler", schedule)
        return scheduler, scheduler_app(scheduler)

    def worker(
        self, number: int, account: LocalAccount, scheduler: Scheduler, workshop: Workshop
    ) -> None:
        """Have a worker work from now on.

        Args:
            number: of the worker, from 1.
            account: its key.
            scheduler: gives it work, without HTTP.
            workshop: what it works with.
        """
        name = f"worker {number}"
        runtimes, fetcher = workshop
        workdir = self._folder / f"worker-{number}"
        workdir.mkdir(mode=0o700, exist_ok=True)
        equipment = Equipment(runtimes, fetcher, workdir, memory=self._settings.memory)
        able = capability_of(equipment, name, slots=self._settings.slots, tags=TEE | FRAMEWORKS)
        market = self._market.acting_as(account)

        def work(stop: threading.Event, tell: Callable[[str], None]) -> None:
            port = scheduler.port(account.address)
            agent = WorkerAgent(
                market,
                account,
                port,
                equipment,
                able,
                poll_seconds=self.poll,
                report=tell,
            )
            agent.run(stop)
            if self._settings.state is None:  # else the next start goes on with them
                _end_runs(agent, equipment)

        self._keep(name, work)

    def _keep(
        self, name: str, work: Callable[[threading.Event, Callable[[str], None]], None]
    ) -> None:
        self._supervisor.keep(name, lambda stop: work(stop, lambda line: self._report(name, line)))

    def _database(self, name: str, tables: MetaData) -> Database:
        return self._stack.enter_context(closing(Database(self._url(name), tables)))

    def _url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.sqlite"


def _end_runs(agent: WorkerAgent, equipment: Equipment) -> None:
    """End what is computed; one that only begins just now cannot be ended yet."""
    deadline = time.monotonic() + _END_SECONDS
    is_over = False
    while not is_over and time.monotonic() < deadline:
        for entry in agent.journal.entries():
            for runtime in equipment.runtimes.values():
                runtime.stop(run_name(entry.taskid, equipment.workdir))
        is_over = agent.join(_LOOK_SECONDS)


def _examples() -> APIRouter:
    router = APIRouter(tags=["examples"])

    @router.head(MODULE_PATH, include_in_schema=False)
    @router.get(MODULE_PATH, responses={200: {"content": {"application/wasm": {}}}})
    def module() -> FileResponse:
        """Return the module of the example app."""
        return FileResponse(MODULE, media_type="application/wasm")

    return router
