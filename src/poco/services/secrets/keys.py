"""Encryption at rest: AES-256-GCM with a key per kind of secret, made of one master key.

What was encrypted is bound to its place: a record cannot be put in that of another one. Several
master keys may be known while they are exchanged; the first is the one that encrypts.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from poco.errors import ConfigurationError, UserInputError
from poco.secret import Secret

__all__ = ["ENVIRONMENT_VARIABLE", "KeyFile", "KeyRing", "Sealed"]

ENVIRONMENT_VARIABLE = "POCO_SECRETS_MASTER_KEY"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 8
_REMEDY = "make one with `poco secrets init-key --master-key-file FILE`"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is stored.

    Args:
        key_id: which master key it needs.
        nonce: 12 random bytes.
        ciphertext: of AES-256-GCM, with its tag.
    """

    key_id: str
    nonce: bytes
    ciphertext: bytes


class KeyRing:
    """The master keys, newest first. Safe to use from several threads.

    Args:
        read: reads the keys, 32 bytes each, at least one.

    Raises:
        ConfigurationError: `read` does.
    """

    def __init__(self, read: Callable[[], Sequence[bytes]]) -> None:
        self._read = read
        self._keys: dict[str, bytes] = {}
        self.reload()

    @classmethod
    def load(cls, path: Path | None) -> KeyRing:
        """Read the keys from a file, or without one from POCO_SECRETS_MASTER_KEY.

        Raises:
            ConfigurationError: there are none, they are malformed, or others may read the file.
        """
        return cls(_environment if path is None else KeyFile(path).read)

    @property
    def newest(self) -> str:
        """Id of the key to encrypt with."""
        return next(iter(self._keys))

    def reload(self) -> None:
        """Read the keys again."""
        self._keys = {_derive(key, b"id", _ID_BYTES).hex(): key for key in self._read()}

    def require(self, key_id: str) -> None:
        """Check that a key is known, after another look at where the keys are.

        Raises:
            ConfigurationError: it is not.
        """
        if key_id not in self._keys:
            self.reload()
        if key_id not in self._keys:
            raise ConfigurationError(
                f"the database was encrypted with another master key, {key_id}",
                field="master key",
                value=self.newest,
                remedy="give the key that belongs to this database",
            )

    def seal(self, key_id: str, kind: str, place: bytes, value: Secret) -> Sealed:
        """Encrypt a secret.

        Args:
            key_id: master key, known.
            kind: kind of secret, which has a key of its own.
            place: where it will be stored; needed again to decrypt it.
            value: the secret.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher(key_id, kind).encrypt(nonce, value.reveal().encode(), place)
        return Sealed(key_id, nonce, sealed)

    def unseal(self, kind: str, place: bytes, sealed: Sealed) -> Secret:
        """Decrypt a secret.

        Raises:
            ConfigurationError: its master key is not known, or the record was changed or moved.
        """
        self.require(sealed.key_id)
        cipher = self._cipher(sealed.key_id, kind)
        try:
            return Secret(cipher.decrypt(sealed.nonce, sealed.ciphertext, place).decode())
        except InvalidTag:
            raise ConfigurationError(
                f"a {kind} secret in the database was changed, or moved to another place",
                field="database",
                value=place.decode(),
                remedy="restore the database from a backup, and find out who did it",
            ) from None

    def _cipher(self, key_id: str, kind: str) -> AESGCM:
        return AESGCM(_derive(self._keys[key_id], kind.encode(), _KEY_BYTES))


class KeyFile:
    """A file of master keys, one per line in hex, newest first; only its owner may read it.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[bytes]:
        """Return the keys.

        Raises:
            ConfigurationError: there is none, it is malformed, or others may read it.
        """
        try:
            mode = self.path.stat().st_mode
            text = self.path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise self._fault(f"the master key cannot be read: {error}", _REMEDY) from error
        if stat.S_IMODE(mode) & 0o077:
            raise self._fault(
                f"nobody else may read a master key, its mode is {stat.S_IMODE(mode):04o}",
                f"chmod 600 {self.path}",
            )
        return _parse(text, str(self.path))

    def create(self) -> None:
        """Make the file with a new key.

        Raises:
            UserInputError: the file exists.
            ConfigurationError: it cannot be written.
        """
        if self.path.exists():
            raise UserInputError(
                "a master key is never overwritten: what it encrypted would be lost",
                field="master-key-file",
                value=str(self.path),
                remedy="choose another file, or exchange the key with `poco secrets rotate-key`",
            )
        self._write([_new_key()])

    def add_key(self) -> None:
        """Put a new key before the one there is; two of them are an exchange to be continued.

        Raises:
            ConfigurationError: see `read`, or the file cannot be written.
        """
        keys = self.read()
        if len(keys) == 1:
            self._write([_new_key(), *keys])

    def drop_old_keys(self) -> None:
        """Keep only the newest key.

        Raises:
            ConfigurationError: see `read`, or the file cannot be written.
        """
        self._write(self.read()[:1])

    def _write(self, keys: Sequence[bytes]) -> None:
        """Write the keys so that nobody finds half of them, even after a crash."""
        beside = self.path.with_name(f".{self.path.name}.new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.writelines(f"{key.hex()}\n" for key in keys)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise self._fault(
                f"the master key cannot be written: {error}", "choose a folder you may write to"
            ) from error

    def _fault(self, rule: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(
            rule, field="master-key-file", value=str(self.path), remedy=remedy
        )


def _environment() -> list[bytes]:
    text = os.environ.get(ENVIRONMENT_VARIABLE, "")
    if not text.strip():
        raise ConfigurationError(
            f"a master key is needed: --master-key-file, or the variable {ENVIRONMENT_VARIABLE}",
            field="master key",
            remedy=_REMEDY,
        )
    return _parse(text, ENVIRONMENT_VARIABLE)


def _parse(text: str, source: str) -> list[bytes]:
    try:
        keys = [bytes.fromhex(word) for word in text.split()]
    except ValueError:
        keys = []
    if not keys or any(len(key) != _KEY_BYTES for key in keys):
        raise ConfigurationError(
            "a master key is 64 hex digits, one key per line, newest first",
            field="master key",
            value=f"{source} (not shown)",
            remedy=_REMEDY,
        )
    return keys


def _new_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"poco secrets v1 " + purpose).derive(key)
