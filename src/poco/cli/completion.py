"""`poco completion`: what a shell needs to complete commands with the Tab key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]


@click.command(epilog="Example: poco completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a SHELL."""
    from poco.cli.main import commands

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(commands, {}, "poco", "_POCO_COMPLETE").source())
