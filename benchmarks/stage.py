"""A market on a local chain for the measurements.

Keys, salts and inputs are fixed, so two runs use the same gas. The market stands at addresses that
follow from its founder's nonces, unlike those of `poco.deployment`, which follow from the bytecode:
a comment changed in a contract would change addresses, hence signatures, hence the number of zero
bytes in call data, and with it every figure by a multiple of 12 gas.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress, Hash32
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from poco import __version__
from poco.contracts import (
    AddressBook,
    Call,
    Chain,
    EventReader,
    Market,
    Mode,
    Receipt,
    Wallet,
    artifact,
    interface,
)
from poco.contracts.chain import to_bytes
from poco.contracts.wallet import nothing
from poco.deployment import STANDARD_CATEGORIES
from poco.orders import (
    NULL_DATASET_ORDER,
    ZERO_ADDRESS,
    AppOrder,
    DatasetOrder,
    DealId,
    RequestOrder,
    Tag,
    TaskId,
    WorkerpoolOrder,
    authorization_digest,
    enclave_digest,
    result_hash,
    result_seal,
    sign_order,
)

__all__ = ["DIGEST", "RESULTS", "Actor", "Orders", "Party", "Stage"]

DIGEST = keccak(text="result")
RESULTS = b"<the results>"
APP_PRICE, DATASET_PRICE, WORKERPOOL_PRICE = 1_000, 1_000_000, 1_000_000_000
"""Prices of the reference, nRLC."""
DEPOSIT = 100_000_000_000
"""What every account of a party has in the hub, nRLC; as much again stays in its wallet."""
_FUNDS = hex(10**21)


class Orders(NamedTuple):
    """Four orders that match."""

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    def unsigned(self) -> Orders:
        """Return the orders without signatures."""
        return Orders(
            replace(self.app, sign=b""),
            replace(self.dataset, sign=b""),
            replace(self.workerpool, sign=b""),
            replace(self.request, sign=b""),
        )


@dataclass(frozen=True)
class Actor:
    """An account, and the market as it sees it.

    Args:
        key: signs orders and authorizations.
        market: sends its transactions.
    """

    key: LocalAccount
    market: Market

    @property
    def address(self) -> ChecksumAddress:
        """The account."""
        return self.market.account

    def sign(self, digest: bytes) -> bytes:
        """Return the account's signature of 32 bytes."""
        return bytes(self.key.unsafe_sign_hash(Hash32(digest)).signature)


@dataclass(frozen=True)
class Party:
    """The people of one market with a deposit each, what they own, and five workers."""

    app_owner: Actor
    dataset_owner: Actor
    scheduler: Actor
    requester: Actor
    sponsor: Actor
    workers: tuple[Actor, ...]
    app: ChecksumAddress
    dataset: ChecksumAddress
    workerpool: ChecksumAddress


