"""Encrypt and decrypt datasets and results in the format of the official client.

The formats are those of spec sdk §8 and offchain §5.1 and §5.4. Everything is streamed: memory
does not grow with the file. AES-CBC is not authenticated; that a dataset is the registered one is
shown by the checksum of its encrypted file, that a result is the agreed one by its digest.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa

from poco.appio.aes import BLOCK_BYTES, chunks_of, decrypted, decrypted_legacy, encrypted
from poco.appio.unpacking import BROKEN_ZIP, open_zip
from poco.errors import UserInputError
from poco.new_file import new_file

__all__ = [
    "MAX_RESULT_BYTES",
    "decrypt_dataset",
    "decrypt_result",
    "encrypt_dataset",
    "encrypt_result",
    "generate_dataset_key",
    "generate_result_keypair",
    "import_result_keypair",
    "public_key_from_secret",
]

MAX_RESULT_BYTES = 4 * 1024**3
_KEY_BYTES = 32
_RSA_BITS = 4096
_MIN_RSA_BITS = 2048
_MAX_KEY_ENTRY_BYTES = 1000
_KEY_ENTRY = "aes-key.rsa"
_RESULT_ENTRY = "iexec_out.zip.aes"
_ENTRY_DATE = (1980, 1, 1, 0, 0, 0)


# DATASETS


def generate_dataset_key() -> str:
    """Return a new key of a dataset: 32 random bytes in base64, as the secrets service keeps it."""
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


def encrypt_dataset(source: Path, target: Path, key: str) -> bytes:
    """Encrypt a dataset with AES-256-CBC under a random initial vector.

    Args:
        source: the plain file.
        target: where to put the encrypted file; it appears complete or not at all.
        key: from `generate_dataset_key`.

    Returns:
        The SHA-256 of the encrypted file, 32 bytes: the checksum to register.

    Raises:
        UserInputError: the key is malformed.
        OSError: a file cannot be read or written.
    """
    secret = _dataset_key(key)
    digest = hashlib.sha256()
    with source.open("rb") as plain, new_file(target) as file:
        for chunk in encrypted(secret, chunks_of(plain)):
            digest.update(chunk)
            file.write(chunk)
    return digest.digest()


def decrypt_dataset(source: Path, target: Path, key: str) -> None:
    """Decrypt a dataset.

    Args:
        source: the encrypted file.
        target: where to put the plain file; it appears complete or not at all.
        key: 32 bytes in base64; space around it does not matter.

    Raises:
        UserInputError: the key is malformed or another dataset's, or the file is damaged.
        OSError: a file cannot be read or written.
    """
    secret = _dataset_key(key)
    with source.open("rb") as locked, new_file(target) as file:
        try:
            file.writelines(decrypted(secret, chunks_of(locked)))
        except ValueError as error:
            raise UserInputError(
                "the dataset must be encrypted with AES-256-CBC and this key",
                field="dataset",
                value=source.name,
                remedy="use the key that was made for it, and the file whose SHA-256 is registered",
            ) from error


def _dataset_key(key: str) -> bytes:
    try:
        secret = base64.b64decode(key.strip(), validate=True)
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise UserInputError(
            f"the key of a dataset is {_KEY_BYTES} bytes in base64",
            remedy="it is the content of the file that was written when the dataset was encrypted",
        )
    return secret


# RESULTS


def generate_result_keypair(folder: Path, address: str) -> tuple[Path, Path]:
    """Make the RSA key pair of a beneficiary, in the files that the official client uses.

    Args:
        folder: where to put them, ``.secrets/beneficiary`` for the official client; made if
            missing.
        address: the beneficiary's wallet, with checksum.

    Returns:
        The private key (PKCS#8 PEM, for its owner only) and the public key (SPKI PEM).

    Raises:
        UserInputError: there is a key already.
        OSError: a file cannot be written.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    return _keep_keypair(folder, address, key)


def import_result_keypair(folder: Path, address: str, private_key: bytes) -> tuple[Path, Path]:
    """Put an RSA key that exists into the files of `generate_result_keypair`.

    Args:
        folder: see there.
        address: see there.
        private_key: PEM.

    Raises:
        UserInputError: there is a key already, or this is none of at least 2048 bits.
        OSError: a file cannot be written.
    """
    key = _private_key(private_key)
    if key.key_size < _MIN_RSA_BITS:
        raise UserInputError(
            f"the beneficiary's key must be an RSA key of at least {_MIN_RSA_BITS} bits",
            field="bits",
            value=key.key_size,
            remedy="make one with `poco result generate-encryption-keypair`",
        )
    return _keep_keypair(folder, address, key)


def _keep_keypair(folder: Path, address: str, key: rsa.RSAPrivateKey) -> tuple[Path, Path]:
    private = folder / f"{address}_key"
    public = folder / f"{address}_key.pub"
    if private.exists():
        raise UserInputError(
            "a key must not be overwritten, results may be encrypted for it",
            field="beneficiary key",
            value=str(private),
            remedy="move it away, or let `--force` do so",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with new_file(private) as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def public_key_from_secret(value: str) -> bytes:
    """Return the public key, as PEM, that a beneficiary has put into the secrets service.

    Args:
        value: base64 of the PEM text.

    Raises:
        UserInputError: it is not the public key of RSA with at least 2048 bits.
    """
    try:
        pem = base64.b64decode(value.strip(), validate=True)
    except ValueError as error:
        raise _bad_public_key("must be the base64 of a PEM text") from error
    _public_key(pem)
    return pem


def encrypt_result(archive: Path, target: Path, public_key: bytes) -> None:
    """Encrypt an archive of results for its beneficiary.

    Args:
        archive: the plain ``iexec_out.zip``.
        target: where to put the encrypted archive; it appears complete or not at all.
        public_key: PEM.

    Raises:
        UserInputError: the public key is malformed.
        OSError: a file cannot be read or written.
    """
    secret = os.urandom(_KEY_BYTES)
    try:
        locked = _public_key(public_key).encrypt(secret, rsa_padding.PKCS1v15())
    except ValueError as error:
        raise _bad_public_key("must be made of two odd primes") from error
    with archive.open("rb") as plain, new_file(target) as file, zipfile.ZipFile(file, "w") as outer:
        entry = zipfile.ZipInfo(_RESULT_ENTRY, _ENTRY_DATE)
        entry.file_size = archive.stat().st_size + 2 * BLOCK_BYTES  # more than 2 GiB needs ZIP64
        with outer.open(entry, "w") as payload:
            payload.writelines(encrypted(secret, chunks_of(plain)))
        outer.writestr(zipfile.ZipInfo(_KEY_ENTRY, _ENTRY_DATE), locked)


def decrypt_result(archive: Path, target: Path, private_key: bytes) -> None:
    """Decrypt an archive of results, also in the format of clients before version 9.

    Args:
        archive: the encrypted archive.
        target: where to put the plain archive; it appears complete or not at all.
        private_key: PEM.

    Raises:
        UserInputError: the key is malformed or another beneficiary's, or the archive is damaged;
            the rule is told in the words of the official client.
        OSError: a file cannot be read or written.
    """
    key = _private_key(private_key)
    try:
        with open_zip(archive) as outer:
            locked = outer.read(_entry(outer, _KEY_ENTRY, _MAX_KEY_ENTRY_BYTES, archive))
            entry = _entry(outer, _RESULT_ENTRY, MAX_RESULT_BYTES, archive)
            secret = _result_key(key, locked, archive)
            with outer.open(entry) as payload, new_file(target) as file:
                file.writelines(_decrypted_result(secret, payload, archive))
    except BROKEN_ZIP as error:
        raise _bad_result("Failed to load encrypted results zip file", archive) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # of an offset before the beginning
            raise
        raise _bad_result("Failed to load encrypted results zip file", archive) from error


def _entry(outer: zipfile.ZipFile, name: str, limit: int, archive: Path) -> zipfile.ZipInfo:
    try:
        entry = outer.getinfo(name)
    except KeyError:
        raise _bad_result(f"Missing {name} file in zip input file", archive) from None
    if entry.file_size > limit:
        raise _bad_result(f"{name} is too large: it may have {limit} bytes", archive)
    return entry


def _result_key(key: rsa.RSAPrivateKey, locked: bytes, archive: Path) -> bytes:
    """Unlock the AES key: 32 bytes, or 16 in the legacy format, which has base64 around it twice.

    A wrong RSA key is not always noticed: OpenSSL then answers with random bytes of random length.
    """
    is_legacy = len(locked) != key.key_size // 8
    try:
        if is_legacy:
            locked = base64.b64decode(locked)
        secret = key.decrypt(locked, rsa_padding.PKCS1v15())
        if is_legacy:
            secret = base64.b64decode(secret)
    except ValueError:
        secret = b""
    if len(secret) not in (BLOCK_BYTES, _KEY_BYTES):
        raise _bad_result("Failed to decrypt results key with beneficiary key", archive)
    return secret


def _decrypted_result(secret: bytes, payload: IO[bytes], archive: Path) -> Iterator[bytes]:
    decrypt = decrypted if len(secret) == _KEY_BYTES else decrypted_legacy
    try:
        yield from decrypt(secret, chunks_of(payload))
    except ValueError as error:
        rule = "Failed to decrypt results with decrypted results key"
        raise _bad_result(rule, archive) from error


def _private_key(pem: bytes) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UserInputError("Invalid beneficiary key", remedy="it must be PEM") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UserInputError("Invalid beneficiary key", remedy="it must be an RSA key")
    return key


def _public_key(pem: bytes) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_public_key("must be PEM of a SubjectPublicKeyInfo") from error
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _MIN_RSA_BITS:
        raise _bad_public_key(f"must be an RSA key of at least {_MIN_RSA_BITS} bits")
    return key


def _bad_public_key(rule: str) -> UserInputError:
    return UserInputError(
        f"the beneficiary's public key {rule}",
        remedy="make one with `poco result generate-encryption-keypair`",
    )


def _bad_result(rule: str, archive: Path) -> UserInputError:
    return UserInputError(
        rule,
        field="archive",
        value=archive.name,
        remedy="download it again, and use the key that was registered when the deal was made",
    )
