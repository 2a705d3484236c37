"""The whole market in one process: a chain beside it, and all services in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from eth_typing import ChecksumAddress
from fastapi import FastAPI

from poco.contracts import AddressBook, Market
from poco.errors import ChainError, ConfigurationError
from poco.local.chain_copy import CHAIN, ChainCopy, regain_height
from poco.local.example import example_app
from poco.local.founding import found_market, stake
from poco.local.gate import gate_app
from poco.local.guard import PageGuard
from poco.local.info import Pool, StackInfo
from poco.local.node import keep_pace, run_chain, set_pace
from poco.local.offering import Offering
from poco.local.people import People
from poco.local.places import BOOK, Places, listening, locked, passing, unusable
from poco.local.recovery import catch_up
from poco.local.services import Services, Workshop, open_workshop
from poco.local.settings import StackSettings
from poco.local.supervision import Supervisor
from poco.local_chain import LocalNode
from poco.scheduler.scheduler import Scheduler
from poco.services.indexer import PATH
from poco.services.orderbook import Orderbook, orderbook_application
from poco.services.results import Results

__all__ = ["Stack"]

_SAVE_SECONDS = 1.0
_OFFER_SECONDS = 2.0
_PROBE_SECONDS = 1.0
_PROBES = 3


class Stack:
    """A market on this machine, from ``with`` to the end of the block.

    Anvil and the processes of apps are children; all else are threads of this process. Enclaves
    are simulated: they protect nothing.

    Args:
        settings: what it is to be like.
        report: called from any thread with the name of a service and a line about what it did.

    Attributes:
        settings: what it is like.
        accounts: who is who.
        info: addresses, keys and URLs; this and what follows once it runs.
        market: the contracts, for reading; `Market.acting_as` for more.
        folder: where everything is kept.
        orderbook: the order book; None when it was left out.
        results: the result store.
        scheduler: the scheduler of the workerpool.
        app_types: what its workers run.
    """

    info: StackInfo
    market: Market
    folder: Path
    orderbook: Orderbook | None
    results: Results
    scheduler: Scheduler
    app_types: tuple[str, ...]
    _places: Places
    _node: LocalNode
    _copy: ChainCopy | None = None

    def __init__(
        self,
        settings: StackSettings | None = None,
        *,
        report: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        self.settings = settings or StackSettings()
        self.accounts = People.of(self.settings.workers)
        self._report = report
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start everything; the market can be used when this returns.

        Raises:
            ConfigurationError: ports are in use, anvil is missing, or the folder is not usable.
            ChainError: the chain does not answer.
        """
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def wait(self, stop: threading.Event) -> None:
        """Wait until told to stop.

        Args:
            stop: ends it.

        Raises:
            ChainError: the chain is gone, and nothing can go on here.
        """
        if cause := self._watch(stop):
            self._node.kill()
            rule, remedy = "nothing of it is kept", "poco up founds a new market, see its --state"
            if self._copy is not None:
                seconds = time.monotonic() - self._copy.as_of
                rule = f"what was sent in the last {seconds:.1f} s may be lost"
                remedy = "poco up goes on with the copy that is kept"
            raise ChainError(f"the chain has ended ({cause}): {rule}", remedy=remedy)

    def _watch(self, stop: threading.Event) -> str:
        """Wait until told to stop, or return why the chain is gone."""
        failures = 0
        while not stop.wait(_PROBE_SECONDS):
            if self._node.ended:
                return self._node.ended
            try:
                self.market.chain.block_number()
                failures = 0
            except ChainError as error:
                failures += 1
                if failures == _PROBES:
                    return error.rule
        return ""

    # THE START

    def _start(self, stack: ExitStack) -> None:
        settings = self.settings
        self.folder = stack.enter_context(locked(settings.state or stack.enter_context(passing())))
        self._places = stack.enter_context(listening(settings.ports, self.folder))
        urls = self._places.urls
        helper = stack.enter_context(ThreadPoolExecutor(1))
        workshop = helper.submit(open_workshop, self.folder / "modules", urls["ipfsGateway"])
        workerpool = self._chain(stack)
        chain = self.market.chain
        self._places.remember(self.folder)
        upkeep, supervisor = Supervisor(self._tell), Supervisor(self._tell)
        if settings.state is not None:
            copy = self._copy = ChainCopy(self.folder / CHAIN, chain)
            copy.save()
            self.market.book.write(self.folder / BOOK)  # last: what it tells of is there
            stack.callback(self._save_last, copy)
            upkeep.keep("chain copy", lambda stop: copy.keep(stop, _SAVE_SECONDS))
        if settings.block_seconds:
            upkeep.keep("blocks", lambda stop: keep_pace(chain, settings.block_seconds, stop))
        stack.callback(upkeep.close)  # until the services have ended, there are blocks
        resources = stack.enter_context(ExitStack())
        stack.callback(supervisor.close)
        services = Services(
            self.market, settings, self.folder, urls, supervisor, resources, self._report
        )
        self._serve(services, supervisor, workerpool)
        self._hire(services, workshop)
        self.info = self._describe(urls, workerpool)

    def _chain(self, stack: ExitStack) -> ChecksumAddress:
        """Run the chain with the market on it; return the workerpool."""
        settings, book = self.settings, self.folder / BOOK
        try:
            known = AddressBook.load(book) if book.exists() else None
        except ConfigurationError as error:
            raise self._stale(error.rule) from error
        try:
            self._node = stack.enter_context(run_chain(self.folder, again=known is not None))
        except (FileNotFoundError, ValueError) as error:
            raise self._stale(str(error)) from error
        except OSError as error:
            raise unusable(self.folder, error) from error
        except ConfigurationError as error:
            if known is None or error.field != "port":
                raise
            raise self._stale(error.rule) from error  # any port would have done
        chain = self._node.chain
        self._report("chain", f"{chain.chain_id} at {self._places.urls['rpc']}")
        if lost := catch_up(chain, self.folder):
            self._report("chain", f"{lost} transactions of lost blocks were sent again")
        regain_height(chain, self.folder)
        try:
            self.market, workerpool = found_market(chain, self.accounts, known)
        except ConfigurationError as error:
            raise self._stale(error.rule) from error
        set_pace(chain, settings.block_seconds)
        self._report("market", f"hub {self.market.hub.address}, workerpool {workerpool}")
        return workerpool

    def _stale(self, rule: str) -> ConfigurationError:
        return ConfigurationError(
            f"the market that is kept there cannot go on: {rule}",
            field="state",
            value=str(self.folder),
            remedy="remove the folder to begin anew, or choose another with --state",
        )

    def _save_last(self, copy: ChainCopy) -> None:
        with suppress(ChainError):  # it has been told that the chain is gone
            copy.close()

    def _tell(self, name: str, line: str) -> None:
        """Report why a service is started again; without a chain, that is the same for all."""
        if not self._node.ended:
            self._report(name, line)

    def _serve(
        self, services: Services, supervisor: Supervisor, workerpool: ChecksumAddress
    ) -> None:
        without, listeners = self.settings.without, self._places.listeners

        def serve(name: str, app: FastAPI, *ports: str) -> None:
            app.add_middleware(PageGuard, origins=self.settings.origins)
            supervisor.serve(name, app, [listeners[port] for port in ports or (name,)])

        serve("rpc", gate_app(self._node.chain.url))
        self.results = services.results()
        serve("results", services.site(self.results), "ipfsGateway", "ipfsNode", "resultProxy")
        serve("sms", services.secrets())
        self.orderbook = None
        if "market" not in without:
            self.orderbook = services.orderbook()
            self._offer(self.orderbook, supervisor, workerpool)
            serve("market", orderbook_application(self.orderbook, every=services.poll))
        if "compass" not in without:
            serve("compass", services.compass(workerpool))
        if "subgraph" not in without:
            serve("subgraph", services.indexer())
        owner = self.accounts.pool_owner
        self.scheduler, app = services.scheduler(owner, workerpool, self.results)
        serve("scheduler", app)

    def _offer(
        self, orderbook: Orderbook, supervisor: Supervisor, workerpool: ChecksumAddress
    ) -> None:
        owner = self.accounts.pool_owner
        offering = Offering(
            orderbook,
            workerpool,
            owner,
            price=self.settings.price,
            trust=self.settings.trust,
            stake=lambda amount: stake(self.market, self.accounts, {owner.address: amount}),
            report=lambda line: self._report("market", line),
        )
        orderbook.follower.follow()
        offering.withdraw_others()
        offering.renew()
        supervisor.keep("offers", lambda stop: offering.run(stop, _OFFER_SECONDS))

    def _hire(self, services: Services, workshop: Future[Workshop]) -> None:
        found = workshop.result()
        self.app_types = tuple(found[0])
        for number, account in enumerate(self.accounts.workers, 1):
            services.worker(number, account, self.scheduler, found)
        runs = " and ".join(self.app_types) or "nothing"
        self._report("workers", f"{len(self.accounts.workers)} work, and run {runs}")

    def _describe(self, urls: dict[str, str], workerpool: ChecksumAddress) -> StackInfo:
        people, book = self.accounts, self.market.book
        known = {name: "" if name in self.settings.without else url for name, url in urls.items()}
        if known["subgraph"]:
            known["subgraph"] += PATH
        assert book.token is not None, "the mode of a new market"
        return StackInfo(
            rpc=known["rpc"],
            chainId=book.chain_id,
            hub=book.hub,
            token=book.token,
            market=known["market"],
            sms=known["sms"],
            compass=known["compass"],
            ipfsGateway=known["ipfsGateway"],
            ipfsNode=known["ipfsNode"],
            resultProxy=known["resultProxy"],
            subgraph=known["subgraph"],
            workerpool=Pool(
                workerpool, f"0x{bytes(people.pool_owner.key).hex()}", known["scheduler"]
            ),
            fundingKey=f"0x{bytes(people.bank.key).hex()}",
            hubOwnerKey=f"0x{bytes(people.hub_owner.key).hex()}",
            e2e={"app": example_app(known["ipfsGateway"])},
        )
