"""How a code of the parts off chain is explained."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BUYER",
    "DEBUG",
    "DEVELOPER",
    "EXPLAIN",
    "NOBODY",
    "OPERATOR",
    "POOL",
    "PROVIDER",
    "Code",
]

DEVELOPER = ("app developer", "requester")
BUYER = ("requester",)
PROVIDER = ("dataset owner",)
OPERATOR = ("worker",)
POOL = ("workerpool owner",)
NOBODY = ("nobody",)
DEBUG = "poco task debug TASKID --logs"
EXPLAIN = "poco explain TASKID"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says.

    Args:
        sentence: what happened, or what is going on.
        parties: who can mend it, the likeliest first; nobody where nothing is wrong.
        remedy: what to do.
        command: the line to type; words in capitals are to be filled in.
        field: what is at fault, empty when that is not one thing.
    """

    sentence: str
    parties: tuple[str, ...] = NOBODY
    remedy: str = "nothing: this is the usual course"
    command: str = EXPLAIN
    field: str = ""
