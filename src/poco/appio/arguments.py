"""Split an argument line exactly as the original network does (spec offchain §1.5), and join."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from poco.appio.causes import Cause, ExecutionError

__all__ = ["MAX_ARGUMENT_BYTES", "join_arguments", "split_arguments"]

MAX_ARGUMENT_BYTES = 128 * 1024
"""Bound of a whole argument vector, in bytes, one terminator per argument included."""

_SPECIAL = re.compile("[\"' ]")
_BARE_QUOTE = re.compile(r'(?<!\\)"')
_PIECE = re.compile(r"""["' \\]|[^"' \\]+""")


def split_arguments(line: str) -> tuple[str, ...]:
    """Split an argument line into the arguments of the app.

    Only the space separates. Both quotes group, vanish, and may touch text; a backslash stays in
    the argument and makes a quote that follows it literal; an empty quoted argument vanishes. No
    shell takes part, and `shlex` would differ in each of these points.

    Args:
        line: the ``iexec_args`` of a deal.

    Returns:
        The arguments; empty for a blank line, and the image's own command then applies.

    Raises:
        ExecutionError: ``TASK_DESCRIPTION_INVALID`` when a quote stays open or the arguments take
            more than `MAX_ARGUMENT_BYTES`.
    """
    if not line.strip():
        return ()
    arguments: list[str] = []
    current: list[str] = []  # pieces: to add texts to a text takes time that grows with its square
    quote, escaped = "", False
    for match in _PIECE.finditer(line):
        piece = match.group()
        if piece in ("'", '"') and quote in ("", piece) and not escaped:
            quote = "" if quote else piece
        elif piece == " " and not quote:
            if current:
                arguments.append("".join(current))
            current = []  # an escape outlives the space, as it does in the original
        else:
            current.append(piece)
            escaped = piece == "\\"
    if current:
        arguments.append("".join(current))
    if quote:
        raise _invalid(
            line,
            f"every quote must be closed, a {quote} is not",
            "close it; to mean the character, put it between quotes of the other kind",
        )
    size = sum(len(argument.encode()) + 1 for argument in arguments)
    if size > MAX_ARGUMENT_BYTES:
        raise _invalid(
            line[:80] + "…", f"arguments may take {MAX_ARGUMENT_BYTES} bytes, not {size}"
        )
    return tuple(arguments)


def join_arguments(arguments: Sequence[str]) -> str:
    """Write the line that is split into some arguments.

    Raises:
        ExecutionError: ``TASK_DESCRIPTION_INVALID`` when no line is: an argument is empty, one that
            ends with a backslash comes before one that must be quoted, or they are too long.
    """
    line = " ".join(map(_quoted, arguments))
    hidden = any(one.endswith("\\") and _needs_quotes(next_) for one, next_ in pairwise(arguments))
    if hidden or "" in arguments:
        raise _invalid(line, "no line says an empty argument, or a quoted one after a backslash")
    split_arguments(line)  # refuses what is too long
    return line


def _needs_quotes(argument: str) -> bool:
    return not argument.strip() or _SPECIAL.search(argument) is not None


def _quoted(argument: str) -> str:
    """Quote an argument if it must be; in quotes a quote after a backslash stands for itself."""
    if not _needs_quotes(argument):
        return argument
    text = argument.rstrip("\\")
    return '"' + _BARE_QUOTE.sub('"\'"\'"', text) + '"' + argument[len(text) :]


def _invalid(
    line: str, rule: str, remedy: str = "sign a request order with corrected params"
) -> ExecutionError:
    return ExecutionError(
        Cause.TASK_DESCRIPTION_INVALID,
        rule,
        field="params.iexec_args",
        value=line,
        remedy=remedy,
    )
