"""Deploy a market, or verify the one that is there: ``ape run deploy --help``."""

import sys
from pathlib import Path

import click


@click.command(short_help="Deploy a market and write its address book")
@click.option(
    "--mode",
    type=click.Choice(["token", "native"]),
    help="Paid in a token (the default) or in the chain's currency.",
)
@click.option("--token", metavar="ADDRESS", help="An existing base token; else one is deployed.")
@click.option(
    "--categories", type=click.Path(path_type=Path), help="JSON list of categories to begin with."
)
@click.option("--account", metavar="ALIAS", help="Who pays and owns: a keyfile, or TEST::0.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The address book  [default: deployments/<chainId>.json]",
)
@click.option("--network", help="Ape's name of the network  [default: that of ape-config.yaml]")
def cli(
    mode: str | None,
    token: str | None,
    categories: Path | None,
    account: str | None,
    out: Path | None,
    network: str | None,
) -> None:
    """Deploy a market and write its address book.

    Run again on the same chain, it verifies what is there and changes nothing.
    """
    from poco.deployment.command import run
    from poco.errors import PocoError

    try:
        run(mode, token, categories, account, out, network)
    except PocoError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
