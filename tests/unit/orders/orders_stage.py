"""A small market: four parties with keys, four orders that match, and a view of the hub."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from poco.orders import (
    NULL_DATASET_ORDER,
    TDX,
    TEE,
    AppOrder,
    Asset,
    DatasetOrder,
    Domain,
    RequestOrder,
    StaticChainView,
    Tag,
    Violation,
    WorkerpoolOrder,
    checked_address,
    order_hash,
    sign_order,
    why_not_match,
)


def address(byte: int) -> str:
    return checked_address("test", "0x" + f"{byte:02x}" * 20)


@dataclass
class Market:
    """Orders that match; tests change one thing and sign again."""

    domain: Domain = field(default_factory=lambda: Domain(31337, address(0x11)))
    app_owner: LocalAccount = field(default_factory=lambda: Account.from_key(b"\x01" * 32))
    dataset_owner: LocalAccount = field(default_factory=lambda: Account.from_key(b"\x02" * 32))
    scheduler: LocalAccount = field(default_factory=lambda: Account.from_key(b"\x03" * 32))
    requester: LocalAccount = field(default_factory=lambda: Account.from_key(b"\x04" * 32))
    sponsor: LocalAccount = field(default_factory=lambda: Account.from_key(b"\x05" * 32))

    def __post_init__(self) -> None:
        app, dataset, pool = address(0xA1), address(0xD1), address(0xB1)
        self.app = AppOrder(app=app, appprice=1000, volume=10, tag=TEE, salt=b"\x01" * 32)
        self.dataset = DatasetOrder(
            dataset=dataset, datasetprice=1_000_000, volume=20, tag=Tag(0), salt=b"\x02" * 32
        )
        self.workerpool = WorkerpoolOrder(
            workerpool=pool,
            workerpoolprice=1_000_000_000,
            volume=5,
            tag=TEE | TDX,
            category=1,
            trust=4,
            salt=b"\x03" * 32,
        )
        self.request = RequestOrder(
            app=app,
            appmaxprice=1000,
            dataset=dataset,
            datasetmaxprice=1_000_000,
            workerpool=pool,
            workerpoolmaxprice=1_000_000_000,
            requester=self.requester.address,
            volume=3,
            tag=TEE,
            category=1,
            trust=4,
            beneficiary=self.requester.address,
            params='{"iexec_args":"hi"}',
            salt=b"\x04" * 32,
        )
        self.view = StaticChainView(
            domain=self.domain,
            registries={
                Asset.APP: address(0xE1),
                Asset.DATASET: address(0xE2),
                Asset.WORKERPOOL: address(0xE3),
            },
            owners={
                Asset.APP: {app: self.app_owner.address},
                Asset.DATASET: {dataset: self.dataset_owner.address},
                Asset.WORKERPOOL: {pool: self.scheduler.address},
            },
            balances={
                self.requester.address: 3_003_003_000,
                self.scheduler.address: 900_000_000,
            },
        )

    def without_dataset(self) -> Market:
        self.dataset = NULL_DATASET_ORDER
        self.request = replace(self.request, dataset=NULL_DATASET_ORDER.dataset)
        return self

    def change(self, order: str, **fields: Any) -> Market:
        setattr(self, order, replace(getattr(self, order), **fields))
        return self

    def look(self, **fields: Any) -> Market:
        self.view = replace(self.view, **fields)
        return self

    def rich(self) -> Market:
        accounts = (self.requester, self.scheduler, self.sponsor)
        return self.look(balances={account.address: 2**250 for account in accounts})

    def sign(self, *unsigned: str) -> Market:
        signers = {
            "app": self.app_owner,
            "dataset": self.dataset_owner,
            "workerpool": self.scheduler,
            "request": self.requester,
        }
        for order, account in signers.items():
            if order not in unsigned:
                setattr(self, order, sign_order(getattr(self, order), self.domain, account))
        return self

    def consume(self, **volumes: int) -> Market:
        taken = {
            order_hash(getattr(self, order), self.domain): volume
            for order, volume in volumes.items()
        }
        return self.look(volumes_consumed=taken)

    @property
    def orders(self) -> tuple[AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder]:
        return self.app, self.dataset, self.workerpool, self.request

    def violations(self, **options: Any) -> list[Violation]:
        return why_not_match(*self.orders, self.view, **options)

    def rules(self, **options: Any) -> list[str]:
        return [violation.rule for violation in self.violations(**options)]
