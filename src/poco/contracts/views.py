"""What a hub tells without a transaction (spec contracts §1.11, §1.12)."""

from __future__ import annotations

from collections.abc import Sequence

from eth_typing import ChecksumAddress

from poco.contracts.contract import Contract
from poco.contracts.records import (
    Account,
    BoostDeal,
    Category,
    Contribution,
    Deal,
    HubConstants,
    Task,
)
from poco.orders import (
    ZERO_ADDRESS,
    AppOrder,
    DatasetOrder,
    DealId,
    Domain,
    OrderHash,
    RequestOrder,
    TaskId,
    WorkerpoolOrder,
    task_id,
)

__all__ = ["HubViews"]

_CONSTANTS = (
    "token",
    "appregistry",
    "datasetregistry",
    "workerpoolregistry",
    "owner",
    "teebroker",
    "callbackgas",
    "contribution_deadline_ratio",
    "reveal_deadline_ratio",
    "final_deadline_ratio",
    "workerpool_stake_ratio",
    "kitty_ratio",
    "kitty_min",
    "kitty_address",
)


class HubViews(Contract):
    """The views of a hub. Amounts are nRLC, times seconds."""

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain that orders for this hub are signed in."""
        return Domain(self.chain.chain_id, self.address)

    def constants(self) -> HubConstants:
        """Return what the hub is made of, and the constants of the protocol."""
        return HubConstants(*self.read_all([(name, ()) for name in _CONSTANTS]))

    def owner(self) -> ChecksumAddress:
        """Return who may add categories, set callback gas and TEE broker."""
        address: ChecksumAddress = self.read("owner")
        return address

    # ACCOUNTS

    def account(self, account: ChecksumAddress) -> Account:
        """Return free and locked stake of an account."""
        return Account(*self.read("viewAccount", account))

    def accounts(self, accounts: Sequence[ChecksumAddress]) -> list[Account]:
        """Return free and locked stake of several accounts, read at once."""
        found = self.read_all([("viewAccount", (account,)) for account in accounts])
        return [Account(*values) for values in found]

    def total_supply(self) -> int:
        """Return all stake in the hub, free and locked."""
        return int(self.read("totalSupply"))

    def allowance(self, owner: ChecksumAddress, spender: ChecksumAddress) -> int:
        """Return how much free stake a spender may still take."""
        return int(self.read("allowance", owner, spender))

    def score(self, worker: ChecksumAddress) -> int:
        """Return the reputation of a worker."""
        return int(self.read("viewScore", worker))

    def kitty(self) -> int:
        """Return what the kitty holds."""
        return self.account(self.constants().kitty_address).locked

    # CATEGORIES

    def category_count(self) -> int:
        """Return how many categories there are; ids run from 0."""
        return int(self.read("countCategory"))

    def category(self, category: int) -> Category:
        """Return a category.

        Raises:
            ContractError: ``Category_Unknown``.
        """
        return Category(*self.read("viewCategory", category))

    def categories(self) -> list[Category]:
        """Return all categories in the order of their ids."""
        count = self.category_count()
        found = self.read_all([("viewCategory", (index,)) for index in range(count)])
        return [Category(*values) for values in found]

    # ORDERS

    def consumed(self, order_hash: OrderHash) -> int:
        """Return how many tasks of an order are taken; all of them once it is closed."""
        return int(self.read("viewConsumed", order_hash))

    def presigned(self, order_hash: OrderHash) -> ChecksumAddress | None:
        """Return who presigned an order; None when nobody did."""
        account: ChecksumAddress = self.read("viewPresigned", order_hash)
        return None if account == ZERO_ADDRESS else account

    def verify_signature(self, account: ChecksumAddress, digest: bytes, signature: bytes) -> bool:
        """Return whether a signature is by an account: ECDSA, or ERC-1271 when it has code.

        Raises:
            ContractError: ``Signature_BadLength`` when the account has no code and the signature
                has neither 64 nor 65 bytes.
        """
        return bool(self.read("verifySignature", account, digest, signature))

    def is_authorized(self, account: ChecksumAddress, digest: bytes, signature: bytes) -> bool:
        """Return whether an order is presigned or signed by an account; see `verify_signature`."""
        return bool(self.read("verifyPresignatureOrSignature", account, digest, signature))

    def deal_volume(
        self,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
    ) -> int:
        """Return how many tasks a match of these orders would buy."""
        orders = (order.to_abi() for order in (app, dataset, workerpool, request))
        return int(self.read("computeDealVolume", *orders))

    def require_dataset_compatible(self, order: DatasetOrder, dealid: DealId) -> None:
        """Check that a dataset order may serve a deal made without a dataset (bulk, §3.8).

        Raises:
            ContractError: ``IncompatibleDatasetOrder`` with the reason.
        """
        data = self.interface.encode_call("assertDatasetDealCompatibility", order.to_abi(), dealid)
        self.chain.call(self.address, data, block=self.block, context="the check")

    # DEALS AND TASKS

    def deal(self, dealid: DealId) -> Deal | None:
        """Return a deal; None when there is no such deal."""
        return Deal.from_abi(dealid, self.read("viewDeal", dealid))

    def boost_deal(self, dealid: DealId) -> BoostDeal | None:
        """Return a Boost deal; None when there is no such deal."""
        found = BoostDeal(dealid, *self.read("viewDealBoost", dealid))
        return None if found.requester == ZERO_ADDRESS else found

    def task(self, taskid: TaskId) -> Task:
        """Return a task; UNSET and all zeros when it is not initialized."""
        return Task.from_abi(self.read("viewTask", taskid))

    def tasks(self, dealid: DealId) -> dict[TaskId, Task]:
        """Return the tasks of a deal by id, read at once; none when there is no such deal."""
        deal = self.deal(dealid)
        ids = [] if deal is None else [task_id(dealid, index) for index in deal.indices]
        found = self.read_all([("viewTask", (taskid,)) for taskid in ids])
        return {taskid: Task.from_abi(values) for taskid, values in zip(ids, found, strict=True)}

    def contribution(self, taskid: TaskId, worker: ChecksumAddress) -> Contribution:
        """Return what a worker committed to; UNSET when it did not contribute."""
        return Contribution.from_abi(self.read("viewContribution", taskid, worker))

    def result_for(self, taskid: TaskId) -> bytes:
        """Return the callback data of a completed task (EIP-1154).

        Raises:
            ContractError: ``Task_ResultPending``.
        """
        return bytes(self.read("resultFor", taskid))
