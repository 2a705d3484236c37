"""AES over streams of bytes, in the modes that the official client knows (spec sdk §8)."""

from __future__ import annotations

import binascii
import os
from collections.abc import Iterable, Iterator
from typing import IO

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

__all__ = ["BLOCK_BYTES", "chunks_of", "decrypted", "decrypted_legacy", "encrypted"]

BLOCK_BYTES = 16
_CHUNK_BYTES = 1024 * 1024


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of a stream, a mebibyte at a time."""
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def encrypted(secret: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Encrypt with AES-CBC and PKCS#7 padding; the random initial vector comes first.

    Args:
        secret: the key, 32 bytes for AES-256.
        chunks: the plain text.
    """
    vector = os.urandom(BLOCK_BYTES)
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
    padder = PKCS7(BLOCK_BYTES * 8).padder()
    yield vector
    for chunk in chunks:
        yield encryptor.update(padder.update(chunk))
    yield encryptor.update(padder.finalize())


def decrypted(secret: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decrypt what `encrypted` yields.

    Args:
        secret: the key.
        chunks: initial vector and ciphertext; the first chunk holds at least the vector.

    Raises:
        ValueError: the length or the padding is wrong: another key, or damaged bytes.
    """
    rest = iter(chunks)
    first = next(rest, b"")
    cipher = Cipher(algorithms.AES(secret), modes.CBC(first[:BLOCK_BYTES]))
    yield from _unpadded(cipher, first[BLOCK_BYTES:], rest)


def decrypted_legacy(secret: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decrypt AES-ECB with PKCS#7 padding from base64, as results were before version 9.

    Raises:
        ValueError: the length, the padding or the base64 is wrong.
    """
    cipher = Cipher(algorithms.AES(secret), modes.ECB())  # noqa: S305, old results only
    yield from _unpadded(cipher, b"", _base64_decoded(chunks))


def _unpadded(
    cipher: Cipher[modes.CBC] | Cipher[modes.ECB], first: bytes, rest: Iterable[bytes]
) -> Iterator[bytes]:
    decryptor = cipher.decryptor()
    unpadder = PKCS7(BLOCK_BYTES * 8).unpadder()
    yield unpadder.update(decryptor.update(first))
    for chunk in rest:
        yield unpadder.update(decryptor.update(chunk))
    yield unpadder.update(decryptor.finalize())
    yield unpadder.finalize()


def _base64_decoded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode base64, with or without line ends, in groups of four characters."""
    left = b""
    for chunk in chunks:
        text = left + b"".join(chunk.split())
        whole = len(text) - len(text) % 4
        yield binascii.a2b_base64(text[:whole])
        left = text[whole:]
    yield binascii.a2b_base64(left)
