"""`poco indexer`: answer questions about a market."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import click
from eth_typing import ChecksumAddress

from poco.contracts import Market
from poco.database import Database
from poco.errors import UserInputError
from poco.fetching import Fetcher, FetchPolicy
from poco.orders import checked_address
from poco.services.compass import compass_router
from poco.services.indexer import PATH, TABLES, Bulks, Follower, Indexer, indexer_app
from poco.web import run

__all__ = ["command"]

_BULKS_EVERY_SECONDS = 5.0


class _Pool(click.ParamType):
    """A workerpool and where its scheduler answers, such as ``0x…=https://HOST``."""

    name = "pool"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[ChecksumAddress, str]:
        """Read address and URL; click reports what is wrong with them."""
        address, _, url = str(value).partition("=")
        if not url.startswith(("http://", "https://")):
            self.fail(f"{value!r} must be ADDRESS=URL, with http:// or https://", param, ctx)
        try:
            return checked_address("pool", address), url
        except UserInputError as error:
            self.fail(str(error), param, ctx)


@click.group()
def command() -> None:
    """Answer questions about a market."""


@command.command(context_settings={"auto_envvar_prefix": "POCO"})
@click.option("--rpc", required=True, metavar="URL", help="Node of the market's chain.")
@click.option(
    "--deployment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Address book  [default: POCO_DEPLOYMENT, else deployments/CHAIN.json]",
)
@click.option(
    "--database",
    default="sqlite:///indexer.sqlite",
    show_default=True,
    help="SQLite file or PostgreSQL database, as URL.",
)
@click.option(
    "--confirmations",
    default=0,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="How many of the newest blocks to leave out.",
)
@click.option(
    "--history",
    default=256,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How many blocks can be undone, and looked at.",
)
@click.option(
    "--from-block",
    type=click.IntRange(0),
    help="Where to begin  [default: where the registries were made]",
)
@click.option(
    "--every",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.05),
    metavar="SECONDS",
    help="How often to look for new blocks.",
)
@click.option(
    "--gateway",
    multiple=True,
    metavar="URL",
    help="IPFS gateway to fetch the datasets of bulks from; may be repeated.",
)
@click.option(
    "--pool",
    multiple=True,
    type=_Pool(),
    metavar="ADDRESS=URL",
    help="Be the compass for a workerpool and its scheduler; may be repeated.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option("--port", default=13400, show_default=True, type=click.IntRange(0, 65535))
def serve(
    rpc: str,
    deployment: Path | None,
    database: str,
    confirmations: int,
    history: int,
    from_block: int | None,
    every: float,
    gateway: tuple[str, ...],
    pool: tuple[tuple[ChecksumAddress, str], ...],
    host: str,
    port: int,
) -> None:
    """Follow the market's events, and answer GraphQL queries like the PoCo subgraph."""
    market = Market.connect(rpc, book=deployment)
    opened = Database(database, TABLES)
    follower = Follower(
        opened, market, confirmations=confirmations, history=history, first_block=from_block
    )
    app = indexer_app(Indexer(follower))
    app.include_router(compass_router(market.book.chain_id, dict(pool).get))
    stop, report = threading.Event(), partial(click.echo, err=True)
    threads = [threading.Thread(target=follower.run, args=(stop, every, report))]
    if gateway:
        bulks = Bulks(opened, Fetcher(FetchPolicy(gateways=gateway)))
        threads.append(
            threading.Thread(target=bulks.run, args=(stop, _BULKS_EVERY_SECONDS, report))
        )
    for thread in threads:
        thread.daemon = True
        thread.start()
    click.echo(f"indexer on http://{host}:{port}{PATH}", err=True)
    try:
        run(app, host=host, port=port)
    finally:
        stop.set()
        for thread in threads:
            thread.join(5)
