"""`poco market`: keep the order book of a market."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.group(context_settings={"auto_envvar_prefix": "POCO"})
def command() -> None:
    """Keep the order book of a market."""


@command.command(context_settings={"auto_envvar_prefix": "POCO"})
@click.option("--rpc", required=True, metavar="URL", help="Node of the market's chain.")
@click.option(
    "--deployment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Address book  [default: deployments/CHAIN.json]",
)
@click.option(
    "--database",
    default="sqlite:///market.sqlite",
    show_default=True,
    help="SQLite file or PostgreSQL database, as URL.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--requests-per-minute",
    default=100,
    show_default=True,
    type=click.IntRange(1),
    help="For each IP address but this host's, and for each account.",
)
@click.option(
    "--open-orders",
    default=50,
    show_default=True,
    type=click.IntRange(1),
    help="Of one account, for each kind of orders.",
)
@click.option(
    "--max-body",
    default=512 * 1024,
    show_default=True,
    type=click.IntRange(1024),
    help="Largest request, bytes.",
)
@click.option(
    "--every",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.05),
    help="Pause between looks at the chain, seconds.",
)
def serve(
    rpc: str,
    deployment: Path | None,
    database: str,
    host: str,
    port: int,
    requests_per_minute: int,
    open_orders: int,
    max_body: int,
    every: float,
) -> None:
    """Take orders, keep them true to the chain, and match them.

    Each option may be given by a variable, such as POCO_RPC for --rpc.
    """
    from poco.contracts import Market
    from poco.services.orderbook import Limits, Orderbook, orderbook_application
    from poco.web import run

    limits = Limits(requests_per_minute, open_orders, max_body)
    book = Orderbook(database, Market.connect(rpc, book=deployment), limits)
    click.echo(f"order book on http://{host}:{port}", err=True)
    try:
        run(orderbook_application(book, every=every), host=host, port=port)
    finally:
        book.close()
