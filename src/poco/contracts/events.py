"""Everything the market's contracts emit, as typed records (spec contracts §1 to §4, §6, §7).

A record has the name of the event and its arguments in order. Amounts are nRLC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from eth_typing import ChecksumAddress

from poco.errors import InternalError
from poco.orders import (
    AppOrder,
    DatasetOrder,
    DealId,
    OrderHash,
    RequestOrder,
    TaskId,
    WorkerpoolOrder,
    checked_address,
)

__all__ = [
    "AccurateContribution",
    "Approval",
    "ApprovalForAll",
    "BroadcastAppOrder",
    "BroadcastDatasetOrder",
    "BroadcastRequestOrder",
    "BroadcastWorkerpoolOrder",
    "CallbackGasChanged",
    "ClosedAppOrder",
    "ClosedDatasetOrder",
    "ClosedRequestOrder",
    "ClosedWorkerpoolOrder",
    "CreateCategory",
    "DealSponsored",
    "DealSponsoredBoost",
    "EntryApproval",
    "EntryTransfer",
    "Event",
    "Events",
    "FaultyContribution",
    "Lock",
    "OrdersMatched",
    "OwnershipTransferStarted",
    "OwnershipTransferred",
    "PolicyUpdate",
    "Position",
    "ResultPushedBoost",
    "Reward",
    "SchedulerNotice",
    "SchedulerNoticeBoost",
    "Seize",
    "SignedAppOrder",
    "SignedDatasetOrder",
    "SignedRequestOrder",
    "SignedWorkerpoolOrder",
    "TaskClaimed",
    "TaskConsensus",
    "TaskContribute",
    "TaskFinalize",
    "TaskInitialize",
    "TaskReopen",
    "TaskReveal",
    "TeeBrokerChanged",
    "Transfer",
    "Unlock",
]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where on the chain a log is.

    Args:
        block_number: the block.
        log_index: place among the block's logs.
        transaction_hash: 0x-hex.
        address: the contract that emitted it.
    """

    block_number: int
    log_index: int
    transaction_hash: str
    address: ChecksumAddress


_NOWHERE = Position(0, 0, "", checked_address("address", f"0x{0:040x}"))


@dataclass(frozen=True, slots=True)
class Event:
    """What all events share. Two events with the same arguments are equal wherever they are."""

    at: Position = field(default=_NOWHERE, compare=False, repr=False, kw_only=True)


EventT = TypeVar("EventT", bound=Event)


class Events(tuple[Event, ...]):
    """Events in the order of the chain."""

    __slots__ = ()

    def all(self, kind: type[EventT]) -> tuple[EventT, ...]:
        """Return the events of a kind."""
        return tuple(event for event in self if isinstance(event, kind))

    def first(self, kind: type[EventT]) -> EventT:
        """Return the first event of a kind.

        Raises:
            InternalError: there is none, though the contract promises one.
        """
        for event in self:
            if isinstance(event, kind):
                return event
        raise InternalError(
            "the transaction succeeded without the event it always emits",
            field="event",
            value=kind.__name__,
            remedy="check that the contract at this address is a poco contract",
        )


# ESCROW, TOKEN


@dataclass(frozen=True, slots=True)
class Transfer(Event):
    """Free stake, or the base token, moved; address zero mints and burns."""

    source: ChecksumAddress
    target: ChecksumAddress
    amount: int


@dataclass(frozen=True, slots=True)
class Approval(Event):
    """A spender may take up to an amount."""

    owner: ChecksumAddress
    spender: ChecksumAddress
    amount: int


@dataclass(frozen=True, slots=True)
class Lock(Event):
    """Stake was frozen."""

    owner: ChecksumAddress
    amount: int


@dataclass(frozen=True, slots=True)
class Unlock(Event):
    """Stake is free again."""

    owner: ChecksumAddress
    amount: int


@dataclass(frozen=True, slots=True)
class Reward(Event):
    """An account was paid for a task; the kitty gets what was seized."""

    owner: ChecksumAddress
    amount: int
    taskid: TaskId


@dataclass(frozen=True, slots=True)
class Seize(Event):
    """Frozen stake was taken for a task."""

    owner: ChecksumAddress
    amount: int
    taskid: TaskId


# ORDERS


@dataclass(frozen=True, slots=True)
class _OrderEvent(Event):
    order_hash: OrderHash


class SignedAppOrder(_OrderEvent):
    """An app order was presigned."""

    __slots__ = ()


class SignedDatasetOrder(_OrderEvent):
    """A dataset order was presigned."""

    __slots__ = ()


class SignedWorkerpoolOrder(_OrderEvent):
    """A workerpool order was presigned."""

    __slots__ = ()


class SignedRequestOrder(_OrderEvent):
    """A request order was presigned."""

    __slots__ = ()


class ClosedAppOrder(_OrderEvent):
    """An app order was closed."""

    __slots__ = ()


class ClosedDatasetOrder(_OrderEvent):
    """A dataset order was closed."""

    __slots__ = ()


class ClosedWorkerpoolOrder(_OrderEvent):
    """A workerpool order was closed."""

    __slots__ = ()


