"""Each command that an explanation names is one that poco has, with those options."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import click
import pytest

import poco.explain
from poco.cli.main import commands

PLACES = Path(poco.explain.__file__).parent


def named_commands() -> set[str]:
    """Return every text of the package that begins like a command."""
    found = set()
    for file in PLACES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            elif isinstance(node, ast.JoinedStr):
                text = "".join(
                    part.value if isinstance(part, ast.Constant) else "X" for part in node.values
                )
            else:
                continue
            if text.startswith("poco ") and "\n" not in text:
                found.add(text.rstrip())
    return found


def resolved(line: str) -> tuple[click.Command, list[str]]:
    """Return the command that a line calls, and the words after it."""
    words = shlex.split(line)[1:]
    found: click.Command = commands
    context = click.Context(commands)
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        if words[0] == "X" or words[0].startswith("{"):
            break  # a noun that is filled in
        inner = found.get_command(context, words[0])
        assert inner is not None, f"{line}: no command {words[0]}"
        found, words = inner, words[1:]
    return found, words


@pytest.mark.parametrize("line", sorted(named_commands()))
def test_command__that_is_named__exists_with_its_options(line: str) -> None:
    command, words = resolved(line)
    known = {name for parameter in command.params for name in parameter.opts}
    for word in words:
        if word.startswith("--") and word != "--help" and "{" not in word:
            assert word in known, f"{line}: no option {word}"
