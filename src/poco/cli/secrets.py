"""`poco secrets`: keep the secrets of a market."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import click

from poco.contracts import Market
from poco.fetching import PUBLIC_GATEWAYS
from poco.orders import TaskId, checked_address
from poco.services.secrets import (
    Gate,
    KeyFile,
    KeyRing,
    SecretsService,
    SecretStore,
    bulk_fetcher,
    secrets_application,
)
from poco.web import run
from poco.web_limits import RateLimit

__all__ = ["command"]

_database = click.option(
    "--database",
    default="sqlite:///secrets.sqlite",
    show_default=True,
    help="SQLite file or PostgreSQL database, as URL.",
)
_key_file = click.option(
    "--master-key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the master key  [default: the variable POCO_SECRETS_MASTER_KEY]",
)


class _Task(click.ParamType):
    """A task id, 32 bytes in hex."""

    name = "taskid"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> TaskId:
        """Read the id; click reports what is wrong with it."""
        try:
            taskid = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            taskid = b""
        if len(taskid) != 32:
            self.fail(f"{value!r} is no task id: it has 32 bytes in hex", param, ctx)
        return TaskId(taskid)


@click.group()
def command() -> None:
    """Keep the secrets of a market."""


@command.command(context_settings={"auto_envvar_prefix": "POCO"})
@click.option("--rpc", required=True, metavar="URL", help="Node of the market's chain.")
@click.option(
    "--deployment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Address book  [default: POCO_DEPLOYMENT, else deployments/CHAIN.json]",
)
@_database
@_key_file
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option("--port", default=13300, show_default=True, type=click.IntRange(0, 65535))
@click.option("--simulated", is_flag=True, help="Play an enclave for tasks with the TEE tag.")
@click.option("--software", is_flag=True, help="Serve tasks without the TEE tag, too.")
@click.option("--worker", multiple=True, metavar="ADDRESS", help="Serve only these workers.")
@click.option(
    "--workerpool",
    multiple=True,
    metavar="ADDRESS",
    help="Believe only the owners of these pools.",
)
@click.option(
    "--ipfs-gateway",
    multiple=True,
    metavar="URL",
    help="Where bulks are fetched from, instead of the public ones; may be repeated.",
)
@click.option(
    "--legacy-updates/--no-legacy-updates",
    default=True,
    show_default=True,
    help="Let the official client replace settings, whose signatures can be replayed.",
)
@click.option(
    "--requests-per-minute",
    default=1200,
    show_default=True,
    type=click.IntRange(1),
    help="For each IP address, and for each account.",
)
def serve(
    rpc: str,
    deployment: Path | None,
    database: str,
    master_key_file: Path | None,
    host: str,
    port: int,
    simulated: bool,
    software: bool,
    worker: tuple[str, ...],
    workerpool: tuple[str, ...],
    ipfs_gateway: tuple[str, ...],
    legacy_updates: bool,
    requests_per_minute: int,
) -> None:
    """Serve secrets to tasks, and take them from their owners."""
    gate = Gate(
        Market.connect(rpc, book=deployment),
        simulated=simulated,
        software=software,
        workers=frozenset(checked_address("worker", address) for address in worker),
        workerpools=frozenset(checked_address("workerpool", address) for address in workerpool),
    )
    service = SecretsService(
        gate,
        SecretStore(database, KeyRing.load(master_key_file)),
        bulk_fetcher(ipfs_gateway or PUBLIC_GATEWAYS),
        per_peer=RateLimit(requests_per_minute),
        per_address=RateLimit(requests_per_minute),
        legacy_updates=legacy_updates,
    )
    click.echo(service.banner, err=True)
    run(
        secrets_application(service),
        host=host,
        port=port,
        announce=lambda url: click.echo(f"secret service on {url}", err=True),
    )


@command.command("init-key")
@click.option(
    "--master-key-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to make.",
)
def init_key(master_key_file: Path) -> None:
    """Make a master key that only you may read."""
    KeyFile(master_key_file).create()
    click.echo(f"{master_key_file}: keep a copy elsewhere; without it all secrets are lost")


@command.command("rotate-key")
@_database
@_key_file
def rotate_key(database: str, master_key_file: Path | None) -> None:
    """Exchange the master key; services may run meanwhile.

    With a file, a new key is made. With the variable POCO_SECRETS_MASTER_KEY, put the new key
    before the old one, separated by a space, for the services as well. Interrupted, call it again.
    """
    keys = KeyRing.load(master_key_file)
    store = SecretStore(database, keys)
    if master_key_file is not None:
        KeyFile(master_key_file).add_key()
        keys.reload()
    moved = store.rotate()
    if master_key_file is not None:
        KeyFile(master_key_file).drop_old_keys()
    click.echo(f"{moved} secrets were encrypted again; older backups need the old key")


@command.command()
@_database
@_key_file
@click.option("--task", type=_Task(), help="Only of this task.")
@click.option("--secret", default="", metavar="TEXT", help="Only secrets with this address or name")
@click.option("--raw", is_flag=True, help="One JSON object per line.")
def audit(
    database: str, master_key_file: Path | None, task: TaskId | None, secret: str, raw: bool
) -> None:
    """Tell which secrets were released, when, for which task and to whom."""
    store = SecretStore(database, KeyRing.load(master_key_file))
    for line in store.releases(taskid=task, secret=secret):
        if raw:
            values = {name: getattr(line, name) for name in line.__slots__}
            click.echo(json.dumps(values))
        else:
            at = datetime.datetime.fromtimestamp(line.at, datetime.UTC).isoformat(
                timespec="seconds"
            )
            click.echo(f"{at} {line.secret} task {line.taskid} worker {line.worker} ({line.peer})")
