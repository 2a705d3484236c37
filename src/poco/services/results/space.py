"""How many files there are, and their bytes, in all and by each account: sums besides the rows.

Adding up all rows for each upload would take ever longer. A sum is made when it is first asked for,
grows with what is added, and is made anew when something was removed.
"""

from __future__ import annotations

from sqlalchemy import Connection, Select, bindparam, func, select

from poco.database import Database, upsert
from poco.services.results.tables import contents, results, taken, uploads

__all__ = ["ROLES", "Space", "is_result"]

ROLES = ("requester", "workerpool")
"""The columns that name those who answer for a result."""

_ALL = "all"
_FILES = "files"
_ADDED = "added"
_ADDED_FILES = "added files"
_found = select(taken.c.size).where(taken.c.owner == bindparam("name"))
_grow = (
    taken.update()
    .where(taken.c.owner == bindparam("name"))
    .values(size=taken.c.size + bindparam("more"))
)
_kept = select(func.sum(contents.c.size))
_files = select(func.count()).select_from(contents)
is_result = select(results.c.cid).where(results.c.cid == contents.c.cid).exists()
"""The condition that a file of `contents` is the archive of a task."""

_added = _kept.where(~is_result)
_added_files = _files.where(~is_result)
_kept_by = {
    role: _kept.join(results, results.c.cid == contents.c.cid).where(
        results.c[role] == bindparam("account")
    )
    for role in ROLES
}
_under_way = select(func.sum(uploads.c.size))
_under_way_by = {role: _under_way.where(uploads.c[role] == bindparam("account")) for role in ROLES}


class Space:
    """The sums, for one transaction, which has them to itself until it ends.

    Args:
        database: where they are.
        connection: of the transaction, which has done nothing yet.
    """

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        if not database.is_sqlite:  # there only one transaction writes at a time
            connection.exec_driver_sql("LOCK TABLE taken IN EXCLUSIVE MODE")

    def kept(self) -> tuple[int, int]:
        """Return how many files there are, and their bytes."""
        return self._known(_FILES, _files), self._known(_ALL, _kept)

    def added(self) -> tuple[int, int]:
        """Return how many files belong to no result, and their bytes."""
        return self._known(_ADDED_FILES, _added_files), self._known(_ADDED, _added)

    def used(self) -> int:
        """Return the bytes of all files, and of all uploads that are under way."""
        return self._known(_ALL, _kept) + self._sum(_under_way)

    def used_by(self, role: str, account: str) -> int:
        """Return the bytes of one account's results, and of its uploads that are under way.

        Args:
            role: one of `ROLES`.
            account: whose results count.
        """
        kept = self._known(_name(role, account), _kept_by[role], account)
        return kept + self._sum(_under_way_by[role], account)

    def add_file(self, size: int, *, is_result: bool) -> None:
        """Count a new file.

        Args:
            size: bytes.
            is_result: whether it is the archive of a task.
        """
        more = {_FILES: 1, _ALL: size}
        if not is_result:
            more |= {_ADDED_FILES: 1, _ADDED: size}
        rows = [{"name": name, "more": value} for name, value in more.items()]
        self._connection.execute(_grow, rows)

    def forget_added(self) -> None:
        """Have the sums of files without result made anew, for one of them becomes a result."""
        self._connection.execute(taken.delete().where(taken.c.owner.in_((_ADDED, _ADDED_FILES))))

    def add_result(self, requester: str, workerpool: str, size: int) -> None:
        """Count a new result whose file has some bytes."""
        owners = zip(ROLES, (requester, workerpool), strict=True)
        rows = [{"name": _name(role, account), "more": size} for role, account in owners]
        self._connection.execute(_grow, rows)

    def forget(self) -> None:
        """Have all sums made anew, for something was removed."""
        self._connection.execute(taken.delete())

    def _known(self, owner: str, statement: Select[tuple[int]], account: str = "") -> int:
        size = self._connection.scalar(_found, {"name": owner})
        if size is None:
            size = self._sum(statement, account)
            row = {"owner": owner, "size": size}
            self._connection.execute(upsert(self._database, taken, row))
        return int(size)

    def _sum(self, statement: Select[tuple[int]], account: str = "") -> int:
        return int(self._connection.scalar(statement, {"account": account}) or 0)


def _name(role: str, account: str) -> str:
    return f"{role} {account}"
