"""`poco up`: the whole market on this machine."""

from __future__ import annotations

import gc
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poco.actors.options import Money
from poco.cli.shell import Shell, output_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from poco.local import StackSettings
    from poco.local.runfile import Running

__all__ = ["command"]

_EXAMPLE = "Example: poco up --state ~/market --info market.json"
_STABLE_SECONDS = 60.0
"""A chain that ends again sooner would do so for ever."""
_NEXT = "next, in a folder of your project: `poco init`"


class _Port(click.ParamType):
    """A service and its port, such as ``market=3001``."""

    name = "port"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Read name and number; click reports what is wrong with them."""
        from poco.local.settings import Ports

        name, _, number = str(value).partition("=")
        if name not in Ports.names() or not number.isascii() or not number.isdigit():
            self.fail(f"{value!r} must be NAME=NUMBER with {', '.join(Ports.names())}", param, ctx)
        return name, int(number)


@click.command(epilog=_EXAMPLE)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep everything here and go on from it  [default: keep nothing]",
)
@click.option(
    "--info",
    "info_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write addresses, keys and URLs here as JSON.",
)
@click.option(
    "--port",
    "ports",
    multiple=True,
    type=_Port(),
    metavar="NAME=NUMBER",
    help="Port of a service, such as market=3001; may be repeated.",
)
@click.option("--free-ports", is_flag=True, help="Take free ports for all other services.")
@click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(0, 10), help="How many."
)
@click.option(
    "--slots",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Tasks that each computes at a time.",
)
@click.option(
    "--price", default="0", show_default=True, type=Money(), help="Of a task, such as '0.1 RLC'."
)
@click.option(
    "--block-time",
    default=1,
    show_default=True,
    type=click.IntRange(0, 3600),
    metavar="SECONDS",
    help="0 mines at once, which the official client does not survive.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(["market", "compass", "subgraph"]),
    help="Leave this service out; may be repeated.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let in web pages from there, such as https://app.example; * is any  "
    "[default: pages of this machine]",
)
@click.option("--detach", is_flag=True, help="Go on in the background once it is ready.")
@click.option("--again", is_flag=True, hidden=True, help="The chain had ended.")
@output_options
def command(
    shell: Shell,
    state: Path | None,
    info_file: Path | None,
    ports: tuple[tuple[str, int], ...],
    free_ports: bool,
    workers: int,
    slots: int,
    price: int,
    block_time: int,
    without: tuple[str, ...],
    origins: tuple[str, ...],
    detach: bool,
    again: bool,
) -> None:
    """Run the whole market on this machine: chain, contracts, services, scheduler and workers.

    Ctrl-C or `poco down` ends it; with --state the next start goes on from there.
    """
    from poco.errors import ConfigurationError
    from poco.local.runfile import running
    from poco.local.settings import Ports, StackSettings

    found = running()
    if found is not None and not again:
        raise ConfigurationError(
            "a market runs already",
            field="pid",
            value=found.pid,
            remedy="poco status shows it, poco down ends it; XDG_STATE_HOME names the folder in "
            "which another is known",
        )
    settings = StackSettings(
        ports=Ports(**(dict.fromkeys(Ports.names(), 0) if free_ports else {}) | dict(ports)),
        block_seconds=block_time,
        workers=workers,
        slots=slots,
        price=price,
        state=state,
        without=frozenset(without),
        origins=origins,
    )
    if detach:
        _launch(shell, settings, info_file)
    else:
        _run(shell, settings, info_file, again=again)


def _run(shell: Shell, settings: StackSettings, info_file: Path | None, *, again: bool) -> None:
    """Run the market until it is told to end; again, when its chain has ended alone."""
    from poco.command_line import stopped_by_signals
    from poco.errors import ChainError
    from poco.local.background import arguments_of, begin_again
    from poco.local.runfile import only_market, recorded, running

    begun = time.monotonic()
    with ExitStack() as context:
        context.enter_context(only_market())
        with shell.progress("starting") as tell:
            voice = _Voice(tell)
            gc.disable()  # all that is loaded stays: looking for garbage takes a fifth of the time
            from poco.contracts.book import require_writable, write_json
            from poco.local.stack import Stack

            gc.freeze()
            gc.enable()
            if info_file is not None:
                require_writable(info_file, "--info")
            stack = context.enter_context(Stack(settings, report=voice))
        _, first_signal = stopped_by_signals()
        if info_file is not None:
            write_json(info_file, stack.info.to_json(), "--info")
        context.enter_context(recorded(stack.info, settings, stack.app_types))
        voice.tell = shell.say
        ready = time.monotonic()
        if again:
            voice("market", "goes on")
        else:
            shell.say(f"ready in {ready - begun:.1f} s")
            _present(shell, running())
            shell.say(_NEXT)
            shell.say("Ctrl-C ends it")
        try:
            stack.wait(first_signal)
        except ChainError as error:
            if settings.state is None or (again and time.monotonic() < ready + _STABLE_SECONDS):
                raise
            voice("chain", f"{error.rule}; the market begins again with the copy")
            words = [f"--{name}" for name in ("raw", "quiet") if getattr(shell, name)]
            begin_again([*arguments_of(settings, info_file), *words, "--again"])
        voice("market", "ends")


def _launch(shell: Shell, settings: StackSettings, info_file: Path | None) -> None:
    """Run the market in the background."""
    from poco.local.background import arguments_of, launch
    from poco.local.runfile import log_path

    with shell.progress("starting in the background"):
        found = launch(arguments_of(settings, info_file), log_path())
    _present(shell, found)
    shell.say(f"process {found.pid} goes on in the background, its log is {log_path()}")
    shell.say(f"{_NEXT}; to end the market: `poco down`")


def _present(shell: Shell, found: Running | None) -> None:
    from poco.local.summary import summary

    assert found is not None
    if "DOCKER" not in found.app_types:
        shell.warn("no Docker engine answers: this market runs WASM apps only")
    shell.done(found.info, summary(found))
    sys.stdout.flush()


class _Voice:
    """Tells what services do, in turns at different places; they go on when nobody listens.

    Args:
        tell: takes a line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def __call__(self, name: str, line: str) -> None:
        with suppress(OSError):  # the terminal was closed
            self.tell(f"{name}: {line}")
