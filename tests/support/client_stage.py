"""A stage for the client: one market, a cast of people with money, and orders that match."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts import Market, Mode
from poco.orders import (
    NULL_DATASET_ORDER,
    ZERO_ADDRESS,
    AppOrder,
    DatasetOrder,
    DealId,
    RequestOrder,
    TaskId,
    WorkerpoolOrder,
    authorization_digest,
    random_salt,
    result_hash,
    result_seal,
    sign_order,
)

ROLES = (
    "owner",
    "app_owner",
    "dataset_owner",
    "scheduler",
    "requester",
    "sponsor",
    "worker_1",
    "worker_2",
    "stranger",
)
FUNDS = 100 * 10**9
APP_PRICE, DATASET_PRICE, POOL_PRICE = 1_000, 2_000, 10_000
CHECKSUM = bytes(range(32))
DIGEST = b"\x11" * 32


@dataclass
class Stage:
    """One market with entries, funded accounts and orders; each role is a `Market`."""

    market: Market
    keys: dict[str, LocalAccount]
    roles: dict[str, Market] = field(default_factory=dict)
    app: ChecksumAddress = ZERO_ADDRESS
    dataset: ChecksumAddress = ZERO_ADDRESS
    pool: ChecksumAddress = ZERO_ADDRESS

    def __post_init__(self) -> None:
        self.roles = {name: self.market.acting_as(key) for name, key in self.keys.items()}
        owner = self.roles["owner"]
        targets = [key.address for key in self.keys.values()]
        if self.market.mode is Mode.TOKEN:
            owner.token.approve(owner.hub.address, FUNDS * len(targets))
        owner.hub.deposit_for_all([FUNDS] * len(targets), targets)
        address = {name: key.address for name, key in self.keys.items()}
        # Both markets use the same registries; fields and owner make the address.
        mode = str(self.market.mode)
        self.app = owner.apps.create(
            address["app_owner"], mode, "WASM", b"multiaddr", CHECKSUM
        ).value
        self.dataset = owner.datasets.create(
            address["dataset_owner"], mode, b"/ipfs/data", CHECKSUM
        ).value
        self.pool = owner.workerpools.create(address["scheduler"], mode).value

    def __getattr__(self, role: str) -> Market:
        if role in ROLES:
            return self.roles[role]
        raise AttributeError(role)

    def orders(
        self, *, trust: int = 1, volume: int = 1, with_dataset: bool = True, **request: Any
    ) -> tuple[AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder]:
        """Four signed orders that match; each call makes new ones."""
        domain = self.market.domain
        app = AppOrder(app=self.app, appprice=APP_PRICE, volume=volume, salt=random_salt())
        dataset = DatasetOrder(
            dataset=self.dataset, datasetprice=DATASET_PRICE, volume=volume, salt=random_salt()
        )
        pool = WorkerpoolOrder(
            workerpool=self.pool,
            workerpoolprice=POOL_PRICE,
            volume=volume,
            trust=trust,
            salt=random_salt(),
        )
        fields: dict[str, Any] = {
            "app": self.app,
            "appmaxprice": APP_PRICE,
            "dataset": self.dataset if with_dataset else ZERO_ADDRESS,
            "datasetmaxprice": DATASET_PRICE,
            "workerpool": self.pool,
            "workerpoolmaxprice": POOL_PRICE,
            "requester": self.keys["requester"].address,
            "beneficiary": self.keys["requester"].address,
            "volume": volume,
            "trust": trust,
            "params": '{"iexec_args":"1 2"}',
            "salt": random_salt(),
        }
        return (
            sign_order(app, domain, self.keys["app_owner"]),
            sign_order(dataset, domain, self.keys["dataset_owner"])
            if with_dataset
            else NULL_DATASET_ORDER,
            sign_order(pool, domain, self.keys["scheduler"]),
            sign_order(RequestOrder(**fields | request), domain, self.keys["requester"]),
        )

    def deal(self, **terms: Any) -> DealId:
        """A new deal."""
        return self.requester.hub.match_orders(*self.orders(**terms)).value

    def task(self, **terms: Any) -> TaskId:
        """The first task of a new deal, ACTIVE."""
        return self.stranger.hub.initialize(self.deal(**terms), 0).value

    def authorization(self, worker: str, taskid: TaskId) -> bytes:
        """The scheduler's leave for a worker."""
        digest = authorization_digest(self.keys[worker].address, taskid, ZERO_ADDRESS)
        return bytes(self.keys["scheduler"].unsafe_sign_hash(digest).signature)

    def contribute(self, worker: str, taskid: TaskId, digest: bytes = DIGEST) -> Any:
        """Contribute as a worker."""
        return self.roles[worker].hub.contribute(
            taskid,
            result_hash(taskid, digest),
            result_seal(self.keys[worker].address, taskid, digest),
            self.authorization(worker, taskid),
        )

    def pass_time(self, seconds: int) -> None:
        """Let time pass on the chain."""
        self.market.chain.request("evm_increaseTime", seconds)
        self.market.chain.request("evm_mine")
