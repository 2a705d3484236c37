"""Split an argument line exactly as the original network does (spec offchain §1.5)."""

from __future__ import annotations

import re

from poco.appio.causes import Cause, ExecutionError

__all__ = ["MAX_ARGUMENT_BYTES", "split_arguments"]

MAX_ARGUMENT_BYTES = 128 * 1024
"""Bound of a whole argument vector, in bytes, one terminator per argument included."""

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
    current, quote, escaped = "", "", False
    for match in _PIECE.finditer(line):
        piece = match.group()
        if piece in ("'", '"') and quote in ("", piece):
            if escaped:
                current, escaped = current + piece, False
            else:
                quote = "" if quote else piece
        elif piece == " " and not quote:
            if current:
                arguments.append(current)
            current = ""  # an escape outlives the space, as it does in the original
        else:
            current, escaped = current + piece, piece == "\\"
    if current:
        arguments.append(current)
    if quote:
        raise _invalid(line, f"every quote must be closed, a {quote} is not")
    size = sum(len(argument.encode()) + 1 for argument in arguments)
    if size > MAX_ARGUMENT_BYTES:
        raise _invalid(
            line[:80] + "…", f"arguments may take {MAX_ARGUMENT_BYTES} bytes, not {size}"
        )
    return tuple(arguments)


def _invalid(line: str, rule: str) -> ExecutionError:
    return ExecutionError(
        Cause.TASK_DESCRIPTION_INVALID,
        rule,
        field="params.iexec_args",
        value=line,
        remedy="sign a request order with corrected params",
    )
