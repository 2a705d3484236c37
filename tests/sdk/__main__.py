"""`make sdk-test`: everything that the unmodified official client can do, tried on a local market.

The table of outcomes stands in docs/compatibility.md; it is an error when it is not as written
there, or when anything fails. ``--update`` writes it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from sdk.commands import try_commands
from sdk.library import try_library, try_page
from sdk.older import try_older
from sdk.table import Table, commit, committed

from poco.local import Ports, Stack, StackSettings

_PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"


@click.command()
@click.option("--update", is_flag=True, help="Write the table into the documentation.")
def main(update: bool) -> None:
    """Try the official client."""
    table = Table(click.echo)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(StackSettings(ports=Ports.free(), slots=2)) as stack,
        ThreadPoolExecutor() as pool,
    ):

        def run(*attempts: Callable[[Stack, Path, Table], None]) -> None:
            for attempt in attempts:
                place = Path(folder) / attempt.__name__
                place.mkdir()
                attempt(stack, place, table)

        # Side by side: most of the time is spent waiting for blocks.
        for done in (
            pool.submit(run, try_commands),
            pool.submit(run, try_library, try_page, try_older),
        ):
            done.result()
    if table.failures:
        click.echo("\n".join(table.failures), err=True)
        sys.exit(1)
    if update:
        commit(_PAGE, table.markdown())
    elif committed(_PAGE) != table.markdown():
        click.echo(f"{_PAGE.name} must show this table: make sdk-test UPDATE=--update", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
