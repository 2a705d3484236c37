"""`poco dataset`: encrypt a dataset, register it, sell its use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from poco.cli.assets import add_commands, chosen
from poco.cli.drafts import draft_force_option, write_draft
from poco.cli.encrypting import KEYS, dataset_folders
from poco.cli.groups import LazyGroup
from poco.cli.selling import (
    PricedCommand,
    force_option,
    own_order,
    preflight_option,
    publish_order,
    terms_options,
)
from poco.cli.shell import Shell, chain_options, output_options, wallet_options

__all__ = ["command"]


@click.group(
    cls=LazyGroup,
    elsewhere={
        "encrypt": ("poco.cli.encrypting:encrypt", "Encrypt the files of datasets/original.")
    },
)
def command() -> None:
    """Encrypt a dataset, register it, sell its use."""


add_commands(command, "dataset")


@command.command(epilog="Example: poco dataset init --encrypted")
@click.option(
    "--encrypted", "with_folders", is_flag=True, help="Make the folders for encryption, too."
)
@click.option("--tee", is_flag=True, hidden=True)
@dataset_folders
@draft_force_option
@wallet_options
@output_options
def init(
    shell: Shell,
    tee: bool,  # noqa: ARG001 (all encryption is for a TEE today; the official client has it)
    with_folders: bool,
    originals: Path,
    encrypted: Path,
    keys: Path,
    force: bool,
) -> None:
    """Write a description of a dataset into iexec.json, for you to edit."""
    from poco.project import templates

    if with_folders:
        for folder in (originals, encrypted, keys):
            (shell.project.folder / folder).mkdir(parents=True, exist_ok=True)
        shell.say(f"put your files into {originals}, then `poco dataset encrypt`")
    description = templates.dataset(shell.address)
    write_draft(shell, "dataset", description, force)
    shell.say('written into "iexec.json": edit it there, then `poco dataset deploy`')
    shell.done({"dataset": description})


@command.command(cls=PricedCommand, epilog="Example: poco dataset publish --price 2 nRLC --force")
@click.argument("address", required=False)
@terms_options(1_000_000, "app", "workerpool", "requester")
@preflight_option
@force_option
@wallet_options
@chain_options
@output_options
def publish(
    shell: Shell, /, address: str | None, skip_preflight_check: bool, force: bool, **terms: Any
) -> None:
    """Sell uses of your dataset: sign an order and put it into the order book."""
    from poco.market.publishing import require_dataset_key
    from poco.orders import DatasetOrder, OrderKind
    from poco.services.secrets.client import SecretsClient

    order = own_order(OrderKind.DATASET, chosen(shell, "dataset", address), **terms)
    assert isinstance(order, DatasetOrder)
    if order.tag.is_tee and not skip_preflight_check:
        require_dataset_key(SecretsClient(shell.secrets_url), order)
    publish_order(shell, order, force)


@command.command("push-secret", epilog="Example: poco dataset push-secret ADDRESS")
@click.argument("address", required=False)
@click.option(
    "--secret-path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the key  [default: dataset.key in .secrets/datasets, or the only key there]",
)
@click.option("--allow-software", is_flag=True, help="Give it to tasks without a TEE, too.")
@wallet_options
@chain_options
@output_options
def push_secret(
    shell: Shell, address: str | None, secret_path: Path | None, allow_software: bool
) -> None:
    """Push the key of your dataset; it can never be changed."""
    from poco.market.asset_secrets import dataset_key_file, push_asset_secret, read_secret_file
    from poco.orders import Asset
    from poco.services.secrets.client import SecretsClient

    dataset = chosen(shell, "dataset", address)
    secret = read_secret_file(
        dataset_key_file(shell.project.folder / KEYS)
        if secret_path is None
        else shell.project.folder / secret_path
    )
    secrets = SecretsClient(shell.secrets_url)
    push_asset_secret(
        shell.market,
        shell.account,
        secrets,
        Asset.DATASET,
        dataset,
        secret,
        allow_software=allow_software,
    )
    shell.done({}, f"key of dataset {dataset} is pushed")
