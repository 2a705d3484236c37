"""How an error of the contracts is explained."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANYBODY", "HOLDER", "OWNER", "POOL", "SENDER", "WORKER", "Rule", "limited"]

SENDER = ("sender",)
WORKER = ("worker",)
POOL = ("workerpool owner",)
ANYBODY = ("anybody",)
OWNER = ("market owner",)
HOLDER = ("entry owner",)


@dataclass(frozen=True, slots=True)
class Rule:
    """How an error is explained.

    Args:
        source: section of the specification.
        parties: who can mend it, the likeliest first.
        sentence: what is the matter.
        field: the argument or field at fault.
        command: the line to type.
        remedy: what to do, where the error itself does not say it.
        allowed: what the rule allows, where that is not the first argument.
        actual: what was found, where that is not the second argument.
    """

    source: str
    parties: tuple[str, ...]
    sentence: str
    field: str = ""
    command: str = ""
    remedy: str = ""
    allowed: str = ""
    actual: str = ""


def limited(source: str, parties: tuple[str, ...], what: str, field: str, remedy: str) -> Rule:
    """Return the rule of something that is too large; `what` names what was given."""
    return Rule(source, parties, f"{what}; the limit is {{limit}}", field, remedy=remedy)
