"""After a kill the chain may lack its last blocks, which scheduler and workers have seen.

Services that only read undo them by themselves. What scheduler and workers had sent is still in
their queues of transactions, and is sent again as it was and in the same order, before they run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import MetaData, Row, func, select, text

from poco.contracts import Chain
from poco.contracts.chain import to_int
from poco.database import Database
from poco.errors import ChainError
from poco.transactions import declare
from poco.transactions.tables import attempts, transactions

__all__ = ["catch_up"]

_metadata = MetaData()
declare(_metadata)


def catch_up(chain: Chain, folder: Path) -> int:
    """Send again what the chain does not have, and forget who held leases.

    Args:
        chain: mines each transaction at once.
        folder: of a market that does not run.

    Returns:
        How many transactions were sent.

    Raises:
        ConfigurationError: a database cannot be opened.
        ChainError: the node does not answer.
    """
    lost = list[Row[tuple[int, int, bytes]]]()
    for path in (folder / "scheduler.sqlite", *folder.glob("worker-*/worker.sqlite")):
        if path.exists():
            with closing(Database(f"sqlite:///{path}", _metadata)) as database:
                lost += _lost(chain, database)
    for row in sorted(lost, key=lambda row: (row.block is None, row.block, row.id)):
        with suppress(ChainError):  # the deal that it was for may be lost, too
            chain.broadcast(row.raw)
    return len(lost)


def _lost(chain: Chain, database: Database) -> Iterator[Row[tuple[int, int, bytes]]]:
    """Yield block, id and last signed form of transactions whose number is not used."""
    newest = select(func.max(attempts.c.id)).group_by(attempts.c.transaction)
    query = (
        select(transactions.c.sender, transactions.c.nonce, transactions.c.block)
        .add_columns(transactions.c.id, attempts.c.raw)
        .join(attempts, attempts.c.transaction == transactions.c.id)
        .where(attempts.c.id.in_(newest), transactions.c.nonce.is_not(None))
    )
    with database.writing() as connection:
        connection.execute(text("DELETE FROM leases"))  # the folder is locked: nobody holds one
        rows = connection.execute(query).all()
    used = dict[str, int]()
    for row in rows:
        if row.sender not in used:
            count = chain.request("eth_getTransactionCount", row.sender, "latest")
            used[row.sender] = to_int(count)
        if row.nonce >= used[row.sender]:
            yield row
