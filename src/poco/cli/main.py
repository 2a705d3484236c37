"""The command `poco`: finds the module of a sub-command and imports nothing else."""

from __future__ import annotations

import sys
from typing import Any

import click

from poco import __version__
from poco.cli.groups import LazyGroup
from poco.cli.rendering import failure_document
from poco.command_line import one_line_errors

__all__ = ["commands", "main"]

_COMMANDS = {
    "account": "deposit, withdraw and show money in the hub",
    "app": "make an app, sell it, run it",
    "category": "show and create classes of tasks",
    "completion": "complete commands with the Tab key",
    "dataset": "encrypt a dataset, register it, sell its use",
    "deal": "look at deals, claim what was not computed",
    "down": "end the market on this machine",
    "explain": "tell why something is refused or waits, and who can mend it",
    "indexer": "answer questions about a market",
    "info": "show where a market is",
    "init": "begin a project in this folder",
    "market": "keep the order book of a market",
    "order": "write, sign, publish, fill and cancel orders",
    "orderbook": "show what is for sale, and what is asked for",
    "requester": "keep secrets that tasks need",
    "result": "have results encrypted, decrypt them",
    "results": "keep the results of a market",
    "scheduler": "run a workerpool",
    "secrets": "keep the secrets of a market",
    "status": "tell how the market on this machine is",
    "storage": "let results be pushed to a storage of yours",
    "task": "look at tasks, download results, find out why they wait",
    "up": "run the whole market on this machine",
    "wallet": "create wallets, show and send what they hold",
    "worker": "work for a workerpool",
    "workerpool": "register a workerpool, sell its work",
}
"""Sub-commands with their line of help; `NAME` is the object `command` of `poco.cli.NAME`."""

_USAGE = 2


class _Commands(LazyGroup):
    """The sub-commands; a mistake in words is told like any other failure."""

    def main(self, args: Any = None, *rest: Any, **settings: Any) -> Any:
        """Run the command line; with --raw a wrong option is one line of JSON, too."""
        words = list(sys.argv[1:] if args is None else args)
        if "--raw" not in words or not settings.get("standalone_mode", True):
            return super().main(args, *rest, **settings)
        try:
            code = super().main(args, *rest, **settings | {"standalone_mode": False})
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else str(self.name)
            line = failure_document(command, "UserInputError", error.format_message())
            click.echo(line, err=True)
            sys.exit(_USAGE)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a sub-command; exit codes are those of `poco.errors`, also below ``ape poco``."""
        with one_line_errors():
            try:
                return super().invoke(ctx)
            except click.NoSuchOption as error:
                if error.option_name[1:2].isdecimal():
                    error.message += " Numbers are not negative here."
                raise


@click.command(
    cls=_Commands,
    name="poco",
    elsewhere={name: (f"poco.cli.{name}:command", text) for name, text in _COMMANDS.items()},
)
@click.version_option(__version__)
def commands() -> None:
    """An iExec-compatible marketplace for computation."""


def main(*arguments: str) -> Any:
    """Run the command line."""
    return commands.main(args=list(arguments) or None, prog_name="poco")
