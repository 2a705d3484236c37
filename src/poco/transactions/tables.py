"""What the queue stores: a row for each transaction, and one for each time it was signed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

__all__ = ["TransactionState", "TransactionStatus", "attempts", "declare", "transactions"]


class TransactionStatus(StrEnum):
    """How far a transaction has come."""

    QUEUED = "QUEUED"
    """Stored; it has no number yet and nobody has seen it."""
    SIGNED = "SIGNED"
    """Signed with its number and stored; a node may have it, or not."""
    SENT = "SENT"
    """A node took it; repeated, and replaced by a dearer one, until it is mined."""
    MINED = "MINED"
    """In a block that a reorganisation may still remove."""
    CONFIRMED = "CONFIRMED"
    """Final, and successful: by this transaction, or its effect by somebody else's."""
    FAILED = "FAILED"
    """Final: refused, reverted, or too late. The reason says which."""


@dataclass(frozen=True, slots=True)
class TransactionState:
    """What is known about one transaction.

    Args:
        status: how far it has come.
        hash: 0x-hex of the one that was mined, else of the last one signed; None before.
        block: number of the block it is in; None while it is in none.
        reason: what went wrong, or what it waits for; empty when all is well.
        revert: name of the contract's error when it refused, for example ``Task_WrongStatus``.
    """

    status: TransactionStatus
    hash: str | None = None
    block: int | None = None
    reason: str = ""
    revert: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it did not do what it should: FAILED, or MINED in a block where it reverted."""
        return self.status is TransactionStatus.FAILED or (
            self.status is TransactionStatus.MINED and self.reason != ""
        )

    @property
    def done(self) -> bool:
        """Whether it did what it should: CONFIRMED, or MINED in a block that may be removed."""
        return not self.failed and self.status in (
            TransactionStatus.MINED,
            TransactionStatus.CONFIRMED,
        )


_metadata = MetaData()

transactions = Table(
    "transactions",
    _metadata,
    Column("id", Integer, primary_key=True),  # the order of sending
    Column("sender", String(42), nullable=False),
    Column("key", String(200), nullable=False),
    Column("name", String(64), nullable=False),
    Column("target", String(42)),  # None creates a contract
    Column("data", LargeBinary, nullable=False),
    Column("value", String(78), nullable=False),  # wei; more than 64 bits
    Column("gas", BigInteger),  # None asks the node
    Column("not_after", BigInteger),  # seconds since 1970
    Column("min_block", BigInteger, nullable=False),
    Column("status", String(10), nullable=False),
    Column("due", Float, nullable=False),  # when to try again, seconds since 1970
    Column("tries", Integer, nullable=False),  # in vain, since it was last queued
    Column("nonce", BigInteger),
    Column("hash", String(66)),
    Column("block", BigInteger),
    Column("block_hash", String(66)),
    Column("reason", String(500), nullable=False),
    Column("revert", String(100)),
    UniqueConstraint("sender", "key"),
    UniqueConstraint("sender", "nonce"),
    Index("transactions_of_status", "sender", "status"),
)

attempts = Table(
    "transaction_attempts",
    _metadata,
    Column("id", Integer, primary_key=True),  # the last one counts
    Column("transaction", ForeignKey("transactions.id"), nullable=False, index=True),
    Column("nonce", BigInteger, nullable=False),
    Column("hash", String(66), nullable=False, unique=True),
    Column("raw", LargeBinary, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", BigInteger, nullable=False),  # wei per gas
    Column("tip", BigInteger),  # wei per gas; None in a legacy transaction
    Column("cancels", Boolean, nullable=False),  # it only uses the nonce up
    Column("signed_at", Float, nullable=False, index=True),  # seconds since 1970
)


def declare(metadata: MetaData) -> None:
    """Add the queue's tables to those of a service, so that one database holds both."""
    for table in (transactions, attempts):
        table.to_metadata(metadata)
