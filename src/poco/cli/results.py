"""`poco results`: keep the results of a market."""

from __future__ import annotations

import datetime
import json
import re
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poco.errors import UserInputError

if TYPE_CHECKING:
    from poco.services.results import Quotas, Results
    from poco.services.results.catalog import Catalog, Record

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])
_DAY_SECONDS = 24 * 3600
_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


class _Size(click.ParamType):
    """A number of bytes, such as ``500 MiB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the size; click reports what is wrong with it."""
        match = re.fullmatch(r"(\d{1,18}) ?([KMGT]iB)?", str(value))
        if match is None:
            self.fail(f"{value!r} is no size: write for example 500 MiB or 100 GiB", param, ctx)
        return int(match[1]) * _UNITS[match[2] or ""]


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


_database = click.option(
    "--database",
    default="sqlite:///results.sqlite",
    show_default=True,
    help="SQLite file or PostgreSQL database, as URL.",
)
_store = _options(
    click.option("--rpc", required=True, metavar="URL", help="Node of the market's chain."),
    click.option(
        "--deployment",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Address book  [default: POCO_DEPLOYMENT, else deployments/CHAIN.json]",
    ),
    click.option(
        "--store",
        default="results",
        show_default=True,
        metavar="URL",
        help="Folder, ipfs+http://HOST:5001 or s3+https://HOST/BUCKET/PREFIX.",
    ),
    click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("results"),
        show_default=True,
        help="For what is under way to IPFS or S3.",
    ),
    _database,
)


@click.group()
def command() -> None:
    """Keep the results of a market."""


@command.command(
    context_settings={"auto_envvar_prefix": "POCO"},
    epilog="Example: poco results serve --rpc http://127.0.0.1:8545 --ipfs-node",
)
@_store
@click.option("--quota", type=_Size(), default="100 GiB", show_default=True, help="Of the store.")
@click.option(
    "--account-quota",
    type=_Size(),
    default="20 GiB",
    show_default=True,
    help="Of the results of one requester, or of one workerpool.",
)
@click.option(
    "--retention",
    type=click.IntRange(0, 36_500),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="How long a result stays after the final deadline of its task.",
)
@click.option("--ipfs-node", is_flag=True, help="Keep files of anybody as an IPFS node does, too.")
@click.option(
    "--ipfs-allow",
    multiple=True,
    metavar="CIDR",
    help="Who may bring such files  [default: this host]",
)
@click.option(
    "--added-quota",
    type=_Size(),
    default="10 GiB",
    show_default=True,
    help="Of all files that are no results.",
)
@click.option(
    "--added-files",
    type=click.IntRange(0),
    default=10_000,
    show_default=True,
    help="How many of these.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option("--port", default=13200, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--prune-every",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How often what is not needed any more is removed.",
)
def serve(
    rpc: str,
    deployment: Path | None,
    store: str,
    folder: Path,
    database: str,
    quota: int,
    account_quota: int,
    retention: int,
    ipfs_node: bool,
    ipfs_allow: tuple[str, ...],
    added_quota: int,
    added_files: int,
    host: str,
    port: int,
    prune_every: int,
) -> None:
    """Take results from workers, and hand them out."""
    from poco.services.results import NodePolicy, Quotas, results_app
    from poco.web import run

    quotas = Quotas(
        total=quota,
        account=account_quota,
        added=added_quota,
        added_files=added_files,
        retention=retention * _DAY_SECONDS,
    )
    policy = NodePolicy(ipfs_allow or NodePolicy().networks)
    results = _open(rpc, deployment, store, folder, database, quotas)
    stop = threading.Event()
    report = partial(click.echo, err=True)
    cleaner = threading.Thread(target=results.run, args=(stop, prune_every, report), daemon=True)
    cleaner.start()
    try:
        run(
            results_app(results, node=policy if ipfs_node else None),
            host=host,
            port=port,
            announce=lambda url: click.echo(f"result store on {url}", err=True),
        )
    finally:
        stop.set()
        cleaner.join()


@command.command(epilog="Example: poco results prune --rpc http://127.0.0.1:8545")
@_store
def prune(rpc: str, deployment: Path | None, store: str, folder: Path, database: str) -> None:
    """Remove what is not needed any more.

    A result stays while its task is open, and until it expires. A running store does this by
    itself.
    """
    from poco.services.results import Quotas

    done = _open(rpc, deployment, store, folder, database, Quotas()).prune()
    click.echo(f"{done.removed} results removed, {done.freed} bytes freed")
    if done.waiting:
        click.echo(f"{done.waiting} results wait for the IPFS node", err=True)


@command.command(
    epilog="Example: poco results unpin QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
)
@_database
@click.argument("cid")
def unpin(database: str, cid: str) -> None:
    """Let a file go that is no result; the next `prune` removes it."""
    catalog = _catalog(database)
    if catalog.content(cid) is None:
        raise UserInputError(
            "the store has no such file",
            field="cid",
            value=cid,
            remedy="check --database, and the content id",
        )
    catalog.unpin(cid)
    click.echo(f"{cid} goes with the next `poco results prune`")


@command.command("list", epilog="Example: poco results list --added --raw")
@_database
@click.option("--added", is_flag=True, help="List the files that are no results.")
@click.option("--raw", is_flag=True, help="Print JSON.")
def list_(database: str, added: bool, raw: bool) -> None:
    """List the results that are kept, the oldest first."""
    catalog = _catalog(database)
    if added:
        files = catalog.pinned()
        lines = (f"{file.cid}  {file.size} bytes" for file in files)
        click.echo(json.dumps([asdict(file) for file in files]) if raw else "\n".join(lines))
        return
    records = catalog.records()
    if raw:
        click.echo(json.dumps([_document(record) for record in records]))
        return
    for record in records:
        state = "provisional" if record.provisional else "confirmed"
        sealed = "encrypted" if record.encrypted else "plain"
        until = datetime.datetime.fromtimestamp(record.expires, datetime.UTC)
        click.echo(f"{record.task}  {state:<11}  {sealed:<9}  until {until:%Y-%m-%d}  {record.cid}")


def _open(
    rpc: str, deployment: Path | None, store: str, folder: Path, database: str, quotas: Quotas
) -> Results:
    from poco.contracts import Market
    from poco.database import Database
    from poco.services.results import TABLES, Results, open_storage

    return Results(
        Market.connect(rpc, book=deployment),
        open_storage(store, folder),
        Database(database, TABLES),
        quotas=quotas,
    )


def _catalog(database: str) -> Catalog:
    from poco.database import Database
    from poco.services.results import TABLES
    from poco.services.results.catalog import Catalog

    return Catalog(Database(database, TABLES))


def _document(record: Record) -> dict[str, Any]:
    return asdict(record) | {"link": record.link.decode()}
