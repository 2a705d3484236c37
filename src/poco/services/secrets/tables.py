"""The tables of the secret service, and the lines of its audit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, MetaData, String, Table

__all__ = ["KEYRING", "METADATA", "NONCES", "RELEASES", "SECRETS", "Release"]

METADATA = MetaData()

SECRETS = Table(
    "secrets",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("subject", String(66), primary_key=True),  # address in lower case, or task
    Column("name", String(256), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("software", Boolean, nullable=False),
    Column("expires", Float, index=True),
    Column("key_id", String(16), nullable=False, index=True),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
)
NONCES = Table(
    "nonces",
    METADATA,
    Column("address", String(42), primary_key=True),
    Column("next", Integer, nullable=False),
)
RELEASES = Table(
    "releases",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("taskid", String(66), nullable=False, index=True),
    Column("dealid", String(66), nullable=False),
    Column("worker", String(42), nullable=False),
    Column("peer", String(64), nullable=False),
    Column("secret", String(400), nullable=False),
)
KEYRING = Table(
    "keyring",
    METADATA,
    Column("name", String(8), primary_key=True),
    Column("key_id", String(16), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Release:
    """One line of the audit: one secret that left the service.

    Args:
        at: time, seconds since 1970.
        taskid: the task it was released for, 0x-hex.
        dealid: its deal, 0x-hex.
        worker: who got it.
        peer: IP address of who asked.
        secret: which one, for example ``dataset 0x…``; never the value.
    """

    at: float
    taskid: str
    dealid: str
    worker: str
    peer: str
    secret: str
