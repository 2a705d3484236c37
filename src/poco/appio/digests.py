"""Compute the digest that workers must agree on (spec offchain §1.11).

The folder digest is the network's own: it binds the bytes of the direct files in the order of
their names, but neither names nor subfolders. It cannot be better without being another one, which
`tree_digest` is, for apps that ask for it.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterator
from io import BufferedRandom, BufferedReader

from eth_utils.crypto import keccak

from poco.appio.causes import Cause, ExecutionError
from poco.appio.tree import OutputTree

__all__ = [
    "callback_digest",
    "declared_digest",
    "file_digest",
    "output_digest",
    "stream_digest",
    "tree_digest",
]

_TREE_PREFIX = b"tree-v1"
_CHUNK_BYTES = 1024 * 1024  # even, so that no pair of hex digits is cut in two


def output_digest(tree: OutputTree, path: str) -> bytes:
    """Return the digest of what ``deterministic-output-path`` names.

    Args:
        tree: the scanned output.
        path: path below the output folder; the empty path is the folder itself.

    Returns:
        32 bytes: SHA-256 of a file, or Keccak-256 over the SHA-256 of each direct file of a folder.

    Raises:
        ExecutionError: ``DETERMINISM_HASH_NOT_FOUND`` when the path is neither a file of the tree
            nor a folder with at least one direct file.
    """
    if path in tree.files:
        return file_digest(tree, path)
    if path not in tree.folders:
        raise _not_found(path, "must be a file or folder that the app wrote")
    children = tree.children(path)
    if not children:
        raise _not_found(path, "deterministic output folder is empty: it must hold a file")
    return keccak(b"".join(file_digest(tree, child.path) for child in children))


def tree_digest(tree: OutputTree, path: str) -> bytes:
    """Return the digest ``tree-v1``, which binds names and subfolders, too.

    It is Keccak-256 over ``tree-v1`` and, for each file below the folder in the byte order of the
    UTF-8 paths relative to it, the SHA-256 of that path and the SHA-256 of the file. A single file
    goes by its own name.

    Raises:
        ExecutionError: ``DETERMINISM_HASH_NOT_FOUND`` when the path is neither a file of the tree
            nor a folder with a file somewhere below.
    """
    if path in tree.files:
        folder, files = path.rpartition("/")[0], [path]
    elif path in tree.folders:
        folder, files = path, tree.below(path)
    else:
        raise _not_found(path, "must be a file or folder that the app wrote")
    if not files:
        raise _not_found(path, "deterministic output folder is empty: it must hold a file")
    skipped = len(folder) + 1 if folder else 0
    names = {file: file[skipped:].encode() for file in files}
    ordered = sorted(files, key=names.__getitem__)
    records = (hashlib.sha256(names[file]).digest() + file_digest(tree, file) for file in ordered)
    return keccak(_TREE_PREFIX + b"".join(records))


def declared_digest(stream: BufferedReader) -> bytes:
    """Return the digest that a ``determinism.iexec`` stands for (spec offchain §1.1).

    Text that is 32 bytes in hex is the digest itself; other hex text stands for its bytes, and
    anything else for itself, of which the SHA-256 is taken. ``0x`` before and one newline after the
    hex are allowed.
    """
    raw = stream_digest(stream)
    stream.seek(0)
    decoded, head, size = hashlib.sha256(), b"", 0
    try:
        for piece in _unhexed(stream):
            decoded.update(piece)
            head, size = head or piece, size + len(piece)
    except ValueError:
        return raw
    if size == len(raw):
        return head
    return decoded.digest() if size else raw


def _unhexed(stream: BufferedReader) -> Iterator[bytes]:
    chunk = stream.read(_CHUNK_BYTES).removeprefix(b"0x")
    while chunk:
        following = stream.read(_CHUNK_BYTES)
        yield binascii.unhexlify(chunk if following else chunk.removesuffix(b"\n"))
        chunk = following


def file_digest(tree: OutputTree, path: str) -> bytes:
    """Return the SHA-256 of one file of the output."""
    with tree.open(path) as stream:
        return stream_digest(stream)


def stream_digest(stream: BufferedReader | BufferedRandom) -> bytes:
    """Return the SHA-256 of a binary stream, read in pieces."""
    return hashlib.file_digest(stream, "sha256").digest()


def callback_digest(data: bytes) -> bytes:
    """Return the digest of a callback's data, as the contract will compute it.

    The bytes are hashed, not their hex text.
    """
    return keccak(data)


def _not_found(path: str, rule: str) -> ExecutionError:
    return ExecutionError(
        Cause.DETERMINISM_HASH_NOT_FOUND,
        rule,
        field="computed.json deterministic-output-path",
        value=path,
        remedy="write the output before the app ends and name it in computed.json",
    )
