"""Options that commands of the market's people share; their values go to the `Shell`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

__all__ = [
    "PASSPHRASES",
    "SECRET_ELSE",
    "amount_arguments",
    "chain_options",
    "given_options",
    "password_option",
    "shared_option",
    "tx_options",
    "wallet_options",
]

F = TypeVar("F", bound=Callable[..., Any])

PASSPHRASES = ("POCO_WALLET_PASSWORD", "POCO_PASSPHRASE")
"""Variables that open a wallet; the first that is set counts."""
SECRET_ELSE = "give it with --secret-value"  # noqa: S105 (words for people)
_OPTIONS = "poco.options"


def wallet_options(function: F) -> F:
    """Add the options that say whose key signs."""
    for option in (
        shared_option("--account", metavar="ALIAS", help="Key of Ape, or TEST::N of anvil."),
        shared_option(
            "--keystoredir",
            metavar="PATH",
            help="Folder of keystores: global, local or a path  [default: global]",
        ),
        shared_option("--wallet-address", metavar="ADDRESS", help="Address of the wallet to use."),
        shared_option("--wallet-file", metavar="FILE", help="File of the wallet, or ape:ALIAS."),
        password_option,
    ):
        function = option(function)
    return function


def amount_arguments(function: F) -> F:
    """Add AMOUNT and UNIT."""
    return click.argument("amount")(click.argument("unit", required=False)(function))


def password_option(function: F) -> F:
    """Add --password, which processes of this machine can see: the variables are safer."""
    return shared_option(
        "--password",
        metavar="TEXT",
        envvar=PASSPHRASES,
        help=f"Opens the wallet (unsafe)  [default: {PASSPHRASES[0]}, else it is asked for]",
    )(function)


def chain_options(function: F) -> F:
    """Add --chain."""
    return shared_option("--chain", metavar="NAME", help="A chain of chain.json.")(function)


def tx_options(function: F) -> F:
    """Add --confirms."""
    return shared_option(
        "--confirms",
        type=click.IntRange(1, 1000),
        default=1,
        show_default=True,
        help="Blocks to wait for each transaction.",
    )(function)


def shared_option(*names: str, **settings: Any) -> Callable[[F], F]:
    """Return a click option whose value goes to the `Shell` and not to the function."""

    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
        ctx.meta.setdefault(_OPTIONS, {})[parameter.name] = value
        return value

    return click.option(*names, expose_value=False, callback=keep, **settings)


def given_options(ctx: click.Context) -> Mapping[str, Any]:
    """Return the values of the shared options of a command, by name."""
    found: Mapping[str, Any] = ctx.meta.get(_OPTIONS, {})
    return found
