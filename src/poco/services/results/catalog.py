"""What a result store knows of its archives: whose they are, and how long they stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    and_,
    func,
    select,
)

from poco.database import Database, upsert
from poco.services.results.quotas import Quotas

__all__ = ["TABLES", "Catalog", "Content", "Record", "Reservation"]

TABLES = MetaData()
_contents = Table(
    "contents",
    TABLES,
    Column("cid", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(66), nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("ready", Boolean, nullable=False),
)
_results = Table(
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
)
_uploads = Table(
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


@dataclass(frozen=True, slots=True)
class Content:
    """A file that the store keeps.

    Args:
        cid: its content id.
        size: bytes.
        sha256: ``0x`` and hex.
        pinned: whether it stays without a result that needs it.
        ready: whether the storage has it.
    """

    cid: str
    size: int
    sha256: str
    pinned: bool = False
    ready: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """The archive of a task.

    Args:
        task: id of the task, ``0x`` and hex.
        digest: result digest, ``0x`` and hex.
        cid: content id of the archive.
        link: result link for the chain.
        worker: who uploaded it.
        requester: who bought the task.
        workerpool: the pool that did it.
        encrypted: whether only the beneficiary can read it.
        provisional: whether the chain has yet to confirm the digest.
        created: time of the upload, seconds since 1970.
        expires: when it may go, seconds since 1970.
    """

    task: str
    digest: str
    cid: str
    link: bytes
    worker: str
    requester: str
    workerpool: str
    encrypted: bool
    provisional: bool
    created: int
    expires: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """An upload that is under way; a worker has one per task.

    Args:
        task: see `Record`.
        worker: see there.
        sha256: of the archive, ``0x`` and hex.
        size: of the archive, bytes.
        requester: see `Record`.
        workerpool: see there.
        touched: time of the last sign of life, seconds since 1970.
    """

    task: str
    worker: str
    sha256: str
    size: int
    requester: str
    workerpool: str
    touched: int


class Catalog:
    """The tables of a result store. Safe to use from several threads and processes.

    Args:
        database: made with `TABLES`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # RESULTS

    def find(self, task: str, digest: str) -> Record | None:
        """Return the archive of a task that has a digest, when the storage has it."""
        matches = and_(_results.c.task == task, _results.c.digest == digest)
        return next(iter(self._records(_ready().where(matches))), None)

    def of_task(self, task: str) -> list[Record]:
        """Return the archives of a task, the oldest first."""
        return self._records(_ready().where(_results.c.task == task))

    def records(self, *, provisional: bool | None = None) -> list[Record]:
        """Return all archives, the oldest first."""
        statement = _ready()
        if provisional is not None:
            statement = statement.where(_results.c.provisional == provisional)
        return self._records(statement)

    def add(self, record: Record, content: Content) -> None:
        """Announce an archive; it counts when `set_ready` says that the storage has it.

        It replaces none that the storage has.
        """
        key = and_(_results.c.task == record.task, _results.c.digest == record.digest)
        with self._database.writing() as connection:
            self._announce(connection, content)
            present = connection.execute(_ready().where(key)).one_or_none()
            if present is None:
                connection.execute(upsert(self._database, _results, asdict(record)))

    def add_content(self, content: Content, quotas: Quotas) -> None:
        """Announce a file that belongs to no task; it counts once it is ready.

        Raises:
            HttpError: 507, it would exceed a quota.
        """
        same = select(_contents.c.cid).where(_contents.c.cid == content.cid)
        with self._database.writing() as connection:
            if connection.execute(same).one_or_none() is None:
                stored = _sum(connection, select(func.sum(_contents.c.size)))
                under_way = _sum(connection, select(func.sum(_uploads.c.size)))
                quotas.check_total(stored + under_way, content.size)
                quotas.check_added(*_added(connection), content.size)
            self._announce(connection, content)

    def _announce(self, connection: Connection, content: Content) -> None:
        statement = _contents.select().where(_contents.c.cid == content.cid).with_for_update()
        present = connection.execute(statement).one_or_none()
        if present is None:
            connection.execute(upsert(self._database, _contents, asdict(content)))
        elif content.pinned and not present.pinned:
            matches = _contents.c.cid == content.cid
            connection.execute(_contents.update().where(matches).values(pinned=True))

    def set_ready(self, content: Content) -> None:
        """Note that the storage has a file, even one that was forgotten meanwhile."""
        with self._database.writing() as connection:
            self._announce(connection, content)
            same = _contents.c.cid == content.cid
            connection.execute(_contents.update().where(same).values(ready=True))

    def confirm(self, record: Record) -> None:
        """Note that the chain has confirmed an archive's digest."""
        key = and_(_results.c.task == record.task, _results.c.digest == record.digest)
        with self._database.writing() as connection:
            connection.execute(_results.update().where(key).values(provisional=False))

    def drop(self, record: Record) -> None:
        """Forget an archive; its file goes when nothing else needs it."""
        key = and_(_results.c.task == record.task, _results.c.digest == record.digest)
        with self._database.writing() as connection:
            connection.execute(_results.delete().where(key))

    def drop_unfinished(self, before: int) -> None:
        """Forget archives that the storage never got.

        Args:
            before: only those uploaded earlier; seconds since 1970.
        """
        missing = select(_contents.c.cid).where(~_contents.c.ready)
        stale = and_(_results.c.created < before, _results.c.cid.in_(missing))
        with self._database.writing() as connection:
            connection.execute(_results.delete().where(stale))

    # FILES

    def unpin(self, cid: str) -> None:
        """Let a file go when no result needs it."""
        with self._database.writing() as connection:
            matches = _contents.c.cid == cid
            connection.execute(_contents.update().where(matches).values(pinned=False))

    def content(self, cid: str) -> Content | None:
        """Return a file that the storage has."""
        with self._database.reading() as connection:
            matches = and_(_contents.c.cid == cid, _contents.c.ready)
            row = connection.execute(_contents.select().where(matches)).one_or_none()
        return None if row is None else Content(**row._mapping)

    def pinned(self) -> list[Content]:
        """Return the files that stay for good, by their content ids."""
        statement = _contents.select().where(_contents.c.pinned).order_by(_contents.c.cid)
        with self._database.reading() as connection:
            return [Content(**row._mapping) for row in connection.execute(statement)]

    def orphans(self) -> list[str]:
        """Return the content ids of files that nothing needs."""
        needed = select(_results.c.cid)
        unneeded = and_(~_contents.c.pinned, _contents.c.cid.not_in(needed))
        with self._database.reading() as connection:
            return list(connection.scalars(select(_contents.c.cid).where(unneeded)))

    def remove(self, cid: str, delete: Callable[[str], object]) -> int:
        """Delete a file that nothing needs.

        Args:
            cid: the file.
            delete: takes it from the storage; nobody can announce the file while it runs.

        Returns:
            The bytes that became free.
        """
        with self._database.writing() as connection:
            same = _contents.c.cid == cid
            found = connection.execute(
                _contents.select().where(same).with_for_update()
            ).one_or_none()
            needed = select(func.count()).where(_results.c.cid == cid)
            if found is None or found.pinned or connection.scalar(needed):
                return 0
            delete(cid)
            connection.execute(_contents.delete().where(same))
            return int(found.size)

    def usage(self) -> tuple[int, int]:
        """Return how many files there are, and their bytes."""
        with self._database.reading() as connection:
            count, size = connection.execute(
                select(func.count(), func.coalesce(func.sum(_contents.c.size), 0))
            ).one()
        return int(count), int(size)

    def added(self) -> tuple[int, int]:
        """Return how many files belong to no task, and their bytes."""
        with self._database.reading() as connection:
            return _added(connection)

    # UPLOADS

    def reserve(self, upload: Reservation, quotas: Quotas) -> None:
        """Set space aside for an upload; the worker's earlier one for the task is forgotten.

        Raises:
            HttpError: 507, it would exceed a quota.
        """
        mine = and_(_uploads.c.task == upload.task, _uploads.c.worker == upload.worker)
        with self._database.writing() as connection:
            connection.execute(_uploads.delete().where(mine))
            stored = select(func.coalesce(func.sum(_contents.c.size), 0))
            under_way = select(func.coalesce(func.sum(_uploads.c.size), 0))
            used = _sum(connection, stored) + _sum(connection, under_way)
            quotas.check_total(used, upload.size)
            owned = stored.select_from(_results.join(_contents, _results.c.cid == _contents.c.cid))
            for role in ("requester", "workerpool"):
                account = getattr(upload, role)
                used = _sum(connection, owned.where(_results.c[role] == account)) + _sum(
                    connection, under_way.where(_uploads.c[role] == account)
                )
                quotas.check_account(role, account, used, upload.size)
            connection.execute(_uploads.insert().values(asdict(upload)))

    def uploads(self) -> list[Reservation]:
        """Return the uploads that are under way."""
        with self._database.reading() as connection:
            return [Reservation(**row._mapping) for row in connection.execute(_uploads.select())]

    def release(self, task: str, worker: str) -> None:
        """Give back the space of an upload."""
        mine = and_(_uploads.c.task == task, _uploads.c.worker == worker)
        with self._database.writing() as connection:
            connection.execute(_uploads.delete().where(mine))

    def _records(self, statement: Select[Any]) -> list[Record]:
        with self._database.reading() as connection:
            return [Record(**row._mapping) for row in connection.execute(statement)]


def _ready() -> Select[Any]:
    return (
        select(_results)
        .join(_contents, and_(_contents.c.cid == _results.c.cid, _contents.c.ready))
        .order_by(_results.c.created, _results.c.task)
    )


def _added(connection: Connection) -> tuple[int, int]:
    count, size = connection.execute(
        select(func.count(), func.coalesce(func.sum(_contents.c.size), 0)).where(
            _contents.c.cid.not_in(select(_results.c.cid))
        )
    ).one()
    return int(count), int(size)


def _sum(connection: Connection, statement: Select[Any]) -> int:
    return int(connection.scalar(statement) or 0)
