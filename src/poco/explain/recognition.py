"""What a text that somebody wants explained is: pure, nothing is looked up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto

from poco.errors import UserInputError
from poco.explain.codes import CODES, code_named
from poco.explain.codes.messages import message_in
from poco.explain.errors import error_entries
from poco.explain.originals import ORIGINALS, known_as

__all__ = ["Kind", "Subject", "recognise"]


class Kind(Enum):
    """What a text is."""

    ERROR = auto()
    """Name of a custom error."""
    ORIGINAL = auto()
    """A text that the original contracts revert with."""
    CODE = auto()
    """A cause or a status."""
    REVERT = auto()
    """Revert data."""
    IDENTITY = auto()
    """32 bytes: a transaction, a deal, a task or an order."""
    ADDRESS = auto()
    FILE = auto()
    """A JSON file of orders."""
    MESSAGE = auto()
    """What the official client or a node says in words of its own."""

    @property
    def is_of_a_chain(self) -> bool:
        """Whether a chain knows more of it."""
        return self in (Kind.IDENTITY, Kind.ADDRESS, Kind.FILE)


@dataclass(frozen=True, slots=True)
class Subject:
    """A text, recognised.

    Args:
        kind: what it is.
        text: the name, the path, the message, or the text of the original.
        data: the bytes of what is hex.
    """

    kind: Kind
    text: str
    data: bytes = b""


_HEX = re.compile(r"0x[0-9a-fA-F]*")
_BARE = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_SHORTENED = re.compile(r"0x[0-9a-fA-F]+(?:…|\.\.\.)")
_QUOTED_ID = re.compile(r"0x(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b")
_SELECTOR_BYTES = 4
_QUOTED_DATA = re.compile(r"0x(?:[0-9a-fA-F]{64})*[0-9a-fA-F]{8}\b")
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
_LENGTHS = {20: Kind.ADDRESS, 32: Kind.IDENTITY}
_CHOICE = (
    "give revert data, the name of an error, a cause or status, a transaction, deal, task or order "
    "hash, an address, or a file of orders"
)


def recognise(text: str) -> Subject:
    """Return what a text is.

    Whole messages will do: the name of an error, revert data or an id is found in them.

    Raises:
        UserInputError: it is nothing known, or only the beginning of something.
    """
    text = text.strip()
    if _BARE.fullmatch(text):
        text = f"0x{text}"
    if _SHORTENED.fullmatch(text):
        raise _cut_off(text)
    if _HEX.fullmatch(text):
        return _hex(text)
    if text.endswith(".json"):
        return Subject(Kind.FILE, text)
    found = _name(text) or _original(text) or _in_a_message(text)
    if found is None:
        raise UserInputError(
            "nothing is known of this", field="subject", value=text, remedy=_remedy(text)
        )
    return found


def _hex(text: str) -> Subject:
    if len(text) % 2:
        raise UserInputError(
            f"hex has two digits for each byte, this has {len(text) - 2}",
            field="subject",
            value=text,
            remedy="copy it again, all of it",
        )
    data = bytes.fromhex(text[2:])
    if 0 < len(data) < _SELECTOR_BYTES:
        raise _cut_off(text)
    return Subject(_LENGTHS.get(len(data), Kind.REVERT), text.lower(), data)


def _cut_off(text: str) -> UserInputError:
    return UserInputError(
        "this is only the beginning of something",
        field="subject",
        value=text,
        remedy="give all of it: an id has 64 digits, an address 40; --raw never shortens them",
    )


def _name(text: str) -> Subject | None:
    errors = {name.lower(): name for name in error_entries()}
    if error := errors.get(text.lower().removesuffix("()")):
        return Subject(Kind.ERROR, error)
    code = code_named(text) if _WORDS.fullmatch(text) else None
    return None if code is None else Subject(Kind.CODE, code)


def _original(text: str) -> Subject | None:
    """Recognise a text of the original, also one in quotes or behind ``execution reverted:``."""
    bare = text.rpartition("reverted: ")[2].strip().strip("\"'")
    if known_as(bare):
        return Subject(Kind.ORIGINAL, bare)
    lowered = text.lower()
    texts = {known for known_texts in ORIGINALS.values() for known in known_texts}
    for known in sorted(texts, key=len, reverse=True):
        if known.lower() in lowered:
            return Subject(Kind.ORIGINAL, known)
    return None


def _in_a_message(text: str) -> Subject | None:
    if quoted := _QUOTED_DATA.search(text):
        return _hex(quoted.group())
    errors = error_entries()
    for word in _WORDS.findall(text):
        if word in errors:
            return Subject(Kind.ERROR, word)
        if "_" in word and word.isupper() and (code := code_named(word)):
            return Subject(Kind.CODE, code)
    if message_in(text) is not None:
        return Subject(Kind.MESSAGE, text)
    if quoted := _QUOTED_ID.search(text):
        return _hex(quoted.group())
    return None


def _remedy(text: str) -> str:
    names = [*error_entries(), *(name for table in CODES.values() for name in table)]
    spelled = {name.lower(): name for name in names}
    close = get_close_matches(text.lower(), spelled, n=1)
    return f"did you mean {spelled[close[0]]}? Else {_CHOICE}" if close else _CHOICE
