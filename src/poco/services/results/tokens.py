"""Tokens of the result proxy: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import TaskId, checked_address

__all__ = ["Pass", "Tokens"]

_HEADER = {"alg": "HS256", "typ": "JWT"}
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Pass:
    """What a token says.

    Args:
        worker: whose it is, the audience.
        taskid: what it may upload for.
        enclave: the enclave challenge that its leave names, zero without one.
        expires: from when on it is void, seconds since 1970.
    """

    worker: ChecksumAddress
    taskid: TaskId
    enclave: ChecksumAddress
    expires: int


class Tokens:
    """Makes and reads tokens; those of before a restart stay valid.

    Args:
        key_file: made when missing, for its owner only.
    """

    def __init__(self, key_file: Path) -> None:
        self._key = _key(key_file)

    def issue(self, holder: Pass) -> str:
        """Return the token that says this."""
        claims = {
            "aud": holder.worker,
            "sub": secrets.token_hex(16),
            "exp": holder.expires,
            "task": f"0x{holder.taskid.hex()}",
            "enclave": holder.enclave,
        }
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (_HEADER, claims))
        return f"{signed}.{_encoded(self._signature(signed))}"

    def read(self, token: str, now: float) -> Pass | None:
        """Return what a token says; None when it was not made here, or is void.

        Args:
            token: from a stranger.
            now: seconds since 1970.
        """
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_encoded(self._signature(signed)).encode(), signature.encode()):
            return None
        try:
            header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
            holder = Pass(
                checked_address("aud", claims["aud"]),
                TaskId(bytes.fromhex(claims["task"][2:])),
                checked_address("enclave", claims["enclave"]),
                int(claims["exp"]),
            )
        except (ValueError, KeyError, TypeError, UserInputError):  # another program's, of this key
            return None
        return holder if header == _HEADER and now < holder.expires else None

    def _signature(self, signed: str) -> bytes:
        return hmac.digest(self._key, signed.encode(), hashlib.sha256)


def _key(file: Path) -> bytes:
    """Return the key of a file; of two processes that make it, one wins."""
    if not file.exists():
        with tempfile.NamedTemporaryFile(dir=file.parent) as made:  # mode 0600
            made.write(secrets.token_bytes(_KEY_BYTES))
            made.flush()
            os.fsync(made.fileno())
            with suppress(FileExistsError):
                os.link(made.name, file)
    return file.read_bytes()


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
