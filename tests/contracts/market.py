"""A market on one hub, as the tests play it: orders, deals, tasks, balances and reverts.

`Market` hides what every story needs (salts, signatures, the union of the hub's interfaces) and
shows what a rule is about: the fields that differ from an ordinary deal.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import ape
from eth_utils import keccak
from local_chain import (
    EMPTY,
    Revert,
    address_of,
    decode_revert,
    local,
    revert_data,
    revert_of,
    reverts,
    sign_digest,
    travel_to,
)

from poco.orders import (
    NULL_DATASET_ORDER,
    ZERO_ADDRESS,
    AppOrder,
    DatasetOrder,
    Domain,
    RequestOrder,
    WorkerpoolOrder,
    authorization_digest,
    deal_id,
    enclave_digest,
    order_hash,
    result_hash,
    result_seal,
    sign_order,
    task_id,
)

if TYPE_CHECKING:
    from ape.api import ReceiptAPI
    from ape.contracts import ContractInstance

__all__ = [
    "CLOCKS",
    "DEPOSIT",
    "EMPTY",
    "KITTY",
    "RLC",
    "UNLIMITED",
    "WEI_PER_NRLC",
    "ZERO_ADDRESS",
    "DealMade",
    "Market",
    "Orders",
    "Revert",
    "address_of",
    "deal_id",
    "decode_revert",
    "fund",
    "local",
    "result_hash",
    "result_seal",
    "revert_data",
    "revert_of",
    "reverts",
    "sign_digest",
    "task_id",
    "travel_to",
]

KITTY = "0x99c2268479b93fDe36232351229815DF80837e23"
RLC = 10**9  # nRLC
WEI_PER_NRLC = 10**9
DEPOSIT = 100 * RLC
"""Free balance of every funded role at the start, in nRLC."""
CLOCKS = {"XS": 300, "S": 1200, "M": 3600, "L": 10_800, "XL": 36_000}
"""Names and clocks of the standard categories, in seconds (spec contracts §5)."""
UNLIMITED = 2**53 - 1
"""The volume that clients sign for "no limit"."""

_salts = itertools.count(1)


class Orders(NamedTuple):
    """Four orders in the order of the arguments of `matchOrders`."""

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    def to_abi(self) -> tuple[Any, ...]:
        """Return the arguments of `matchOrders`."""
        return tuple(order.to_abi() for order in self)


@dataclass(frozen=True)
class DealMade:
    """A deal and the transaction that made it.

    Args:
        dealid: its id.
        orders: what was matched.
        first: index of the first task.
        volume: number of tasks.
        receipt: of the match.
    """

    dealid: bytes
    orders: Orders
    first: int
    volume: int
    receipt: ReceiptAPI

    def task(self, position: int = 0) -> bytes:
        """Return the id of the task at `position` of the deal, from 0 on."""
        return task_id(self.dealid, self.first + position)


@dataclass(kw_only=True)
class Market:
    """A hub with its registries, one entry of each kind, and the people.

    Args:
        mode: "token" or "native".
        hub: the hub, with the ABI of all its parts.
        token: the base token, None in native mode.
        registries: by kind: app, dataset, workerpool.
        cast: accounts by role.
        app: address of an app of `app_owner`.
        dataset: address of a dataset of `dataset_owner`.
        workerpool: address of a workerpool of `pool_owner`, with the default policy.
    """

    mode: str
    hub: ContractInstance
    token: ContractInstance | None
    registries: dict[str, ContractInstance]
    cast: dict[str, Any]
    app: str = ""
    dataset: str = ""
    workerpool: str = ""
    domain: Domain = field(init=False)

    def __post_init__(self) -> None:
        self.domain = Domain(ape.chain.chain_id, self.hub.address)

    # ---- assets

    def create_app(self, owner: Any, label: str = "app") -> str:
        """Register an app and return its address."""
        fields = (owner, label, "DOCKER", b"registry/image:1", bytes(range(1, 33)), b"")
        return self._create("app", owner, fields)

    def create_dataset(self, owner: Any, label: str = "dataset") -> str:
        """Register a dataset and return its address."""
        return self._create("dataset", owner, (owner, label, b"/ipfs/data", bytes(range(1, 33))))

    def create_workerpool(self, owner: Any, label: str = "pool") -> str:
        """Register a workerpool and return its address."""
        return self._create("workerpool", owner, (owner, label))

    def _create(self, kind: str, owner: Any, fields: tuple[Any, ...]) -> str:
        registry, name = self.registries[kind], kind.capitalize()
        getattr(registry, f"create{name}")(*fields, sender=self.cast["stranger"])
        return str(getattr(registry, f"predict{name}")(*fields))

    # ---- orders

    def sign(self, order: Any, signer: Any) -> Any:
        """Return the order signed for this hub with the key of `signer`."""
        return sign_order(order, self.domain, local(signer))

    def hash(self, order: Any) -> bytes:
        """Return the hash of an order for this hub."""
        return order_hash(order, self.domain)

    def app_order(self, signer: Any = "app_owner", **fields: Any) -> AppOrder:
        """Make and sign an app order at 1,000 nRLC; `signer` None leaves it unsigned."""
        return self._order(
            AppOrder, signer, fields, {"app": self.app, "appprice": 1_000, "volume": UNLIMITED}
        )

    def dataset_order(self, signer: Any = "dataset_owner", **fields: Any) -> DatasetOrder:
        """Make and sign a dataset order at 1,000,000 nRLC."""
        usual = {"dataset": self.dataset, "datasetprice": 1_000_000, "volume": UNLIMITED}
        return self._order(DatasetOrder, signer, fields, usual)

    def workerpool_order(self, signer: Any = "pool_owner", **fields: Any) -> WorkerpoolOrder:
        """Make and sign a workerpool order at 1 RLC, of any volume, trust 100 and no tag."""
        usual = {
            "workerpool": self.workerpool,
            "workerpoolprice": RLC,
            "volume": UNLIMITED,
            "trust": 100,
        }
        return self._order(WorkerpoolOrder, signer, fields, usual)

    def request_order(
        self, signer: Any = "requester", *, dataset: bool | str = True, **fields: Any
    ) -> RequestOrder:
        """Make and sign a request order for one task, trust 1, at exactly the usual prices.

        `dataset` is an address, or whether the usual dataset is wanted.
        """
        requester = self.cast["requester"].address
        usual = {
            "app": self.app,
            "appmaxprice": 1_000,
            "workerpoolmaxprice": RLC,
            "requester": requester,
            "beneficiary": fields.get("requester", requester),
            "trust": 1,
        }
        if dataset:
            usual["dataset"] = self.dataset if dataset is True else dataset
            usual["datasetmaxprice"] = 1_000_000
        return self._order(RequestOrder, signer, fields, usual)

    def _order(
        self, kind: Any, signer: Any, fields: Mapping[str, Any], usual: Mapping[str, Any]
    ) -> Any:
        values = dict(usual) | {"salt": next(_salts).to_bytes(32)} | dict(fields)
        order = kind(**values)
        if signer is None:
            return order
        return self.sign(order, self.cast[signer] if isinstance(signer, str) else signer)

    def orders(
        self,
        *,
        dataset: Mapping[str, Any] | bool | None = True,
        app: Mapping[str, Any] | None = None,
        workerpool: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Orders:
        """Make four orders that match, with the given fields instead of the usual ones.

        Args:
            app: fields of the app order that differ; `signer` is taken too, as in the others.
            dataset: fields of the dataset order; False for a deal without dataset.
            workerpool: fields of the workerpool order.
            request: fields of the request order.
        """
        with_dataset = dataset is not False
        given = dataset if isinstance(dataset, Mapping) else {}
        return Orders(
            self.app_order(**(app or {})),
            self.dataset_order(**given) if with_dataset else NULL_DATASET_ORDER,
            self.workerpool_order(**(workerpool or {})),
            self.request_order(**{"dataset": with_dataset} | dict(request or {})),
        )

    # ---- deals

    def match(
        self, orders: Orders | None = None, *, sponsor: Any = None, sender: Any = None
    ) -> DealMade:
        """Match orders (by default the usual ones); a sponsor pays instead of the requester."""
        orders = orders or self.orders()
        requested = self.hash(orders.request)
        first = self.hub.viewConsumed(requested)
        if sponsor is None:
            receipt = self.hub.matchOrders(*orders.to_abi(), sender=sender or self.cast["stranger"])
        else:
            receipt = self.hub.sponsorMatchOrders(*orders.to_abi(), sender=sponsor)
        volume = self.hub.viewConsumed(requested) - first
        return DealMade(deal_id(requested, first), orders, first, volume, receipt)

    # ---- tasks

    def initialize(self, deal: DealMade, position: int = 0) -> bytes:
        """Initialize the task at `position` of a deal and return its id."""
        self.hub.initialize(deal.dealid, deal.first + position, sender=self.cast["stranger"])
        return deal.task(position)

    def authorize(
        self, worker: Any, taskid: bytes, enclave: Any = ZERO_ADDRESS, signer: Any = "pool_owner"
    ) -> bytes:
        """Sign the authorization of a worker, 65 bytes."""
        digest = authorization_digest(address_of(worker), taskid, address_of(enclave))
        return sign_digest(self.cast[signer] if isinstance(signer, str) else signer, digest)

    def contribute(
        self,
        worker: Any,
        taskid: bytes,
        digest: bytes,
        *,
        enclave: Any = None,
        authorization: bytes | None = None,
        signer: Any = "pool_owner",
    ) -> ReceiptAPI:
        """Contribute the result `digest` of a task; an `enclave` signs it too."""
        hashed = result_hash(taskid, digest)
        seal = result_seal(worker.address, taskid, digest)
        challenge = ZERO_ADDRESS if enclave is None else enclave.address
        enclave_sign = (
            b"" if enclave is None else sign_digest(enclave, enclave_digest(hashed, seal))
        )
        if authorization is None:
            authorization = self.authorize(worker, taskid, challenge, signer)
        return self.hub.contribute(
            taskid, hashed, seal, challenge, enclave_sign, authorization, sender=worker
        )

    def contribute_and_finalize(
        self,
        worker: Any,
        taskid: bytes,
        digest: bytes,
        results: bytes = b"",
        callback: bytes = b"",
        *,
        enclave: Any = None,
        signer: Any = "pool_owner",
    ) -> ReceiptAPI:
        """Complete a task of trust 1 in one transaction."""
        hashed = result_hash(taskid, digest)
        seal = result_seal(worker.address, taskid, digest)
        challenge = ZERO_ADDRESS if enclave is None else enclave.address
        enclave_sign = (
            b"" if enclave is None else sign_digest(enclave, enclave_digest(hashed, seal))
        )
        return self.hub.contributeAndFinalize(
            taskid,
            digest,
            results,
            callback,
            challenge,
            enclave_sign,
            self.authorize(worker, taskid, challenge, signer),
            sender=worker,
        )

    def reveal(self, worker: Any, taskid: bytes, digest: bytes) -> ReceiptAPI:
        """Reveal the digest of a contribution."""
        return self.hub.reveal(taskid, digest, sender=worker)

    def finalize(
        self, taskid: bytes, results: bytes = b"", callback: bytes = b"", sender: Any = None
    ) -> ReceiptAPI:
        """Finalize a task as its scheduler."""
        return self.hub.finalize(
            taskid, results, callback, sender=sender or self.cast["pool_owner"]
        )

    def complete(
        self, deal: DealMade, workers: Sequence[Any], digest: bytes = b"", position: int = 0
    ) -> bytes:
        """Play a task to its end: all workers contribute and reveal the same digest.

        Returns:
            the id of the task.
        """
        digest = digest or keccak(text="result")
        taskid = self.initialize(deal, position)
        for worker in workers:
            self.contribute(worker, taskid, digest)
        for worker in workers:
            self.reveal(worker, taskid, digest)
        self.finalize(taskid)
        return taskid

    # ---- money

    def balances(self, **others: Any) -> dict[str, tuple[int, int]]:
        """Return free and frozen nRLC of every role, the hub and the kitty, and of `others`."""
        accounts = {name: account.address for name, account in self.cast.items()}
        accounts |= {"hub": self.hub.address, "kitty": KITTY}
        accounts |= {name: address_of(account) for name, account in others.items()}
        return {
            name: tuple(self.hub.viewAccountABILegacy(account))
            for name, account in accounts.items()
        }

    # ---- events of the hub, as they are expected

    def transfer(self, source: Any, target: Any, value: int) -> Any:
        """Expect `Transfer`."""
        names = {"from": address_of(source), "to": address_of(target), "value": value}
        return self.hub.Transfer(**names)

    def locked(self, account: Any, amount: int) -> list[Any]:
        """Expect the events of a lock."""
        owner = address_of(account)
        return [self.transfer(owner, self.hub, amount), self.hub.Lock(owner=owner, amount=amount)]

    def unlocked(self, account: Any, amount: int) -> list[Any]:
        """Expect the events of an unlock."""
        owner = address_of(account)
        return [self.transfer(self.hub, owner, amount), self.hub.Unlock(owner=owner, amount=amount)]

    def rewarded(self, account: Any, amount: int, taskid: bytes) -> list[Any]:
        """Expect the events of a reward."""
        owner = address_of(account)
        return [
            self.transfer(self.hub, owner, amount),
            self.hub.Reward(owner=owner, amount=amount, ref=taskid),
        ]

    def seized(self, account: Any, amount: int, taskid: bytes) -> list[Any]:
        """Expect the event of a seizure."""
        return [self.hub.Seize(owner=address_of(account), amount=amount, ref=taskid)]

    def matched(self, deal: DealMade, payer: Any = None, scheduler: Any = None) -> list[Any]:
        """Expect the events of `matchOrders`, from the orders and the volume of the deal."""
        app, dataset, pool, request = deal.orders
        price = app.appprice + pool.workerpoolprice
        if not dataset.is_null:
            price += dataset.datasetprice
        stake = pool.workerpoolprice * 30 // 100
        return [
            *self.locked(payer or request.requester, price * deal.volume),
            *self.locked(scheduler or self.cast["pool_owner"], stake * deal.volume),
            self.hub.SchedulerNotice(workerpool=pool.workerpool, dealid=deal.dealid),
            self.hub.OrdersMatched(
                dealid=deal.dealid,
                appHash=self.hash(app),
                datasetHash=bytes(32) if dataset.is_null else self.hash(dataset),
                workerpoolHash=self.hash(pool),
                requestHash=self.hash(request),
                volume=deal.volume,
            ),
        ]


def fund(market: Market, accounts: Sequence[Any], amount: int = DEPOSIT) -> None:
    """Deposit `amount` nRLC for each account out of the owner's purse."""
    owner, amounts = market.cast["owner"], [amount] * len(accounts)
    if market.token is None:
        value = amount * len(accounts) * WEI_PER_NRLC
        market.hub.depositForArray(amounts, accounts, sender=owner, value=value)
        return
    market.token.approve(market.hub, amount * len(accounts), sender=owner)
    market.hub.depositForArray(amounts, accounts, sender=owner)
