"""`poco requester`: secrets that a requester lends to apps."""

from __future__ import annotations

from contextlib import closing

import click

from poco.cli.groups import LazyGroup
from poco.cli.options import SECRET_ELSE
from poco.cli.shell import Shell, chain_options, output_options, wallet_options
from poco.errors import UserInputError

__all__ = ["command"]


@click.group(cls=LazyGroup)
def command() -> None:
    """Keep secrets that your tasks need."""


@command.command("push-secret", epilog="Example: poco requester push-secret login")
@click.argument("name")
@click.option("--secret-value", metavar="TEXT", help="The secret (unsafe)  [default: it is asked]")
@click.option("--allow-software", is_flag=True, help="Give it to tasks without a TEE, too.")
@wallet_options
@chain_options
@output_options
def push_secret(shell: Shell, name: str, secret_value: str | None, allow_software: bool) -> None:
    """Push a secret under a NAME; it can never be changed."""
    from poco.secret import Secret
    from poco.services.secrets.challenges import SecretName
    from poco.services.secrets.client import SecretsClient

    account = shell.account
    secret = SecretName.requester(account.address, name)
    with closing(SecretsClient(shell.secrets_url)) as secrets:
        if secrets.has(secret):
            raise UserInputError(
                f'secret "{name}" already exists for {account.address}',
                field="name",
                value=name,
                remedy="push it under another name",
            )
        if secret_value is None:
            secret_value = shell.ask_secret(f"secret {name}", SECRET_ELSE, twice=True)
        secrets.push(secret, Secret(secret_value), account, allow_software=allow_software)
    shell.done({"isPushed": True, "name": name}, f"secret {name} is pushed")


@command.command("check-secret", epilog="Example: poco requester check-secret login")
@click.argument("name")
@click.argument("requester", required=False)
@wallet_options
@chain_options
@output_options
def check_secret(shell: Shell, name: str, requester: str | None) -> None:
    """Tell whether a secret is set, by default yours."""
    from poco.services.secrets.challenges import SecretName
    from poco.services.secrets.client import SecretsClient

    secret = SecretName.requester(requester or shell.address, name)
    with closing(SecretsClient(shell.secrets_url)) as secrets:
        found = secrets.has(secret)
    told = "is" if found else "is not"
    shell.done({"isSet": found, "name": name}, f"secret {name} {told} set for {secret.address}")
