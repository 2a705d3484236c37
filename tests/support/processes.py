"""Processes of this machine, any of which may end while it is looked at."""

from contextlib import suppress
from pathlib import Path

__all__ = ["alive", "children", "command_line", "descendants"]


def children(process: int | str) -> list[int]:
    """Return the processes that a process (or "self") has started and that have not been reaped."""
    found: list[int] = []
    for thread in Path(f"/proc/{process}/task").glob("*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (thread / "children").read_text().split())
    return found


def descendants(process: int) -> list[int]:
    """Return the processes below a process."""
    return [below for child in children(process) for below in (child, *descendants(child))]


def command_line(process: int) -> list[str]:
    """Return the arguments of a process; none once it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return []


def alive(process: int) -> bool:
    """Return whether a process runs."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    return False
