"""JSON files of a project: no reader sees half of one, and two writers do not undo each other."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from poco.errors import ConfigurationError, UserInputError
from poco.new_file import new_file

__all__ = ["read_json", "read_text", "update_json", "write_json", "write_text"]

_LIMIT_BYTES = 16 * 1024**2
_REMEDY = "mend it, or move it away"
_CAUSES = {
    "Expecting property name": "a comma too many before it, a name without double quotes, or a "
    "comment, which JSON does not have",
    "Illegal trailing comma": "a comma too many there",
    "Expecting value": "a comma too many before it, a text without double quotes, or nothing at "
    "all",
    "Expecting ',' delimiter": "a comma or a brace is missing before it, or a quote inside a "
    "text has no backslash",
    "Expecting ':' delimiter": "a colon is missing before it, or the quote that begins a text",
    "Unterminated string": "the quote that ends the text is missing",
    "Invalid control character": "the quote that ends the text is missing",
    "Invalid \\": "a single backslash: in a text it is written twice",
    "Extra data": "a brace too many before it, or a second document in the same file",
}
"""What usually leads to what the parser says."""


def read_json(path: Path) -> Any | None:
    """Return the content of a JSON file; None when there is no such file.

    Raises:
        UserInputError: it is no JSON, or see `read_text`.
    """
    try:
        return json.loads(read_text(path))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"it must be JSON: {error}", _cause(error)) from error


def read_text(path: Path) -> str:
    """Return the content of a file.

    Raises:
        FileNotFoundError: there is no such file.
        UserInputError: it is larger than 16 MiB, or cannot be read.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise _unreadable(path, f"it must not be larger than {_LIMIT_BYTES} bytes")
        return path.read_text()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(
            path, f"it must be readable: {getattr(error, 'strerror', error)}"
        ) from error


def write_json(path: Path, document: Any, *, mode: int = 0o644) -> None:
    """Write a JSON file, indented by two like those of the official client; see `write_text`."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False), mode=mode)


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that no reader sees half of it; missing folders are made.

    Args:
        path: the file.
        text: its content.
        mode: its permissions.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path, mode=mode) as file:
            file.write(text.encode())
    except OSError as error:
        raise ConfigurationError(
            f"the file cannot be written: {error.strerror}",
            field="file",
            value=str(path),
            remedy="make room, or choose a folder that you may write to",
        ) from error


def update_json(path: Path, change: Callable[[Any | None], Any]) -> None:
    """Replace the content of a JSON file by what `change` makes of it (None when it is absent).

    Raises:
        UserInputError: see `read_json`; `change` may raise others.
        ConfigurationError: see `write_text`.
    """
    with _locked(path.parent):
        write_json(path, change(read_json(path)))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes that update files in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _cause(error: Exception) -> str:
    for beginning, cause in _CAUSES.items():
        if str(error).startswith(beginning):
            return f"usually {cause}; mend it, or move it away"
    return _REMEDY


def _unreadable(path: Path, rule: str, remedy: str = _REMEDY) -> UserInputError:
    return UserInputError(rule, field="file", value=path.name, remedy=remedy)
