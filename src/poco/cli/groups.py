"""Groups of commands that import a command's module only when it is called."""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group, some of whose commands live in other modules.

    Args:
        elsewhere: by the command's name, ``module:object`` and its line of help.
        aliases: command by further name, which the help does not list.
    """

    def __init__(
        self,
        *args: Any,
        elsewhere: dict[str, tuple[str, str]] | None = None,
        aliases: dict[str, str] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self._elsewhere = elsewhere or {}
        self._aliases = aliases or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self._elsewhere})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by any of its names, imported if need be."""
        cmd_name = self._aliases.get(cmd_name, cmd_name)
        if cmd_name not in self._elsewhere:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._elsewhere[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called; a word that is none is told with those like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if like := get_close_matches(args[0], self.list_commands(ctx)):
                error.message += f" Did you mean {' or '.join(like)}?"
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        rows = [
            (
                name,
                self._elsewhere[name][1]
                if name in self._elsewhere
                else self.commands[name].get_short_help_str(80),
            )
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
