"""What tests read of an indexer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from poco.database import Database
from poco.services.indexer import Indexer
from poco.services.indexer.tables import ENTITY_TABLES, valid_at

MakeIndexer = Callable[..., Indexer]


def contents(database: Database, *, block: int | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Return all entities of a view, with the blocks in which they became what they are."""
    with database.reading() as connection:
        return {
            name: sorted(
                tuple(column for key, column in row._mapping.items() if key != "until")
                for row in connection.execute(select(table).where(valid_at(table, block)))
            )
            for name, table in ENTITY_TABLES.items()
        }


def ask(indexer: Indexer, query: str, **variables: Any) -> Any:
    """Return the data of an answer without errors."""
    answer = indexer.answer(query, variables)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]
