"""`poco workerpool`: register a workerpool, sell its work."""

from __future__ import annotations

from typing import Any

import click

from poco.cli.assets import add_commands, chosen
from poco.cli.drafts import draft_force_option, write_draft
from poco.cli.groups import LazyGroup
from poco.cli.selling import (
    PricedCommand,
    force_option,
    own_order,
    publish_order,
    terms_options,
)
from poco.cli.shell import Shell, chain_options, output_options, wallet_options

__all__ = ["command"]


@click.group(cls=LazyGroup)
def command() -> None:
    """Register a workerpool, sell its work."""


add_commands(command, "workerpool")


@command.command(epilog="Example: poco workerpool init")
@draft_force_option
@wallet_options
@output_options
def init(shell: Shell, force: bool) -> None:
    """Write a description of a workerpool into iexec.json, for you to edit."""
    from poco.project import templates

    description = templates.workerpool(shell.address)
    write_draft(shell, "workerpool", description, force)
    shell.say('written into "iexec.json": edit it there, then `poco workerpool deploy`')
    shell.done({"workerpool": description})


@command.command(
    cls=PricedCommand, epilog="Example: poco workerpool publish --price 1 nRLC --volume 10 --force"
)
@click.argument("address", required=False)
@click.option(
    "--category",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="How long the tasks may take: see `poco category show`.",
)
@click.option(
    "--trust", default=0, show_default=True, type=click.IntRange(0), help="Highest trust offered."
)
@terms_options(1, "app", "dataset", "requester")
@force_option
@wallet_options
@chain_options
@output_options
def publish(shell: Shell, /, address: str | None, force: bool, **terms: Any) -> None:
    """Sell work of your pool: sign an order and put it into the order book."""
    from poco.orders import OrderKind

    order = own_order(OrderKind.WORKERPOOL, chosen(shell, "workerpool", address), **terms)
    publish_order(shell, order, force)
