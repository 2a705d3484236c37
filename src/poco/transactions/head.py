"""The end of the chain as one pass of the queue sees it, read in one request."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.contracts import Chain
from poco.contracts.chain import to_int
from poco.contracts.wallet import PRICE_QUESTIONS, price_fields
from poco.errors import ChainError
from poco.transactions.fees import Price

__all__ = ["Head", "read_head"]


@dataclass(frozen=True, slots=True)
class Head:
    """The latest block and the sender's place in it.

    Args:
        number: of the block.
        block_hash: of the block, 0x-hex.
        timestamp: its time, in seconds since 1970.
        base_fee: what a unit of gas costs at least, wei; 0 on a chain without base fee.
        mined: how many transactions of the sender are in blocks: the number of the next one.
        pending: the same with those that the node holds.
        market: what a new transaction should offer.
    """

    number: int
    block_hash: str
    timestamp: int
    base_fee: int
    mined: int
    pending: int
    market: Price


def read_head(chain: Chain, sender: ChecksumAddress) -> Head:
    """Ask the node.

    Raises:
        ChainError: it does not answer.
    """
    mined, pending, block, tip, price = chain.outcomes(
        [
            ("eth_getTransactionCount", (sender, "latest")),
            ("eth_getTransactionCount", (sender, "pending")),
            *PRICE_QUESTIONS,
        ]
    )
    for answer in (mined, pending, block):
        if isinstance(answer, ChainError):
            raise answer
    if block is None:
        raise ChainError("the node must know its latest block", remedy="wait until it has one")
    return Head(
        number=to_int(block["number"]),
        block_hash=block["hash"],
        timestamp=to_int(block["timestamp"]),
        base_fee=to_int(block.get("baseFeePerGas") or "0x0"),
        mined=to_int(mined),
        pending=to_int(pending),
        market=Price.of(price_fields(block, tip, price)),
    )
