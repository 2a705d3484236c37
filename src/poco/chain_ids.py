"""What the id of a chain tells."""

from __future__ import annotations

__all__ = ["is_development_chain"]

_DEVELOPMENT_CHAINS = (1337, 31337)


def is_development_chain(chain_id: int) -> bool:
    """Return whether it is a chain of one's own, whose blocks come when somebody wants one.

    There the clock of the host tells what time it is; elsewhere the newest block does, and the
    clock may be wrong.

    Args:
        chain_id: EIP-155 id.
    """
    return chain_id in _DEVELOPMENT_CHAINS