class Stage:
    """A deployed market, and how to play on it; methods return receipts, which tell the gas.

    Args:
        chain: a fresh anvil.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._serial = itertools.count(1)
        founder = self.key()
        book = _found(chain, founder)
        self._reader = Market(chain, book)
        self.owner = Actor(founder, self._reader.acting_as(founder))
        for category in STANDARD_CATEGORIES:
            hub = self.owner.market.hub
            hub.create_category(category.name, category.description, category.clock)

    # THE CAST

    def key(self) -> LocalAccount:
        """Return a new key whose account has currency; the same one in each run."""
        key: LocalAccount = Account.from_key(keccak(text=f"poco gas {next(self._serial)}"))
        self.chain.request("anvil_setBalance", key.address, _FUNDS)
        return key

    def actor(self) -> Actor:
        """Return a new actor; the same one in each run."""
        key = self.key()
        return Actor(key, self._reader.acting_as(key))

    def party(self) -> Party:
        """Return new people with deposits and assets, who never traded."""
        app_owner, dataset_owner, scheduler, requester, sponsor, *workers = (
            self.actor() for _ in range(10)
        )
        for actor in (app_owner, dataset_owner, scheduler, requester, sponsor, *workers):
            self.fund(actor)
            actor.market.deposit(DEPOSIT)
        return Party(
            app_owner,
            dataset_owner,
            scheduler,
            requester,
            sponsor,
            tuple(workers),
            self.create_app(app_owner).value,
            self.create_dataset(dataset_owner).value,
            self.create_workerpool(scheduler).value,
        )

    def fund(self, actor: Actor) -> None:
        """Give an account tokens for two deposits."""
        self.owner.market.token.transfer(actor.address, 2 * DEPOSIT)

    # ASSETS: short fields as in the reference

    def create_app(self, owner: Actor, multiaddr: bytes = b"registry/app:1.0.0") -> Receipt[Any]:
        """Register an app; the receipt's value is its address."""
        name = f"App{next(self._serial):04}"
        return self.owner.market.apps.create(
            owner.address, name, "DOCKER", multiaddr, keccak(b"app")
        )

    def create_dataset(
        self, owner: Actor, multiaddr: bytes = b"https://example.org"
    ) -> Receipt[Any]:
        """Register a dataset; the receipt's value is its address."""
        name = f"Data{next(self._serial):04}"
        return self.owner.market.datasets.create(owner.address, name, multiaddr, keccak(b"dataset"))

    def create_workerpool(self, owner: Actor) -> Receipt[Any]:
        """Register a workerpool; the receipt's value is its address."""
        return self.owner.market.workerpools.create(owner.address, f"Pool{next(self._serial):04}")

    # ORDERS AND DEALS

    def orders(
        self,
        party: Party,
        *,
        dataset: bool = True,
        params: str = "<parameters>",
        volume: int = 1,
        trust: int = 0,
        tag: int = 0,
        beneficiary: ChecksumAddress = ZERO_ADDRESS,
        callback: ChecksumAddress = ZERO_ADDRESS,
    ) -> Orders:
        """Return four signed orders of a party that match."""
        app = AppOrder(
            app=party.app, appprice=APP_PRICE, volume=volume, tag=Tag(tag), salt=self._salt()
        )
        data = NULL_DATASET_ORDER
        if dataset:
            data = DatasetOrder(
                dataset=party.dataset, datasetprice=DATASET_PRICE, volume=volume, salt=self._salt()
            )
        workerpool = WorkerpoolOrder(
            workerpool=party.workerpool,
            workerpoolprice=WORKERPOOL_PRICE,
            volume=volume,
            tag=Tag(tag),
            category=0,
            trust=trust,
            salt=self._salt(),
        )
        request = RequestOrder(
            app=party.app,
            appmaxprice=APP_PRICE,
            dataset=data.dataset,
            datasetmaxprice=data.datasetprice,
            workerpool=party.workerpool,
            workerpoolmaxprice=WORKERPOOL_PRICE,
            requester=party.requester.address,
            volume=volume,
            tag=Tag(tag),
            category=0,
            trust=trust,
            beneficiary=beneficiary,
            callback=callback,
            params=params,
            salt=self._salt(),
        )
        domain = self._reader.domain
        return Orders(
            sign_order(app, domain, party.app_owner.key),
            sign_order(data, domain, party.dataset_owner.key) if dataset else data,
            sign_order(workerpool, domain, party.scheduler.key),
            sign_order(request, domain, party.requester.key),
        )

    def match(self, party: Party, **terms: Any) -> Receipt[DealId]:
        """Make a deal; the terms are those of `orders`."""
        return party.requester.market.hub.match_orders(*self.orders(party, **terms))

    def task(self, party: Party, **terms: Any) -> TaskId:
        """Make a deal and open its first task."""
        return self.initialize(party, self.match(party, **terms).value).value

    # TASKS

    def initialize(self, party: Party, dealid: DealId, index: int = 0) -> Receipt[TaskId]:
        """Open a task, as the scheduler."""
        return party.scheduler.market.hub.initialize(dealid, index)

    def contribute(
        self,
        party: Party,
        worker: Actor,
        taskid: TaskId,
        digest: bytes = DIGEST,
        enclave: Actor | None = None,
    ) -> Receipt[None]:
        """Contribute a digest."""
        return worker.market.hub.contribute(
            taskid,
            result_hash(taskid, digest),
            result_seal(worker.address, taskid, digest),
            self.authorization(party, worker, taskid, enclave),
            enclave=ZERO_ADDRESS if enclave is None else enclave.address,
            enclave_signature=_enclave_signature(enclave, worker, taskid, digest),
        )

    def reveal(self, worker: Actor, taskid: TaskId) -> Receipt[None]:
        """Reveal the digest."""
        return worker.market.hub.reveal(taskid, DIGEST)

    def finalize(self, party: Party, taskid: TaskId, results: bytes = RESULTS) -> Receipt[None]:
        """Finalize a task, as the scheduler."""
        return party.scheduler.market.hub.finalize(taskid, results)

    def contribute_and_finalize(
        self,
        party: Party,
        taskid: TaskId,
        *,
        results: bytes = RESULTS,
        callback_data: bytes = b"",
        enclave: Actor | None = None,
    ) -> Receipt[None]:
        """Complete a task in one transaction, as the first worker."""
        worker = party.workers[0]
        digest = keccak(callback_data) if callback_data else DIGEST
        return worker.market.hub.contribute_and_finalize(
            taskid,
            digest,
            results,
            self.authorization(party, worker, taskid, enclave),
            callback_data=callback_data,
            enclave=ZERO_ADDRESS if enclave is None else enclave.address,
            enclave_signature=_enclave_signature(enclave, worker, taskid, digest),
        )

    def authorization(
        self, party: Party, worker: Actor, taskid: TaskId, enclave: Actor | None = None
    ) -> bytes:
        """Return the scheduler's signature that admits a worker to a task."""
        challenge = ZERO_ADDRESS if enclave is None else enclave.address
        return party.scheduler.sign(authorization_digest(worker.address, taskid, challenge))

    def _salt(self) -> bytes:
        return keccak(text=f"salt {next(self._serial)}")


