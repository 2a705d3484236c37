"""iexec.js of older eras: the object literal that it exports is read, and nothing is executed.

Understood are objects, arrays, texts, numbers, true, false, null and comments; anything else of
the language is refused with its line.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from poco.errors import UserInputError

__all__ = ["read_literal"]

_MAX_DEPTH = 32
_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.S)
_STRICT = re.compile(r"""(['"])use strict\1\s*;?""")
_EXPORT = re.compile(r"module\.exports\s*=|export\s+default\b")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)(?![\w$])")
_TEXT = re.compile(
    r"""'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\$]|\\.|\$(?!\{))*)`""", re.S
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_NAMED = {"true": True, "false": False, "null": None, "undefined": None}


def read_literal(text: str, file: str = "iexec.js") -> Any:
    """Return the value that a module exports.

    Args:
        text: the module, ``module.exports = {…};`` or just the literal.
        file: its name, for messages.

    Raises:
        UserInputError: it is more than a literal, or ends too early; the line is named.
    """
    reader = _Reader(text, file)
    reader.skip(_STRICT)
    reader.skip(_EXPORT)
    value = reader.value(0)
    reader.accept(";")
    if reader.at < len(text):
        reader.refuse("the end of the file is expected")
    return value


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text, self.file, self.at = text, file, 0
        self.skip(_BLANK)

    def value(self, depth: int) -> Any:
        """Read one value and the blanks behind it."""
        if depth > _MAX_DEPTH:
            self.refuse(f"values may be {_MAX_DEPTH} deep")
        if self.accept("{"):
            return self._object(depth)
        if self.accept("["):
            return self._array(depth)
        if (text := self._string()) is not None:
            return text
        if found := self.skip(_NUMBER):
            return _number(found[0])
        found = _WORD.match(self.text, self.at)
        if found is None or found[0] not in _NAMED:
            self.refuse("a literal is expected: an object, a list, a text or a number")
        self.skip(_WORD)
        return _NAMED[found[0]]

    def accept(self, mark: str) -> bool:
        """Skip a mark if it comes next."""
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        self.skip(_BLANK)
        return True

    def skip(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Skip what matches, and the blanks behind it."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        if pattern is not _BLANK:
            self.skip(_BLANK)
        return found

    def refuse(self, rule: str) -> NoReturn:
        line = self.text.count("\n", 0, self.at) + 1
        near = self.text[self.at : self.at + 30].split("\n")[0]
        raise UserInputError(
            f"{rule}, line {line}",
            field=self.file,
            value=near,
            remedy="only a literal is read, programs are not run: write iexec.json",
        )

    def _object(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not self.accept("}"):
            key = self._string()
            if key is None:
                word = self.skip(_WORD) or self.skip(_NUMBER)
                if word is None:
                    self.refuse("the name of a property is expected")
                key = word[0]
            if not self.accept(":"):
                self.refuse(f"a colon is expected after {key!r}")
            result[key] = self.value(depth + 1)
            if not self.accept(",") and not self.text.startswith("}", self.at):
                self.refuse("a comma or } is expected")
        return result

    def _array(self, depth: int) -> list[Any]:
        result: list[Any] = []
        while not self.accept("]"):
            result.append(self.value(depth + 1))
            if not self.accept(",") and not self.text.startswith("]", self.at):
                self.refuse("a comma or ] is expected")
        return result

    def _string(self) -> str | None:
        found = self.skip(_TEXT)
        if found is None:
            return None
        inner = next(group for group in found.groups() if group is not None)
        return _ESCAPE.sub(_unescaped, inner)


def _unescaped(escape: re.Match[str]) -> str:
    *codes, plain = escape.groups()
    for code in codes:
        if code is not None:
            number = int(code, 16)
            return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _ESCAPED.get(plain, plain)


def _number(text: str) -> int | float:
    if text.lower().lstrip("-").startswith("0x"):
        return int(text, 16)
    return int(text) if text.lstrip("-").isdecimal() else float(text)
