"""Show one feature of the market on a fresh local chain: ``ape run scenarios --help``."""

from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent


@click.group(short_help="Show one feature of the market on a fresh local chain")
def cli() -> None:
    """Show one feature of the market on a fresh local chain, with real processes.

    Every line with a check mark has been checked on the chain, on the disk or with a service.
    """


@cli.command()
@click.option(
    "--runtime",
    default="auto",
    show_default=True,
    metavar="auto|docker|wasm",
    help="What the worker runs the app on; auto is Docker when an engine answers, else WASM.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder for the decrypted result.",
)
@click.option("--raw", is_flag=True, help="JSON on standard output, the story on standard error.")
def secrets(runtime: str, results: Path, raw: bool) -> None:
    """Compute on an encrypted dataset with secrets; only the requester can read the result.

    The enclave is simulated: it shows who gets what, and protects nothing from the worker.
    """
    from poco.command_line import one_line_errors

    with one_line_errors():
        from poco.scenarios.command import run_secrets
        from poco.toolchain.export import ensure_built

        ensure_built()
        run_secrets(ROOT / "apps" / "echo", runtime, results, raw=raw)
