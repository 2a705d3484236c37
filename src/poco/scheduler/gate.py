"""Who is there: workers log in with a signature, requesters sign a challenge (spec §2.3, §3.11)."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import delete, select

from poco.database import Database, upsert
from poco.errors import UserInputError
from poco.orders import checked_address, recover_signer
from poco.scheduler.challenges import log_challenge, log_challenge_digest
from poco.scheduler.protocol import login_digest
from poco.scheduler.tables import challenges, tokens
from poco.web import HttpError

__all__ = ["Gate"]

_LOGIN = "login"
_READ = "logs"
_LOGIN_SECONDS = 300.0
_READ_SECONDS = 3600.0
_TOKEN_SECONDS = 3600.0
_MOST_KNOWN = 1_000


class Gate:
    """Challenges and tokens; both survive a restart, tokens as hashes only.

    Args:
        database: of the scheduler.
        chain_id: EIP-155 id, part of what requesters sign.
        clock: seconds since 1970.
    """

    def __init__(
        self, database: Database, chain_id: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._chain_id = chain_id
        self._clock = clock
        self._known: dict[bytes, tuple[ChecksumAddress, float]] = {}  # tokens, until when

    # WORKERS

    def challenge(self, worker: ChecksumAddress) -> bytes:
        """Return 32 random bytes for a worker to sign within five minutes.

        They stay the same until the worker has signed them: anybody may ask in its name.
        """
        return self._issue(_LOGIN, worker, _LOGIN_SECONDS)

    def login(self, worker: ChecksumAddress, signature: bytes) -> str:
        """Return a token for an hour; the challenge is used up.

        Raises:
            HttpError: 401, the worker did not sign its last challenge.
        """
        challenge = self._pending(_LOGIN, worker)
        if challenge is None or recover_signer(login_digest(challenge), signature) != worker:
            raise _unknown("sign the challenge of GET /workers/challenge within five minutes")
        token = secrets.token_urlsafe(32)
        row = {"hash": _hash(token), "wallet": worker, "until": self._clock() + _TOKEN_SECONDS}
        used = (challenges.c.purpose == _LOGIN) & (challenges.c.address == worker)
        with self._database.writing() as connection:
            connection.execute(delete(challenges).where(used))
            connection.execute(tokens.insert(), [row])
        return token

    def worker(self, authorization: str) -> ChecksumAddress:
        """Return whose token a header ``Authorization`` holds.

        Raises:
            HttpError: 401, the token is missing, unknown or too old.
        """
        known = self.known_worker(authorization)
        if known is not None:
            return known
        digest = _token_of(authorization)
        query = select(tokens).where(tokens.c.hash == digest, tokens.c.until > self._clock())
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise _unknown("log in at POST /workers/login")
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[digest] = ChecksumAddress(row.wallet), row.until
        return ChecksumAddress(row.wallet)

    def known_worker(self, authorization: str) -> ChecksumAddress | None:
        """Return whose token it is when that needs no look at the database."""
        wallet, until = self._known.get(_token_of(authorization), (None, 0.0))
        return wallet if self._clock() < until else None

    # REQUESTERS

    def log_challenge(self, address: ChecksumAddress) -> dict[str, Any]:
        """Return the typed data that a requester signs to read logs; it serves for an hour."""
        challenge = self._issue(_READ, address, _READ_SECONDS)
        return log_challenge(challenge.hex(), self._chain_id)

    def reader(self, authorization: str) -> ChecksumAddress:
        """Return who signed a header ``<hash>_<signature>_<address>``.

        Raises:
            HttpError: 401, it is no signature of the last challenge of that address.
        """
        try:
            hashed, signature, claimed = authorization.split("_")
            address = checked_address("address", claimed)
            raw = bytes.fromhex(signature.removeprefix("0x"))
        except (ValueError, UserInputError):
            raise _unknown("send <hash>_<signature>_<address> of the challenge") from None
        challenge = self._pending(_READ, address)
        if challenge is not None:
            digest = log_challenge_digest(challenge.hex(), self._chain_id)
            is_last = hashed.lower() == f"0x{digest.hex()}"
            if is_last and recover_signer(digest, raw) == address:
                return address
        raise _unknown("sign the challenge of GET /tasks/logs/challenge")

    def _issue(self, purpose: str, address: str, seconds: float) -> bytes:
        with self._database.writing() as connection:
            here = (challenges.c.purpose == purpose) & (challenges.c.address == address)
            found = connection.execute(select(challenges).where(here)).one_or_none()
            # One that is handed out shortly before its end would fail its holder.
            if found is not None and found.until > self._clock() + seconds / 2:
                return bytes(found.challenge)
            challenge, until = secrets.token_bytes(32), self._clock() + seconds
            row = {"purpose": purpose, "address": address, "challenge": challenge, "until": until}
            connection.execute(upsert(self._database, challenges, row))
            return challenge

    def _pending(self, purpose: str, address: str) -> bytes | None:
        query = select(challenges.c.challenge).where(
            challenges.c.purpose == purpose,
            challenges.c.address == address,
            challenges.c.until > self._clock(),
        )
        with self._database.reading() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found)


def _token_of(authorization: str) -> bytes:
    """Return the hash of the token in a header ``Authorization``; nothing when there is none."""
    kind, _, token = authorization.partition(" ")
    return _hash(token.strip()) if kind.lower() == "bearer" else b""


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _unknown(remedy: str) -> HttpError:
    return HttpError(
        HTTPStatus.UNAUTHORIZED,
        "the request must prove who makes it",
        field="Authorization",
        remedy=remedy,
    )
