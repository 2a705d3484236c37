"""Play a requester: ``ape run requester --help``."""

from pathlib import Path

import click

from poco.actors.options import role_options

INPUT = Path(__file__).resolve().parent.parent / "apps/csv-histogram/samples/orders.csv"


@click.command(short_help="Buy tasks, wait for them, download the results")
@role_options("TEST::4")
@click.option(
    "--args",
    "arguments",
    default="--column price,quantity --key region --bins 8",
    show_default=True,
    help="The app's arguments.",
)
@click.option(
    "--input", "file", type=click.Path(path_type=Path), default=INPUT, help="The input file."
)
@click.option("--no-input", is_flag=True, help="Give the app no input file.")
@click.option("--tasks", type=click.IntRange(1), default=2, show_default=True)
@click.option("--trust", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder for the result archives.",
)
@click.option(
    "--patience", default=300.0, show_default=True, help="Seconds to wait, for orders and tasks."
)
def cli(
    network: str | None,
    account: str,
    folder: Path,
    arguments: str,
    file: Path,
    no_input: bool,
    tasks: int,
    trust: int,
    results: Path,
    patience: float,
) -> None:
    """Buy tasks from the published orders, wait for them, download the results."""
    from poco.command_line import one_line_errors

    with one_line_errors():
        from poco.actors.buyer import Wish, play_requester
        from poco.actors.stage import on_stage

        wish = Wish(arguments, None if no_input else file, tasks, trust)
        with on_stage(network, account, folder) as stage:
            play_requester(stage, wish, results, patience=patience)
