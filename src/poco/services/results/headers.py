"""What uploads and downloads say in HTTP headers; none of it is trusted."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from poco.errors import UserInputError
from poco.orders import ZERO_ADDRESS, TaskId, checked_address
from poco.services.results.admission import UploadRequest
from poco.web import HttpError

__all__ = ["Span", "hex_bytes", "read_range", "read_upload"]

_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15})")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_MAX_SIGNATURE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file.

    Args:
        start: offset of its first byte.
        length: bytes.
    """

    start: int
    length: int


def read_upload(task: str, headers: Mapping[str, str]) -> tuple[UploadRequest, int | None]:
    """Read what an uploader says.

    Args:
        task: id of the task, ``0x`` and hex.
        headers: of the request, by names in lower case.

    Returns:
        The upload, and the offset of the body in it; None when only the state is asked for.

    Raises:
        UserInputError: a header is missing or malformed.
    """
    size, offset = _position(headers)
    request = UploadRequest(
        taskid=TaskId(hex_bytes("task", task, 32)),
        sha256=_sha256(headers.get("digest", "")),
        size=size,
        digest=hex_bytes("X-Poco-Result-Digest", headers.get("x-poco-result-digest", ""), 32),
        signature=hex_bytes("Authorization", headers.get("authorization", "")),
        authorization=hex_bytes("X-Poco-Authorization", headers.get("x-poco-authorization", "")),
        enclave=checked_address("X-Poco-Enclave", headers.get("x-poco-enclave", ZERO_ADDRESS)),
        enclave_signature=hex_bytes(
            "X-Poco-Enclave-Signature", headers.get("x-poco-enclave-signature", "")
        ),
    )
    return request, offset


def read_range(header: str | None, size: int) -> Span | None:
    """Read the header ``Range``.

    Args:
        header: the header; what is not a single range of bytes does not count.
        size: of the file, bytes.

    Returns:
        The part that is asked for; None for the whole file.

    Raises:
        HttpError: 416, the file has no such part.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise HttpError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the file has {size} bytes",
            field="Range",
            value=header,
            headers={"Content-Range": f"bytes */{size}"},
        )
    return Span(start, end - start + 1)


def hex_bytes(field: str, text: str, length: int | None = None) -> bytes:
    """Read hex digits, with or without ``0x``.

    Raises:
        UserInputError: they are none, too many, or not `length` bytes.
    """
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise UserInputError("0x and hex digits are needed", field=field) from error
    if length is not None and len(value) != length:
        raise UserInputError(f"{length} bytes are needed", field=field, value=text[:80])
    if len(value) > _MAX_SIGNATURE_BYTES:
        raise UserInputError(f"no more than {_MAX_SIGNATURE_BYTES} bytes are read", field=field)
    return value


def _position(headers: Mapping[str, str]) -> tuple[int, int | None]:
    """Return the size of the archive, and where the body belongs in it."""
    whole = headers.get("content-range")
    if whole is None:
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise UserInputError("an upload says how long it is", field="Content-Length")
        return int(length), 0
    match = _CONTENT_RANGE.fullmatch(whole)
    if match is None:
        raise UserInputError(
            "a range is `bytes FIRST-LAST/SIZE`, or `bytes */SIZE` to ask for the state",
            field="Content-Range",
            value=whole[:80],
        )
    first, last, size = match.groups()
    if first is None:
        return int(size), None
    if not int(first) <= int(last) < int(size):
        raise UserInputError(
            "a range lies within the archive", field="Content-Range", value=whole[:80]
        )
    return int(size), int(first)


def _sha256(header: str) -> bytes:
    name, _, value = header.partition("=")
    try:
        digest = base64.b64decode(value, validate=True)
    except ValueError:
        digest = b""
    if name.lower() != "sha-256" or len(digest) != 32:
        raise UserInputError(
            "an upload says `sha-256=` and the SHA-256 of the archive in base64",
            field="Digest",
            value=header[:80],
        )
    return digest
