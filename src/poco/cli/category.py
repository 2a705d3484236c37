"""`poco category`: the classes of tasks that a market knows."""

from __future__ import annotations

import click

from poco.cli.drafts import draft_force_option, write_draft
from poco.cli.shell import Shell, chain_options, output_options, tx_options, wallet_options

__all__ = ["command"]


@click.group()
def command() -> None:
    """Categories: how long tasks of a market may take."""


@command.command(epilog="Example: poco category init")
@draft_force_option
@output_options
def init(shell: Shell, force: bool) -> None:
    """Write a category into iexec.json, to be edited."""
    from poco.project import templates

    category = templates.category()
    write_draft(shell, "category", category, force)
    shell.say('saved the default category in "iexec.json", you can edit it:')
    shell.done({"category": category})


@command.command(epilog="Example: poco category create --wallet-file hub-owner")
@wallet_options
@chain_options
@tx_options
@output_options
def create(shell: Shell) -> None:
    """Add the category of iexec.json to the market; its owner may."""
    from poco.market import categories

    draft = categories.read_draft(shell.project.section("category"))
    market = shell.market
    with shell.progress("creating the category"):
        receipt = categories.create(market, draft)
    shell.done(
        {"catid": str(receipt.value), "txHash": receipt.transaction_hash},
        f"Category {draft.name} has the index {receipt.value}",
    )


@command.command(epilog="Example: poco category show 0")
@click.argument("index", type=click.IntRange(0))
@chain_options
@output_options
def show(shell: Shell, index: int) -> None:
    """Show the category of an INDEX."""
    from poco.market import categories

    found = categories.read(shell.reader, index)
    category = {
        "name": found.name,
        "description": found.description,
        "workClockTimeRef": str(found.clock),
    }
    shell.done({"index": str(index), "category": category})


@command.command(epilog="Example: poco category count")
@chain_options
@output_options
def count(shell: Shell) -> None:
    """Show how many categories the market has."""
    found = shell.reader.hub.category_count()
    shell.done({"count": str(found)}, f"The market has {found} categories")
