"""The command `poco`: finds the module of a sub-command and imports nothing else."""

from __future__ import annotations

import importlib
from typing import Any

import click

from poco import __version__
from poco.command_line import one_line_errors

__all__ = ["main"]

_COMMANDS = {
    "app": "test apps before they are sold",
    "indexer": "answer questions about a market",
    "market": "keep the order book of a market",
    "results": "keep the results of a market",
    "scheduler": "run a workerpool",
    "secrets": "keep the secrets of a market",
    "worker": "work for a workerpool",
}
"""Sub-commands with their line of help; `NAME` is the object `command` of `poco.cli.NAME`."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click calls it so)
        return sorted(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"poco.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.command(cls=_Lazy, name="poco")
@click.version_option(__version__)
def commands() -> None:
    """An iExec-compatible marketplace for computation."""


def main(*arguments: str) -> Any:
    """Run the command line; exit codes are those of `poco.errors`."""
    with one_line_errors():
        return commands.main(args=list(arguments) or None)
