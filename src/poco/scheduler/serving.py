"""A scheduler as a process runs it: database, result store and HTTP server, opened and closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from fastapi import APIRouter, FastAPI

from poco.contracts import Market
from poco.database import Database
from poco.scheduler.endpoint import scheduler_app
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.settings import Settings
from poco.scheduler.tables import metadata
from poco.services.results import (
    TABLES,
    Results,
    ResultsClient,
    ResultsPort,
    open_storage,
    results_router,
)
from poco.services.secrets import SecretsClient
from poco.web import serving

__all__ = ["Place", "serve_scheduler"]

_PRUNE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scheduler works.

    Args:
        database: URL of its database.
        results: URL of a result store, or a folder for one in this process.
        host: interface to listen on.
        port: TCP port; 0 takes a free one.
        public_url: how workers and requesters reach it; empty is host and port.
    """

    database: str
    results: str
    host: str = "127.0.0.1"
    port: int = 0
    public_url: str = ""


@contextmanager
def serve_scheduler(
    market: Market,
    account: LocalAccount,
    workerpool: ChecksumAddress,
    place: Place,
    settings: Settings,
    *,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Scheduler]:
    """Serve a scheduler until the block ends; its `Scheduler.run` is for the caller.

    Args:
        market: acting as the owner of the workerpool.
        account: the owner's key.
        workerpool: the pool.
        place: where it works.
        settings: the operator's choices; URLs of results are filled in.
        report: called with a line about each thing that happened.

    Raises:
        ConfigurationError: the port is taken, a database or the store is not usable.
        UserInputError: the account does not own the pool.
    """
    made: list[Scheduler] = []
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database(place.database, metadata)))
        secrets = None
        if settings.secrets_url:
            secrets = stack.enter_context(closing(SecretsClient(settings.secrets_url)))

        def application(root: str) -> FastAPI:
            url = place.public_url.rstrip("/") or root
            results, routers, results_url = _results(stack, market, place.results, url, report)
            scheduler = Scheduler(
                market,
                account,
                workerpool,
                database,
                results,
                replace(settings, results_url=results_url),
                secrets=secrets,
                url=url,
                report=report,
            )
            made.append(scheduler)
            return scheduler_app(scheduler, *routers, unbounded=("/v2/results/",))

        stack.enter_context(serving(application, host=place.host, port=place.port))
        stack.callback(made[0].close)  # first of all: it answers the workers that wait
        yield made[0]


@contextmanager
def _cleaned(results: Results, report: Callable[[str], None]) -> Iterator[None]:
    """Have a store delete what nobody needs, until the block ends."""
    stop = threading.Event()
    cleaner = threading.Thread(target=results.run, args=(stop, _PRUNE_SECONDS, report), daemon=True)
    cleaner.start()
    try:
        yield
    finally:
        stop.set()
        cleaner.join()


def _results(
    stack: ExitStack, market: Market, where: str, url: str, report: Callable[[str], None]
) -> tuple[ResultsPort, list[APIRouter], str]:
    """Return a result store, its routes when it is in this process, and its URL."""
    if where.startswith(("http://", "https://")):
        return stack.enter_context(closing(ResultsClient(where))), [], where
    folder = Path(where)
    database = Database(f"sqlite:///{folder / 'results.sqlite'}", TABLES)
    stack.enter_context(closing(database))
    results = Results(market, open_storage(where, folder), database)
    stack.enter_context(_cleaned(results, report))
    return results, [results_router(results)], url
