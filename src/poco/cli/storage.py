"""`poco storage`: the token with which results are pushed to somebody's own storage."""

from __future__ import annotations

import click

from poco.cli.shell import Shell, chain_options, output_options, wallet_options
from poco.errors import UserInputError

__all__ = ["command"]


@click.group()
def command() -> None:
    """Remote storage for results: dropbox."""


@command.command(epilog="Example: poco storage init dropbox")
@click.argument("provider")
@click.option("--force-update", is_flag=True, help="Replace the token that is set.")
@click.option("--token", metavar="TEXT", help="The token (unsafe)  [default: it is asked for]")
@wallet_options
@chain_options
@output_options
def init(shell: Shell, provider: str, force_update: bool, token: str | None) -> None:
    """Let workers push results to the wallet's storage at PROVIDER."""
    from poco.market import storage
    from poco.secret import Secret

    name = storage.token_name(provider)
    is_set = storage.has_token(shell.secrets, shell.address, name)
    if is_set and not force_update:
        raise UserInputError(
            f"{provider} storage is already initialized",
            field="provider",
            value=provider,
            remedy="replace its token with --force-update",
        )
    text = token or shell.ask_secret(f"token of {provider}", "give it with --token")
    storage.push_token(shell.secrets, shell.account, name, Secret(text), replace=is_set)
    shell.done({"isInitialized": True, "isUpdated": is_set}, f"{provider} is initialized")


@command.command(epilog="Example: poco storage check dropbox")
@click.argument("provider")
@click.option("--user", metavar="ADDRESS", help="Whose storage  [default: the wallet's]")
@wallet_options
@chain_options
@output_options
def check(shell: Shell, provider: str, user: str | None) -> None:
    """Show whether a token for PROVIDER is set."""
    from poco.market import storage
    from poco.orders import checked_address

    name = storage.token_name(provider)
    owner = shell.address if user is None else checked_address("user", user)
    is_set = storage.has_token(shell.secrets, owner, name)
    text = "is" if is_set else "is not"
    shell.done({"isInitialized": is_set}, f"{provider} {text} initialized for {owner}")
