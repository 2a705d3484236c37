"""Play a whole market on a fresh local chain: ``ape run demo --help``."""

from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent


@click.command(short_help="Play a whole market on a fresh local chain")
@click.option(
    "--runtime",
    default="auto",
    show_default=True,
    metavar="auto|docker|wasm",
    help="What the workers run the app on; auto is Docker when an engine answers, else WASM.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder for the result archives.",
)
@click.option("--port", default=0, help="TCP port of the chain  [default: any free one]")
@click.option("--raw", is_flag=True, help="JSON on standard output, the story on standard error.")
def cli(runtime: str, results: Path, port: int, raw: bool) -> None:
    """Play a whole market on a fresh local chain: trade, compute, cheat, settle.

    Every line with a check mark has been checked on the chain or on the disk.
    """
    from poco.command_line import one_line_errors

    with one_line_errors():
        from poco.demo.command import run
        from poco.toolchain.export import ensure_built

        ensure_built()
        run(ROOT / "apps" / "csv-histogram", runtime, results, raw=raw, port=port)
