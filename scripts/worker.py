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
@click.option("--patience", default=60.0, show_default=True, help="Seconds to wait for a pool.")
@click.option("--cheat", is_flag=True, help="Contribute something else than the result.")
def cli(
    network: str | None,
    account: str,
    folder: Path,
    scheduler: str | None,
    deposit: int,
    workdir: Path,
    patience: float,
    cheat: bool,
) -> None:
    """Execute tasks for a workerpool: contribute, reveal, get paid.

    The second worker takes another account, for example --account TEST::6.
    """
    from poco.command_line import one_line_errors

    with one_line_errors():
        import threading

        from poco.actors.servants import play_worker
        from poco.actors.stage import on_stage
        from poco.worker.worker import other_digest

        with on_stage(network, account, folder) as stage:
            play_worker(
                stage,
                workdir,
                stake=deposit,
                scheduler=scheduler,
                patience=patience,
                stop=threading.Event(),
                falsify=other_digest if cheat else None,
            )
