"""Compute the digest that workers must agree on (spec offchain §1.11).

The folder digest is the network's own: it binds the bytes of the direct files in the order of
their names, but neither names nor subfolders. It cannot be better without being another one.
"""

from __future__ import annotations

import hashlib
from io import BufferedRandom, BufferedReader

from eth_utils.crypto import keccak

from poco.appio.causes import Cause, ExecutionError
from poco.appio.tree import OutputTree

__all__ = ["callback_digest", "file_digest", "output_digest", "stream_digest"]


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
