"""What a result store knows of its archives: whose they are, and how long they stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from poco.database import Database
from poco.services.results.quotas import Quotas
from poco.services.results.space import ROLES, Space, is_result
from poco.services.results.tables import contents, results, uploads

__all__ = ["Catalog", "Content", "Record", "Reservation"]


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
        matches = and_(results.c.task == task, results.c.digest == digest)
        return next(iter(self._records(_ready().where(matches))), None)

    def of_task(self, task: str) -> list[Record]:
        """Return the archives of a task, the oldest first."""
        return self._records(_ready().where(results.c.task == task))

    def records(self) -> list[Record]:
        """Return all archives, the oldest first."""
        return self._records(_ready())

    def provisional(self) -> list[Record]:
        """Return the archives whose digest the chain has yet to confirm, the oldest first."""
        return self._records(_ready().where(results.c.provisional))

    def expired(self, now: int) -> list[Record]:
        """Return the confirmed archives that may go, the oldest first.

        Args:
            now: seconds since 1970.
        """
        is_due = and_(~results.c.provisional, results.c.expires <= now)
        return self._records(_ready().where(is_due))

    def add(self, record: Record, content: Content) -> bool:
        """Announce an archive; it counts when `set_ready` says that the storage has it.

        It replaces none that the storage has.

        Returns:
            Whether the storage has its file already.
        """
        key = and_(results.c.task == record.task, results.c.digest == record.digest)
        with self._database.writing() as connection:
            space = Space(self._database, connection)
            present = connection.execute(_states().where(key)).one_or_none()
            counts = present is None or not present.ready or _has_result(connection, content.cid)
            known = self._announce(connection, space, content, counts=counts)
            if present is None:
                connection.execute(results.insert(), asdict(record))
                space.add_result(record.requester, record.workerpool, known.size)
            elif not present.ready:  # of an upload that died; it may have been of another size
                connection.execute(results.update().where(key), asdict(record))
                space.forget()
            return known.ready

    def add_content(self, content: Content, quotas: Quotas) -> bool:
        """Announce a file that belongs to no task; it counts once it is ready.

        Returns:
            Whether the storage has it already.

        Raises:
            HttpError: 507, it would exceed a quota.
        """
        same = select(contents.c.cid).where(contents.c.cid == content.cid)
        with self._database.writing() as connection:
            space = Space(self._database, connection)
            if connection.execute(same).one_or_none() is None:
                quotas.check_total(space.used(), content.size)
                quotas.check_added(*space.added(), content.size)
            return self._announce(connection, space, content, counts=False).ready

    def _announce(
        self, connection: Connection, space: Space, content: Content, *, counts: bool
    ) -> Content:
        """Have a file known, and whether it counts as a result's; return what is known of it."""
        statement = contents.select().where(contents.c.cid == content.cid).with_for_update()
        present = connection.execute(statement).one_or_none()
        if present is None:
            connection.execute(contents.insert(), asdict(content))
            space.add_file(content.size, is_result=counts)
            return content
        if counts and not _has_result(connection, content.cid):
            space.forget_added()
        if content.pinned and not present.pinned:
            matches = contents.c.cid == content.cid
            connection.execute(contents.update().where(matches).values(pinned=True))
        return Content(**present._mapping)

    def set_ready(self, content: Content, upload: tuple[str, str] | None = None) -> None:
        """Note that the storage has a file, even one that was forgotten meanwhile.

        Args:
            content: the file.
            upload: task and worker of the upload that brought it, to give back its space.
        """
        with self._database.writing() as connection:
            space = Space(self._database, connection)
            counts = _has_result(connection, content.cid)
            self._announce(connection, space, content, counts=counts)
            same = contents.c.cid == content.cid
            connection.execute(contents.update().where(same).values(ready=True))
            if upload is not None:
                connection.execute(uploads.delete().where(_of(*upload)))

    def confirm(self, record: Record) -> None:
        """Note that the chain has confirmed an archive's digest."""
        key = and_(results.c.task == record.task, results.c.digest == record.digest)
        with self._database.writing() as connection:
            connection.execute(results.update().where(key).values(provisional=False))

    def drop(self, record: Record) -> None:
        """Forget an archive; its file goes when nothing else needs it."""
        key = and_(results.c.task == record.task, results.c.digest == record.digest)
        with self._database.writing() as connection:
            space = Space(self._database, connection)
            connection.execute(results.delete().where(key))
            space.forget()

    def drop_unfinished(self, before: int) -> None:
        """Forget archives that the storage never got; what is taken is added up anew.

        Args:
            before: only those uploaded earlier; seconds since 1970.
        """
        missing = select(contents.c.cid).where(~contents.c.ready)
        stale = and_(results.c.created < before, results.c.cid.in_(missing))
        with self._database.writing() as connection:
            space = Space(self._database, connection)
            connection.execute(results.delete().where(stale))
            space.forget()

    # FILES

    def unpin(self, cid: str) -> None:
        """Let a file go when no result needs it."""
        with self._database.writing() as connection:
            matches = contents.c.cid == cid
            connection.execute(contents.update().where(matches).values(pinned=False))

    def content(self, cid: str) -> Content | None:
        """Return a file that the storage has."""
        with self._database.reading() as connection:
            matches = and_(contents.c.cid == cid, contents.c.ready)
            row = connection.execute(contents.select().where(matches)).one_or_none()
        return None if row is None else Content(**row._mapping)

    def pinned(self) -> list[Content]:
        """Return the files that stay for good, by their content ids."""
        statement = contents.select().where(contents.c.pinned).order_by(contents.c.cid)
        with self._database.reading() as connection:
            return [Content(**row._mapping) for row in connection.execute(statement)]

    def orphans(self) -> list[str]:
        """Return the content ids of files that nothing needs."""
        unneeded = and_(~contents.c.pinned, ~is_result)
        with self._database.reading() as connection:
            return list(connection.scalars(select(contents.c.cid).where(unneeded)))

    def remove(self, cid: str, delete: Callable[[str], object]) -> int:
        """Delete a file that nothing needs.

        Args:
            cid: the file.
            delete: takes it from the storage; nobody can announce the file while it runs.

        Returns:
            The bytes that became free.
        """
        with self._database.writing() as connection:
            space = Space(self._database, connection)
            same = contents.c.cid == cid
            found = connection.execute(
                contents.select().where(same).with_for_update()
            ).one_or_none()
            needed = select(func.count()).where(results.c.cid == cid)
            if found is None or found.pinned or connection.scalar(needed):
                return 0
            delete(cid)
            connection.execute(contents.delete().where(same))
            space.forget()
            return int(found.size)

    def usage(self) -> tuple[int, int]:
        """Return how many files there are, and their bytes."""
        with self._database.writing() as connection:
            return Space(self._database, connection).kept()

    def added(self) -> tuple[int, int]:
        """Return how many files belong to no task, and their bytes."""
        with self._database.writing() as connection:
            return Space(self._database, connection).added()

    # UPLOADS

    def reserve(self, upload: Reservation, quotas: Quotas) -> None:
        """Set space aside for an upload; the worker's earlier one for the task is forgotten.

        Raises:
            HttpError: 507, it would exceed a quota.
        """
        with self._database.writing(lasting=False) as connection:
            space = Space(self._database, connection)
            connection.execute(uploads.delete().where(_of(upload.task, upload.worker)))
            quotas.check_total(space.used(), upload.size)
            for role in ROLES:
                account = getattr(upload, role)
                quotas.check_account(role, account, space.used_by(role, account), upload.size)
            connection.execute(uploads.insert(), asdict(upload))

    def uploads(self) -> list[Reservation]:
        """Return the uploads that are under way."""
        with self._database.reading() as connection:
            return [Reservation(**row._mapping) for row in connection.execute(uploads.select())]

    def release(self, task: str, worker: str) -> None:
        """Give back the space of an upload."""
        with self._database.writing() as connection:
            connection.execute(uploads.delete().where(_of(task, worker)))

    def _records(self, statement: Select[Any]) -> list[Record]:
        with self._database.reading() as connection:
            return [Record(**row._mapping) for row in connection.execute(statement)]


def _of(task: str, worker: str) -> ColumnElement[bool]:
    return and_(uploads.c.task == task, uploads.c.worker == worker)


def _states() -> Select[tuple[bool]]:
    return select(contents.c.ready).select_from(
        results.outerjoin(contents, contents.c.cid == results.c.cid)
    )


def _ready() -> Select[Any]:
    return (
        select(results)
        .join(contents, and_(contents.c.cid == results.c.cid, contents.c.ready))
        .order_by(results.c.created, results.c.task)
    )


def _has_result(connection: Connection, cid: str) -> bool:
    same = select(results.c.cid).where(results.c.cid == cid).limit(1)
    return connection.execute(same).one_or_none() is not None
