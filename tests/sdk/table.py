"""The table of what the official client can do with a market of ours."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Table", "commit", "committed"]

_BEGIN, _END = "<!-- sdk-test: begin -->\n", "<!-- sdk-test: end -->\n"
_WORKS = "works"


@dataclass
class Table:
    """Rows in the order in which they were tried.

    Args:
        tell: called with each row.
    """

    tell: Callable[[str], None]
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def trial(self, client: str, what: str) -> Iterator[None]:
        """Try something: it works when the block ends without an error."""
        try:
            yield
        except Exception as error:
            self.failures.append("".join(traceback.format_exception(error)))
            self._add(client, what, "fails: " + " ".join(f"{error}".split())[:300])
        else:
            self._add(client, what, _WORKS)

    def gap(self, client: str, what: str, reason: str, action: Callable[[], object]) -> None:
        """Say what does not work, and why; it is a failure when it does work."""
        try:
            action()
        except Exception:
            self._add(client, what, f"gap: {reason}")
        else:
            self.failures.append(f"{client} {what} is no gap any more")
            self._add(client, what, "fails: it works, against what is documented")

    def _add(self, client: str, what: str, outcome: str) -> None:
        self.rows.append((client, what, outcome))
        self.tell(f"{client:<16} {what:<64} {outcome}")

    def markdown(self) -> str:
        """Return the table as it stands in the documentation."""
        lines = []
        for client in sorted({client for client, _, _ in self.rows}):
            rows = [(what, outcome) for other, what, outcome in self.rows if other == client]
            works = sum(outcome == _WORKS for _, outcome in rows)
            lines += [f"**{client}**: {works} of {len(rows)} work.", ""]
            lines += ["| what | outcome |", "|---|---|"]
            lines += [f"| `{what}` | {outcome} |" for what, outcome in rows]
            lines.append("")
        return "\n".join(lines)


def committed(page: Path) -> str:
    """Return the table that stands on a page."""
    return page.read_text().split(_BEGIN)[1].split(_END)[0]


def commit(page: Path, text: str) -> None:
    """Replace the table that stands on a page."""
    before, rest = page.read_text().split(_BEGIN)
    page.write_text(before + _BEGIN + text + _END + rest.split(_END)[1])
