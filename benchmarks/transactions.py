"""How many transactions per second the queue sends: ``python -m benchmarks.transactions``.

Payments on a local chain that mines each at once: by a wallet that waits for each, and by the
queue with its database on disk, with and without asking for the gas. From enqueueing to final.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from eth_account import Account
from sqlalchemy import MetaData

from poco import transactions
from poco.contracts import Call, EventReader, Market, Mode, Wallet
from poco.contracts.wallet import nothing
from poco.database import Database
from poco.deployment import deploy
from poco.local_chain import local_chain
from poco.orders import checked_address
from poco.transactions import TransactionQueue

_TARGET = checked_address("target", f"0x{'ab' * 20}")
_GAS = 21_000
_NAP_SECONDS = 0.002


def _payment(gas: int | None) -> Call[None]:
    return Call("payment", _TARGET, b"", nothing, value=1, gas=gas)


def _by_queue(queue: TransactionQueue, database: Database, count: int, gas: int | None) -> None:
    keys = [f"{gas}:{number}" for number in range(count)]
    with database.writing() as connection:
        for key in keys:
            queue.enqueue(connection, key, _payment(gas))
    while not all(state.done for state in queue.states(keys).values()):
        if not queue.pump():
            time.sleep(_NAP_SECONDS)


def _by_wallet(wallet: Wallet, count: int) -> None:
    for _ in range(count):
        wallet.execute(_payment(_GAS))


def _per_second(work: Callable[[], None], count: int) -> float:
    begin = time.perf_counter()
    work()
    return count / (time.perf_counter() - begin)


@click.command()
@click.option("--count", default=500, show_default=True, help="Payments each way.")
def main(count: int) -> None:
    """Print the transactions per second of each way."""
    metadata = MetaData()
    transactions.declare(metadata)
    key = Account.create()
    with local_chain() as chain, tempfile.TemporaryDirectory() as folder:
        chain.request("anvil_setBalance", key.address, hex(10**22))
        wallet = Wallet(chain, key, EventReader(()))
        market = Market(chain, deploy(wallet, Mode.NATIVE).book).acting_as(key)
        database = Database(f"sqlite:///{Path(folder) / 'queue.sqlite'}", metadata)
        queue = TransactionQueue(database, market)
        ways = {
            "wallet, one after the other": lambda: _by_wallet(wallet, count),
            "queue, gas asked for": lambda: _by_queue(queue, database, count, None),
            "queue, gas given": lambda: _by_queue(queue, database, count, _GAS),
        }
        for name, work in ways.items():
            click.echo(f"{name:<30} {_per_second(work, count):>8.0f} tx/s")
        database.close()


if __name__ == "__main__":
    main()
