"""`poco wallet`: keys, and the money they hold outside the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poco.cli.assets import receiver
from poco.cli.groups import LazyGroup
from poco.cli.options import amount_arguments
from poco.cli.shell import (
    Shell,
    chain_options,
    output_options,
    password_option,
    tx_options,
    wallet_options,
)

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

    from poco.contracts import Market, Receipt
    from poco.project import Keystore, PlainWallet
    from poco.secret import Secret

__all__ = ["command", "creation_options", "file_name", "make_wallet", "take_gift"]

F = TypeVar("F", bound=Callable[..., Any])

_RECEIVER = click.option("--to", required=True, metavar="ADDRESS", help="Who gets it.")
_FORCE = click.option("--force", is_flag=True, help="Do not ask.")


def _payment(function: F) -> F:
    """Add what is sent, to whom, and who signs."""
    for add in (tx_options, chain_options, wallet_options, _FORCE, _RECEIVER, amount_arguments):
        function = add(function)
    return function


def creation_options(function: F) -> F:
    """Add the options that say how a new wallet is kept."""
    for option in (
        click.option("--force", is_flag=True, help="Replace files without asking."),
        click.option("--keystoredir", metavar="PATH", default="global", show_default=True),
        click.option("--unencrypted", is_flag=True, help="Write wallet.json, in the clear."),
        password_option,
    ):
        function = option(function)
    return function


def make_wallet(
    shell: Shell, *, unencrypted: bool, keystoredir: str, force: bool, key: Secret | None = None
) -> Keystore | PlainWallet:
    """Write a new wallet, or that of a key; asks for what the options leave open.

    Raises:
        UserInputError: the key is malformed, or there is nobody to ask.
        ConfigurationError: it cannot be written.
    """
    from poco.project import create_wallet

    folder = shell.project.folder
    passphrase = None
    if not unencrypted:
        passphrase = shell.new_passphrase()
    elif shell.project.has("wallet.json"):
        shell.confirm('"wallet.json" already exists, replace it?', force)
    return create_wallet(folder, passphrase=passphrase, key=key, keystore=keystoredir)


def take_gift(shell: Shell, address: ChecksumAddress) -> tuple[dict[str, str], str]:
    """Take money from the market on this machine; return the answer, raw and in words.

    Raises:
        ConfigurationError: that market does not run here.
        ChainError: its node does not answer.
    """
    from poco.local.faucet import give
    from poco.project import show_coin, show_token

    with shell.progress("taking money from the market on this machine"):
        gift = give(shell.reader, address)
    document = {"address": str(address), "wei": str(gift.wei), "nRLC": str(gift.nrlc)}
    return document, f"{address} got {show_coin(gift.wei)} and {show_token(gift.nrlc)}"


def file_name(shell: Shell, made: Keystore | PlainWallet) -> str:
    """Return what the raw answers call the file of a wallet."""
    folder = shell.project.folder
    return str(made.path.relative_to(folder) if made.path.is_relative_to(folder) else made.path)


@click.group(cls=LazyGroup, aliases={"sendRLC": "send-RLC", "sendETH": "send-ether"})
def command() -> None:
    """Wallets: create, import, show, and send what they hold."""


@command.command(epilog="Example: poco wallet create --keystoredir local")
@creation_options
@output_options
def create(shell: Shell, unencrypted: bool, keystoredir: str, force: bool) -> None:
    """Create a wallet."""
    made = make_wallet(shell, unencrypted=unencrypted, keystoredir=keystoredir, force=force)
    _tell(shell, made)


@command.command("import", epilog="Example: poco wallet import - < key.txt")
@click.argument("private_key", metavar="PRIVATEKEY")
@creation_options
@output_options
def import_(
    shell: Shell, private_key: str, unencrypted: bool, keystoredir: str, force: bool
) -> None:
    """Make a wallet of PRIVATEKEY, 64 hex digits; - reads it from standard input."""
    from poco.secret import Secret

    text = click.get_text_stream("stdin").readline() if private_key == "-" else private_key
    made = make_wallet(
        shell,
        unencrypted=unencrypted,
        keystoredir=keystoredir,
        force=force,
        key=Secret(text.strip()),
    )
    _tell(shell, made)


@command.command(epilog="Example: poco wallet show 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
@click.argument("address", required=False)
@click.option("--show-private-key", is_flag=True, help="Show the wallet's key, too.")
@wallet_options
@chain_options
@output_options
def show(shell: Shell, address: str | None, show_private_key: bool) -> None:
    """Show what ADDRESS holds outside the hub, by default the wallet."""
    from poco.market import money
    from poco.orders import checked_address
    from poco.project import decimal, plain_document

    whose = shell.address if address is None else checked_address("address", address)
    document: dict[str, Any] = {}
    if address is None:
        keys = plain_document(shell.account) if show_private_key else {"address": str(whose)}
        document["wallet"] = keys
    found = money.balances(shell.reader, whose)
    document["balance"] = {
        "ether": decimal(found.wei, 18),
        "RLC": decimal(found.nrlc, 9),
        "nRLC": str(found.nrlc),
        "wei": str(found.wei),
    }
    shell.done(document)


@command.command(epilog="Example: poco wallet fund")
@wallet_options
@chain_options
@output_options
def fund(shell: Shell) -> None:
    """Take ether and RLC from the bank of the market on this machine."""
    document, text = take_gift(shell, shell.address)
    shell.done(document, text)


@command.command(
    "send-ether",
    epilog="Example: poco wallet send-ether 0.1 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
)
@_payment
@output_options
def send_ether(shell: Shell, amount: str, unit: str | None, to: str, force: bool) -> None:
    """Send AMOUNT of the chain's currency; in ether unless a unit follows."""
    from poco.market import money
    from poco.project import parse_coin, show_coin

    value = parse_coin(amount, unit)
    _pay(shell, money.send_coin, value, show_coin(value), to, force)


