"""Buy computations from a local market, and wait for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from poco.contracts import AddressBook, Market, TaskStatus
from poco.local import Ports, Stack, StackInfo, StackSettings
from poco.local.info import ExampleApp
from poco.local.places import BOOK
from poco.market import Offer, buy, register_app, sign_request
from poco.orders import AppOrder, OrderKind, TaskId, WorkerpoolOrder, random_salt, sign_order
from poco.orders import task_id as id_of
from poco.services.orderbook.queries import OrdersQuery

__all__ = [
    "PATIENCE",
    "Home",
    "best_offer",
    "bought",
    "buy_one",
    "offers",
    "purchase",
    "settings",
    "wait_for",
]

PATIENCE = 60.0


def settings(**changes: Any) -> StackSettings:
    return StackSettings(**{"ports": Ports.free(), "workers": 1, **changes})


def best_offer(stack: Stack) -> tuple[WorkerpoolOrder, str]:
    """The pool's order in the first category, and its hash."""
    [record] = [found for found in offers(stack) if found["order"]["category"] == 0]
    return WorkerpoolOrder.from_json(record["order"]), record["orderHash"]


def buy_one(stack: Stack, app: ExampleApp, order: WorkerpoolOrder) -> list[TaskId]:
    """Register an app, and buy a task."""
    person = stack.accounts.users[0]
    return bought(stack.market.acting_as(person), person, app, order, tasks=1)


def purchase(info: StackInfo, state: Path, *, tasks: int) -> tuple[Market, list[TaskId]]:
    """Buy computations with nothing but the document and the address book."""
    person = Account.from_key(info.fundingKey)
    owner = Account.from_key(info.workerpool.ownerKey)
    market = Market.connect(info.rpc, book=AddressBook.load(state / BOOK))
    pool = info.workerpool.address
    work = WorkerpoolOrder(workerpool=pool, volume=tasks, trust=1, salt=random_salt())
    order = sign_order(work, market.domain, owner)
    entry = info.e2e["app"]
    return market, bought(market.acting_as(person), person, entry, order, tasks=tasks)


def bought(
    buyer: Market, person: LocalAccount, entry: ExampleApp, order: WorkerpoolOrder, *, tasks: int
) -> list[TaskId]:
    checksum = bytes.fromhex(entry.checksum.removeprefix("0x"))
    app = register_app(buyer, "app", entry.type, entry.multiaddr, checksum).address
    sale = sign_order(AppOrder(app=app, volume=tasks, salt=random_salt()), buyer.domain, person)
    offer = Offer(app=sale, workerpool=order)
    params = json.dumps({"iexec_args": "again"})
    deal = buy(buyer, offer, sign_request(buyer, person, offer, params, volume=tasks))
    return [id_of(deal.dealid, index) for index in deal.indices]


def wait_for(market: Market, tasks: list[TaskId], said: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while any(market.hub.task(task).status is not TaskStatus.COMPLETED for task in tasks):
        assert time.monotonic() < end, said()
        time.sleep(0.1)


def offers(stack: Stack) -> list[dict[str, Any]]:
    """The pool's open orders."""
    assert stack.orderbook is not None
    found: list[dict[str, Any]] = stack.orderbook.orders(OrderKind.WORKERPOOL, OrdersQuery())[
        "orders"
    ]
    return found


class Home:
    """A home folder in which `poco` commands are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"XDG_STATE_HOME": str(folder)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "poco", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "poco", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def raw(self, *words: str) -> Any:
        done = self.run(*words, "--raw")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def pid(self) -> int:
        return int(json.loads((self.folder / "poco" / "up.json").read_text())["pid"])
