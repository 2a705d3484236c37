"""What a scheduler stores (spec offchain §8.3). Times are seconds since 1970, ids 32 bytes."""

from __future__ import annotations

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
    Text,
    column,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from poco import transactions

__all__ = [
    "MAX_INTEGER",
    "challenges",
    "cursor",
    "deals",
    "logs",
    "metadata",
    "replicate_events",
    "replicates",
    "task_events",
    "tasks",
    "tokens",
    "workers",
]

MAX_INTEGER = 2**62
"""Larger numbers of a deal are as good as this one: nothing here reaches it."""


class _TaskIndex(TypeDecorator[int]):
    """An index of a task: up to 2^64, which databases order but do not count to."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else value - 2**63

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else value + 2**63


metadata = MetaData()
transactions.declare(metadata)

_GROWS = column("expanded") < column("bot_size")

cursor = Table(
    "cursor",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("block", BigInteger, nullable=False),  # all up to it has been read
    Column("hash", String(66), nullable=False),
    Column("hub", String(42)),  # whose logs were read
)

deals = Table(
    "deals",
    metadata,
    Column("dealid", LargeBinary(32), primary_key=True),
    Column("block", BigInteger),  # of the match; None after a reorganisation dropped it
    Column("requester", String(42), nullable=False),
    Column("callback", String(42), nullable=False),
    Column("app_name", Text, nullable=False),
    Column("app_type", String(64), nullable=False),
    Column("params", Text, nullable=False),
    Column("trust", BigInteger, nullable=False),
    Column("tag", BigInteger, nullable=False),
    Column("clock", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("bot_first", _TaskIndex, nullable=False),
    Column("bot_size", BigInteger, nullable=False),
    Column("expanded", BigInteger, nullable=False),  # tasks that have a row
    Column("refusal", Text, nullable=False),  # why this pool does not do it; empty when it does
    Index("deals_of_block", "block"),
    Index("deals_by_start", "start", "dealid"),
    Index("deals_growing", "dealid", sqlite_where=_GROWS, postgresql_where=_GROWS),
)

tasks = Table(
    "tasks",
    metadata,
    Column("taskid", LargeBinary(32), primary_key=True),
    Column("dealid", ForeignKey("deals.dealid"), nullable=False),
    Column("idx", _TaskIndex, nullable=False),
    Column("stage", String(32), nullable=False),
    Column("is_over", Boolean, nullable=False, default=False),
    Column("wants", Boolean, nullable=False, default=False),  # one more worker
    Column("check_at", BigInteger, nullable=False, default=0),
    # what the chain said
    Column("chain_status", Integer, nullable=False, default=0),
    Column("reveal_deadline", BigInteger, nullable=False, default=0),
    Column("winners", Integer, nullable=False, default=0),
    Column("reveals", Integer, nullable=False, default=0),
    Column("consensus", LargeBinary(32), nullable=False, default=bytes(32)),
    Column("digest", LargeBinary(32), nullable=False, default=bytes(32)),
    # what is needed to go on
    Column("enclave_challenge", String(42), nullable=False, default=""),
    Column("link", LargeBinary),  # to the agreed result, once it is stored
    Column("callback_data", LargeBinary),  # that the digest is the hash of, with a callback
    Column("tx_key", String(200)),  # of the last transaction
    Column("tx_action", String(32)),
    Column("tx_attempt", Integer, nullable=False, default=0),
    Index("tasks_due", "is_over", "check_at"),
    Index("tasks_wanting", "wants"),
    Index("tasks_of_deal", "dealid", "is_over"),
    Index("tasks_by_stage", "stage"),
)

task_events = Table(
    "task_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("taskid", LargeBinary(32), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("stage", String(32), nullable=False),
    Column("block", BigInteger, nullable=False, index=True),  # head when it was decided
)

replicates = Table(
    "replicates",
    metadata,
    Column("taskid", ForeignKey("tasks.taskid"), primary_key=True),
    Column("worker", String(42), primary_key=True),
    Column("status", String(32), nullable=False),
    Column("cause", String(200), nullable=False, default=""),
    Column("message", Text, nullable=False, default=""),
    Column("exit_code", BigInteger),
    Column("weight", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("is_over", Boolean, nullable=False, default=False),
    # what the chain said
    Column("contribution", Integer, nullable=False, default=0),
    Column("result_hash", LargeBinary(32), nullable=False, default=bytes(32)),
    Index("replicates_open", "is_over", "worker"),
)

replicate_events = Table(
    "replicate_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("taskid", LargeBinary(32), nullable=False, index=True),
    Column("worker", String(42), nullable=False),
    Column("at", Float, nullable=False),
    Column("status", String(32), nullable=False),
    Column("modifier", String(16), nullable=False),  # WORKER or POOL_MANAGER
    Column("cause", String(200), nullable=False, default=""),
)

workers = Table(
    "workers",
    metadata,
    Column("wallet", String(42), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("slots", Integer, nullable=False),
    Column("cpus", Integer, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("disk", BigInteger, nullable=False),
    Column("app_types", Text, nullable=False),  # separated by spaces
    Column("tags", BigInteger, nullable=False),
    Column("host", String(200), nullable=False),
    Column("version", String(100), nullable=False),
    Column("weight", BigInteger, nullable=False),  # of its vote, by its score on chain
    Column("head", BigInteger, nullable=False, default=0),
    Column("seen", Float, nullable=False),
    Column("is_silent", Boolean, nullable=False, default=False),
    Column("failures", Integer, nullable=False, default=0),  # of its own, in a row
    Column("quarantine", Float, nullable=False, default=0.0),  # gets no tasks before
)

logs = Table(
    "logs",
    metadata,
    Column("taskid", LargeBinary(32), primary_key=True),
    Column("worker", String(42), primary_key=True),
    Column("stdout", Text, nullable=False),
    Column("stderr", Text, nullable=False),
    Column("expires", Float, nullable=False, index=True),  # behind long texts: costly to look for
)

challenges = Table(
    "challenges",
    metadata,
    Column("purpose", String(16), primary_key=True),
    Column("address", String(42), primary_key=True),
    Column("challenge", LargeBinary(32), nullable=False),
    Column("until", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of the token
    Column("wallet", String(42), nullable=False),
    Column("until", Float, nullable=False),
)
