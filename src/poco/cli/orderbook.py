"""`poco orderbook`: what is for sale, and what is asked for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poco.cli.groups import LazyGroup
from poco.cli.shell import Shell, chain_options, output_options, rendered
from poco.command_line import is_terminal
from poco.errors import UserInputError

if TYPE_CHECKING:
    from poco.orders import OrderKind
    from poco.services.orderbook.answers import OrdersFilter, PublishedOrder

__all__ = ["command", "listing"]

F = TypeVar("F", bound=Callable[..., Any])
_HIDDEN = ("volume", "salt", "sign", "params")
"""Fields of an order that a list leaves out; of the volume it tells what remains."""
_NUMBERS = ("category", "min_volume", "min_trust", "max_trust")
_SIDES = ("app", "dataset", "workerpool", "requester", "beneficiary", "owner")


@click.group(cls=LazyGroup)
def command() -> None:
    """Show what is for sale, and what is asked for."""


def _filters(*sides: str, numbers: Sequence[str] = ()) -> Callable[[F], F]:
    """Add the options of a list: who must be admitted, tags, numbers, and how many are shown."""
    options = [
        click.option("--tag", metavar="FLAGS", help="Exactly these flags, for example tee,tdx."),
        click.option("--require-tag", metavar="FLAGS", help="At least these flags."),
        click.option("--max-tag", metavar="FLAGS", help="At most these flags."),
    ]
    for name in (*numbers, "min-volume"):
        words = name.replace("min-", "Least ").replace("max-", "Highest ")
        options.append(
            click.option(f"--{name}", type=click.IntRange(0), help=f"{words.capitalize()}.")
        )
    for side in sides:
        text = f"Orders that admit this {side}; `any`: whomever they admit."
        options.append(click.option(f"--{side}", metavar="ADDRESS", help=text))
        text = f"Only those restricted to that {side}."
        options.append(click.option(f"--{side}-strict", is_flag=True, help=text))
    options.append(
        click.option(
            "--limit",
            default=100,
            show_default=True,
            type=click.IntRange(1, 100_000),
            help="Most orders to show.",
        )
    )

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@command.command(epilog="Example: poco orderbook app ADDRESS --require-tag tee")
@click.argument("app", required=False)
@click.option("--owner", metavar="ADDRESS", help="All apps of this owner.")
@_filters("dataset", "workerpool", "requester")
@chain_options
@output_options
def app(shell: Shell, /, app: str | None, limit: int, **options: Any) -> None:
    """Show orders that sell executions of an app, the cheapest first."""
    _show(shell, "app", limit, options | {"app": app})


@command.command(epilog="Example: poco orderbook dataset ADDRESS")
@click.argument("dataset", required=False)
@click.option("--owner", metavar="ADDRESS", help="All datasets of this owner.")
@_filters("app", "workerpool", "requester")
@chain_options
@output_options
def dataset(shell: Shell, /, dataset: str | None, limit: int, **options: Any) -> None:
    """Show orders that sell uses of a dataset, the cheapest first."""
    _show(shell, "dataset", limit, options | {"dataset": dataset})


@command.command(epilog="Example: poco orderbook workerpool --category 0")
@click.argument("workerpool", required=False)
@click.option("--owner", metavar="ADDRESS", help="All workerpools of this owner.")
@_filters("app", "dataset", "requester", numbers=("category", "min-trust"))
@chain_options
@output_options
def workerpool(shell: Shell, /, workerpool: str | None, limit: int, **options: Any) -> None:
    """Show orders that sell work, of one workerpool or of all, the cheapest first."""
    _show(shell, "workerpool", limit, options | {"workerpool": workerpool})


@command.command(epilog="Example: poco orderbook requester --app ADDRESS --workerpool any")
@click.argument("requester", required=False)
@click.option("--app", metavar="ADDRESS", help="Requests for this app.")
@click.option("--dataset", metavar="ADDRESS", help="Requests for this dataset.")
@click.option("--beneficiary", metavar="ADDRESS", help="Requests for this beneficiary.")
@_filters("workerpool", numbers=("category", "max-trust"))
@chain_options
@output_options
def requester(shell: Shell, /, requester: str | None, limit: int, **options: Any) -> None:
    """Show requests, of one requester or of all, those that pay best first."""
    _show(shell, "request", limit, options | {"requester": requester})


def _show(shell: Shell, name: str, limit: int, options: Mapping[str, Any]) -> None:
    from poco.orders import OrderKind

    kind = OrderKind(f"{name}order")
    if name in ("app", "dataset") and options[name] is None and options["owner"] is None:
        raise UserInputError(
            f"the order book is asked about one {name}, or about one owner",
            field=name,
            remedy=f"poco orderbook {name} ADDRESS, or --owner ADDRESS; `poco {name} show` tells "
            "what was last deployed from this folder",
        )
    with shell.progress("asking the order book"):
        found = shell.orderbook.orders(kind, _wanted(options), limit=limit)
    rows = [_row(kind, order) for order in found.orders]
    more = found.count - len(rows)
    total = f"{found.count} open {kind}(s)" + (f", {more} not shown" if more > 0 else "")
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    text = "\n".join([*listing(rows, width), total])
    shell.done({"count": found.count, f"{name}Orders": rows}, text)


def _wanted(options: Mapping[str, Any]) -> OrdersFilter:
    from poco.orders import Tag, checked_address
    from poco.services.orderbook.answers import ANY, OrdersFilter

    def flags(name: str) -> Tag | None:
        text = options[name] if options[name] is not None else options["tag"]
        return None if text is None else Tag.parse(text, field=f"--{name.replace('_', '-')}")

    given: dict[str, Any] = {name: options.get(name) for name in (*_SIDES, *_NUMBERS)}
    for side in _SIDES:
        if given[side] not in (None, ANY):
            given[side] = checked_address(side, given[side])
    return OrdersFilter(
        **given,
        strict=frozenset(side for side in _SIDES if options.get(f"{side}_strict")),
        min_tag=flags("require_tag"),
        max_tag=flags("max_tag"),
    )


def _row(kind: OrderKind, found: PublishedOrder) -> dict[str, Any]:
    """Return a record the way the official client flattens it."""
    fields = found.order.to_json(numbers=True)
    price = fields.pop(f"{kind.removesuffix('order')}price", None)
    own = {} if price is None else {"price": price}
    kept = {name: value for name, value in fields.items() if name not in _HIDDEN}
    return {"orderHash": found.hash, **own, "remaining": found.remaining, **kept}


def listing(rows: Sequence[Mapping[str, Any]], width: int | None) -> list[str]:
    """Return rows as the lines of a table, or one below the other where it has no room.

    Args:
        rows: all with the same keys; columns that say nothing are left out.
        width: of the terminal, in characters; None without one.
    """
    from poco.orders import ZERO_ADDRESS, Tag

    def cell(name: str, value: Any) -> str:
        if name == "tag":
            return str(Tag.parse(value))
        return "-" if value == ZERO_ADDRESS else str(value)

    shown = [{name: cell(name, value) for name, value in row.items()} for row in rows]
    names = [name for name in (shown[0] if shown else ()) if any(row[name] != "-" for row in shown)]
    widths = {name: max(len(name), *(len(row[name]) for row in shown)) for name in names}
    if width is not None and sum(widths.values()) + 2 * len(names) > width + 2:
        return [f"{rendered({name: row[name] for name in names})}\n" for row in shown]
    lines = [{name: name for name in names}, *shown] if shown else []
    return ["  ".join(f"{line[name]:<{widths[name]}}" for name in names).rstrip() for line in lines]
