"""Reorganisations of a local chain: blocks that everybody saw are replaced by others."""

from __future__ import annotations

from poco.contracts import Chain


def reorg(chain: Chain, depth: int) -> None:
    """Replace the last blocks by as many empty ones; what was in them is in no pool either.

    Args:
        chain: anvil.
        depth: how many blocks; the chain must be longer.
    """
    chain.request("anvil_reorg", depth, [])


def mine(chain: Chain, blocks: int = 1) -> None:
    """Mine blocks at once."""
    chain.request("anvil_mine", hex(blocks))
