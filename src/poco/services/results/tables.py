"""The tables of a result store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, MetaData, String, Table

__all__ = ["TABLES", "contents", "results", "taken", "uploads"]

TABLES = MetaData()
contents = Table(
    "contents",
    TABLES,
    Column("cid", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(66), nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("ready", Boolean, nullable=False, index=True),
)
results = Table(
    "results",
    TABLES,
    Column("task", String(66), primary_key=True),
    Column("digest", String(66), primary_key=True),
    Column("cid", String(64), nullable=False, index=True),
    Column("link", LargeBinary, nullable=False),
    Column("worker", String(42), nullable=False),
    Column("requester", String(42), nullable=False, index=True),
    Column("workerpool", String(42), nullable=False, index=True),
    Column("encrypted", Boolean, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Index("results_ending", "provisional", "expires"),
)
uploads = Table(
    "uploads",
    TABLES,
    Column("task", String(66), primary_key=True),
    Column("worker", String(42), primary_key=True),
    Column("sha256", String(66), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("requester", String(42), nullable=False),
    Column("workerpool", String(42), nullable=False),
    Column("touched", BigInteger, nullable=False),
)
taken = Table(
    "taken",
    TABLES,
    Column("owner", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
)
"""Sums of sizes; see `space`."""
