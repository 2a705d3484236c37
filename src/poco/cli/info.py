"""`poco info`: where a market is."""

from __future__ import annotations

import click

from poco.cli.shell import Shell, chain_options, output_options

__all__ = ["command"]


@click.command(epilog="Example: poco info --chain local --raw")
@chain_options
@output_options
def command(shell: Shell) -> None:
    """Show the addresses of the market's contracts."""
    from poco import __version__

    book = shell.reader.book
    shell.done(
        {
            "pocoVersion": __version__,
            "host": shell.chain.host,
            "hubAddress": book.hub,
            "rlcAddress": book.token,
            "appRegistryAddress": book.app_registry,
            "datasetRegistryAddress": book.dataset_registry,
            "workerpoolRegistryAddress": book.workerpool_registry,
        }
    )
