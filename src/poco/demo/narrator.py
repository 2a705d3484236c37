"""How the story is told: headings, lines and claims."""

from __future__ import annotations

from rich.console import Console

from poco.errors import InternalError

__all__ = ["Narrator"]


class Narrator:
    """Tells the story on a console; a claim is told only when it holds.

    Args:
        console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chapters = 0
        self.claims: list[str] = []

    def chapter(self, title: str) -> None:
        """Begin a new part of the story."""
        self._chapters += 1
        self._print(f"\n{self._chapters}. {title}", style="bold")

    def line(self, text: str) -> None:
        """Tell what happens."""
        self._print(f"   {text}")

    def claim(self, sentence: str, holds: bool) -> None:
        """Tell something that was checked.

        Raises:
            InternalError: it does not hold.
        """
        if not holds:
            raise InternalError("the market must keep its promises", field="claim", value=sentence)
        self.claims.append(sentence)
        self._print(f"   ✓ {sentence}")

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
