"""The scheduler of one workerpool: its parts, put together, and the loop that drives them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.chain_ids import is_development_chain
from poco.contracts import Market
from poco.database import Database, Lease, LeaseLostError
from poco.errors import ChainError, ConfigurationError, PocoError, UserInputError
from poco.scheduler.bell import Bell
from poco.scheduler.census import Census
from poco.scheduler.desk import Desk
from poco.scheduler.gate import Gate
from poco.scheduler.housekeeping import Housekeeper
from poco.scheduler.moment import Moment
from poco.scheduler.outbox import Outbox
from poco.scheduler.ports import SecretsPort
from poco.scheduler.protocol import Capability, Orders, Report, SchedulerPort
from poco.scheduler.reconciler import Reconciler
from poco.scheduler.settings import Settings
from poco.scheduler.views import Views
from poco.scheduler.watcher import Watcher
from poco.services.results import ResultsPort
from poco.transactions import TransactionQueue

__all__ = ["Scheduler"]

_NAP_SECONDS = 1.0
_LEASE_SECONDS = 15.0
_RENEW_SECONDS = 4.0
_STALE_SECONDS = 30.0
_REST = 3.0
"""So many times what a step took passes until the next one: each has its price, and what happens
meanwhile is dealt with together."""
_LONGEST_REST_SECONDS = 1.0
_MOST_ROUNDS = 20
_BLOCK_SECONDS = 0.02
"""A local chain may answer before it has mined what it was sent."""


class Scheduler:
    """The scheduler of one workerpool. Safe to use from several threads.

    Several may share a PostgreSQL database: all serve workers, the holder of the lease acts.

    Args:
        market: acting as the owner of the workerpool.
        account: the owner's key; signs what admits workers.
        workerpool: the pool.
        database: made with `poco.scheduler.tables.metadata`.
        results: where archives are: `poco.services.results.Results`, or its client.
        settings: the operator's choices.
        secrets: makes enclave challenges: `poco.services.secrets.SecretsClient`.
        url: how workers and requesters reach it.
        report: called with a line about each thing that happened.
        clock: seconds since 1970.

    Raises:
        UserInputError: the account does not own the pool.
        ConfigurationError: simulated enclaves without a secret service, or the database is that of
            another pool or chain.
    """

    def __init__(
        self,
        market: Market,
        account: LocalAccount,
        workerpool: ChecksumAddress,
        database: Database,
        results: ResultsPort,
        settings: Settings,
        *,
        secrets: SecretsPort | None = None,
        url: str = "",
        report: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        owner = market.workerpools.owner_of(workerpool)
        if owner != account.address:
            raise UserInputError(
                f"the scheduler must be run by the owner of the pool, {owner}",
                field="workerpool",
                value=workerpool,
                remedy="start it with the key of the owner",
            )
        if settings.simulated_enclaves and secrets is None:
            raise ConfigurationError(
                "simulated enclaves need a secret service that makes their keys",
                field="secrets",
                value=None,
                remedy="name its URL with --secrets",
            )
        self.workerpool = workerpool
        self.url = url
        self._market = market
        self._report = report
        steady = not is_development_chain(market.chain.chain_id)
        self._moment = Moment(clock, has_steady_blocks=steady)
        self._bell = Bell(_NAP_SECONDS if not database.is_sqlite else float("inf"))
        self._lease = Lease(database, f"scheduler {workerpool}", _LEASE_SECONDS)
        acting = database.guarded(self._lease)
        self._transactions = TransactionQueue(acting, market, clock=clock)
        self._held_until = 0.0
        self._stepped = time.monotonic()
        self._watcher = Watcher(acting, market, workerpool, settings, report)
        self._reconciler = Reconciler(
            acting,
            market,
            account,
            settings,
            results=results,
            secrets=secrets,
            outbox=Outbox(market, self._transactions, report),
            bell=self._bell,
            report=report,
        )
        self._housekeeper = Housekeeper(acting, self._transactions, settings)
        self.gate = Gate(database, market.chain.chain_id, clock)
        self.desk = Desk(database, market, account, settings, self._bell, self._moment, report)
        self.views = Views(database, settings, self._moment, self._transactions)
        self.census = Census(database, self._moment, self.views)

    def port(self, worker: ChecksumAddress) -> SchedulerPort:
        """Return the scheduler as a worker of the same process sees it."""
        return _Port(self.desk, worker)

    def height(self) -> int:
        """Return the number of the last block that was seen."""
        return self._moment.height()

    def health(self) -> Mapping[str, object]:
        """Return details for the health page.

        Raises:
            ChainError: the chain was not seen for too long.
        """
        silent = time.monotonic() - self._stepped
        if silent > _STALE_SECONDS:
            raise ChainError(f"the chain was not seen for {silent:.0f} s", remedy="check the node")
        return {"block": self.height(), "acts": self._is_acting(), "workerpool": self.workerpool}

    def nudge(self) -> None:
        """Have `run` look at once: something happened that it cannot see on the chain."""
        self._bell.nudge()

    def step(self) -> int:
        """Look at the chain once and do what is due.

        Returns:
            How much was done; when not 0, more may be possible at once.

        Raises:
            ChainError: the node does not answer; the next step goes on.
        """
        done = 0
        try:
            if self._acts():
                done = self._act()
            else:
                self._moment.observe(self._watcher.head())
        except LeaseLostError as error:  # this process slept, and another one has taken over
            self._held_until = 0.0
            self._report(str(error))
        self._stepped = time.monotonic()
        return done

    def _act(self) -> int:
        head = self._watcher.follow()
        self._moment.observe(head)
        done = self._reconciler.step(head, self._moment.now(), self._moment.wall())
        self.census.warn(self._report)
        self._housekeeper.tidy(self._moment.wall())
        if self._acts():  # the chain may have been slow, and another scheduler have taken over
            done += self._transactions.pump()
        return done

    def settle(self) -> None:
        """Step until nothing more can be done now; for tests and small tools."""
        for _ in range(_MOST_ROUNDS):
            if self.step():
                continue
            if not self._transactions.awaits_block():
                return
            time.sleep(_BLOCK_SECONDS)

    def run(self, stop: threading.Event, pause: float = 0.25) -> None:
        """Step until told to stop; what goes wrong is reported and tried again.

        Args:
            stop: set to end.
            pause: seconds between two looks at the chain when there is nothing to do.
        """
        told = ""
        while not stop.is_set():
            done = 0
            begun = time.monotonic()
            try:
                done = self.step()
                told = ""
            except Exception as error:  # a pool must outlive everything
                kind = (
                    "" if isinstance(error, PocoError) else f"unexpected {type(error).__name__}: "
                )
                if (text := f"{kind}{error}") != told:
                    told = text
                    self._report(text)
            ended = time.monotonic()
            if not done:
                self._bell.wait_for_work(pause)
            rest = min(_REST * (ended - begun), _LONGEST_REST_SECONDS)
            stop.wait(max(0.0, ended + rest - time.monotonic()))

    def close(self) -> None:
        """Answer waiting workers, and let another process act."""
        self._bell.close()
        if self._is_acting():
            self._held_until = 0.0
            self._lease.release()

    def _acts(self) -> bool:
        """Take or renew the right to act, now and then."""
        if time.monotonic() < self._held_until - _LEASE_SECONDS + _RENEW_SECONDS:
            return True
        was_acting = self._is_acting()
        begun = time.monotonic()
        self._held_until = begun + _LEASE_SECONDS if self._lease.hold() else 0.0
        if self._is_acting() and not was_acting:
            self._report("this scheduler acts for the pool")
        return self._is_acting()

    def _is_acting(self) -> bool:
        return time.monotonic() < self._held_until


class _Port:
    """See `SchedulerPort`."""

    def __init__(self, desk: Desk, worker: ChecksumAddress) -> None:
        self._desk = desk
        self._worker = worker

    def register(self, capability: Capability) -> None:
        self._desk.register(self._worker, capability)

    def sync(self, report: Report, wait: float = 0.0) -> Orders:
        return self._desk.sync(self._worker, report, wait)
