"""Content ids: the names under which IPFS and its gateways know a file.

A file of one chunk is named by its SHA-256 (CIDv1, codec raw). A longer one that an IPFS node keeps
is named by the root of a balanced UnixFS tree over its chunks, at most 174 to a node: what
``ipfs add --cid-version=1 --raw-leaves`` makes, so that the link is known before a node answers.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["CHUNK_BYTES", "is_cid", "raw_cid", "tree_cid"]

CHUNK_BYTES = 1024 * 1024
_LINKS = 174
_RAW, _DAG_PB = 0x55, 0x70
_SHAPE = re.compile(r"b[a-z2-7]{58}|Qm[1-9A-HJ-NP-Za-km-z]{44}")


def is_cid(text: str) -> bool:
    """Return whether a text has the shape of a content id: base32 CIDv1, or CIDv0."""
    return _SHAPE.fullmatch(text) is not None


def raw_cid(sha256: bytes) -> str:
    """Return the CIDv1 of a file by its SHA-256, 32 bytes: ``bafkrei…``."""
    return _text(_binary(_RAW, sha256))


def tree_cid(file: BinaryIO, chunk: int = CHUNK_BYTES) -> str:
    """Return the CIDv1 that an IPFS node gives a file cut into chunks.

    Args:
        file: read from where it stands to its end.
        chunk: bytes of a chunk.
    """
    level = [_leaf(piece) for piece in iter(lambda: file.read(chunk), b"")] or [_leaf(b"")]
    while len(level) > 1:
        level = [_node(level[at : at + _LINKS]) for at in range(0, len(level), _LINKS)]
    return _text(level[0].cid)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A part of the tree: its id, bytes of the file below it, and bytes of its blocks."""

    cid: bytes
    content: int
    total: int


def _leaf(piece: bytes) -> _Branch:
    return _Branch(_binary(_RAW, hashlib.sha256(piece).digest()), len(piece), len(piece))


def _node(children: Sequence[_Branch]) -> _Branch:
    content = sum(child.content for child in children)
    sizes = b"".join(_number(4, child.content) for child in children)
    unixfs = _number(1, 2) + _number(3, content) + sizes  # 2: a file
    links = b"".join(_field(2, _link(child)) for child in children)
    block = links + _field(1, unixfs)
    cid = _binary(_DAG_PB, hashlib.sha256(block).digest())
    return _Branch(cid, content, len(block) + sum(child.total for child in children))


def _link(child: _Branch) -> bytes:
    return _field(1, child.cid) + _field(2, b"") + _number(3, child.total)


def _binary(codec: int, sha256: bytes) -> bytes:
    return bytes((1, codec, 0x12, len(sha256))) + sha256


def _text(cid: bytes) -> str:
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts: Iterable[int] = range(max(value.bit_length() - 1, 0) // 7, -1, -1)
    digits = [value >> 7 * part & 0x7F for part in parts][::-1]
    return bytes([digit | 0x80 for digit in digits[:-1]] + digits[-1:])
