"""Content ids: the names under which IPFS and its gateways know a file.

A file of one chunk is named by the SHA-256 of its only block, a longer one by the root of a
balanced UnixFS tree over its chunks, at most 174 to a node. How it is cut and packed is its
`Layout`: an IPFS node that is told the same gives the same name, so that a link is known before one
answers.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

__all__ = [
    "ARCHIVE",
    "V0",
    "V1",
    "Layout",
    "Named",
    "is_cid",
    "layout_of",
    "peer_id",
    "raw_cid",
    "tree_of",
]

_LINKS = 174
_RAW, _DAG_PB = 0x55, 0x70
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SHAPE = re.compile(rf"b[a-z2-7]{{58}}|Qm[{_BASE58}]{{44}}")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file becomes blocks.

    Args:
        version: of its content id: 0, ``Qm…``, with leaves in UnixFS envelopes, or 1, ``b…``, with
            raw leaves.
        chunk: bytes of a chunk.
    """

    version: int
    chunk: int


V0 = Layout(0, 256 * 1024)
"""What ``ipfs add`` makes."""

V1 = Layout(1, 256 * 1024)
"""What ``ipfs add --cid-version=1`` makes."""

ARCHIVE = Layout(1, 1024 * 1024)
"""What this store asks for: fewer blocks."""

_MADE_HERE = (V0, V1, ARCHIVE)


@dataclass(frozen=True, slots=True)
class Named:
    """A file as IPFS sees it.

    Args:
        cid: its content id.
        size: bytes of all its blocks.
    """

    cid: str
    size: int


def is_cid(text: str) -> bool:
    """Return whether a text has the shape of a content id: base32 CIDv1, or CIDv0."""
    return _SHAPE.fullmatch(text) is not None


def raw_cid(sha256: bytes) -> str:
    """Return the CIDv1 of a file by its SHA-256, 32 bytes: ``bafkrei…``."""
    return _text(_binary(_RAW, sha256))


def peer_id(sha256: bytes) -> str:
    """Return the id of an IPFS node by the SHA-256 of what makes it unique, 32 bytes."""
    return _text(_multihash(sha256))


def tree_of(file: BinaryIO, layout: Layout) -> Named:
    """Return the name that an IPFS node gives a file.

    Args:
        file: read from where it stands to its end.
        layout: how it is cut and packed.
    """
    make = _leaf if layout.version else _wrapped
    level = [make(piece) for piece in iter(lambda: file.read(layout.chunk), b"")] or [make(b"")]
    while len(level) > 1:
        level = [
            _node(level[at : at + _LINKS], layout.version) for at in range(0, len(level), _LINKS)
        ]
    return Named(_text(level[0].cid), level[0].total)


def layout_of(file: BinaryIO, cid: str) -> Layout | None:
    """Return how a file is cut and packed under a name; None when that is not its name."""
    for layout in _MADE_HERE:
        file.seek(0)
        if (layout.version == 0) == cid.startswith("Qm") and tree_of(file, layout).cid == cid:
            return layout
    return None


@dataclass(frozen=True, slots=True)
class _Branch:
    """A part of the tree: its id, bytes of the file below it, and bytes of its blocks."""

    cid: bytes
    content: int
    total: int


def _leaf(piece: bytes) -> _Branch:
    return _Branch(_binary(_RAW, hashlib.sha256(piece).digest()), len(piece), len(piece))


def _wrapped(piece: bytes) -> _Branch:
    data = _field(2, piece) if piece else b""
    return _block(b"", data, len(piece), b"", version=0, below=0)


def _node(children: Sequence[_Branch], version: int) -> _Branch:
    content = sum(child.content for child in children)
    sizes = b"".join(_number(4, child.content) for child in children)
    links = b"".join(_field(2, _link(child)) for child in children)
    below = sum(child.total for child in children)
    return _block(links, b"", content, sizes, version=version, below=below)


def _block(
    links: bytes, data: bytes, content: int, sizes: bytes, *, version: int, below: int
) -> _Branch:
    unixfs = _number(1, 2) + data + _number(3, content) + sizes  # 2: a file
    block = links + _field(1, unixfs)
    sha256 = hashlib.sha256(block).digest()
    cid = _binary(_DAG_PB, sha256) if version else _multihash(sha256)
    return _Branch(cid, content, len(block) + below)


def _link(child: _Branch) -> bytes:
    return _field(1, child.cid) + _field(2, b"") + _number(3, child.total)


def _multihash(sha256: bytes) -> bytes:
    return bytes((0x12, len(sha256))) + sha256


def _binary(codec: int, sha256: bytes) -> bytes:
    return bytes((1, codec)) + _multihash(sha256)


def _text(cid: bytes) -> str:
    if cid[0] == 1:
        return "b" + base64.b32encode(cid).decode().lower().rstrip("=")
    number, digits = int.from_bytes(cid), ""  # CIDv0: no leading zero to keep
    while number:
        number, digit = divmod(number, len(_BASE58))
        digits = _BASE58[digit] + digits
    return digits


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts: Iterable[int] = range(max(value.bit_length() - 1, 0) // 7, -1, -1)
    digits = [value >> 7 * part & 0x7F for part in parts][::-1]
    return bytes([digit | 0x80 for digit in digits[:-1]] + digits[-1:])
