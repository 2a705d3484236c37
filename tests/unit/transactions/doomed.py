"""A process that enqueues six payments, pumps, and kills itself at a certain point.

Usage: doomed.py DATABASE NODE BOOK POINT:TIMES
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import MetaData

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.queue_bench import SENDER, payment

from poco import transactions
from poco.contracts import Market
from poco.database import Database
from poco.transactions import TransactionQueue


def main(path: str, node: str, book: str, where: str) -> None:
    point, _, times = where.partition(":")
    passed: Counter[str] = Counter()
    offset = 0.0

    def die(name: str) -> None:
        passed[name] += 1
        if name == point and passed[name] == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

    metadata = MetaData()
    transactions.declare(metadata)
    database = Database(f"sqlite:///{path}", metadata)
    market = Market.connect(node, book=book, account=SENDER)
    queue = TransactionQueue(
        database,
        market,
        clock=lambda: time.time() + offset,
        confirmations=12,
        crash_point=die,
    )
    if point == "replaced":
        market.chain.request("evm_setAutomine", False)
    for half in (range(3), range(3, 6)):
        with database.writing() as connection:
            for number in half:
                queue.enqueue(connection, str(number), payment())
        queue.pump()
        queue.pump()
    offset = 31.0
    queue.pump()


if __name__ == "__main__":
    main(*sys.argv[1:])
