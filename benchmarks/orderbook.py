"""How fast the order book is: ``python -m benchmarks.orderbook``.

Signed workerpool orders of a market on a local chain are published, hundred in a transaction as
the service does under load, until the book is full; every signature, owner, stake and volume is
checked. Then the best orders are asked for, and requests are matched, over the whole book; and
orders are published over HTTP, login and all, by clients in processes of their own: the rate, and
what each order costs the service in processor time.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts import EventReader, Market, Mode, Wallet
from poco.deployment import deploy
from poco.local_chain import local_chain
from poco.orders import (
    TEE,
    AppOrder,
    Domain,
    OrderKind,
    RequestOrder,
    Tag,
    WorkerpoolOrder,
    random_salt,
    sign_digest,
    sign_order,
)
from poco.services.orderbook import Limits, Orderbook, Proposals, orderbook_application
from poco.services.orderbook.challenges import challenge_digest
from poco.services.orderbook.queries import OrdersQuery
from poco.web import serving

_BATCH = 100
_CATEGORIES = 5
_CLIENTS = 16
_PROCESSES = 2


class Bench:
    """A market with one app and many workerpool orders.

    Args:
        market: acting as the owner of everything.
        key: the owner's.
        book: its order book.
    """

    def __init__(self, market: Market, key: LocalAccount, book: Orderbook) -> None:
        self._market, self._key, self._book = market, key, book
        self._random = random.Random(1)  # noqa: S311 (prices, not secrets)
        self._app = market.apps.create(key.address, "app", "WASM", b"app").value
        self._pool = market.workerpools.create(key.address, "pool").value
        book.follower.follow()
        app = AppOrder(app=self._app, volume=10**9, salt=random_salt())
        tee = AppOrder(app=self._app, volume=10**9, tag=TEE, salt=random_salt())
        signed = [sign_order(order, market.domain, key) for order in (app, tee)]
        book.publish([book.submission(order, key.address) for order in signed])

    def orders(self, count: int) -> list[WorkerpoolOrder]:
        """Signed orders with all kinds of terms."""
        return [
            sign_order(
                WorkerpoolOrder(
                    workerpool=self._pool,
                    workerpoolprice=self._random.randrange(10**6),
                    volume=self._random.randrange(1, 5),
                    category=self._random.randrange(_CATEGORIES),
                    trust=self._random.choice((0, 1, 5)),
                    tag=self._random.choice((Tag(0), TEE)),
                    salt=random_salt(),
                ),
                self._market.domain,
                self._key,
            )
            for _ in range(count)
        ]

    def publish(self, orders: list[WorkerpoolOrder]) -> None:
        """Verify and publish orders."""
        self._book.publish([self._book.submission(order, self._key.address) for order in orders])

    def best(self) -> None:
        """Ask for the best orders."""
        category, trust = self._random.randrange(_CATEGORIES), self._random.choice((0, 5))
        tag = self._random.choice((Tag(0), TEE)).to_hex()
        query = OrdersQuery(category=str(category), minTrust=str(trust), minTag=tag)
        assert self._book.orders(OrderKind.WORKERPOOL, query)["orders"]

    def none(self) -> None:
        """Ask for orders of a volume that nobody offers, so that all are looked at."""
        assert not self._book.orders(OrderKind.WORKERPOOL, OrdersQuery(minVolume="9"))["count"]

    def match(self) -> None:
        """Match a request."""
        request = RequestOrder(
            app=self._app,
            requester=self._key.address,
            beneficiary=self._key.address,
            workerpoolmaxprice=10**6,
            category=self._random.randrange(_CATEGORIES),
            trust=self._random.choice((0, 5)),
            tag=self._random.choice((Tag(0), TEE)),
            volume=20,
            salt=random_salt(),
        )
        assert Proposals(self._book).propose(request)["volume"] == 20

    def publish_over_http(self, url: str, count: int) -> tuple[float, float]:
        """Publish request orders; return seconds and the processor seconds of this process."""
        context = multiprocessing.get_context("spawn")
        share = count // _PROCESSES
        with context.Pool(_PROCESSES) as pool:
            jobs = [(url, self._market.domain, self._app, share) for _ in range(_PROCESSES)]
            prepared = pool.map(_prepare, jobs, chunksize=1)
            begin, used = time.perf_counter(), time.process_time()
            pool.map(_send_all, prepared, chunksize=1)
            return time.perf_counter() - begin, time.process_time() - used


Prepared = tuple[str, int, list[tuple[bytes, list[Any]]]]
"""URL, chain, and keys with the orders that they signed."""


def _prepare(job: tuple[str, Domain, ChecksumAddress, int]) -> Prepared:
    url, domain, app, count = job
    found = []
    for _ in range(_CLIENTS):
        key = Account.create()
        orders = [
            sign_order(
                RequestOrder(
                    app=app, requester=key.address, beneficiary=key.address, salt=random_salt()
                ),
                domain,
                key,
            ).to_json()
            for _ in range(count // _CLIENTS)
        ]
        found.append((bytes(key.key), orders))
    return url, domain.chain_id, found


def _send_all(prepared: Prepared) -> None:
    asyncio.run(_send_concurrently(prepared))


async def _send_concurrently(prepared: Prepared) -> None:
    url, chain_id, accounts = prepared

    async def work(client: httpx.AsyncClient, key: LocalAccount, orders: list[Any]) -> None:
        for order in orders:
            await _send(client, chain_id, key, order)

    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await asyncio.gather(
            *(work(client, Account.from_key(key), orders) for key, orders in accounts)
        )


async def _send(client: httpx.AsyncClient, chain_id: int, key: LocalAccount, order: Any) -> None:
    chain = {"chainId": str(chain_id)}
    answer = await client.get("/challenge", params=chain | {"address": key.address})
    digest = challenge_digest(answer.json()["data"]["message"]["challenge"], chain_id)
    words = (f"0x{digest.hex()}", f"0x{sign_digest(key, digest).hex()}", key.address)
    sent = await client.post(
        "/requestorders",
        params=chain,
        json={"order": order},
        headers={"authorization": "_".join(words)},
    )
    sent.raise_for_status()


def _milliseconds(work: Callable[[], None], rounds: int) -> list[float]:
    """Return how long each call took, the shortest first."""
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begin) * 1000)
    return sorted(taken)


def _show(name: str, taken: list[Any]) -> None:
    median, late = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    click.echo(f"{name:<32} median {median:7.2f} ms   p99 {late:7.2f} ms")


@click.command()
@click.option("--count", default=100_000, show_default=True, help="Orders in the book.")
@click.option("--rounds", default=300, show_default=True, help="Queries of each kind.")
@click.option("--http", default=800, show_default=True, help="Orders to publish over HTTP.")
def main(count: int, rounds: int, http: int) -> None:
    """Print how fast orders are published, found and matched."""
    key = Account.create()
    with local_chain() as chain, tempfile.TemporaryDirectory() as folder:
        chain.request("anvil_setBalance", key.address, hex(10**24))
        wallet = Wallet(chain, key, EventReader(()))
        market = Market(chain, deploy(wallet, Mode.NATIVE).book).acting_as(key)
        market.deposit(10**14)
        limits = Limits(10**9, 10**9)
        book = Orderbook(f"sqlite:///{Path(folder) / 'market.sqlite'}", market, limits)
        bench = Bench(market, key, book)
        spent = 0.0
        for _ in range(count // _BATCH):
            orders = bench.orders(_BATCH)
            begin = time.perf_counter()
            bench.publish(orders)
            spent += time.perf_counter() - begin
        click.echo(f"{'verified publishes':<32} {count / spent:,.0f} per second")
        _show("best orders", _milliseconds(bench.best, rounds))
        _show("orders that are not there", _milliseconds(bench.none, rounds))
        _show("proposals for 20 tasks", _milliseconds(bench.match, rounds))
        with serving(orderbook_application(book)) as url:
            spent, used = bench.publish_over_http(url, http)
        click.echo(f"{'publishes over HTTP':<32} {http / spent:,.0f} per second")
        click.echo(f"{'processor time of the service':<32} {used / http * 1000:.2f} ms each")
        book.close()


if __name__ == "__main__":
    main()
