"""Who asks: a signed challenge goes with each request that changes something (spec sdk §3.2)."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import ChainView, checked_address, is_valid_signature
from poco.services.orderbook.challenges import (
    challenge_digest,
    challenge_document,
    challenge_text,
)
from poco.services.orderbook.refusals import refused

__all__ = ["Logins"]

_LIFE_SECONDS = 300.0
_MAX_PENDING = 100_000


class Logins:
    """The pending challenges, in memory: one per account until it is used or too old.

    Args:
        chain_id: of the market.
        view: asks accounts that are contracts (ERC-1271).
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        chain_id: int,
        view: Callable[[], ChainView],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chain_id = chain_id
        self._view = view
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: OrderedDict[ChecksumAddress, tuple[str, float]] = OrderedDict()

    def challenge(self, account: ChecksumAddress) -> dict[str, Any]:
        """Return the typed data that the account must sign."""
        with self._lock:
            text, end = self._pending.get(account, ("", 0.0))
            if end <= self._clock():
                text = challenge_text(secrets.token_urlsafe(32))
                self._pending[account] = (text, self._clock() + _LIFE_SECONDS)
                self._pending.move_to_end(account)
                if len(self._pending) > _MAX_PENDING:
                    self._pending.popitem(last=False)
        return challenge_document(text, self._chain_id)

    def check(self, header: str | None) -> ChecksumAddress:
        """Use up the challenge that a header answers, and return the account.

        Args:
            header: ``<hash>_<signature>_<address>``.

        Raises:
            RefusedError: 403 ``invalid authorization``.
            ChainError: the account may be a contract, and the node does not answer.
        """
        answer = self._read(header)
        if not (answer.is_signed() or answer.is_signed(self._view())):
            raise refused("invalid authorization")
        return self._used(answer)

    def check_at_once(self, header: str | None) -> ChecksumAddress | None:
        """Do the same without the node; None when only the node can tell."""
        answer = self._read(header)
        return self._used(answer) if answer.is_signed() else None

    def _read(self, header: str | None) -> _Answer:
        try:
            hashed, signature, address = (header or "").split("_")
            account = checked_address("authorization", address)
            given, signed = bytes.fromhex(hashed[2:]), bytes.fromhex(signature[2:])
        except (ValueError, UserInputError):
            raise refused("invalid authorization") from None
        with self._lock:
            text, end = self._pending.get(account, ("", 0.0))
        if end <= self._clock() or challenge_digest(text, self._chain_id) != given:
            raise refused("invalid authorization")
        return _Answer(account, text, given, signed)

    def _used(self, answer: _Answer) -> ChecksumAddress:
        with self._lock:
            if self._pending.get(answer.account, ("", 0.0))[0] != answer.text:
                raise refused("invalid authorization")
            del self._pending[answer.account]
        return answer.account


@dataclass(frozen=True, slots=True)
class _Answer:
    """A header that answers the pending challenge `text` of an account."""

    account: ChecksumAddress
    text: str
    digest: bytes
    signature: bytes

    def is_signed(self, view: ChainView | None = None) -> bool:
        return is_valid_signature(self.account, self.digest, self.signature, view)
