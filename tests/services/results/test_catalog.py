"""The same bookkeeping in SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import Engine
from support.postgresql import start_postgresql

from poco.database import Database
from poco.services.results import TABLES, Quotas
from poco.services.results.catalog import Catalog, Content, Record, Reservation
from poco.services.results.space import ROLES, Space
from poco.web import HttpError

CONTENT = Content("bafyfirst", 100, "0x01")
RECORD = Record(
    task="0x01",
    digest="0x02",
    cid=CONTENT.cid,
    link=b"{}",
    worker="0x03",
    requester="0x04",
    workerpool="0x05",
    encrypted=False,
    provisional=True,
    created=1,
    expires=2,
)
UPLOAD = Reservation("0x01", "0x03", "0x06", 60, "0x04", "0x05", 1)
QUOTAS = Quotas(total=300, account=200)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with start_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database in each engine in turn."""
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
    database = Database(url, TABLES)
    with database.writing() as connection:
        for table in TABLES.sorted_tables:
            connection.execute(table.delete())
    yield database
    database.close()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    return Catalog(database)


def store(catalog: Catalog, record: Record = RECORD, content: Content = CONTENT) -> None:
    catalog.add(record, content)
    catalog.set_ready(content)


def test_record__counts_once_the_storage_has_its_file(catalog: Catalog) -> None:
    catalog.add(RECORD, CONTENT)
    assert catalog.find("0x01", "0x02") is None
    assert catalog.content(CONTENT.cid) is None
    catalog.set_ready(CONTENT)
    assert catalog.find("0x01", "0x02") == RECORD
    assert catalog.of_task("0x01") == catalog.records() == [RECORD]
    assert catalog.content(CONTENT.cid) == replace(CONTENT, ready=True)
    assert catalog.usage() == (1, 100)


def test_add__result_that_is_there__does_not_replace_it(catalog: Catalog) -> None:
    store(catalog)
    store(catalog, replace(RECORD, cid="bafyother"), replace(CONTENT, cid="bafyother"))
    assert catalog.records() == [RECORD]
    assert catalog.orphans() == ["bafyother"]


def test_add__after_an_upload_that_died__takes_its_place(catalog: Catalog) -> None:
    catalog.add(RECORD, CONTENT)
    other = replace(RECORD, cid="bafyother")
    store(catalog, other, replace(CONTENT, cid="bafyother"))
    assert catalog.find("0x01", "0x02") == other


def test_confirm__is_seen_in_the_lists(catalog: Catalog) -> None:
    store(catalog)
    assert catalog.provisional() == [RECORD]
    catalog.confirm(RECORD)
    assert catalog.provisional() == []
    assert catalog.expired(RECORD.expires) == [replace(RECORD, provisional=False)]
    assert catalog.expired(RECORD.expires - 1) == []


def test_remove__file_that_is_needed__stays(catalog: Catalog) -> None:
    store(catalog)
    deleted: list[str] = []
    assert catalog.remove(CONTENT.cid, deleted.append) == 0
    catalog.drop(RECORD)
    assert catalog.remove(CONTENT.cid, deleted.append) == 100
    assert catalog.remove(CONTENT.cid, deleted.append) == 0
    assert deleted == [CONTENT.cid]


def test_remove__pinned_file__stays(catalog: Catalog) -> None:
    store(catalog)
    catalog.add_content(replace(CONTENT, pinned=True), QUOTAS)
    catalog.drop(RECORD)
    assert catalog.orphans() == []
    assert catalog.remove(CONTENT.cid, pytest.fail) == 0


def test_remove__nobody_announces_the_file_meanwhile(catalog: Catalog) -> None:
    """Else its new owner would believe that the storage has it."""
    catalog.add_content(CONTENT, QUOTAS)
    catalog.set_ready(CONTENT)
    order: list[str] = []
    announcing = threading.Thread(
        target=lambda: (catalog.add(RECORD, CONTENT), order.append("announced"))
    )

    def delete(cid: str) -> None:
        announcing.start()
        announcing.join(0.3)
        order.append("deleted")

    catalog.remove(CONTENT.cid, delete)
    announcing.join()
    assert order == ["deleted", "announced"]
    assert catalog.content(CONTENT.cid) is None  # it is not ready: it will be put again


def test_reserve__counts_what_is_stored_and_under_way(catalog: Catalog) -> None:
    store(catalog)
    catalog.reserve(UPLOAD, QUOTAS)
    catalog.reserve(replace(UPLOAD, size=80), QUOTAS)  # in place of the first
    assert catalog.uploads() == [replace(UPLOAD, size=80)]
    other = replace(UPLOAD, worker="0x07", size=21)
    with pytest.raises(HttpError, match="requester 0x04 may keep 200 bytes, and 180 are taken"):
        catalog.reserve(other, QUOTAS)
    with pytest.raises(HttpError, match="workerpool 0x05 may keep 200 bytes, and 180"):
        catalog.reserve(replace(other, requester="0x08"), QUOTAS)
    elsewhere = replace(other, requester="0x08", workerpool="0x09")
    with pytest.raises(HttpError, match="the store may keep 300 bytes, and 180"):
        catalog.reserve(replace(elsewhere, size=121), QUOTAS)
    catalog.reserve(elsewhere, QUOTAS)
    catalog.release("0x01", "0x03")
    assert catalog.uploads() == [elsewhere]


