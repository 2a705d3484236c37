"""Commands of the Makefile: ``python -m poco.toolchain setup|build|record``."""

from __future__ import annotations

import logging
import sys

import click

from poco.errors import PocoError
from poco.toolchain.project import Checkout


@click.group()
def cli() -> None:
    """Prepare the tools of a checkout and compile its contracts."""


@cli.command()
def setup() -> None:
    """Link anvil and forge into the environment and install the compiler."""
    from poco.toolchain.setup import finish_environment

    finish_environment(Checkout.find())


@cli.command()
@click.option("--force", is_flag=True, help="Compile everything even if nothing changed.")
def build(force: bool) -> None:
    """Compile what changed and export the public contracts for the Python package."""
    from poco.toolchain.export import ensure_built

    compiled = ensure_built(force=force)
    click.echo(f"compiled {len(compiled)} sources" if compiled else "contracts are up to date")


@cli.command()
def record() -> None:
    """Write the bytecode hashes of the public contracts into the committed record."""
    from poco.toolchain.export import ensure_built
    from poco.toolchain.export import record as write_record

    checkout = Checkout.find()
    ensure_built(checkout)
    changed = write_record(checkout)
    click.echo(f"{checkout.bytecode_record}: {'changed' if changed else 'unchanged'}")


def main() -> None:
    """Run a command; a fault that is not a defect is one line on stderr and an exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        cli(prog_name="python -m poco.toolchain")
    except PocoError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
