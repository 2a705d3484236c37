"""Open orders are counted and found by their shapes, and yet as if each were looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import and_, delete, func, insert, select

from poco.database import Database
from poco.orders import GPU, TEE, ZERO_ADDRESS, OrderKind, Tag, WorkerpoolOrder, checked_address
from poco.services.orderbook import shapes as subject
from poco.services.orderbook.publishing import Submission, order_row
from poco.services.orderbook.queries import OrdersQuery, sought_orders
from poco.services.orderbook.tables import SORTING, TABLES, orders, shapes

ALICE, BOB, POOL = (checked_address("account", f"0x{digit * 40}") for digit in "123")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('shapes')}/book.sqlite", TABLES)
    yield database
    database.close()


OFFERS = st.lists(
    st.builds(
        WorkerpoolOrder,
        workerpool=st.just(POOL),
        workerpoolprice=st.integers(0, 2),
        volume=st.integers(1, 3),
        category=st.integers(0, 1),
        trust=st.integers(0, 2),
        tag=st.sampled_from([Tag(0), TEE, TEE | GPU, Tag(1 << 255)]),
        requesterrestrict=st.sampled_from([ZERO_ADDRESS, ALICE, BOB]),
        salt=st.just(bytes(32)),
    ),
    max_size=12,
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["0", "1"]),
        "minTrust": st.sampled_from(["0", "1", "2"]),
        "minVolume": st.sampled_from(["1", "2", "9"]),
        "minTag": st.sampled_from([TEE.to_hex()]),
        "maxTag": st.sampled_from([Tag(0).to_hex(), TEE.to_hex()]),
        "requester": st.sampled_from(["any", ALICE]),
        "isRequesterStrict": st.sampled_from(["true"]),
    },
)


def rows_of(offers: list[WorkerpoolOrder]) -> list[Row]:
    """The rows of open orders; each one is younger than the one before."""
    return [
        order_row(Submission(offer, f"0x{place:064x}", BOB, signed=True), offer.volume, place)
        for place, offer in enumerate(offers)
    ]


def suits(row: Row, query: dict[str, str]) -> bool:
    """The rules of spec sdk §3.4, one order at a time."""
    asked = query.get("requester")
    admitted = {None: {ZERO_ADDRESS}, "any": {ZERO_ADDRESS, ALICE, BOB}}.get(
        asked, {ALICE} if query.get("isRequesterStrict") else {ZERO_ADDRESS, ALICE}
    )
    flags = sum((row[f"tag_{place}"] & 2**64 - 1) << 64 * place for place in range(4))
    least = int(query.get("minTag", "0x0"), 16)
    most = int(query.get("maxTag", f"{2**256 - 1:#x}"), 16)
    return (
        row["requester"] in admitted
        and row["category"] == int(query.get("category", row["category"]))
        and row["trust"] >= int(query.get("minTrust", 0))
        and row["remaining"] >= int(query.get("minVolume", 1))
        and flags & least == least
        and flags & ~most == 0
    )


@given(OFFERS, QUERIES, st.sampled_from([0, 1_000]))
@settings(max_examples=60)
def test_orders__of_any_query__are_those_that_suit_it(
    database: Database, offers: list[WorkerpoolOrder], query: dict[str, str], few: int
) -> None:
    rows = rows_of(offers)
    sought = sought_orders(OrderKind.WORKERPOOL, OrdersQuery(**query))
    with pytest.MonkeyPatch.context() as patch, database.writing() as connection:
        patch.setattr(subject, "_FEW", few)
        connection.execute(delete(orders))
        connection.execute(delete(shapes))
        for row, number in zip(rows, subject.count_opened(connection, rows), strict=True):
            connection.execute(insert(orders), row | {"shape": number})
        condition, number = subject.found_by(connection, OrderKind.WORKERPOOL, sought.shapes)
        found = connection.execute(
            select(orders.c.hash).where(and_(condition, *sought.more)).order_by(*SORTING)
        )
        hashes = list(found.scalars())
    expected = [row for row in rows if suits(row, query)]
    expected.sort(key=lambda row: (row["price"], row["published"]))
    assert hashes == [row["hash"] for row in expected]
    if not sought.more:
        assert number == len(hashes)


def test_shape__without_open_orders__is_forgotten(database: Database) -> None:
    terms = {"workerpool": POOL, "salt": bytes(32)}
    rows = rows_of([WorkerpoolOrder(**terms, trust=trust) for trust in (0, 0, 5)])
    with database.writing() as connection:
        connection.execute(delete(shapes))
        plain, same, other = subject.count_opened(connection, rows)
        assert plain == same != other
        subject.count_closed(connection, [plain, other])
        left = connection.execute(select(shapes.c.id, shapes.c.open)).all()
        assert left == [(plain, 1)]
        assert subject.count_opened(connection, rows[:1]) == [plain]
        subject.count_closed(connection, [plain, plain])
        assert connection.execute(select(func.count()).select_from(shapes)).scalar() == 0
