"""What an account signs to log into an order book (spec sdk §3.2). Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_hash.auto import keccak

__all__ = ["challenge_digest", "challenge_document", "challenge_text"]

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


def challenge_text(nonce: str) -> str:
    """Return the text of a challenge, which wallets show."""
    return f"Sign this message to log into {_NAME}: {nonce}"


def challenge_document(text: str, chain_id: int) -> dict[str, Any]:
    """Return a challenge as the typed data of eth_signTypedData_v4."""
    return {
        "types": _TYPES,
        "domain": {"name": _NAME, "version": _VERSION, "chainId": str(chain_id)},
        "primaryType": "Challenge",
        "message": {"challenge": text},
    }


def challenge_digest(text: str, chain_id: int) -> bytes:
    """Return the EIP-712 digest of a challenge, 32 bytes."""
    message = keccak(_CHALLENGE_TYPE + keccak(text.encode()))
    return keccak(b"\x19\x01" + _separator(chain_id) + message)


@cache
def _separator(chain_id: int) -> bytes:
    names = keccak(_NAME.encode()) + keccak(_VERSION.encode())
    return keccak(_DOMAIN_TYPE + names + chain_id.to_bytes(32))
