"""What an explanation is: a verdict, facts, and for each broken rule who can mend it and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Explanation", "Finding", "filled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that is broken, or something that has to happen next.

    Args:
        rule: name of the contract's error, of the cause or of the step.
        sentence: what is the matter, with both values.
        source: the section of the specification, for example ``contracts §3.2``.
        field: the field at fault, for example ``apporder.appprice``; empty when there is none.
        allowed: what the rule allows; empty when there is nothing to compare.
        actual: what was found.
        parties: who can mend it, the likeliest first.
        remedy: what to do.
        command: the line to type; words in capitals are to be filled in.
        originally: what the original contracts say instead.
    """

    rule: str
    sentence: str
    source: str = ""
    field: str = ""
    allowed: str = ""
    actual: str = ""
    parties: tuple[str, ...] = ()
    remedy: str = ""
    command: str = ""
    originally: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            "rule": self.rule,
            "sentence": self.sentence,
            "source": self.source,
            "field": self.field,
            "allowed": self.allowed,
            "actual": self.actual,
            "parties": list(self.parties),
            "remedy": self.remedy,
            "command": self.command,
            "originally": list(self.originally),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer to ``poco explain X``.

    Args:
        kind: what X is: ``error``, ``code``, ``message``, ``transaction``, ``orders``, ``deal``,
            ``task`` or ``address``.
        subject: X as it was recognised.
        title: the verdict in one sentence.
        facts: what is known, as names and values; a name may come again.
        findings: broken rules, or what has to happen next; the first one counts most.
        see: commands that tell more.
    """

    kind: str
    subject: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    see: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "title": self.title,
            "facts": [{"name": name, "value": value} for name, value in self.facts],
            "findings": [finding.to_json() for finding in self.findings],
            "see": list(self.see),
        }


class _Blanks(dict[str, str]):
    """Values by name; one that is missing is its own name in capitals, to be filled in."""

    def __missing__(self, name: str) -> str:
        return name.upper()


def filled(template: str, values: Mapping[str, str]) -> str:
    """Fill a text in: ``poco task claim {taskid}`` keeps TASKID when no task is known."""
    return template.format_map(_Blanks(values))
