"""What can be done to a hub. Every method sends one transaction and waits until it is mined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts.book import Mode
from poco.contracts.chain import Chain
from poco.contracts.events import (
    CreateCategory,
    Events,
    OrdersMatched,
    SchedulerNoticeBoost,
    TaskInitialize,
)
from poco.contracts.interface import hub_interface
from poco.contracts.views import HubViews
from poco.contracts.wallet import Call, Receipt, Wallet
from poco.orders import (
    ZERO_ADDRESS,
    AnyOrder,
    AppOrder,
    DatasetOrder,
    DealId,
    OrderAction,
    OrderOperation,
    RequestOrder,
    TaskId,
    WorkerpoolOrder,
)

__all__ = ["WEI_PER_UNIT", "Hub"]

WEI_PER_UNIT = 10**9
"""What one nRLC is worth in native mode, in wei (spec contracts §1.6)."""


def _dealid(events: Events) -> DealId:
    return events.first(OrdersMatched).dealid


def _taskid(events: Events) -> TaskId:
    return events.first(TaskInitialize).taskid


def _taskids(events: Events) -> tuple[TaskId, ...]:
    return tuple(event.taskid for event in events.all(TaskInitialize))


class Hub(HubViews):
    """The market's one address. Amounts are nRLC.

    All writing methods raise `ContractError` with the rule that forbids it, and `ChainError` when
    the node does not answer or the account has no funds for gas.

    Args:
        chain: where it lives.
        address: its address.
        mode: with a token or with the chain's currency.
        wallet: who sends transactions; None for reading only.
    """

    def __init__(
        self, chain: Chain, address: ChecksumAddress, mode: Mode, wallet: Wallet | None = None
    ) -> None:
        super().__init__(chain, address, hub_interface(mode), wallet)
        self.mode = mode

    # ESCROW

    def deposit(self, amount: int) -> Receipt[None]:
        """Deposit; in token mode the hub must be approved first, see `Market.deposit`."""
        return self.send(self._deposit("deposit", amount))

    def deposit_for(self, amount: int, target: ChecksumAddress) -> Receipt[None]:
        """Deposit on behalf of another account."""
        return self.send(self._deposit("depositFor", amount, target))

    def deposit_for_all(
        self, amounts: Sequence[int], targets: Sequence[ChecksumAddress]
    ) -> Receipt[None]:
        """Deposit on behalf of several accounts."""
        value = sum(amounts) * WEI_PER_UNIT if self.mode is Mode.NATIVE else 0
        call = self.call("depositForArray", list(amounts), list(targets), value=value)
        return self.send(call)

    def withdraw(self, amount: int) -> Receipt[None]:
        """Take free stake out of the hub."""
        return self.send(self.call("withdraw", amount))

    def withdraw_to(self, amount: int, target: ChecksumAddress) -> Receipt[None]:
        """Take free stake out of the hub, to another account."""
        return self.send(self.call("withdrawTo", amount, target))

    def transfer(self, target: ChecksumAddress, amount: int) -> Receipt[None]:
        """Give free stake to another account of the hub."""
        return self.send(self.call("transfer", target, amount))

    def approve(self, spender: ChecksumAddress, amount: int) -> Receipt[None]:
        """Let a spender take free stake up to an amount."""
        return self.send(self.call("approve", spender, amount))

    def transfer_from(
        self, source: ChecksumAddress, target: ChecksumAddress, amount: int
    ) -> Receipt[None]:
        """Move free stake that another account approved."""
        return self.send(self.call("transferFrom", source, target, amount))

    def recover(self) -> Receipt[None]:
        """Credit the owner with what the hub holds beyond its supply; owner only."""
        return self.send(self.call("recover"))

    # ORDERS

    def match_orders(
        self,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
    ) -> Receipt[DealId]:
        """Make a deal of four orders, paid by the requester; the receipt's value is its id.

        Args:
            app: signed or presigned app order.
            dataset: signed or presigned dataset order, or `NULL_DATASET_ORDER`.
            workerpool: signed or presigned workerpool order.
            request: signed or presigned request order.
        """
        return self.send(self.match_call(app, dataset, workerpool, request))

    def sponsor_match_orders(
        self,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
    ) -> Receipt[DealId]:
        """Make a deal of four orders, paid by the sender; see `match_orders`."""
        return self.send(self._match("sponsorMatchOrders", app, dataset, workerpool, request))

    def match_call(
        self,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
    ) -> Call[DealId]:
        """Prepare `match_orders`; its data may also go through the token's `approveAndCall`."""
        return self._match("matchOrders", app, dataset, workerpool, request)

    def presign(self, order: AnyOrder, signature: bytes = b"") -> Receipt[None]:
        """Record on chain that an order is signed.

        Args:
            order: the order.
            signature: the authority's signature of the operation; empty when the sender is it.
        """
        return self._manage(OrderOperation(order, OrderAction.SIGN, signature))

    def close(self, order: AnyOrder, signature: bytes = b"") -> Receipt[None]:
        """Make an order unusable for ever; see `presign`."""
        return self._manage(OrderOperation(order, OrderAction.CLOSE, signature))

    def broadcast(self, order: AnyOrder) -> Receipt[None]:
        """Publish an order as an event; nothing is checked."""
        return self.send(self.call(f"broadcast{type(order).__name__}", order.to_abi()))

    # TASKS

    def initialize(self, dealid: DealId, index: int) -> Receipt[TaskId]:
        """Open a task; anybody may. The receipt's value is its id.

        Args:
            dealid: the deal.
            index: index in the request, from `Deal.indices`.
        """
        return self.send(self.call_for(_taskid, "initialize", dealid, index))

    def initialize_all(self, tasks: Sequence[tuple[DealId, int]]) -> Receipt[tuple[TaskId, ...]]:
        """Open several tasks, all or none; see `initialize`."""
        dealids, indices = _split(tasks)
        return self.send(self.call_for(_taskids, "initializeArray", dealids, indices))

    def contribute(
        self,
        taskid: TaskId,
        result_hash: bytes,
        seal: bytes,
        authorization: bytes,
        *,
        enclave: ChecksumAddress = ZERO_ADDRESS,
        enclave_signature: bytes = b"",
    ) -> Receipt[None]:
        """Commit to a result and lock the worker's stake.

        Args:
            taskid: the task.
            result_hash: `poco.orders.result_hash` of task and digest.
            seal: `poco.orders.result_seal` of sender, task and digest.
            authorization: the scheduler's signature of `poco.orders.authorization_digest`.
            enclave: the enclave challenge, zero without one.
            enclave_signature: the enclave's signature of `poco.orders.enclave_digest`.
        """
        arguments = (taskid, result_hash, seal, enclave, enclave_signature, authorization)
        return self.send(self.call("contribute", *arguments))

    def contribute_and_finalize(
        self,
        taskid: TaskId,
        digest: bytes,
        results: bytes,
        authorization: bytes,
        *,
        callback_data: bytes = b"",
        enclave: ChecksumAddress = ZERO_ADDRESS,
        enclave_signature: bytes = b"",
    ) -> Receipt[None]:
        """Contribute, reveal and finalize at once: trust 1, first contribution, no stake.

        Args:
            taskid: the task.
            digest: the result digest.
            results: where the results are.
            authorization: the scheduler's signature of `poco.orders.authorization_digest`.
            callback_data: what the digest is the hash of, for deals with a callback.
            enclave: the enclave challenge, zero without one.
            enclave_signature: the enclave's signature of `poco.orders.enclave_digest`.
        """
        arguments = (taskid, digest, results, callback_data, enclave, enclave_signature)
        return self.send(self.call("contributeAndFinalize", *arguments, authorization))

    def reveal(self, taskid: TaskId, digest: bytes) -> Receipt[None]:
        """Reveal the digest behind a contribution to the consensus."""
        return self.send(self.call("reveal", taskid, digest))

    def reopen(self, taskid: TaskId) -> Receipt[None]:
        """Reject winners of whom none revealed in time; scheduler only."""
        return self.send(self.call("reopen", taskid))

    def finalize(self, taskid: TaskId, results: bytes, callback_data: bytes = b"") -> Receipt[None]:
        """Store where the results are and settle; scheduler only.

        Args:
            taskid: the task.
            results: where the results are.
            callback_data: what the digest is the hash of, for deals with a callback.
        """
        return self.send(self.call("finalize", taskid, results, callback_data))

    def claim(self, taskid: TaskId) -> Receipt[None]:
        """Fail a task after its final deadline and refund its sponsor; anybody may."""
        return self.send(self.call("claim", taskid))

    def claim_all(self, taskids: Sequence[TaskId]) -> Receipt[None]:
        """Claim several tasks, all or none."""
        return self.send(self.call("claimArray", list(taskids)))

    def initialize_and_claim_all(
        self, tasks: Sequence[tuple[DealId, int]]
    ) -> Receipt[tuple[TaskId, ...]]:
        """Open and claim tasks that nobody opened in time, all or none."""
        dealids, indices = _split(tasks)
        return self.send(self.call_for(_taskids, "initializeAndClaimArray", dealids, indices))

    # BOOST

    def match_orders_boost(
        self,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
    ) -> Receipt[DealId]:
        """Make a Boost deal (trust up to 1) paid by the requester; see `match_orders`."""
        return self.send(self._match("matchOrdersBoost", app, dataset, workerpool, request))

    def sponsor_match_orders_boost(
        self,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
    ) -> Receipt[DealId]:
        """Make a Boost deal paid by the sender; see `match_orders`."""
        return self.send(self._match("sponsorMatchOrdersBoost", app, dataset, workerpool, request))

    def push_result_boost(
        self,
        dealid: DealId,
        index: int,
        results: bytes,
        authorization: bytes,
        *,
        callback_data: bytes = b"",
        enclave: ChecksumAddress = ZERO_ADDRESS,
        enclave_signature: bytes = b"",
    ) -> Receipt[None]:
        """Deliver the result of a Boost task and settle it.

        Args:
            dealid: the deal.
            index: index of the task in the deal, from 0.
            results: where the results are, or the results.
            authorization: the scheduler's signature of `poco.orders.authorization_digest`.
            callback_data: what the callback gets, for deals with one.
            enclave: the enclave challenge, zero without one.
            enclave_signature: the enclave's personal signature of the result seal.
        """
        arguments = (dealid, index, results, callback_data, authorization, enclave)
        return self.send(self.call("pushResultBoost", *arguments, enclave_signature))

    def claim_boost(self, dealid: DealId, index: int) -> Receipt[None]:
        """Fail a Boost task after the deal's deadline and refund its sponsor; anybody may."""
        return self.send(self.call("claimBoost", dealid, index))

    # ADMINISTRATION

    def create_category(self, name: str, description: str, clock: int) -> Receipt[int]:
        """Append a category; owner only. The receipt's value is its id.

        Args:
            name: for example ``XS``.
            description: text or JSON.
            clock: time reference in seconds, at most 2^28 - 1.
        """
        return self.send(
            self.call_for(
                lambda events: events.first(CreateCategory).category,
                "createCategory",
                name,
                description,
                clock,
            )
        )

    def set_callback_gas(self, gas: int) -> Receipt[None]:
        """Set the gas granted to result callbacks, at most 1,000,000; owner only."""
        return self.send(self.call("setCallbackGas", gas))

    def set_tee_broker(self, broker: ChecksumAddress) -> Receipt[None]:
        """Set who authorizes contributions with an enclave, zero for the scheduler; owner only."""
        return self.send(self.call("setTeeBroker", broker))

    def transfer_ownership(self, target: ChecksumAddress) -> Receipt[None]:
        """Offer the hub to another owner; owner only."""
        return self.send(self.call("transferOwnership", target))

    def accept_ownership(self) -> Receipt[None]:
        """Take the hub that was offered."""
        return self.send(self.call("acceptOwnership"))

    # HELPERS

    def _deposit(self, function: str, amount: int, *target: ChecksumAddress) -> Call[None]:
        if self.mode is Mode.NATIVE:
            return self.call(function, *target, value=amount * WEI_PER_UNIT)
        return self.call(function, amount, *target)

    def _match(self, function: str, *orders: AnyOrder) -> Call[DealId]:
        result = _dealid if not function.endswith("Boost") else _boost_dealid
        return self.call_for(result, function, *(order.to_abi() for order in orders))

    def _manage(self, operation: OrderOperation[Any]) -> Receipt[None]:
        function = f"manage{type(operation.order).__name__}"
        return self.send(self.call(function, operation.to_abi()))


def _boost_dealid(events: Events) -> DealId:
    return events.first(SchedulerNoticeBoost).dealid


def _split(tasks: Sequence[tuple[DealId, int]]) -> tuple[list[DealId], list[int]]:
    return [dealid for dealid, _ in tasks], [index for _, index in tasks]