@command.command(
    "send-RLC",
    epilog="Example: poco wallet send-RLC 5 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
)
@_payment
@output_options
def send_rlc(shell: Shell, amount: str, unit: str | None, to: str, force: bool) -> None:
    """Send AMOUNT of the market's money; in RLC unless a unit follows."""
    from poco.market import money
    from poco.project import parse_token, show_token

    value = parse_token(amount, unit, default="RLC")
    _pay(shell, money.send_token, value, show_token(value), to, force)


@command.command(
    epilog="Example: poco wallet sweep --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
)
@_RECEIVER
@_FORCE
@wallet_options
@chain_options
@tx_options
@output_options
def sweep(shell: Shell, to: str, force: bool) -> None:
    """Send everything the wallet holds."""
    from poco.market import money

    target = receiver("--to", to)
    shell.confirm(f"Send all money of {shell.address} to {target}?", force)
    market = shell.market
    with shell.progress("sweeping"):
        swept = money.sweep(market, target)
    hashes = {"sendERC20TxHash": swept.token_hash, "sendNativeTxHash": swept.coin_hash}
    sent = {name: text for name, text in hashes.items() if text is not None}
    stayed = [f"{swept.dust} wei do not pay for the gas of sending them"] if swept.dust else []
    for remark in stayed:
        shell.warn(remark)
    errors = {"errors": [*stayed, *swept.errors]} if stayed or swept.errors else {}
    shell.done(
        {"from": shell.address, "to": target, **sent, **errors},
        f"Sent everything to {target}" if sent else "",
        failures=swept.errors,
    )


def _tell(shell: Shell, made: Keystore | PlainWallet) -> None:
    name = file_name(shell, made)
    document = {"wallet": made.document, "fileName": name, "address": made.address}
    shell.done(document, f"Wallet {made.address} is in {made.place}")


def _pay(
    shell: Shell,
    send: Callable[[Market, ChecksumAddress, int], Receipt[Any]],
    value: int,
    text: str,
    to: str,
    force: bool,
) -> None:
    target = receiver("--to", to)
    shell.confirm(f"Send {text} to {target}?", force)
    market = shell.market
    with shell.progress("sending"):
        receipt = send(market, target, value)
    document = {"amount": str(value), "from": shell.address, "to": target}
    shell.done(document | {"txHash": receipt.transaction_hash}, f"Sent {text} to {target}")
