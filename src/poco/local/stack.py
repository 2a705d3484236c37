"""The whole market in one process: a chain beside it, and all services in threads."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from eth_typing import ChecksumAddress

from poco.contracts import AddressBook, Chain, Market
from poco.errors import ChainError, ConfigurationError
from poco.local.example import example_app
from poco.local.founding import found_market, stake
from poco.local.info import Pool, StackInfo
from poco.local.node import CHAIN, ChainFile, run_chain, set_pace
from poco.local.offering import Offering
from poco.local.people import People
from poco.local.places import BOOK, listening, locked
from poco.local.recovery import catch_up
from poco.local.services import Services, Workshop, open_workshop
from poco.local.settings import StackSettings
from poco.local.supervision import Supervisor
from poco.scheduler.scheduler import Scheduler
from poco.services.indexer import PATH
from poco.services.orderbook import Orderbook, orderbook_application
from poco.services.results import Results

__all__ = ["Stack"]

_SAVE_SECONDS = 1.0
_OFFER_SECONDS = 2.0
_PROBE_SECONDS = 2.0
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

    def __init__(
        self,
        settings: StackSettings | None = None,
        *,
        report: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        self.settings = settings or StackSettings()
        self.accounts = People.of(self.settings.workers)
        self._report = report
        self._supervisor = Supervisor(report)
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

    @property
    def ill(self) -> dict[str, str]:
        """Why services do not run just now, by name; they are started again."""
        return self._supervisor.ill

    def wait(self, stop: threading.Event) -> None:
        """Wait until told to stop.

        Args:
            stop: ends it.

        Raises:
            ChainError: the chain is gone, and nothing can go on.
        """
        failures = 0
        while not stop.wait(_PROBE_SECONDS):
            try:
                self.market.chain.block_number()
                failures = 0
            except ChainError:
                failures += 1
                if failures == _PROBES:
                    raise

    # THE START

    def _start(self, stack: ExitStack) -> None:
        settings = self.settings
        self.folder = self._folder(stack)
        places = stack.enter_context(listening(settings.ports, self.folder))
        urls = places.urls
        helper = stack.enter_context(ThreadPoolExecutor(1))
        workshop = helper.submit(open_workshop, self.folder / "modules", urls["ipfsGateway"])
        chain, workerpool = self._chain(stack, places.rpc)
        places.remember(self.folder)
        urls["rpc"] = chain.url
        copy = ChainFile(self.folder / CHAIN, chain)
        if settings.state is not None:
            copy.save()
            self.market.book.write(self.folder / BOOK)  # last: what it tells of is there
            stack.callback(copy.save)
        resources = stack.enter_context(ExitStack())
        stack.callback(self._supervisor.close)  # the first that is called in the end
        if settings.state is not None:
            self._supervisor.keep("chain copy", lambda stop: copy.keep(stop, _SAVE_SECONDS))
        services = Services(
            self.market, settings, self.folder, urls, self._supervisor, resources, self._report
        )
        self._serve(services, places.listeners, workerpool)
        self._hire(services, workshop)
        self.info = self._describe(urls, workerpool)

    def _folder(self, stack: ExitStack) -> Path:
        folder = self.settings.state
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="poco-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
        return stack.enter_context(locked(folder))

    def _chain(self, stack: ExitStack, port: int) -> tuple[Chain, ChecksumAddress]:
        """Run the chain with the market on it."""
        settings, book = self.settings, self.folder / BOOK
        known = AddressBook.load(book) if book.exists() else None
        try:
            chain = stack.enter_context(run_chain(port, self.folder, again=known is not None))
        except (OSError, ValueError) as error:
            raise self._stale(str(error)) from error
        except ConfigurationError as error:
            if known is None or error.field != "port":
                raise
            raise self._stale(error.rule) from error  # the port was free a moment ago
        self._report("chain", f"{chain.chain_id} at {chain.url}")
        if lost := catch_up(chain, self.folder):
            self._report("chain", f"{lost} transactions of lost blocks were sent again")
        try:
            self.market, workerpool = found_market(chain, self.accounts, known)
        except ConfigurationError as error:
            raise self._stale(error.rule) from error
        set_pace(chain, settings.block_seconds)
        self._report("market", f"hub {self.market.hub.address}, workerpool {workerpool}")
        return chain, workerpool

    def _stale(self, rule: str) -> ConfigurationError:
        return ConfigurationError(
            f"the market that is kept there cannot go on: {rule}",
            field="state",
            value=str(self.folder),
            remedy="remove the folder to begin anew, or choose another with --state",
        )

    def _serve(
        self,
        services: Services,
        listeners: Mapping[str, socket.socket],
        workerpool: ChecksumAddress,
    ) -> None:
        serve, without = self._supervisor.serve, self.settings.without
        self.results = services.results()
        site = [listeners[name] for name in ("ipfsGateway", "ipfsNode", "resultProxy")]
        serve("results", services.site(self.results), site)
        serve("sms", services.secrets(), [listeners["sms"]])
        self.orderbook = None
        if "market" not in without:
            self.orderbook = services.orderbook()
            self._offer(self.orderbook, workerpool)
            serve(
                "market",
                orderbook_application(self.orderbook, every=services.poll),
                [listeners["market"]],
            )
        if "compass" not in without:
            serve("compass", services.compass(workerpool), [listeners["compass"]])
        if "subgraph" not in without:
            serve("subgraph", services.indexer(), [listeners["subgraph"]])
        owner = self.accounts.pool_owner
        self.scheduler, app = services.scheduler(owner, workerpool, self.results)
        serve("scheduler", app, [listeners["scheduler"]])

    def _offer(self, orderbook: Orderbook, workerpool: ChecksumAddress) -> None:
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
        self._supervisor.keep("offers", lambda stop: offering.run(stop, _OFFER_SECONDS))

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
