"""What the commands of apps, datasets and workerpools have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poco.cli.selling import force_option
from poco.cli.shell import (
    Shell,
    chain_options,
    output_options,
    tx_options,
    wallet_options,
)
from poco.errors import PocoError, UserInputError

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

    from poco.project import Kind

__all__ = ["add_commands", "chosen", "receiver"]

F = TypeVar("F", bound=Callable[..., Any])


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


def receiver(field: str, given: str) -> ChecksumAddress:
    """Return the address of who gets something.

    Raises:
        UserInputError: it is malformed, or zero: nobody could ever give it back.
    """
    from poco.orders import ZERO_ADDRESS, checked_address

    address = checked_address(field, given)
    if address == ZERO_ADDRESS:
        raise UserInputError(
            "what goes to the zero address is lost",
            field=field,
            value=given,
            remedy="give the address of whom it is for",
        )
    return address


def add_commands(group: click.Group, asset: Kind) -> None:
    """Add what assets have: deploy, show, count, transfer, unpublish, and check-secret."""
    makers = [_deploy, _show, _count, _transfer, _unpublish]
    if asset != "workerpool":
        makers.append(_check_secret)
    for make in makers:
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
        if asset != "workerpool":
            _warn_of_place(shell, asset, description)
        market = shell.market  # asks for a passphrase, before a live line is there
        with shell.progress(f"deploying {asset}"):
            found = deploy_asset(market, Asset(asset), description, digest)
        failures = []
        try:
            shell.project.save_deployed(asset, shell.chain.id, found.address)
        except PocoError as error:  # what is deployed must be told all the same
            failures.append(f"the address is in no file: {error}")
        shell.done(
            {"address": found.address, "txHash": found.transaction},
            f"deployed {asset} at address {found.address}",
            failures=failures,
        )

    deploy.help = f"Register the {asset} that iexec.json describes."
    return deploy


def _warn_of_place(shell: Shell, asset: Kind, description: Mapping[str, Any]) -> None:
    """Warn of an address that only workers of `poco up` are sure to fetch from."""
    from poco.local.runfile import running
    from poco.market.descriptions import checked_description, refused_place
    from poco.orders import Asset

    refused = refused_place(checked_description(Asset(asset), description))
    here = running()
    if refused is not None and (here is None or here.stack_info.rpc != shell.chain.host):
        shell.warn(
            f"{asset}.multiaddr = {description['multiaddr']!r}: {refused}; workers of others need "
            "a public URL, or an IPFS path that their gateways have"
        )


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

        entry, owner = checked_address(asset, address), receiver("--to", target)
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


def _check_secret(asset: Kind) -> click.Command:
    what = "key" if asset == "dataset" else "secret"

    @click.command("check-secret", epilog=f"Example: poco {asset} check-secret ADDRESS")
    @click.argument("address", required=False)
    @chain_options
    @output_options
    def check_secret(shell: Shell, address: str | None) -> None:
        from poco.services.secrets.challenges import SecretName

        entry = chosen(shell, asset, address)
        name = SecretName.dataset(entry) if asset == "dataset" else SecretName.app(entry)
        found = shell.secrets.has(name)
        shell.done({"isSecretSet": found}, f"{asset} {entry} has {'a' if found else 'no'} {what}")

    owner = "the developer's secret of an app" if asset == "app" else "the key of a dataset"
    check_secret.help = f"Tell whether {owner} is set."
    return check_secret


def _owner(shell: Shell, user: str | None) -> ChecksumAddress:
    from poco.orders import checked_address

    return shell.address if user is None else checked_address("--user", user)
