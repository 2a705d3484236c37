"""Play the owner of an app: ``ape run app_owner --help``."""

from pathlib import Path

import click

from poco.actors.options import Money, role_options

APP = Path(__file__).resolve().parent.parent / "apps" / "csv-histogram"


@click.command(short_help="Register an app and publish an order for it")
@role_options("TEST::1")
@click.option("--app", type=click.Path(path_type=Path), default=APP, help="The app's folder.")
@click.option(
    "--runtime",
    default="auto",
    show_default=True,
    metavar="auto|docker|wasm",
    help="What it is packaged for; auto is Docker when an engine answers, else WASM.",
)
@click.option("--price", type=Money(), default="0.1 RLC", show_default=True, help="Per task.")
@click.option("--volume", type=click.IntRange(1), default=100, show_default=True, help="Tasks.")
def cli(
    network: str | None,
    account: str,
    folder: Path,
    app: Path,
    runtime: str,
    price: int,
    volume: int,
) -> None:
    """Register an app and publish a signed order for it in the market folder."""
    from poco.command_line import one_line_errors

    with one_line_errors():
        from poco.actors.sellers import Goods, play_app_owner
        from poco.actors.stage import on_stage

        with on_stage(network, account, folder) as stage:
            play_app_owner(stage, Goods(app, price, volume), runtime)
