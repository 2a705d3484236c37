"""The database module, on both engines."""

from __future__ import annotations

import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    inspect,
    make_url,
    select,
)
from support.postgresql import start_postgresql

from poco.database import Database, Lease, LeaseLostError, upsert
from poco.errors import ConfigurationError

METADATA = MetaData()
NOTES = Table(
    "notes",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", Integer, nullable=False),
)
KEYS = Table("keys", METADATA, Column("name", String, primary_key=True))


@pytest.fixture(scope="module")
def postgresql():
    with start_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/notes.sqlite"
    return request.getfixturevalue("postgresql")


@pytest.fixture
def database(url):
    opened = Database(url, METADATA)
    with opened.writing() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(table.delete())
    yield opened
    opened.close()


def notes(database):
    with database.reading() as connection:
        return dict(connection.execute(select(NOTES.c.name, NOTES.c.value)).all())


def write(database, name, value):
    with database.writing() as connection:
        connection.execute(upsert(database, NOTES, {"name": name, "value": value}))


def test_writing__ended_well__is_kept_for_the_next_process(database, url):
    write(database, "a", 1)
    again = Database(url, METADATA)
    assert notes(again) == {"a": 1}
    again.close()


def test_writing__ended_by_an_exception__changes_nothing(database):
    def interrupted():
        with database.writing() as connection:
            connection.execute(NOTES.insert().values(name="a", value=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert notes(database) == {}


def test_writing__lasting_or_not__waits_for_the_disk_or_does_not(database):
    asked, *answers = (
        ("PRAGMA synchronous", 1, 2)
        if database.is_sqlite
        else ("SHOW synchronous_commit", "off", "on")
    )
    for lasting in (True, False, True):  # on a connection that was used otherwise before
        with database.writing(lasting=lasting) as connection:
            assert connection.exec_driver_sql(asked).scalar_one() == answers[lasting]


def test_upsert__key_is_there__replaces_the_row(database):
    write(database, "a", 1)
    write(database, "a", 2)
    assert notes(database) == {"a": 2}


def test_upsert__row_of_a_key_only__is_kept_once(database):
    for _ in range(2):
        with database.writing() as connection:
            connection.execute(upsert(database, KEYS, {"name": "a"}))
    with database.reading() as connection:
        assert connection.execute(select(KEYS)).all() == [("a",)]


def test_writing__many_threads_count__none_is_lost(database):
    write(database, "count", 0)

    def count():
        for _ in range(20):
            with database.writing() as connection:
                row = select(NOTES.c.value).where(NOTES.c.name == "count").with_for_update()
                value = connection.execute(row).scalar_one()
                connection.execute(NOTES.update().values(value=value + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notes(database) == {"count": 80}


def test_reading__others_write_meanwhile__sees_one_state(database):
    write(database, "a", 1)
    with database.reading() as connection:
        before = connection.execute(select(NOTES.c.value)).scalar_one()
        write(database, "a", 2)
        assert connection.execute(select(NOTES.c.value)).scalar_one() == before


def test_lease__held_by_another__is_not_given(database):
    first, second = Lease(database, "sender"), Lease(database, "sender")
    assert first.hold()
    assert not second.hold()
    assert first.hold()


def test_lease__released_or_run_out__goes_to_the_next(database):
    first, second = Lease(database, "relay"), Lease(database, "relay", seconds=0.0)
    first.hold()
    first.release()
    assert second.hold()  # for no time at all
    assert first.hold()


def test_lease__asked_for_at_once_by_many__is_given_to_one(database):
    leases = [Lease(database, "rush") for _ in range(8)]
    held = []
    threads = [threading.Thread(target=lambda one=one: held.append(one.hold())) for one in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == [False] * 7 + [True]


def test_database__new_file__is_for_its_owner_only(tmp_path):
    path = tmp_path / "folder" / "secret.sqlite"
    Database(f"sqlite:///{path}", METADATA).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["nonsense", "mysql://user:hidden@host/name", "oracle://host"])
def test_database__of_another_engine__is_refused_without_its_password(url):
    with pytest.raises(ConfigurationError, match="sqlite:///FILE or postgresql://") as caught:
        Database(url, METADATA)
    assert "hidden" not in str(caught.value)


def test_database__server_without_a_locale__keeps_every_letter(postgresql):
    maker = create_engine(
        make_url(postgresql).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with maker.connect() as connection:
        connection.exec_driver_sql(
            "CREATE DATABASE plain TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
        )
    maker.dispose()
    url = make_url(postgresql).set(database="plain").render_as_string(hide_password=False)
    with closing(Database(url, METADATA)) as database:
        write(database, "naïve €", 1)
        assert notes(database) == {"naïve €": 1}


def test_database__server_is_away__says_so_without_its_password():
    with pytest.raises(ConfigurationError, match="the database must answer") as caught:
        Database("postgresql://poco:hidden@127.0.0.1:1/poco", METADATA)
    assert "hidden" not in str(caught.value)


def test_database__folder_cannot_be_made__is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError):
        Database(f"sqlite:///{Path(tmp_path, 'file', 'x.sqlite')}", METADATA)


# ANOTHER VERSION


def older(*columns, name="notes"):
    """Tables as another version of the program had them."""
    made = MetaData()
    Table(name, made, *columns)
    return made


def remade(url, tables):
    """Open the database with no tables but these."""
    with closing(Database(url, MetaData())) as database, database.writing() as connection:
        for name in ("notes", "keys"):
            connection.exec_driver_sql(f"drop table if exists {name}")
    Database(url, tables).close()


def test_database__of_an_older_version__gets_columns_and_indexes(url):
    remade(url, older(Column("name", String, primary_key=True)))
    newer = older(
        Column("name", String, primary_key=True),
        Column("value", Integer, index=True),
        Column("share %", Integer),
    )
    with closing(Database(url, newer)) as database:
        with database.writing() as connection:
            connection.execute(newer.tables["notes"].insert().values(name="a", value=1))
        with database.reading() as connection:
            assert {i["name"] for i in inspect(connection).get_indexes("notes")} == {
                "ix_notes_value"
            }
        assert notes(database) == {"a": 1}


OTHER_VERSIONS = {
    "a column is needed": older(Column("name", String, primary_key=True)),
    "another key": older(Column("name", String), Column("value", Integer, primary_key=True)),
    "a column is demanded": older(
        Column("name", String, primary_key=True),
        Column("value", Integer, nullable=False),
        Column("colour", String, nullable=False),
    ),
}


@pytest.mark.parametrize("tables", OTHER_VERSIONS.values(), ids=OTHER_VERSIONS)
def test_database__of_another_version__is_refused_and_unchanged(url, tables):
    remade(url, tables)
    with pytest.raises(ConfigurationError, match="table notes was made by another version"):
        Database(url, METADATA)
    with closing(Database(url, MetaData())) as database, database.reading() as connection:
        assert inspect(connection).get_table_names().count("keys") == 0
    remade(url, METADATA)


def test_database__opened_by_many_at_once__is_made_once(url):
    remade(url, MetaData())
    faults = []

    def start():
        try:
            Database(url, METADATA).close()
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


# FENCING


def test_guarded__lease_is_held__writes(database):
    lease = Lease(database, "writer")
    lease.hold()
    write(database.guarded(lease), "a", 1)
    assert notes(database) == {"a": 1}
    lease.release()


def test_guarded__slept_until_another_took_over__writes_nothing(database):
    sleeper, other = Lease(database, "guard", seconds=0.0), Lease(database, "guard")
    sleeper.hold()
    assert other.hold()
    with pytest.raises(LeaseLostError, match="another process holds"):
        write(database.guarded(sleeper), "a", 1)
    assert notes(database) == {}
    other.release()


def test_guarded__slept_and_nobody_took_over__goes_on(database):
    sleeper = Lease(database, "nap", seconds=0.0)
    sleeper.hold()
    write(database.guarded(sleeper), "a", 1)
    assert notes(database) == {"a": 1}
    sleeper.release()


def test_lease__clock_of_one_host_is_an_hour_ahead__is_not_taken_away(postgresql, monkeypatch):
    with closing(Database(postgresql, METADATA)) as database:
        holder, hasty = Lease(database, "clock"), Lease(database, "clock")
        assert holder.hold()
        there = time.time()
        monkeypatch.setattr(time, "time", lambda: there + 3600)
        assert not hasty.hold()
        holder.release()


def test_lease__while_a_guarded_transaction_runs__waits_for_its_end(postgresql):
    with closing(Database(postgresql, METADATA)) as database:
        first, second = Lease(database, "turn", seconds=0.0), Lease(database, "turn")
        first.hold()
        order = []

        def take():
            second.hold()
            order.append("taken")

        with database.guarded(first).writing():
            thread = threading.Thread(target=take)
            thread.start()
            with database.reading() as connection:
                waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                while not connection.exec_driver_sql(waiting).scalar():
                    connection.rollback()
            order.append("written")
        thread.join()
        assert order == ["written", "taken"]
        second.release()
