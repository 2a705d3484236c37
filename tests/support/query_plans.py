"""Which tables SQLite reads from end to end to answer a service's questions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from poco.database import Database


@contextmanager
def scans(database: Database, tables: Collection[str]) -> Iterator[set[tuple[str, str]]]:
    """Collect which of some tables are read whole, with the statements that do it.

    Args:
        database: on SQLite.
        tables: those that grow.
    """
    found: set[tuple[str, str]] = set()

    def explain(connection: Any, _: Any, statement: str, values: Any, *__: Any) -> None:
        if statement.split(maxsplit=1)[0] not in ("SELECT", "UPDATE", "DELETE"):
            return
        cursor = connection.connection.cursor()
        one = values[0] if isinstance(values, list) else values
        for *_, step in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", one).fetchall():
            read = re.match(r"SCAN (\w+?)(_\d+)?( USING (COVERING )?INDEX (\w+))?$", step)
            if read and read[1] in tables and read[5] != "deals_growing":  # holds open deals only
                found.add((read[1], statement))

    event.listen(database._engine, "before_cursor_execute", explain)
    yield found
    event.remove(database._engine, "before_cursor_execute", explain)
