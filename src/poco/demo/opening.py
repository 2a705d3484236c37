"""How a story begins: a market on a fresh chain, money for everybody, assets and signed orders."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from poco.contracts import Chain, EventReader, Wallet
from poco.demo.cast import Cast, Person
from poco.demo.ledger import in_rlc
from poco.demo.narrator import Narrator
from poco.deployment import Step, deploy
from poco.local_chain import local_chain
from poco.market import (
    Offer,
    PackagedApp,
    Role,
    development_account,
    register_app,
    register_dataset,
    register_workerpool,
)
from poco.orders import AppOrder, DatasetOrder, Tag, WorkerpoolOrder, random_salt, sign_order

__all__ = ["DatasetFile", "Terms", "fresh_chain", "fund", "make_offer", "open_market"]


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A dataset that is for sale.

    Args:
        name: its name.
        url: where workers find it.
        checksum: SHA-256 of what is there, 32 bytes.
    """

    name: str
    url: str
    checksum: bytes


@dataclass(frozen=True, slots=True)
class Terms:
    """What all three sellers ask for.

    Args:
        app: price of the app, nRLC per task.
        dataset: price of the dataset, nRLC per task.
        pool: price of the computation, nRLC per task.
        volume: how many tasks.
        trust: highest trust that the pool offers.
        tag: what the app needs, and the pool offers.
    """

    app: int
    dataset: int
    pool: int
    volume: int
    trust: int
    tag: Tag

    @property
    def price(self) -> int:
        """What a task costs, nRLC."""
        return self.app + self.dataset + self.pool


def fresh_chain(port: int = 0) -> AbstractContextManager[Chain]:
    """Run a chain on which all test accounts have gas; see `local_chain`.

    Args:
        port: TCP port of the chain; 0 takes a free one.
    """
    return local_chain("--base-fee", "0", "--accounts", "20", port=port)


def open_market(chain: Chain, first_worker: int, narrator: Narrator) -> Cast:
    """Deploy a market, and introduce its people.

    Args:
        chain: a fresh one, see `fresh_chain`.
        first_worker: see `Cast`.
        narrator: tells it.

    Raises:
        InternalError: a claim does not hold.
        ChainError: the node does not answer.
    """

    def report(step: Step) -> None:
        narrator.line(f"{step.name:<28} {step.address} {step.gas:>11,} gas")

    narrator.chapter(f"A fresh chain ({chain.url}) and a market on it")
    wallet = Wallet(chain, development_account(Role.DEPLOYER), EventReader(()))
    deployment = deploy(wallet, report=report)
    cast = Cast(chain, deployment.book, first_worker)
    hub = cast.requester.market.hub
    narrator.claim(
        "hub and registries belong together, and nobody has a deposit yet",
        hub.constants().app_registry == deployment.book.app_registry and hub.total_supply() == 0,
    )
    return cast


def fund(cast: Cast, deposits: Mapping[Person, int], narrator: Narrator) -> None:
    """Give people tokens, half of which they deposit.

    Args:
        cast: who takes part; nobody has anything yet but the deployer, who holds all tokens.
        deposits: what each of them deposits, nRLC.
        narrator: tells it.

    Raises:
        InternalError: a claim does not hold.
        ChainError: the node does not answer.
    """
    narrator.chapter("Money")
    for person, amount in deposits.items():
        cast.deployer.market.token.transfer(person.address, 2 * amount)
        person.market.deposit(amount)
        narrator.line(f"{person.name} has {in_rlc(amount)} RLC and deposits {in_rlc(amount)} more")
    hub = cast.requester.market.hub
    held = {person: hub.account(person.address).stake for person in deposits}
    narrator.claim("the hub holds every deposit", held == deposits)


def make_offer(
    cast: Cast, app: PackagedApp, dataset: DatasetFile, terms: Terms, narrator: Narrator
) -> Offer:
    """Register the assets and sign the orders.

    Args:
        cast: the sellers.
        app: what is sold by the app owner.
        dataset: what is sold by the dataset owner.
        terms: for how much.
        narrator: tells it.

    Raises:
        InternalError: a claim does not hold.
        ChainError: the node does not answer.
    """
    narrator.chapter("Assets and orders")
    entry = register_app(
        cast.app_owner.market, app.name, app.app_type, app.multiaddr, app.checksum
    ).address
    narrator.line(f"app owner registers {app.name} ({app.app_type}) as {entry}")
    data = register_dataset(
        cast.dataset_owner.market, dataset.name, dataset.url, dataset.checksum
    ).address
    narrator.line(f"dataset owner registers {dataset.name} as {data}")
    pool = register_workerpool(cast.scheduler.market, "demo pool").address
    narrator.line(f"pool owner registers a workerpool as {pool}")
    market = cast.requester.market
    narrator.claim(
        "each entry belongs to who registered it",
        market.apps.owner_of(entry) == cast.app_owner.address
        and market.datasets.owner_of(data) == cast.dataset_owner.address
        and market.workerpools.owner_of(pool) == cast.scheduler.address,
    )
    app_order = AppOrder(
        app=entry, appprice=terms.app, volume=terms.volume, tag=terms.tag, salt=random_salt()
    )
    dataset_order = DatasetOrder(
        dataset=data,
        datasetprice=terms.dataset,
        volume=terms.volume,
        tag=terms.tag,
        salt=random_salt(),
    )
    workerpool_order = WorkerpoolOrder(
        workerpool=pool,
        workerpoolprice=terms.pool,
        volume=terms.volume,
        trust=terms.trust,
        tag=terms.tag,
        salt=random_salt(),
    )
    prices = (("app", terms.app), ("dataset", terms.dataset), ("computation", terms.pool))
    listed = ", ".join(f"{name} {in_rlc(price)}" for name, price in prices)
    tasks = f"{terms.volume} task{'s' if terms.volume > 1 else ''}"
    narrator.line(f"all three sign orders for {tasks}; RLC per task: {listed}")
    domain = market.domain
    return Offer(
        app=sign_order(app_order, domain, cast.app_owner.account),
        dataset=sign_order(dataset_order, domain, cast.dataset_owner.account),
        workerpool=sign_order(workerpool_order, domain, cast.scheduler.account),
    )
