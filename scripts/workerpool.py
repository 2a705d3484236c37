"""Play the owner of a workerpool and its scheduler: ``ape run workerpool --help``."""

from pathlib import Path

import click

from poco.actors.options import Money, role_options


@click.command(short_help="Register a workerpool and run its scheduler")
@role_options("TEST::3")
@click.option("--description", default="local pool", show_default=True, help="The pool's name.")
@click.option("--price", type=Money(), default="1 RLC", show_default=True, help="Per task.")
@click.option("--volume", type=click.IntRange(1), default=100, show_default=True, help="Tasks.")
@click.option("--category", type=click.IntRange(0), default=0, show_default=True)
@click.option("--trust", type=click.IntRange(0), default=3, show_default=True, help="At most.")
@click.option(
    "--deposit", type=Money(), default="30 RLC", show_default=True, help="Free stake to hold."
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path("market/results"),
    show_default=True,
    help="Folder for the scheduler's database and the result archives.",
)
@click.option("--port", default=0, help="TCP port of the scheduler  [default: any free one]")
def cli(
    network: str | None,
    account: str,
    folder: Path,
    description: str,
    price: int,
    volume: int,
    category: int,
    trust: int,
    deposit: int,
    store: Path,
    port: int,
) -> None:
    """Register a workerpool, publish a signed order for it, and run its scheduler."""
    from poco.command_line import one_line_errors, stopped_by_signals

    with one_line_errors():
        from poco.actors.servants import Pool, play_workerpool
        from poco.actors.stage import on_stage

        pool = Pool(description, price, volume, category, trust, deposit)
        with on_stage(network, account, folder) as stage:
            _, first_signal = stopped_by_signals()
            play_workerpool(stage, pool, store, port=port, stop=first_signal)
