"""Play a worker: ``ape run worker --help``."""

from pathlib import Path

import click

from poco.actors.options import Money, role_options


@click.command(short_help="Execute tasks for a workerpool")
@role_options("TEST::5")
@click.option("--scheduler", metavar="URL", help="The pool's scheduler, if not announced.")
@click.option(
    "--deposit", type=Money(), default="5 RLC", show_default=True, help="Free stake to hold."
)
@click.option(
    "--workdir",
    type=click.Path(path_type=Path),
    default=Path("market/work"),
    show_default=True,
    help="Folder for its work.",
)
@click.option("--slots", default=1, show_default=True, help="Tasks computed at a time.")
@click.option("--patience", default=60.0, show_default=True, help="Seconds to wait for a pool.")
@click.option("--cheat", is_flag=True, help="Contribute something else than the result.")
def cli(
    network: str | None,
    account: str,
    folder: Path,
    scheduler: str | None,
    deposit: int,
    workdir: Path,
    slots: int,
    patience: float,
    cheat: bool,
) -> None:
    """Execute tasks for a workerpool: contribute, reveal, get paid.

    The first Ctrl-C ends when the tasks it has are settled, the second at once.

    The second worker takes another account, for example --account TEST::6.
    """
    from poco.command_line import one_line_errors, stopped_by_signals

    with one_line_errors():
        from poco.actors.stage import on_stage
        from poco.actors.worker import other_digest, play_worker

        with on_stage(network, account, folder) as stage:
            stop, drain = stopped_by_signals()
            play_worker(
                stage,
                workdir,
                stake=deposit,
                scheduler=scheduler,
                patience=patience,
                slots=slots,
                stop=stop,
                drain=drain,
                falsify=other_digest if cheat else lambda digest: digest,
            )
