"""What all scripts share: one line per failure, and its exit code."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

import click

from poco.errors import ConfigurationError, InternalError, PocoError

__all__ = [
    "INTERRUPTED",
    "as_failure",
    "is_lively",
    "is_terminal",
    "one_line_errors",
    "stopped_by_signals",
    "visible",
]

INTERRUPTED = 130
"""Exit code after Ctrl-C."""
_UNHEARD = 1
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line on standard error and the exit code of the failure.

    A termination signal ends the block like Ctrl-C, so that child processes are ended, too.
    """
    for number in _ending_signals():  # Ape has a handler that ends without a word
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # nobody reads on, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(_UNHEARD)
    except Exception as error:
        _end(as_failure(error))


def as_failure(error: Exception) -> PocoError:
    """Return what ends a process as the error that says who can mend it."""
    if isinstance(error, PocoError):
        return error
    if isinstance(error, OSError):
        reason = ": ".join(map(str, filter(None, (error.strerror, error.filename)))) or str(error)
        return ConfigurationError(
            f"the operating system refuses: {reason}", remedy="check disk, files and ports"
        )
    return InternalError(
        f"unexpected {type(error).__name__}: {error}", remedy="please report this line"
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether people are at a standard stream; one that was closed is None."""
    return stream is not None and not stream.closed and stream.isatty()


def is_lively(stream: TextIO | None) -> bool:
    """Tell whether a standard stream is a terminal that can write over what it shows."""
    return is_terminal(stream) and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def visible(text: str) -> str:
    """Return a text that may be of strangers without what would make a terminal act or deceive."""
    return _CONTROL.sub(
        lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n")
    )


def stopped_by_signals() -> tuple[threading.Event, threading.Event]:
    """Return what signals set from now on: the first one `drain`, the second `stop`.

    These are SIGTERM, Ctrl-C and the end of the terminal.

    Returns:
        ``stop`` and ``drain``.
    """
    stop, drain = threading.Event(), threading.Event()

    def handle(_: int, __: FrameType | None) -> None:
        (stop if drain.is_set() else drain).set()

    for number in _ending_signals():
        signal.signal(number, handle)
    return stop, drain


def _ending_signals() -> Iterator[int]:
    """Return the signals that end a process; ``nohup`` has it outlive its terminal."""
    yield from (signal.SIGTERM, signal.SIGINT)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield signal.SIGHUP


def _end(error: PocoError) -> None:
    click.echo(f"error: {visible(' '.join(str(error).split()))}", err=True)
    sys.exit(error.exit_code)
