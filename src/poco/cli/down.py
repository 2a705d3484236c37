"""`poco down`: end the market on this machine."""

from __future__ import annotations

import click

from poco.cli.shell import Shell, output_options

__all__ = ["command"]


@click.command(epilog="Example: poco down")
@output_options
def command(shell: Shell) -> None:
    """End the market that `poco up` runs on this machine."""
    from poco.local.background import end
    from poco.local.runfile import running

    found = running()
    if found is None:
        shell.done({"pid": None}, "no market runs")
        return
    with shell.progress("ending"):
        end(found)
    kept = f"; {found.state} keeps it" if found.state else ""
    shell.done({"pid": found.pid, "state": found.state}, f"the market has ended{kept}")
