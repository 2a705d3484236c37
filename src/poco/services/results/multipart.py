"""Bodies of the type ``multipart/form-data`` (RFC 7578), read as they come and never held."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from urllib.parse import unquote

from poco.errors import UserInputError

__all__ = ["FormReader", "Part"]

_MAX_HEADER_BYTES = 16 * 1024
_UNREADABLE = (ValueError, TypeError, LookupError)
"""What the library raises for parameters with strange charsets and numbers (RFC 2231)."""
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{1,200}")


@dataclass(frozen=True, slots=True)
class Part:
    """The beginning of a part.

    Args:
        filename: what the sender calls the file, decoded; empty when it does not say.
        kind: its media type.
    """

    filename: str
    kind: str


class FormReader:
    """Cuts a body into its parts.

    Args:
        content_type: header of the request.

    Attributes:
        is_complete: whether the end has come.

    Raises:
        UserInputError: it is no form, or names no boundary.
    """

    def __init__(self, content_type: str) -> None:
        header = Message()
        header["Content-Type"] = content_type
        try:
            boundary = header.get_boundary("")
        except _UNREADABLE:
            boundary = ""
        if header.get_content_type() != "multipart/form-data" or not _BOUNDARY.fullmatch(boundary):
            raise UserInputError(
                "files come as multipart/form-data with a boundary",
                field="Content-Type",
                value=content_type[:200],
                remedy="for example curl -F file=@FILE",
            )
        self.is_complete = False
        self._mark = b"\r\n--" + boundary.encode()
        self._buffer = bytearray(b"\r\n")  # as if a line had ended before the first boundary
        self._is_inside = False

    def feed(self, data: bytes) -> Iterator[Part | bytes]:
        """Yield what is new: a `Part` where one begins, then the pieces of its content.

        Raises:
            UserInputError: it is no such body.
        """
        self._buffer += data
        while not self.is_complete:
            at = self._buffer.find(self._mark)
            if at < 0:
                yield from self._take(len(self._buffer) - len(self._mark) + 1)
                return
            yield from self._take(at)
            head = self._head()
            if head is None:
                return
            yield head

    def close(self) -> None:
        """Check that the body was not cut off.

        Raises:
            UserInputError: it was.
        """
        if not self.is_complete:
            raise _malformed("the body ends before its last boundary")

    def _take(self, length: int) -> Iterator[bytes]:
        """Yield content of the current part; what is outside of parts does not count."""
        if length > 0:
            piece = bytes(self._buffer[:length])
            del self._buffer[:length]
            if self._is_inside:
                yield piece

    def _head(self) -> Part | None:
        """Read the boundary at the start of the buffer, and the headers after it.

        Returns:
            The part that begins; None when the rest is not here yet, or nothing follows.
        """
        rest = bytes(self._buffer[len(self._mark) :][:_MAX_HEADER_BYTES])
        if rest.startswith(b"--"):
            self.is_complete = True
            return None
        end = rest.find(b"\r\n\r\n")
        line = rest.partition(b"\r\n")[0]
        if b"\r\n" in rest and line.strip(b" \t"):
            raise _malformed("a boundary stands in a line of its own")
        if end < 0:
            if len(rest) == _MAX_HEADER_BYTES:
                raise _malformed(f"the headers of a part may have {_MAX_HEADER_BYTES} bytes")
            return None
        del self._buffer[: len(self._mark) + end + 4]
        self._is_inside = True
        headers = BytesParser().parsebytes(rest[len(line) + 2 : end + 2], headersonly=True)
        try:
            filename = headers.get_filename("")
        except _UNREADABLE as error:
            raise _malformed("a file name must be readable") from error
        return Part(unquote(filename or ""), headers.get_content_type())


def _malformed(rule: str) -> UserInputError:
    return UserInputError(f"no multipart/form-data: {rule}", field="body")