def _enclave_signature(
    enclave: Actor | None, worker: Actor, taskid: TaskId, digest: bytes
) -> bytes:
    if enclave is None:
        return b""
    seal = result_seal(worker.address, taskid, digest)
    return enclave.sign(enclave_digest(result_hash(taskid, digest), seal))


def _found(chain: Chain, founder: LocalAccount) -> AddressBook:
    """Create the contracts of a market in token mode, one transaction each."""
    create = _creator(chain, founder)
    token = create("RLC", founder.address)
    kinds = ("AppRegistry", "DatasetRegistry", "WorkerpoolRegistry")
    registries = [create(kind, founder.address) for kind in kinds]
    config = (token, *registries)
    extension, boost = create("PocoHubExtension", config), create("PocoHubBoost", config)
    return AddressBook(
        chain_id=chain.chain_id,
        mode=Mode.TOKEN,
        hub=create("PocoHub", config, extension, boost, founder.address),
        token=token,
        app_registry=registries[0],
        dataset_registry=registries[1],
        workerpool_registry=registries[2],
        owner=founder.address,
        deploy_block=chain.block_number(),
        version=__version__,
        extension=extension,
        boost=boost,
    )


def _creator(chain: Chain, founder: LocalAccount) -> Callable[..., ChecksumAddress]:
    wallet = Wallet(chain, founder, EventReader(()))

    def create(name: str, *arguments: Any) -> ChecksumAddress:
        code = to_bytes(artifact(name).bytecode) + interface(name).encode_constructor(*arguments)
        sent = wallet.execute(Call(f"creation of {name}", None, code, nothing))
        receipt = chain.receipt(sent.transaction_hash) or {}
        return to_checksum_address(receipt["contractAddress"])

    return create
