"""Options of orders that are sold, and what is asked before one is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poco.cli.shell import Shell, rendered

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

    from poco.orders import AnyOrder, OrderKind

__all__ = [
    "PricedCommand",
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
