"""`poco app`: make an app, sell it, run it."""

from __future__ import annotations

from typing import Any

import click

from poco.cli.assets import add_commands, chosen
from poco.cli.drafts import draft_force_option, write_draft
from poco.cli.groups import LazyGroup
from poco.cli.options import SECRET_ELSE
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

_WASM_EXAMPLE = "https://example.com/app.wasm"


@click.group(
    cls=LazyGroup,
    elsewhere={
        "request-execution": (
            "poco.cli.running:request_execution",
            "Publish a request to run an app.",
        ),
        "run": ("poco.cli.running:run", "Run an app: buy tasks, and wait for them with --watch."),
        "test": ("poco.cli.app_test:test", "Run an app twice as a worker would, offline."),
    },
)
def command() -> None:
    """Make an app, sell it, run it."""


add_commands(command, "app")


@command.command(epilog="Example: poco app init --type WASM")
@click.option(
    "--type",
    "app_type",
    type=click.Choice(["DOCKER", "WASM"], case_sensitive=False),
    default="DOCKER",
    show_default=True,
    help="What runs it.",
)
@draft_force_option
@wallet_options
@output_options
def init(shell: Shell, app_type: str, force: bool) -> None:
    """Write a description of an app into iexec.json, for you to edit.

    A WASM app begins as the example of the market on this machine, which can be deployed as it is.
    """
    from poco.project import templates

    image = templates.app(shell.address)
    module = image | {"type": "WASM"} | _example_module()
    description = module if app_type == "WASM" else image
    write_draft(shell, "app", description, force, image, module)
    shell.say('written into "iexec.json": edit it there, then `poco app deploy`')
    shell.done({"app": description})


def _example_module() -> dict[str, str]:
    from poco.local.runfile import running

    market = running()
    if market is None:
        return {"multiaddr": _WASM_EXAMPLE}
    example = market.stack_info.e2e["app"]
    return {"name": "echo", "multiaddr": example.multiaddr, "checksum": example.checksum}


@command.command(cls=PricedCommand, epilog="Example: poco app publish --price 0.5 RLC --force")
@click.argument("address", required=False)
@terms_options(1_000_000, "dataset", "workerpool", "requester")
@preflight_option
@force_option
@wallet_options
@chain_options
@output_options
def publish(
    shell: Shell,
    /,
    address: str | None,
    skip_preflight_check: bool,  # noqa: ARG001 (apps need no secret; the official client has it)
    force: bool,
    **terms: Any,
) -> None:
    """Sell executions of your app: sign an order and put it into the order book."""
    from poco.orders import OrderKind

    order = own_order(OrderKind.APP, chosen(shell, "app", address), **terms)
    publish_order(shell, order, force)


@command.command("push-secret", epilog="Example: poco app push-secret ADDRESS")
@click.argument("address", required=False)
@click.option("--secret-value", metavar="TEXT", help="The secret (unsafe)  [default: it is asked]")
@click.option("--allow-software", is_flag=True, help="Give it to tasks without a TEE, too.")
@wallet_options
@chain_options
@output_options
def push_secret(
    shell: Shell, address: str | None, secret_value: str | None, allow_software: bool
) -> None:
    """Push the developer's secret of your app; it can never be changed."""
    from poco.market.asset_secrets import push_asset_secret
    from poco.orders import Asset
    from poco.secret import Secret
    from poco.services.secrets.client import SecretsClient

    app = chosen(shell, "app", address)
    if secret_value is None:
        secret_value = shell.ask_secret("app secret", SECRET_ELSE, twice=True)
    secrets = SecretsClient(shell.secrets_url)
    push_asset_secret(
        shell.market,
        shell.account,
        secrets,
        Asset.APP,
        app,
        Secret(secret_value),
        allow_software=allow_software,
    )
    shell.done({}, f"secret of app {app} is pushed")