class ClosedRequestOrder(_OrderEvent):
    """A request order was closed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class BroadcastAppOrder(Event):
    """Somebody published an app order; nothing was checked."""

    order: AppOrder


@dataclass(frozen=True, slots=True)
class BroadcastDatasetOrder(Event):
    """Somebody published a dataset order; nothing was checked."""

    order: DatasetOrder


@dataclass(frozen=True, slots=True)
class BroadcastWorkerpoolOrder(Event):
    """Somebody published a workerpool order; nothing was checked."""

    order: WorkerpoolOrder


@dataclass(frozen=True, slots=True)
class BroadcastRequestOrder(Event):
    """Somebody published a request order; nothing was checked."""

    order: RequestOrder


# DEALS AND TASKS


@dataclass(frozen=True, slots=True)
class SchedulerNotice(Event):
    """A workerpool has a new deal."""

    workerpool: ChecksumAddress
    dealid: DealId


@dataclass(frozen=True, slots=True)
class OrdersMatched(Event):
    """Four orders became a deal of `volume` tasks; the dataset's hash is zero without one."""

    dealid: DealId
    app_hash: OrderHash
    dataset_hash: OrderHash
    workerpool_hash: OrderHash
    request_hash: OrderHash
    volume: int


@dataclass(frozen=True, slots=True)
class DealSponsored(Event):
    """A deal is paid by somebody else than its requester."""

    dealid: DealId
    sponsor: ChecksumAddress


@dataclass(frozen=True, slots=True)
class TaskInitialize(Event):
    """A task is ACTIVE."""

    taskid: TaskId
    workerpool: ChecksumAddress


@dataclass(frozen=True, slots=True)
class TaskContribute(Event):
    """A worker committed to a result."""

    taskid: TaskId
    worker: ChecksumAddress
    result_hash: bytes


@dataclass(frozen=True, slots=True)
class TaskConsensus(Event):
    """A result hash reached the trust of the deal: workers may reveal."""

    taskid: TaskId
    consensus: bytes


@dataclass(frozen=True, slots=True)
class TaskReveal(Event):
    """A worker revealed its digest."""

    taskid: TaskId
    worker: ChecksumAddress
    digest: bytes


@dataclass(frozen=True, slots=True)
class TaskReopen(Event):
    """Nobody revealed: the task is ACTIVE again."""

    taskid: TaskId


@dataclass(frozen=True, slots=True)
class TaskFinalize(Event):
    """A task is COMPLETED."""

    taskid: TaskId
    results: bytes


@dataclass(frozen=True, slots=True)
class TaskClaimed(Event):
    """A task is FAILED and its sponsor refunded."""

    taskid: TaskId


@dataclass(frozen=True, slots=True)
class AccurateContribution(Event):
    """A worker was right; its score rises."""

    worker: ChecksumAddress
    taskid: TaskId


@dataclass(frozen=True, slots=True)
class FaultyContribution(Event):
    """A worker was wrong; its score falls and its stake is lost."""

    worker: ChecksumAddress
    taskid: TaskId


# BOOST


@dataclass(frozen=True, slots=True)
class SchedulerNoticeBoost(Event):
    """A workerpool has a new Boost deal."""

    workerpool: ChecksumAddress
    dealid: DealId
    app: ChecksumAddress
    dataset: ChecksumAddress
    category: int
    tag: bytes
    params: str
    beneficiary: ChecksumAddress


@dataclass(frozen=True, slots=True)
class DealSponsoredBoost(Event):
    """A Boost deal is paid by somebody else than its requester."""

    dealid: DealId
    sponsor: ChecksumAddress


@dataclass(frozen=True, slots=True)
class ResultPushedBoost(Event):
    """A Boost task is COMPLETED; the index counts from the start of the deal."""

    dealid: DealId
    index: int
    results: bytes


# ADMINISTRATION AND REGISTRIES


@dataclass(frozen=True, slots=True)
class CreateCategory(Event):
    """There is a new category; the clock is in seconds."""

    category: int
    name: str
    description: str
    clock: int


@dataclass(frozen=True, slots=True)
class CallbackGasChanged(Event):
    """Callbacks of results get another amount of gas."""

    previous: int
    current: int


@dataclass(frozen=True, slots=True)
class TeeBrokerChanged(Event):
    """Another account authorizes contributions with an enclave; zero is the scheduler."""

    previous: ChecksumAddress
    current: ChecksumAddress


@dataclass(frozen=True, slots=True)
class OwnershipTransferStarted(Event):
    """A contract was offered to another owner."""

    previous: ChecksumAddress
    current: ChecksumAddress


@dataclass(frozen=True, slots=True)
class OwnershipTransferred(Event):
    """A contract has another owner."""

    previous: ChecksumAddress
    current: ChecksumAddress


@dataclass(frozen=True, slots=True)
class EntryTransfer(Event):
    """An app, dataset or workerpool has another owner; from address zero it is new."""

    source: ChecksumAddress
    target: ChecksumAddress
    entry: ChecksumAddress


@dataclass(frozen=True, slots=True)
class EntryApproval(Event):
    """Another account may transfer an entry."""

    owner: ChecksumAddress
    approved: ChecksumAddress
    entry: ChecksumAddress


@dataclass(frozen=True, slots=True)
class ApprovalForAll(Event):
    """Another account may transfer all entries of an owner, or no longer."""

    owner: ChecksumAddress
    operator: ChecksumAddress
    approved: bool


@dataclass(frozen=True, slots=True)
class PolicyUpdate(Event):
    """A workerpool changed its policies, in percent, for future deals."""

    old_worker_stake_ratio: int
    new_worker_stake_ratio: int
    old_scheduler_reward_ratio: int
    new_scheduler_reward_ratio: int
