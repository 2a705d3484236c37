"""The tables of a database, made or brought up to date when it is opened.

A database may be older than the program. What can be added without a decision is added: tables,
columns that may be empty, indexes. Anything else is refused in words, so that no service works with
tables that it does not understand. Columns that this version does not know are left alone, unless
every new row would need a value for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import DDL, Connection, MetaData, Table, inspect
from sqlalchemy.engine import Engine
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable, ExecutableDDLElement

from poco.errors import ConfigurationError

__all__ = ["prepare"]

_LOCK = 0x706F636F  # of PostgreSQL, for those who change tables: any number that nobody else takes


def prepare(engine: Engine, metadata: MetaData) -> None:
    """Have a database hold the tables that a service needs. Safe to call in several processes.

    Args:
        engine: of the database.
        metadata: the tables.

    Raises:
        ConfigurationError: the database was made by a version whose tables this one cannot use.
    """
    with engine.connect() as connection:
        if not _missing(connection, metadata):
            return
    with engine.connect() as plain:
        connection = plain.execution_options(begin="BEGIN IMMEDIATE")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            for statement in _missing(connection, metadata):
                connection.execute(statement)


def _missing(connection: Connection, metadata: MetaData) -> list[ExecutableDDLElement]:
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    statements: list[ExecutableDDLElement] = []
    for table in metadata.sorted_tables:
        if table.name in present:
            statements += _missing_parts(connection, inspector, table)
        else:
            statements.append(CreateTable(table))
            statements += [CreateIndex(index) for index in _indexes(table)]
    return statements


def _missing_parts(
    connection: Connection, inspector: Inspector, table: Table
) -> list[ExecutableDDLElement]:
    columns = {column["name"]: column for column in inspector.get_columns(table.name)}
    key = inspector.get_pk_constraint(table.name)["constrained_columns"]
    if list(key) != [column.name for column in table.primary_key]:
        raise _other_version(table, key)
    missing = [column for column in table.columns if column.name not in columns]
    needed = [column.name for column in missing if not column.nullable]
    demanded = [name for name, column in columns.items() if _is_demanded(table, name, column)]
    if needed or demanded:
        raise _other_version(table, needed + demanded)
    quoted = connection.dialect.identifier_preparer.format_table(table)
    statements: list[ExecutableDDLElement] = [
        _ddl(f"ALTER TABLE {quoted} ADD COLUMN {_compiled(connection, CreateColumn(column))}")
        for column in missing
    ]
    indexed = {index["name"] for index in inspector.get_indexes(table.name)}
    return statements + [
        CreateIndex(index) for index in _indexes(table) if index.name not in indexed
    ]


def _compiled(connection: Connection, element: CreateColumn) -> str:
    return str(element.compile(dialect=connection.dialect))


def _ddl(text: str) -> DDL:
    return DDL(text.replace("%", "%%"))  # type: ignore[no-untyped-call]


def _indexes(table: Table) -> Sequence[Any]:
    return sorted(table.indexes, key=lambda index: str(index.name))


def _is_demanded(table: Table, name: str, column: Any) -> bool:
    """Return whether each new row needs a value for a column of which nothing is known here."""
    return name not in table.c and not column["nullable"] and column["default"] is None


def _other_version(table: Table, columns: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        f"table {table.name} was made by another version of poco, it differs in "
        f"{', '.join(columns)}",
        field="database",
        remedy="run that version, or name an empty database: a scheduler, an indexer and the "
        "unsettled part of a worker are filled again from the chain",
    )
