"""Command-line options that the roles share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from poco.errors import UserInputError

__all__ = ["Money", "role_options"]

F = TypeVar("F", bound=Callable[..., Any])


class Money(click.ParamType):
    """An amount such as ``1.5 RLC``, ``100 nRLC`` or a number of nRLC; becomes nRLC."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the amount; click reports what is wrong with it."""
        from poco.orders import parse_amount

        try:
            return parse_amount(value, field=(param and param.name) or "amount")
        except UserInputError as error:
            self.fail(str(error), param, ctx)


def role_options(account: str) -> Callable[[F], F]:
    """Add the options that every role has.

    Args:
        account: who plays the role by default.
    """
    options = [
        click.option(
            "--network", help="Ape's name of the network  [default: that of ape-config.yaml]"
        ),
        click.option(
            "--account",
            default=account,
            show_default=True,
            metavar="ALIAS",
            help="Who signs: a keyfile of Ape, or a test account.",
        ),
        click.option(
            "--market",
            "folder",
            type=click.Path(path_type=Path),
            default=Path("market"),
            show_default=True,
            help="Folder where the roles leave their orders for each other.",
        ),
    ]

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add
