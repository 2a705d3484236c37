"""What the commands of apps, datasets and workerpools have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poco.cli.shell import (
    Shell,
    chain_options,
    output_options,
    rendered,
    tx_options,
    wallet_options,
)
from poco.errors import UserInputError

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

    from poco.orders import AnyOrder, OrderKind
    from poco.project import Kind

__all__ = [
    "PricedCommand",
    "add_commands",
    "chosen",
    "confirm_order",
    "force_option",
    "own_order",
    "preflight_option",
    "publish_order",
    "terms_options",
]

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = ("rlc", "nrlc")

force_option = click.option("--force", is_flag=True, help="Do not ask for confirmation.")
preflight_option = click.option(
    "--skip-preflight-check", is_flag=True, help="Do not ask the secret service."
)


class PricedCommand(click.Command):
    """A command that takes an amount as one word or two: ``--price "1 RLC"``, ``--price 1 RLC``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join an amount with the unit that follows it, then parse as usual."""
        joined: list[str] = []
        for word in args:
            behind = joined[-2:]
            is_price = len(behind) == 2 and behind[0].startswith("--") and "price" in behind[0]
            if is_price and word.lower() in _UNITS:
                joined[-1] = f"{joined[-1]} {word}"
            else:
                joined.append(word)
        return super().parse_args(ctx, joined)


def terms_options(volume: int, *restricts: str) -> Callable[[F], F]:
    """Add price, volume, tag and the restrictions of an order to be published.

    Args:
        volume: the default.
        restricts: whom the order may be restricted to.
    """

    def add(function: F) -> F:
        for side in reversed(restricts):
            text = f"Sell only to this {side}."
            function = click.option(f"--{side}-restrict", metavar="ADDRESS", help=text)(function)
        tag = click.option("--tag", metavar="FLAGS", default="", help="For example tee,tdx or gpu.")
        number = click.option(
            "--volume",
            default=volume,
            show_default=True,
            type=click.IntRange(1),
            help="Tasks that are sold.",
        )
        price = click.option(
            "--price", default="0", show_default=True, help="Of a task, in nRLC or with a unit."
        )
        return price(number(tag(function)))

    return add


def chosen(shell: Shell, asset: Kind, given: str | None) -> ChecksumAddress:
    """Return the address that is given, or what was last deployed from this folder.

    Raises:
        UserInputError: there is neither.
    """
    from poco.orders import checked_address

    if given is not None:
        return checked_address(asset, given)
    found = shell.project.deployed(asset, shell.chain.id)
    if found is None:
        raise UserInputError(
            f'missing {asset} address: none is given, and "deployed.json" has none of this chain',
            field=asset,
            remedy=f"give an address, or `poco {asset} deploy` first",
        )
    return found


def own_order(
    kind: OrderKind, address: ChecksumAddress, price: str, volume: int, tag: str, **terms: Any
) -> AnyOrder:
    """Return an order made of options, unsigned.

    Args:
        kind: what is sold.
        address: its address.
        price: of a task.
        volume: tasks.
        tag: flags.
        terms: further fields; those that are None mean no restriction.

    Raises:
        UserInputError: an option is malformed.
    """
    from poco.market.publishing import unsigned_order
    from poco.orders import Asset
    from poco.project.templates import unsigned_order as template

    asset = Asset(kind.removesuffix("order"))
    restricts = {name.replace("_", ""): value for name, value in terms.items() if value is not None}
    document = template(kind) | {
        str(asset): address,
        f"{asset}price": price,
        "volume": volume,
        "tag": tag,
    }
    return unsigned_order(kind, document | restricts)


def publish_order(shell: Shell, order: AnyOrder, force: bool) -> None:
    """Sign an order and put it into the order book, when people agree."""
    from poco.market import publishing

    market, account = shell.market, shell.account
    signed = publishing.sign_own_order(market, account, order)
    confirm_order(shell, signed, "Publish", force)
    with shell.progress(f"publishing {order.kind}"):
        published = publishing.publish_order(shell.orderbook, signed, account)
    shell.done({"orderHash": published.hash}, f"published {order.kind} {published.hash}")


def confirm_order(shell: Shell, order: AnyOrder, deed: str, force: bool) -> None:
    """Show an order and ask whether the deed shall be done to it.

    Raises:
        UserInputError: the answer is no, or there is nobody to answer.
    """
    if not force:
        shell.say(rendered(order.to_json()))
    shell.confirm(f"{deed} this {order.kind}?", force)


def add_commands(group: click.Group, asset: Kind) -> None:
    """Add what all assets have: deploy, show, count, transfer, unpublish."""
    for make in (_deploy, _show, _count, _transfer, _unpublish):
        group.add_command(make(asset))


def _deploy(asset: Kind) -> click.Command:
    @click.command("deploy", epilog=f"Example: poco {asset} deploy --wallet-file owner_wallet")
    @_checksum_option(asset)
    @wallet_options
    @chain_options
    @tx_options
    @output_options
    def deploy(shell: Shell, checksum: str | None = None) -> None:
        from poco.market.assets import deploy_asset
        from poco.orders import Asset

        # Files of the first era do not say whose it is.
        description = {"owner": shell.address} | shell.project.section(asset)
        digest = None
        if checksum is not None:
            from poco.market.checksums import compute_checksum

            digest = compute_checksum(Asset(asset), description, checksum)
            shell.project.update_iexec(f"{asset}.checksum", f"0x{digest.hex()}")
            shell.say(f"checksum 0x{digest.hex()}")
        if str(description.get("owner")).lower() != shell.address.lower():
            shell.warn(f"the {asset} will belong to {description.get('owner')}, not to your wallet")
        with shell.progress(f"deploying {asset}"):
            found = deploy_asset(shell.market, Asset(asset), description, digest)
        shell.project.save_deployed(asset, shell.chain.id, found.address)
        shell.done(
            {"address": found.address, "txHash": found.transaction},
            f"deployed {asset} at address {found.address}",
        )

    deploy.help = f"Register the {asset} that iexec.json describes."
    return deploy


def _checksum_option(asset: Kind) -> Callable[[F], F]:
    """Return the option --checksum, or nothing for what has no checksum."""
    if asset == "workerpool":
        return lambda function: function
    return click.option(
        "--checksum",
        metavar="auto|FILE",
        help="Compute it: of this file, or of what is there under the multiaddr.",
    )


def _show(asset: Kind) -> click.Command:
    @click.command("show", epilog=f"Example: poco {asset} show 0 --user ADDRESS")
    @click.argument("which", metavar="[ADDRESS|INDEX]", required=False)
    @click.option("--user", metavar="ADDRESS", help="Whose the n-th one is  [default: the wallet]")
    @wallet_options
    @chain_options
    @output_options
    def show(shell: Shell, which: str | None, user: str | None) -> None:
        from poco.market.assets import entry_document, find_asset, read_asset
        from poco.orders import Asset

        market = shell.reader
        if which is not None and which.isdecimal():
            address = find_asset(market, Asset(asset), int(which), _owner(shell, user))
        else:
            address = chosen(shell, asset, which)
        entry = read_asset(market, Asset(asset), address)
        document: dict[str, Any] = {"address": address, asset: entry_document(market, entry)}
        if asset == "workerpool" and shell.compass is not None:
            from poco.market.reports import find_scheduler

            url = find_scheduler(shell.compass, shell.chain.id, address)
            document |= {} if url is None else {"apiUrl": url}
        shell.done(document)

    show.help = f"Show an {asset}." if asset == "app" else f"Show a {asset}."
    return show


def _count(asset: Kind) -> click.Command:
    @click.command("count", epilog=f"Example: poco {asset} count --user ADDRESS")
    @click.option("--user", metavar="ADDRESS", help="Whose  [default: the wallet]")
    @wallet_options
    @chain_options
    @output_options
    def count(shell: Shell, user: str | None) -> None:
        from poco.market.assets import registry_of
        from poco.orders import Asset

        owner = _owner(shell, user)
        number = registry_of(shell.reader, Asset(asset)).count(owner)
        shell.done({"count": str(number)}, f"{owner} has {number} {asset}s")

    count.help = f"Count the {asset}s of an account."
    return count


def _transfer(asset: Kind) -> click.Command:
    @click.command("transfer", epilog=f"Example: poco {asset} transfer ADDRESS --to ADDRESS")
    @click.argument("address")
    @click.option("--to", "target", required=True, metavar="ADDRESS", help="The new owner.")
    @force_option
    @wallet_options
    @chain_options
    @tx_options
    @output_options
    def transfer(shell: Shell, address: str, target: str, force: bool) -> None:
        from poco.market.assets import transfer_asset
        from poco.orders import Asset, checked_address

        entry, owner = checked_address(asset, address), checked_address("--to", target)
        shell.confirm(f"Transfer {asset} {entry} to {owner}? Only they can give it back.", force)
        sent = transfer_asset(shell.market, Asset(asset), entry, owner)
        document = {"address": entry, "to": owner, "txHash": sent}
        shell.done(document, f"{asset} {entry} belongs to {owner}")

    transfer.help = f"Give your {asset} to somebody; its open orders become void."
    return transfer


def _unpublish(asset: Kind) -> click.Command:
    @click.command("unpublish", epilog=f"Example: poco {asset} unpublish --all --force")
    @click.argument("address", required=False)
    @click.option("--all", "everything", is_flag=True, help="Not just the last published one.")
    @force_option
    @wallet_options
    @chain_options
    @output_options
    def unpublish(shell: Shell, address: str | None, everything: bool, force: bool) -> None:
        from poco.orders import OrderKind

        kind, sold = OrderKind(f"{asset}order"), chosen(shell, asset, address)
        which = f"all {kind}s" if everything else f"the last {kind}"
        shell.confirm(f"Unpublish {which} of {asset} {sold}?", force)
        book, account = shell.orderbook, shell.account
        if everything:
            hashes = book.unpublish_all(kind, sold, account)
            shell.done({"unpublished": hashes}, f"unpublished {len(hashes)} {kind}s")
        else:
            last = book.unpublish_last(kind, sold, account)
            shell.done({"unpublished": last}, f"unpublished {kind} {last}")

    unpublish.help = (
        f"Take the last published order of your {asset} out of the order book.\n\n"
        "Whoever has it can still use it: `poco order cancel` makes it void."
    )
    return unpublish


def _owner(shell: Shell, user: str | None) -> ChecksumAddress:
    from poco.orders import checked_address

    return shell.address if user is None else checked_address("--user", user)
