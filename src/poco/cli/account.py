"""`poco account`: the money that a wallet has in the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from poco.cli.options import amount_arguments
from poco.cli.shell import (
    Shell,
    chain_options,
    output_options,
    tx_options,
    wallet_options,
)

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

    from poco.contracts import Market, Receipt

__all__ = ["command"]


@click.group()
def command() -> None:
    """Money in the hub: deposit, withdraw, show, and who may spend it.

    Amounts are nRLC unless a unit follows: 5 RLC, 100 nRLC.
    """


@command.command(epilog="Example: poco account deposit 5 RLC")
@amount_arguments
@wallet_options
@chain_options
@tx_options
@output_options
def deposit(shell: Shell, amount: str, unit: str | None) -> None:
    """Move AMOUNT from the wallet into the hub."""
    from poco.market import money

    _move(shell, amount, unit, money.deposit, "depositing", "Deposited")


@command.command(epilog="Example: poco account withdraw 1 RLC")
@amount_arguments
@wallet_options
@chain_options
@tx_options
@output_options
def withdraw(shell: Shell, amount: str, unit: str | None) -> None:
    """Move AMOUNT of free stake from the hub into the wallet."""
    from poco.market import money

    _move(shell, amount, unit, money.withdraw, "withdrawing", "Withdrew")


@command.command(epilog="Example: poco account show 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
@click.argument("address", required=False)
@wallet_options
@chain_options
@output_options
def show(shell: Shell, address: str | None) -> None:
    """Show free and locked stake of ADDRESS, by default of the wallet."""
    from poco.project import show_token

    found = shell.reader.hub.account(_address(shell, "address", address))
    shell.done(
        {"balance": {"stake": str(found.stake), "locked": str(found.locked)}},
        f"stake:  {show_token(found.stake)}\nlocked: {show_token(found.locked)}",
    )


@command.command(
    epilog="Example: poco account approve 10 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 RLC"
)
@click.argument("amount")
@click.argument("spender")
@click.argument("unit", required=False)
@wallet_options
@chain_options
@tx_options
@output_options
def approve(shell: Shell, amount: str, spender: str, unit: str | None) -> None:
    """Let SPENDER take free stake up to AMOUNT."""
    from poco.orders import checked_address
    from poco.project import parse_token, show_token

    if unit is not None and unit.startswith("0x"):  # approve 1 RLC SPENDER
        spender, unit = unit, spender
    value, who = parse_token(amount, unit), checked_address("spender", spender)
    market = shell.market
    with shell.progress("approving"):
        receipt = market.hub.approve(who, value)
    shell.done({"txHash": receipt.transaction_hash}, f"{who} may spend {show_token(value)}")


@command.command(
    epilog="Example: poco account allowance 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
)
@click.argument("spender")
@click.option("--user", metavar="ADDRESS", help="Whose money  [default: the wallet's]")
@wallet_options
@chain_options
@output_options
def allowance(shell: Shell, spender: str, user: str | None) -> None:
    """Show what SPENDER may still take; nRLC."""
    from poco.orders import checked_address
    from poco.project import show_token

    owner, who = _address(shell, "user", user), checked_address("spender", spender)
    amount = shell.reader.hub.allowance(owner, who)
    shell.done({"amount": str(amount)}, f"{who} may spend {show_token(amount)}")


@command.command(epilog="Example: poco account revoke 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
@click.argument("spender")
@wallet_options
@chain_options
@tx_options
@output_options
def revoke(shell: Shell, spender: str) -> None:
    """Let SPENDER take nothing more."""
    from poco.orders import checked_address

    who, market = checked_address("spender", spender), shell.market
    with shell.progress("revoking"):
        receipt = market.hub.approve(who, 0)
    shell.done({"txHash": receipt.transaction_hash}, f"{who} may spend nothing")


def _move(
    shell: Shell,
    amount: str,
    unit: str | None,
    send: Callable[[Market, int], Receipt[Any]],
    doing: str,
    done: str,
) -> None:
    from poco.project import parse_token, show_token

    value, market = parse_token(amount, unit), shell.market
    with shell.progress(doing):
        receipt = send(market, value)
    document = {"amount": str(value), "txHash": receipt.transaction_hash}
    shell.done(document, f"{done} {show_token(value)}")


def _address(shell: Shell, name: str, given: str | None) -> ChecksumAddress:
    from poco.orders import checked_address

    return shell.address if given is None else checked_address(name, given)
