"""What people do in a market, on purpose or at random, and what the chain says of it afterwards."""

from __future__ import annotations

from random import Random
from typing import Any

from eth_typing import ChecksumAddress
from support.anvil import account

from poco.contracts import Chain, EventReader, Market, TaskStatus, Wallet
from poco.deployment import deploy
from poco.errors import ContractError
from poco.orders import (
    NULL_DATASET_ORDER,
    ZERO_ADDRESS,
    AppOrder,
    DatasetOrder,
    DealId,
    RequestOrder,
    TaskId,
    WorkerpoolOrder,
    random_salt,
    result_hash,
    result_seal,
    sign_authorization,
    sign_order,
    task_id,
)

ROLES = ("owner", "seller", "scheduler", "requester", "worker_1", "worker_2", "worker_3")
FUNDS = 10**12
APP_PRICE, DATASET_PRICE, POOL_PRICE = 1_000, 2_000, 10**10
CHECKSUM = bytes(range(32))
GOOD, BAD = b"\x11" * 32, b"\x22" * 32


class Day:
    """A market with entries and funded accounts.

    Args:
        chain: a local chain, which mines each transaction at once.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.keys = {name: account(index) for index, name in enumerate(ROLES)}
        wallet = Wallet(chain, self.keys["owner"], EventReader(()))
        self.market = Market(chain, deploy(wallet).book)
        self.meet()
        owner = self.roles["owner"]
        addresses = [key.address for key in self.keys.values()]
        owner.token.approve(owner.hub.address, FUNDS * len(addresses))
        owner.hub.deposit_for_all([FUNDS] * len(addresses), addresses)
        seller = self.address("seller")
        self.app = owner.apps.create(seller, "app", "WASM", b"multiaddr", CHECKSUM).value
        self.dataset = owner.datasets.create(seller, "data", b"/ipfs/data", CHECKSUM).value
        self.pool = owner.workerpools.create(self.address("scheduler"), "pool").value
        self.deals: list[DealId] = []
        self.boosts: list[DealId] = []

    def meet(self) -> None:
        """Count nonces anew, as after a reorganisation."""
        self.roles = {name: self.market.acting_as(key) for name, key in self.keys.items()}

    def address(self, role: str) -> ChecksumAddress:
        return self.keys[role].address

    def orders(
        self, *, trust: int = 1, volume: int = 1, with_dataset: bool = True, **request: Any
    ) -> tuple[Any, ...]:
        domain, seller = self.market.domain, self.keys["seller"]
        dataset = DatasetOrder(
            dataset=self.dataset, datasetprice=DATASET_PRICE, volume=volume, salt=random_salt()
        )
        fields: dict[str, Any] = {
            "app": self.app,
            "appmaxprice": APP_PRICE,
            "dataset": self.dataset if with_dataset else ZERO_ADDRESS,
            "datasetmaxprice": DATASET_PRICE,
            "workerpool": self.pool,
            "workerpoolmaxprice": POOL_PRICE,
            "requester": self.address("requester"),
            "beneficiary": self.address("requester"),
            "volume": volume,
            "trust": trust,
            "params": '{"iexec_args":"1 2"}',
            "salt": random_salt(),
        }
        app = AppOrder(app=self.app, appprice=APP_PRICE, volume=volume, salt=random_salt())
        pool = WorkerpoolOrder(
            workerpool=self.pool,
            workerpoolprice=POOL_PRICE,
            volume=volume,
            trust=trust,
            salt=random_salt(),
        )
        return (
            sign_order(app, domain, seller),
            sign_order(dataset, domain, seller) if with_dataset else NULL_DATASET_ORDER,
            sign_order(pool, domain, self.keys["scheduler"]),
            sign_order(RequestOrder(**fields | request), domain, self.keys["requester"]),
        )

    def deal(self, **terms: Any) -> DealId:
        dealid = self.roles["requester"].hub.match_orders(*self.orders(**terms)).value
        self.deals.append(dealid)
        return dealid

    def boost(self, **terms: Any) -> DealId:
        orders = self.orders(trust=0, **terms)
        dealid = self.roles["requester"].hub.match_orders_boost(*orders).value
        self.boosts.append(dealid)
        return dealid

    def task(self, dealid: DealId, index: int = 0) -> TaskId:
        return self.roles["scheduler"].hub.initialize(dealid, index).value

    def authorization(self, worker: str, taskid: TaskId) -> bytes:
        scheduler = self.keys["scheduler"]
        return sign_authorization(scheduler, self.address(worker), taskid)

    def contribute(self, worker: str, taskid: TaskId, digest: bytes = GOOD) -> None:
        seal = result_seal(self.address(worker), taskid, digest)
        self.roles[worker].hub.contribute(
            taskid, result_hash(taskid, digest), seal, self.authorization(worker, taskid)
        )

    def complete(self, taskid: TaskId, *workers: str) -> None:
        """Bring a task to its end with workers that agree."""
        for worker in workers:
            self.contribute(worker, taskid)
        for worker in workers:
            self.roles[worker].hub.reveal(taskid, GOOD)
        self.roles["scheduler"].hub.finalize(taskid, b"result")

    def complete_in_one_step(self, worker: str, taskid: TaskId) -> None:
        authorization = self.authorization(worker, taskid)
        self.roles[worker].hub.contribute_and_finalize(taskid, GOOD, b"result", authorization)

    def push(self, worker: str, dealid: DealId, index: int) -> None:
        leave = self.authorization(worker, task_id(dealid, index))
        self.roles[worker].hub.push_result_boost(dealid, index, b"result", leave)

    def pass_time(self, seconds: int) -> None:
        self.chain.request("evm_increaseTime", seconds)
        self.chain.request("evm_mine")

    def whole(self) -> None:
        """Do everything that can be done in a market once."""
        self.complete_in_one_step("worker_1", self.task(self.deal()))
        self.complete(
            self.task(self.deal(trust=5, volume=2), 1), "worker_1", "worker_2", "worker_3"
        )
        disputed = self.task(self.deal(trust=3, with_dataset=False))
        self.contribute("worker_1", disputed, BAD)
        for worker in ("worker_2", "worker_3"):
            self.contribute(worker, disputed)
        if self.market.hub.task(disputed).status is TaskStatus.ACTIVE:
            self.contribute("scheduler", disputed)
        self.roles["worker_2"].hub.reveal(disputed, GOOD)
        self.pass_time(2 * 300 + 1)
        self.roles["scheduler"].hub.finalize(disputed, b"result")
        stuck = self.task(self.deal())
        self.contribute("worker_2", stuck)
        self.pass_time(2 * 300 + 1)
        self.roles["scheduler"].hub.reopen(stuck)
        boost = self.boost(volume=3)
        self.push("worker_1", boost, 1)
        self.pass_time(11 * 300)
        self.roles["worker_3"].hub.claim(stuck)
        self.roles["worker_3"].hub.claim_boost(boost, 2)
        hub = self.roles["requester"].hub
        hub.transfer(self.address("worker_1"), 5)
        hub.withdraw(7)
        self.roles["owner"].hub.create_category("XXL", "long", 10**6)
        self.roles["scheduler"].workerpools.change_policy(self.pool, 20, 5)
        self.roles["seller"].apps.transfer(self.app, self.address("owner"))
        self.roles["owner"].apps.transfer(self.app, self.address("seller"))

    def anything(self, random: Random) -> None:
        """Do something that the rules allow at the moment."""
        while True:
            try:
                self._actions(random)[random.randrange(8)]()
            except ContractError:
                continue
            return

    def _actions(self, random: Random) -> list[Any]:
        worker = random.choice(("worker_1", "worker_2", "worker_3"))
        digest = random.choice((GOOD, GOOD, GOOD, BAD))
        dealid = random.choice(self.deals) if self.deals else bytes(32)
        taskid = task_id(dealid, random.randrange(2))
        boost = random.choice(self.boosts) if self.boosts else bytes(32)
        hub, scheduler = self.roles[worker].hub, self.roles["scheduler"].hub
        steps = (
            lambda: self.contribute(worker, taskid, digest),
            lambda: hub.reveal(taskid, digest),
            lambda: scheduler.finalize(taskid, b"result"),
            lambda: scheduler.reopen(taskid),
            lambda: hub.claim(taskid),
        )
        moves = (
            lambda: hub.transfer(self.address("requester"), random.randrange(100)),
            lambda: hub.withdraw(random.randrange(100)),
            lambda: self.roles["scheduler"].workerpools.change_policy(
                self.pool, random.randrange(100), random.randrange(100)
            ),
            lambda: self.roles["owner"].datasets.create(
                self.address(worker), str(random.random()), b"x", CHECKSUM
            ),
        )
        return [
            lambda: self.deal(
                trust=random.choice((1, 3)), volume=2, with_dataset=random.random() < 0.5
            ),
            lambda: self.task(dealid, random.randrange(2)),
            random.choice(steps),
            random.choice(steps),
            random.choice(steps),
            random.choice(moves),
            random.choice(
                (
                    lambda: self.boost(volume=2),
                    lambda: self.push(worker, boost, random.randrange(2)),
                    lambda: hub.claim_boost(boost, random.randrange(2)),
                )
            ),
            lambda: self.pass_time(random.choice((10, 700, 3_500))),
        ]

    def forget_what_vanished(self) -> None:
        """Go on after a reorganisation with the deals that are still there."""
        self.meet()
        hub = self.market.hub
        self.deals = [dealid for dealid in self.deals if hub.deal(dealid) is not None]
        self.boosts = [dealid for dealid in self.boosts if hub.boost_deal(dealid) is not None]
