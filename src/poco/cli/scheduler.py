"""`poco scheduler`: run a workerpool."""

from __future__ import annotations

from pathlib import Path

import click

from poco.cli.accounts import account_options, open_account
from poco.command_line import stopped_by_signals

__all__ = ["command"]


@click.command(context_settings={"auto_envvar_prefix": "POCO"})
@click.option("--workerpool", required=True, metavar="ADDRESS", help="The pool to run.")
@click.option("--rpc", required=True, metavar="URL", help="Node of the chain; several with commas.")
@click.option(
    "--deployment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Address book  [default: deployments/CHAIN.json]",
)
@account_options
@click.option(
    "--database",
    default="sqlite:///scheduler.sqlite",
    show_default=True,
    metavar="URL",
    help="SQLite file, or postgresql://USER@HOST/NAME.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option(
    "--port",
    default=13000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="TCP port; 0 takes a free one.",
)
@click.option(
    "--public-url", metavar="URL", help="How workers reach it  [default: http://HOST:PORT]"
)
@click.option(
    "--results",
    default="results",
    show_default=True,
    metavar="URL|DIR",
    help="A result store, or a folder to keep results in this process.",
)
@click.option("--secrets", metavar="URL", help="The secret service.")
@click.option(
    "--simulated-enclaves",
    is_flag=True,
    help="Take deals for an enclave, without one. Protects nothing.",
)
@click.option(
    "--confirmations",
    type=click.IntRange(0, 1000),
    help="Blocks on top of a deal  [default: 0 on a development chain, else 2]",
)
@click.option(
    "--allow-worker",
    multiple=True,
    metavar="ADDRESS",
    help="Admit only such workers; may be repeated.",
)
@click.option(
    "--distinct-hosts", is_flag=True, help="Let no two workers of one host vote on one task."
)
@click.option(
    "--three-steps", is_flag=True, help="Use contribute, reveal, finalize at trust 1, too."
)
@click.option(
    "--history-days",
    default=365,
    show_default=True,
    type=click.IntRange(1, 36_500),
    help="How long tasks are kept after their final deadline.",
)
@click.option(
    "--poll",
    default=0.25,
    show_default=True,
    type=click.FloatRange(0.01, 60),
    help="Seconds between two looks at the chain.",
)
def command(
    workerpool: str,
    rpc: str,
    deployment: Path | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    private_key_file: Path | None,
    account: str | None,
    database: str,
    host: str,
    port: int,
    public_url: str | None,
    results: str,
    secrets: str | None,
    simulated_enclaves: bool,
    confirmations: int | None,
    allow_worker: tuple[str, ...],
    distinct_hosts: bool,
    three_steps: bool,
    history_days: int,
    poll: float,
) -> None:
    """Run a workerpool: find its deals, admit workers, finalise, claim what expired.

    Several may share a PostgreSQL database: all serve workers, one acts. SIGTERM or Ctrl-C ends it;
    the next start goes on from the database and the chain. Every option can also be given by a
    variable, such as POCO_WORKERPOOL for --workerpool.

    Example: poco scheduler --workerpool 0x… --rpc http://127.0.0.1:8545 --keystore owner.json
    """
    from poco.contracts import Market
    from poco.orders import checked_address
    from poco.scheduler.serving import Place, serve_scheduler
    from poco.scheduler.settings import Settings, default_confirmations

    pool = checked_address("workerpool", workerpool)
    whitelist = frozenset(checked_address("allow-worker", address) for address in allow_worker)
    key = open_account(keystore, passphrase_file, private_key_file, account)
    market = Market.connect(rpc, book=deployment).acting_as(key)
    if confirmations is None:
        confirmations = default_confirmations(market.chain.chain_id)
    settings = Settings(
        confirmations=confirmations,
        one_step=not three_steps,
        simulated_enclaves=simulated_enclaves,
        whitelist=whitelist,
        distinct_hosts=distinct_hosts,
        history_days=history_days,
        secrets_url=secrets or "",
    )
    place = Place(database, results, host, port, public_url or "")
    with serve_scheduler(market, key, pool, place, settings, report=click.echo) as scheduler:
        click.echo(f"scheduler of {pool} answers at {scheduler.url}")
        if simulated_enclaves:
            click.echo("enclaves are SIMULATED: they protect nothing from whoever runs the workers")
        _, first_signal = stopped_by_signals()
        scheduler.run(first_signal, poll)
