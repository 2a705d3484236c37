"""The pages of the documentation, taken apart: prose, blocks, command lines."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Line", "blocks", "command_lines", "prose", "spans"]

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).exists()
)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=")
_SEPARATORS = re.compile(r"[;&|]+|[<>]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One command as somebody types it: the program and its words."""

    page: Path
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of the program, without the folder it is in."""
        return Path(self.words[0]).name

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {shlex.join(self.words)}"


def prose(page: Path) -> str:
    """Return a page without its blocks."""
    return _FENCED.sub("", page.read_text())


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the blocks of a page that are written in one of some languages."""
    return [body for name, body in _FENCED.findall(page.read_text()) if name in languages]


def spans(page: Path) -> list[str]:
    """Return what stands between backticks in a page's prose."""
    return _SPAN.findall(prose(page))


def command_lines(page: Path) -> list[Line]:
    """Return the commands of a page's ``sh`` blocks, and those typed in its ``console`` blocks."""
    typed = blocks(page, "sh")
    typed += [_typed(body) for body in blocks(page, "console")]
    lines = "\n".join(typed).replace("\\\n", " ").splitlines()
    return [Line(page, words) for line in lines for words in _commands(line)]


def _typed(body: str) -> str:
    """Return what follows the prompts, with the lines that go on after a backslash."""
    lines: list[str] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            lines.append(line[2:])
        elif lines and lines[-1].endswith("\\"):
            lines.append(line)
    return "\n".join(lines)


def _commands(line: str) -> list[tuple[str, ...]]:
    """Split a line of a shell into its commands, without variables, `sudo` and redirections.

    Placeholders such as ``0x<task>`` count as words.
    """
    placed = re.sub(r"<(\w+)>", r"\1", line)
    lexer = shlex.shlex(placed, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    is_file = False
    for word in lexer:
        if _SEPARATORS.fullmatch(word):
            is_file = word[0] in "<>"
            if not is_file:
                commands.append([])
        elif is_file:
            is_file = False
        elif commands[-1] or not (_ASSIGNMENT.match(word) or word == "sudo"):
            commands[-1].append(word)
    return [tuple(words) for words in commands if words]