def test_reserve__refused__keeps_the_earlier_one(catalog: Catalog) -> None:
    catalog.reserve(UPLOAD, QUOTAS)
    with pytest.raises(HttpError):
        catalog.reserve(replace(UPLOAD, size=301), QUOTAS)
    assert catalog.uploads() == [UPLOAD]


def test_reserve__by_many_at_once__never_exceeds_a_quota(catalog: Catalog) -> None:
    def reserve(number: int) -> int:
        try:
            catalog.reserve(replace(UPLOAD, worker=f"0x1{number}", size=100), QUOTAS)
        except HttpError:
            return 0
        return 100

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(reserve, range(6))) == 200


def test_reserve__once_more__adds_up_no_rows(database: Database, catalog: Catalog) -> None:
    """Else each upload would take longer than the one before."""
    store(catalog)
    catalog.reserve(UPLOAD, QUOTAS)
    statements: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(*call: Any) -> None:
        statements.append(call[2])

    try:
        catalog.add(replace(RECORD, task="0x02"), CONTENT)
        catalog.reserve(replace(UPLOAD, size=0), QUOTAS)
        catalog.usage()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(statements) > 8
    assert [text for text in statements if "sum(contents" in text] == []


_tasks, _cids = (
    st.sampled_from(["0x01", "0x02", "0x03"]),
    st.sampled_from(["one", "three", "seven"]),
)
_accounts = st.sampled_from(["0x0a", "0x0b"])
_deeds = st.tuples(
    st.sampled_from(["store", "add", "put", "ready", "reserve", "drop", "remove", "clean"]),
    _tasks,
    _cids,
    _accounts,
    _accounts,
)


@given(st.lists(_deeds, max_size=25))
@settings(max_examples=60)
def test_sums__whatever_happens__are_those_of_the_rows(
    deeds: list[tuple[str, str, str, str, str]],
) -> None:
    database = Database("sqlite://", TABLES)
    catalog = Catalog(database)

    def sums() -> list[int]:
        with database.writing() as connection:
            space = Space(database, connection)
            accounts = [(role, who) for role in ROLES for who in ("0x0a", "0x0b")]
            whole = (space.used(), *space.kept(), *space.added())
            return [*whole, *(space.used_by(role, who) for role, who in accounts)]

    def made_anew() -> list[int]:
        with database.writing() as connection:
            Space(database, connection).forget()
        return sums()

    sums()
    for deed, task, cid, requester, workerpool in deeds:
        content = Content(cid, len(cid), "0x")
        record = replace(RECORD, task=task, cid=cid, requester=requester, workerpool=workerpool)
        upload = Reservation(task, "0x03", "0x", len(cid), requester, workerpool, 1)
        match deed:
            case "store":
                store(catalog, record, content)
            case "add":
                catalog.add(record, content)
            case "put":
                catalog.add_content(content, Quotas())
            case "ready":
                catalog.set_ready(content, (task, "0x03"))
            case "reserve":
                catalog.reserve(upload, Quotas())
            case "drop":
                catalog.drop(record)
            case "remove":
                catalog.remove(cid, lambda _: None)
            case "clean":
                catalog.drop_unfinished(2)
        assert sums() == made_anew()
    database.close()


def test_set_ready__of_an_upload__gives_its_space_back(catalog: Catalog) -> None:
    catalog.reserve(UPLOAD, QUOTAS)
    catalog.add(RECORD, CONTENT)
    catalog.set_ready(CONTENT, ("0x01", "0x03"))
    assert catalog.uploads() == []


def test_set_ready__forgotten_meanwhile__is_known_again(catalog: Catalog) -> None:
    catalog.add_content(CONTENT, QUOTAS)
    catalog.remove(CONTENT.cid, lambda cid: None)
    catalog.set_ready(CONTENT)
    assert catalog.content(CONTENT.cid) == replace(CONTENT, ready=True)


def test_add_content__beyond_a_quota__is_507(catalog: Catalog) -> None:
    store(catalog)  # a result does not count as added
    for cid in ("bafyone", "bafytwo"):
        catalog.add_content(replace(CONTENT, cid=cid, size=50), QUOTAS)
    assert catalog.added() == (2, 100)
    third = replace(CONTENT, cid="bafythree", size=50)
    for quotas, rule in [
        (replace(QUOTAS, added_files=2), "2 files besides results"),
        (replace(QUOTAS, added=149), "may keep 149 bytes, and 100 are taken"),
        (replace(QUOTAS, total=249), "the store may keep 249 bytes, and 200 are taken"),
    ]:
        with pytest.raises(HttpError, match=rule):
            catalog.add_content(third, quotas)
        catalog.add_content(replace(CONTENT, cid="bafyone", size=50), quotas)  # it is there
    catalog.add_content(third, QUOTAS)
