"""Play the owner of a dataset: ``ape run dataset_owner --help``."""

from pathlib import Path

import click

from poco.actors.options import Money, role_options

FILE = Path(__file__).resolve().parent.parent / "apps/csv-histogram/samples/regions.txt"


@click.command(short_help="Register a dataset, publish an order for it, hand it out")
@role_options("TEST::2")
@click.option("--file", type=click.Path(path_type=Path), default=FILE, help="The dataset.")
@click.option("--url", help="Where it is published already; else it is handed out from here.")
@click.option("--port", default=0, help="TCP port to do so  [default: any free one]")
@click.option("--price", type=Money(), default="0.2 RLC", show_default=True, help="Per task.")
@click.option("--volume", type=click.IntRange(1), default=100, show_default=True, help="Tasks.")
def cli(
    network: str | None,
    account: str,
    folder: Path,
    file: Path,
    url: str | None,
    port: int,
    price: int,
    volume: int,
) -> None:
    """Register a dataset, publish a signed order for it, and hand the file out to workers."""
    from poco.command_line import one_line_errors

    with one_line_errors():
        import threading

        from poco.actors.sellers import Goods, play_dataset_owner
        from poco.actors.stage import on_stage

        goods = Goods(file, price, volume)
        with on_stage(network, account, folder) as stage:
            play_dataset_owner(stage, goods, url=url, port=port, stop=threading.Event())
