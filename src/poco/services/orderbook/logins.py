"""Who asks: a signed challenge goes with each request that changes something (spec sdk §3.2)."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import ChainView, checked_address, is_valid_signature
from poco.services.orderbook.refusals import refused

__all__ = ["Logins", "challenge_digest"]

_NAME, _VERSION = "iExec Gateway", "1"
_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
_CHALLENGE_TYPE = keccak(b"Challenge(string challenge)")
_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
    ],
    "Challenge": [{"name": "challenge", "type": "string"}],
}
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
                text = f"Sign this message to log into {_NAME}: {secrets.token_urlsafe(32)}"
                self._pending[account] = (text, self._clock() + _LIFE_SECONDS)
                self._pending.move_to_end(account)
                if len(self._pending) > _MAX_PENDING:
                    self._pending.popitem(last=False)
        return {
            "types": _TYPES,
            "domain": {"name": _NAME, "version": _VERSION, "chainId": str(self._chain_id)},
            "primaryType": "Challenge",
            "message": {"challenge": text},
        }

    def check(self, header: str | None) -> ChecksumAddress:
        """Use up the challenge that a header answers, and return the account.

        Args:
            header: ``<hash>_<signature>_<address>``.

        Raises:
            RefusedError: 403 ``invalid authorization``.
            ChainError: the account may be a contract, and the node does not answer.
        """
        try:
            hashed, signature, address = (header or "").split("_")
            account = checked_address("authorization", address)
            given, signed = bytes.fromhex(hashed[2:]), bytes.fromhex(signature[2:])
        except (ValueError, UserInputError):
            raise refused("invalid authorization") from None
        with self._lock:
            text, end = self._pending.get(account, ("", 0.0))
        pending = end > self._clock() and challenge_digest(text, self._chain_id) == given
        if not pending or not (
            is_valid_signature(account, given, signed)
            or is_valid_signature(account, given, signed, self._view())
        ):
            raise refused("invalid authorization")
        with self._lock:
            if self._pending.get(account, ("", 0.0))[0] != text:
                raise refused("invalid authorization")
            del self._pending[account]
        return account


def challenge_digest(text: str, chain_id: int) -> bytes:
    """Return the EIP-712 digest of a challenge, 32 bytes."""
    domain = keccak(
        _DOMAIN_TYPE + keccak(_NAME.encode()) + keccak(_VERSION.encode()) + chain_id.to_bytes(32)
    )
    message = keccak(_CHALLENGE_TYPE + keccak(text.encode()))
    return keccak(b"\x19\x01" + domain + message)
