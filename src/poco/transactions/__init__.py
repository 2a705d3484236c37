"""A queue of transactions that survives crashes, outages, reorganisations and stuck fees.

::

    metadata = MetaData()
    transactions.declare(metadata)                      # beside the service's own tables
    database = Database(url, metadata)
    queue = TransactionQueue(database, market.acting_as(account))

    with database.writing() as connection:              # with the service's own rows, or not at all
        connection.execute(...)
        queue.enqueue(connection, f"initialize:{taskid}", market.hub.call("initialize", deal, 0))

    while running:                                      # in one process (hold a `Lease`)
        queue.pump()                                    # raises ChainError while no node answers

    queue.states(["initialize:..."])                    # {key: TransactionState}; absent: unknown

A key names an object and what is done to it; it is sent once, whatever is enqueued, crashed or
repeated. ``QUEUED -> SIGNED -> SENT -> MINED -> CONFIRMED``, or ``FAILED`` with the reason; a
reorganisation leads back from MINED to SENT, a nonce that somebody else used back to QUEUED.
See docs/transactions.md.
"""

from poco.transactions.fees import FeePolicy
from poco.transactions.head import Head
from poco.transactions.queue import TransactionQueue
from poco.transactions.tables import TransactionState, TransactionStatus, declare

__all__ = [
    "FeePolicy",
    "Head",
    "TransactionQueue",
    "TransactionState",
    "TransactionStatus",
    "declare",
]
