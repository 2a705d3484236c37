"""`poco order`: write, sign, publish, fill and cancel orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from poco.cli.drafts import draft_force_option, write_draft
from poco.cli.groups import LazyGroup
from poco.cli.order_sources import preflight, published_order, signed_order
from poco.cli.selling import confirm_order, force_option, preflight_option
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

    from poco.orders import OrderKind
    from poco.project import Kind

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])
_NAMES = ("app", "dataset", "workerpool", "request")


@click.group(
    cls=LazyGroup,
    elsewhere={
        "fill": ("poco.cli.filling:fill", "Make a deal of orders that match."),
        "match": ("poco.cli.filling:match", "Propose the cheapest deals for a request."),
    },
)
def command() -> None:
    """Write, sign, publish, fill and cancel orders."""


def _kinds(function: F) -> F:
    """Add a flag for each kind."""
    for name in reversed(_NAMES):
        function = click.option(f"--{name}", is_flag=True, help=f"The {name}order.")(function)
    return function


def _kinds_or_hashes(function: F) -> F:
    """Add an option for each kind that may name an order of the book."""
    for name in reversed(_NAMES):
        text = f"The {name}order: this one, or that of orders.json."
        function = click.option(
            f"--{name}", is_flag=False, flag_value="", metavar="[HASH]", help=text
        )(function)
    return function


@command.command(epilog="Example: poco order init --app")
@_kinds
@draft_force_option
@wallet_options
@chain_options
@output_options
def init(shell: Shell, /, force: bool, **kinds: bool) -> None:
    """Write unsigned orders into iexec.json, to be edited; by default all kinds."""
    from poco.project.templates import unsigned_order

    document = {}
    for kind in _chosen(kinds) or _chosen(dict.fromkeys(_NAMES, True)):
        order = unsigned_order(kind, shell.address, **_deployed(shell, _traded(kind)))
        write_draft(shell, f"order.{kind}", order, force)
        document[str(kind)] = order
    shell.say('written into "iexec.json": edit it there, then `poco order sign`')
    shell.done(document)


@command.command(epilog="Example: poco order sign --app --wallet-file owner_wallet")
@_kinds
@preflight_option
@click.option("--force", is_flag=True, hidden=True)
@wallet_options
@chain_options
@output_options
def sign(shell: Shell, /, skip_preflight_check: bool, force: bool, **kinds: bool) -> None:  # noqa: ARG001
    """Sign orders of iexec.json into orders.json; by default all that are there."""
    from poco.market.publishing import sign_own_order, unsigned_order
    from poco.orders import ZERO_ADDRESS, OrderKind

    drafts = shell.project.section("order")

    def work(kind: OrderKind) -> dict[str, Any]:
        draft = shell.project.section(f"order.{kind}")
        traded = _traded(kind)
        if draft.get(traded, ZERO_ADDRESS) == ZERO_ADDRESS:  # written before it was deployed
            draft |= _deployed(shell, traded)
        if kind is OrderKind.REQUEST:  # requests of older eras do not say whose they are
            draft = {"requester": shell.address, "beneficiary": shell.address} | draft
        order = unsigned_order(kind, draft)
        if not skip_preflight_check:
            preflight(shell, order)
        signed = sign_own_order(shell.market, shell.account, order)
        shell.project.save_order(shell.chain.id, signed)
        return signed.to_json()

    present = {name: f"{name}order" in drafts for name in _NAMES}
    _each(shell, _chosen(kinds) or _chosen(present), work, 'signed orders are in "orders.json"')


@command.command(epilog="Example: poco order publish --app --force")
@_kinds
@preflight_option
@force_option
@wallet_options
@chain_options
@output_options
def publish(shell: Shell, /, skip_preflight_check: bool, force: bool, **kinds: bool) -> None:
    """Put signed orders of orders.json into the order book."""
    from poco.market.publishing import publish_order

    def work(kind: OrderKind) -> dict[str, Any]:
        order = signed_order(shell, kind)
        if not skip_preflight_check:
            preflight(shell, order)
        confirm_order(shell, order, "Publish", force)
        return {"orderHash": publish_order(shell.orderbook, order, shell.account).hash}

    _each(shell, _some(kinds), work)


@command.command(epilog="Example: poco order unpublish --app HASH --force")
@_kinds_or_hashes
@force_option
@wallet_options
@chain_options
@output_options
def unpublish(shell: Shell, /, force: bool, **kinds: str | None) -> None:
    """Take orders out of the order book.

    Whoever has them can still use them: `poco order cancel` makes them void.
    """

    def work(kind: OrderKind) -> dict[str, Any]:
        wanted = _hash(shell, kind, kinds)
        shell.confirm(f"Unpublish {kind} {wanted}?", force)
        return {"orderHash": shell.orderbook.unpublish(kind, wanted, shell.account)}

    _each(shell, _some(kinds), work)


@command.command(epilog="Example: poco order cancel --app --force")
@_kinds
@force_option
@wallet_options
@chain_options
@tx_options
@output_options
def cancel(shell: Shell, /, force: bool, **kinds: bool) -> None:
    """Make orders of orders.json void on chain, for ever."""
    from poco.market.publishing import close_order

    def work(kind: OrderKind) -> dict[str, Any]:
        order = signed_order(shell, kind)
        confirm_order(shell, order, "Cancel for ever", force)
        return {"txHash": close_order(shell.market, order)}

    _each(shell, _some(kinds), work)


@command.command(epilog="Example: poco order show --request HASH --deals")
@_kinds_or_hashes
@click.option("--deals", is_flag=True, help="Show the deals that were made with it, too.")
@chain_options
@output_options
def show(shell: Shell, /, deals: bool, **kinds: str | None) -> None:
    """Show orders of the order book."""

    def work(kind: OrderKind) -> dict[str, Any]:
        wanted = _hash(shell, kind, kinds)
        record: dict[str, Any] = published_order(shell, kind, wanted).to_json()
        if deals:
            found = shell.orderbook.deals(limit=20, **{f"{kind}Hash": wanted})
            record["deals"] = {"count": found.count, "lastDeals": list(found.deals)}
        return record

    _each(shell, _some(kinds), work)


def _chosen(kinds: Mapping[str, object]) -> list[OrderKind]:
    """Return the kinds whose option is given."""
    from poco.orders import OrderKind

    return [OrderKind(f"{name}order") for name in _NAMES if kinds[name] not in (None, False)]


def _traded(kind: OrderKind) -> Kind:
    """Return what an order sells, or that a request is for an app."""
    return cast("Kind", "app" if kind == "requestorder" else kind.removesuffix("order"))


def _deployed(shell: Shell, asset: Kind) -> dict[str, ChecksumAddress]:
    """Return the field of an order for what was last deployed from this folder, if anything."""
    found = shell.project.deployed(asset, shell.chain.id)
    return {} if found is None else {str(asset): found}


def _some(kinds: Mapping[str, object]) -> list[OrderKind]:
    """Return the kinds whose option is given, at least one."""
    chosen = _chosen(kinds)
    if not chosen:
        options = " | ".join(f"--{name}" for name in _NAMES)
        raise UserInputError("no kind of order is chosen", remedy=f"give at least one of {options}")
    return chosen


def _each(
    shell: Shell,
    kinds: list[OrderKind],
    work: Callable[[OrderKind], dict[str, Any]],
    remark: str = "",
) -> None:
    """Do the work for each kind; what fails for one does not keep it from the others."""
    document, failures = {}, []
    for kind in kinds:
        try:
            document[str(kind)] = work(kind)
        except PocoError as error:
            if len(kinds) == 1:
                raise
            failures.append(f"{kind}: {error}")
    if remark:
        shell.say(remark)
    shell.done(document, failures=failures)


def _hash(shell: Shell, kind: OrderKind, given: Mapping[str, str | None]) -> str:
    """Return the hash that is given, or that of the order in orders.json."""
    from poco.orders import Domain, order_hash

    found = given[kind.removesuffix("order")]
    if found:
        return found
    domain = Domain(shell.chain.id, shell.chain.require_hub())
    return f"0x{order_hash(signed_order(shell, kind), domain).hex()}"
