"""One way to open a database: SQLite by default, PostgreSQL by URL.

Tables are SQLAlchemy Core `Table`s that their owner declares; which engine runs them is known here
only. A transaction that writes takes SQLite's write lock at its begin, so that two writers wait for
each other instead of failing half-way.
"""

from __future__ import annotations

import contextlib
import copy
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    MetaData,
    String,
    Table,
    cast,
    create_engine,
    event,
    extract,
    func,
    literal,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from poco.database_schema import prepare
from poco.errors import ConfigurationError, PeerError

__all__ = ["Database", "Lease", "LeaseLostError", "storable", "upsert"]

_BUSY_SECONDS = 30
_leases_metadata = MetaData()
_leases = Table(
    "leases",
    _leases_metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Float, nullable=False),
)


class Database:
    """A database with the tables of one service. Safe to use from several threads.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite://`` (in memory) or
            ``postgresql://user:password@host/name``.
        tables: what to create or bring up to date when it is not there, see `database_schema`.

    Raises:
        ConfigurationError: the URL is malformed, the database does not answer, or another version
            made it whose tables this one cannot use.
    """

    def __init__(self, url: str, tables: MetaData) -> None:
        self._engine = _engine(url)
        # SQLite lets those who wait for its write lock sleep, for up to 0.1 s each time.
        self._turn = threading.RLock() if self.is_sqlite else contextlib.nullcontext()
        self._lease: Lease | None = None
        with _faults(self._engine.url):
            prepare(self._engine, _leases_metadata)
            prepare(self._engine, tables)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of this host."""
        return self._engine.dialect.name == "sqlite"

    def guarded(self, lease: Lease) -> Database:
        """Return the same database for somebody who writes only while a lease is theirs.

        Args:
            lease: of this database; nobody else can take it until a transaction ends.
        """
        other = copy.copy(self)
        other._lease = lease
        return other

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[Connection]:
        """Open a transaction that is committed at the end of the block, or undone by an exception.

        Args:
            lasting: whether it must outlive a loss of power. Any outlives the end of the process;
                only a lasting one waits for the disk, for itself and for all before it.

        Raises:
            ConfigurationError: the database does not answer.
            LeaseLostError: the database is `guarded`, and another process has the lease.
        """
        with _faults(self._engine.url), self._turn, self._engine.connect() as plain:
            connection = plain.execution_options(begin="BEGIN IMMEDIATE", lasting=lasting)
            with connection.begin():
                if not (lasting or self.is_sqlite):
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
                if self._lease is not None:
                    self._lease.require(connection)
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that sees one state of the database and changes nothing.

        Raises:
            ConfigurationError: the database does not answer.
        """
        with _faults(self._engine.url), self._engine.connect() as plain:
            options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            connection = plain.execution_options(**options)
            yield connection
            connection.rollback()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


class LeaseLostError(PeerError):
    """Another process acts now: what this one was about to write is not written."""


class Lease:
    """The right to act, held by one process at a time; its time is that of the database.

    Args:
        database: where the lease is written.
        name: of what is held.
        seconds: how long it holds without being renewed.
    """

    def __init__(self, database: Database, name: str, seconds: float = 15.0) -> None:
        self._database = database
        self._name = name
        self._seconds = seconds
        self._owner = uuid.uuid4().hex

    def hold(self) -> bool:
        """Take or renew the lease; return whether this process has it now."""
        # Hosts whose clocks differ must agree on who has it; SQLite is used by one host only.
        now = (
            literal(time.time())
            if self._database.is_sqlite
            else cast(extract("epoch", func.clock_timestamp()), Float)
        )
        row = {"name": self._name, "owner": self._owner, "until": now + self._seconds}
        free = (_leases.c.owner == self._owner) | (_leases.c.until <= now)
        with self._database.writing() as connection:
            statement = upsert(self._database, _leases, row, where=free)
            return connection.execute(statement.returning(_leases.c.name)).first() is not None

    def require(self, connection: Connection) -> None:
        """Check that the lease is still this process's, and keep it until a transaction ends.

        A process may have slept between two lines, for longer than its lease held.

        Args:
            connection: a transaction that writes.

        Raises:
            LeaseLostError: another process has it, or nobody.
        """
        mine = select(_leases.c.owner).where(_leases.c.name == self._name)
        if connection.execute(mine.with_for_update(read=True)).scalar_one_or_none() != self._owner:
            raise LeaseLostError(
                f"another process holds the lease {self._name!r}",
                remedy="nothing: it goes on with the work",
            )

    def release(self) -> None:
        """Give the lease back."""
        mine = (_leases.c.name == self._name) & (_leases.c.owner == self._owner)
        with self._database.writing() as connection:
            connection.execute(_leases.delete().where(mine))


def upsert(
    database: Database,
    table: Table,
    row: dict[str, Any],
    *,
    where: ColumnElement[bool] | None = None,
) -> Any:
    """Return the statement that inserts a row or replaces the one with its primary key.

    Args:
        database: where it will run.
        table: whose row it is.
        row: values of the key's columns and of those to set.
        where: what must hold of the row that is there; else nothing changes.
    """
    keys = [column.name for column in table.primary_key]
    values = {name: value for name, value in row.items() if name not in keys}
    dialect = sqlite if database.is_sqlite else postgresql
    statement = dialect.insert(table).values(row)
    if not values:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)


def storable(text: str) -> str:
    """Return a text of a stranger without what engines do not take: NUL, halves of characters."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ArgumentError("another engine")
        return _prepared(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(
            "a database is sqlite:///FILE or postgresql://USER@HOST/NAME",
            field="database",
            value=_shown(url),
            remedy="for example sqlite:///scheduler.sqlite",
        ) from error
    except ImportError as error:
        raise ConfigurationError(
            "PostgreSQL needs the package psycopg",
            field="database",
            value=_shown(url),
            remedy="pip install 'poco[postgresql]'",
        ) from error


def _prepared(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        # A cluster made without a locale says SQL_ASCII; the driver would return bytes for text.
        text = {"client_encoding": "utf8"}
        return create_engine(
            url, connect_args=text, pool_pre_ping=True, pool_size=10, max_overflow=20
        )
    if url.database:
        _create_private(Path(url.database))
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions by itself
        for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        driver = connection.connection.dbapi_connection
        assert driver is not None, "a connection that begins is open"
        cursor = driver.cursor()
        cursor.execute(f"PRAGMA synchronous={'FULL' if options.get('lasting', True) else 'NORMAL'}")
        cursor.execute(options.get("begin", "BEGIN"))
        cursor.close()

    return engine


def _create_private(path: Path) -> None:
    """Create a database file that only its owner can read."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"the file cannot be written: {error.strerror}",
            field="database",
            value=str(path),
            remedy="choose a file in a folder that you may write to",
        ) from error


@contextmanager
def _faults(url: URL) -> Iterator[None]:
    """Translate what only the operator of the database can mend."""
    try:
        yield
    except DBAPIError as error:
        if not (error.connection_invalidated or type(error).__name__ == "OperationalError"):
            raise
        raise ConfigurationError(
            f"the database must answer: {str(error.orig).splitlines()[0]}",
            field="database",
            value=_shown(url.render_as_string(hide_password=True)),
            remedy="make room on its disk, or let it be written"
            if url.get_backend_name() == "sqlite"
            else "start it, or check the URL",
        ) from error


def _shown(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "(malformed URL)"
