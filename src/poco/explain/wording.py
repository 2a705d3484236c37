"""Values in words: hashes, times, amounts and statuses as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from poco.contracts import ContributionStatus, TaskStatus
from poco.orders import Tag

__all__ = ["amount", "argument", "counted", "hexed", "moment", "span", "spoken"]

_LAST_DATE = 253_402_300_799  # the end of year 9999
_STATUSES = {
    "Task_WrongStatus": TaskStatus,
    "Task_NotClaimable": TaskStatus,
    "Task_ResultPending": TaskStatus,
    "Task_WrongContributionStatus": ContributionStatus,
}
_TIMES = ("deadline", "timestamp")
_TAGS = ("demanded", "offered", "declared")


def hexed(value: bytes) -> str:
    """Return bytes as 0x-hex."""
    return f"0x{value.hex()}"


def moment(seconds: int) -> str:
    """Return a time of the chain as ISO 8601 in UTC; `seconds` counts from 1970."""
    if not 0 <= seconds <= _LAST_DATE:
        return f"{seconds} s after 1970"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(seconds: int) -> str:
    """Return a duration in the two largest units, for example ``1 h 5 min``."""
    parts, rest = [], abs(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def amount(units: int) -> str:
    """Return an amount of nRLC, in RLC as well when that is readable."""
    if units >= 10**6:
        rlc = f"{units // 10**9}.{units % 10**9:09d}".rstrip("0").rstrip(".")
        return f"{units} nRLC ({rlc} RLC)"
    return f"{units} nRLC"


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``1 task``, ``2 tasks``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def spoken(value: Any) -> str:
    """Return a decoded ABI value as text."""
    if isinstance(value, bytes):
        return hexed(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(spoken(item) for item in value)}]"
    return str(value)


def argument(error: str, name: str, value: Any) -> str:
    """Return an argument of a custom error as text: statuses by name, times as times.

    Args:
        error: the error's name.
        name: the argument's name.
        value: its value as decoded.
    """
    if error in _STATUSES and isinstance(value, int):
        statuses = _STATUSES[error]
        return statuses(value).name if value in list(statuses) else str(value)
    if name in _TIMES and isinstance(value, int):
        return moment(value)
    if name in _TAGS and isinstance(value, bytes):
        return str(Tag.parse(value))
    return spoken(value)
