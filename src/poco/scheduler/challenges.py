"""What a requester signs to read the logs of its tasks (spec sdk §6.3). Pure."""

from __future__ import annotations

from typing import Any

from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

__all__ = ["log_challenge", "log_challenge_digest"]


def log_challenge(text: str, chain_id: int) -> dict[str, Any]:
    """Return a challenge in the shape that the official client signs.

    Args:
        text: what is to be signed.
        chain_id: EIP-155 id.
    """
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
            "Challenge": [{"name": "challenge", "type": "string"}],
        },
        "domain": {"name": "iExec Core", "version": "1", "chainId": chain_id},
        "primaryType": "Challenge",
        "message": {"challenge": text},
    }


def log_challenge_digest(text: str, chain_id: int) -> bytes:
    """Return the EIP-712 digest of a challenge, 32 bytes."""
    signable = encode_typed_data(full_message=log_challenge(text, chain_id))
    return keccak(b"\x19" + signable.version + signable.header + signable.body)
