"""An explanation as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from poco.explain.model import Explanation, Finding

__all__ = ["render"]


def render(explanation: Explanation) -> str:
    """Return an explanation as text, without colours and in visible characters only.

    Much of it was written by strangers: names of apps, params, what schedulers say.
    """
    return "\n".join(_visible(line) for line in _lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.kind} {explanation.subject}"
    yield explanation.title
    yield from _table(explanation.facts)
    for finding in explanation.findings:
        yield ""
        yield f"{finding.rule}: {finding.sentence}"
        yield from _table(_rows(finding))
    if explanation.see:
        yield ""
        yield from (f"see  {command}" for command in explanation.see)


def _visible(line: str) -> str:
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in line
    )


def _rows(finding: Finding) -> tuple[tuple[str, str], ...]:
    source = finding.source and f"spec {finding.source}"
    original = ", ".join(finding.originally)
    rows = (
        ("rule", ", originally ".join(filter(None, (source, original)))),
        ("field", finding.field),
        ("allowed", finding.allowed),
        ("actual", finding.actual),
        ("who", ", ".join(finding.parties)),
        ("remedy", finding.remedy),
        ("command", finding.command),
    )
    return tuple(row for row in rows if row[1])


def _table(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return (f"  {name:<{width}}  {value}" for name, value in rows)
