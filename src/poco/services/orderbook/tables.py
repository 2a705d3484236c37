"""The tables of the order book: published orders, deals, and what the chain says of them.

Facts are folded from the chain's events, so nothing is asked of a node when an order is published;
the journal holds what they were before each of the last blocks, so that a block can be undone.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    true,
)

from poco.orders import Tag
from poco.services.following import place

__all__ = [
    "PLACE",
    "SHAPE",
    "SORTING",
    "TABLES",
    "TAG_WORDS",
    "blocks",
    "categories",
    "deals",
    "facts",
    "groups",
    "journal",
    "orders",
    "shapes",
    "tag_words",
]

TABLES = MetaData()
"""All tables, to open the database with."""

TAG_WORDS = ("tag_0", "tag_1", "tag_2", "tag_3")
"""Columns of a tag, lowest flags first: both engines compare 64 bits at once."""

# Both engines compare text byte by byte then.
_BYTEWISE = String(66).with_variant(String(66, collation="C"), "postgresql")
_ADDRESS = String(42)

PLACE = place(TABLES, Column("stale", Boolean, nullable=False, server_default=true()))
"""How far the book is, and whether facts have changed since orders were judged."""

blocks = PLACE.blocks
"""The last blocks that were read."""

facts = Table(
    "facts",
    TABLES,
    Column("kind", String(16), primary_key=True),
    Column("key", String(66), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the chain says: see `poco.services.orderbook.facts`."""

journal = Table(
    "journal",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("block", BigInteger, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("key", String(66), nullable=False),
    Column("old", Text),
)
"""What facts were before a block; no `old` where there was none."""

groups = Table("groups", TABLES, Column("address", _ADDRESS, primary_key=True))
"""Contracts that orders name in restrictions and that are no assets of the market."""

categories = Table(
    "categories",
    TABLES,
    Column("catid", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("clock", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("transaction", String(66), nullable=False),
)

orders = Table(
    "orders",
    TABLES,
    Column("hash", _BYTEWISE, primary_key=True),
    Column("kind", String(15), nullable=False),
    Column("signer", _ADDRESS, nullable=False),
    Column("app", _ADDRESS, nullable=False),
    Column("dataset", _ADDRESS, nullable=False),
    Column("workerpool", _ADDRESS, nullable=False),
    Column("requester", _ADDRESS, nullable=False),
    Column("beneficiary", _ADDRESS),
    Column("price", BigInteger, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("appmaxprice", BigInteger),
    Column("datasetmaxprice", BigInteger),
    Column("stake", BigInteger, nullable=False),
    Column("volume", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    *(Column(word, BigInteger, nullable=False) for word in TAG_WORDS),
    Column("category", BigInteger),
    Column("trust", BigInteger),
    Column("presigned", Boolean, nullable=False),
    Column("status", String(8), nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("dead_since", BigInteger),
    Column("shape", Integer),
    Column("document", Text, nullable=False),
)
"""Orders. `app`, `dataset`, `workerpool` and `requester` are whom the order names on each side, as
its asset or as a restriction; zero: everybody. `rank` is what is sorted by: the price, of a request
minus it. `stake` is what the signer must have in the hub per task that remains (nRLC), `published`
is in milliseconds since 1970, `dead_since` a block, `shape` that of an open order."""

# Judgement looks for orders of an asset, of a signer, and for what died in dropped blocks; lists
# read open orders in their order, or those of a few shapes.
for _name in ("app", "dataset", "workerpool"):
    Index(f"orders_by_{_name}", orders.c[_name], orders.c.kind)
Index("orders_by_signer", orders.c.signer, orders.c.kind)
Index(
    "dead_orders",
    orders.c.dead_since,
    sqlite_where=orders.c.dead_since.is_not(None),
    postgresql_where=orders.c.dead_since.is_not(None),
)
Index("orders_by_shape", orders.c.shape)
SORTING = (orders.c.rank, orders.c.published, orders.c.hash)
"""What lists of orders are sorted by: the best price first, then the oldest."""
Index(
    "orders_by_rank", orders.c.kind, orders.c.status, *SORTING, orders.c.shape, orders.c.remaining
)

SHAPE = (
    *("kind", "signer", "app", "dataset", "workerpool", "requester", "beneficiary"),
    *("category", "trust", *TAG_WORDS),
)
"""The columns of orders that shapes have."""

shapes = Table(
    "shapes",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    *(Column(name, orders.c[name].type, nullable=orders.c[name].nullable) for name in SHAPE),
    Column("open", BigInteger, nullable=False),
)
"""What open orders have in common, and how many they are: see `poco.services.orderbook.shapes`."""
for _name in ("app", "dataset", "workerpool", "requester", "signer"):
    Index(f"shapes_by_{_name}", shapes.c[_name], shapes.c.kind)

_DEAL_FILTERS = (
    "requester",
    "beneficiary",
    "app",
    "dataset",
    "workerpool",
    "appOwner",
    "datasetOwner",
    "workerpoolOwner",
    "appHash",
    "datasetHash",
    "workerpoolHash",
    "requestHash",
)
deals = Table(
    "deals",
    TABLES,
    Column("dealid", _BYTEWISE, primary_key=True),
    Column("block", BigInteger, nullable=False, index=True),
    Column("timestamp", BigInteger, nullable=False),
    Column("category", BigInteger, nullable=False, index=True),
    Column("workerpool_price", BigInteger, nullable=False),
    Column("volume", BigInteger, nullable=False),
    *(Column(name, String(66), nullable=False, index=True) for name in _DEAL_FILTERS),
    Column("document", Text, nullable=False),
)
"""Deals; `document` is the record as it is answered."""


def tag_words(tag: Tag) -> dict[str, int]:
    """Return the four words of a tag by column, each as a signed integer of 64 bits."""
    parts = (int(tag) >> 64 * index & 2**64 - 1 for index in range(4))
    return {name: part - (part >> 63 << 64) for name, part in zip(TAG_WORDS, parts, strict=True)}
