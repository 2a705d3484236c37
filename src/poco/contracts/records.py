"""What the hub and its registries tell, as immutable values (spec contracts §1.11, §3.9, §4.10).

Amounts are nRLC, times seconds since 1970, ratios percent, hashes 32 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_typing import ChecksumAddress

from poco.orders import ZERO_ADDRESS, DealId, Tag

__all__ = [
    "Account",
    "AppEntry",
    "BoostDeal",
    "Category",
    "Contribution",
    "ContributionStatus",
    "DatasetEntry",
    "Deal",
    "HubConstants",
    "Resource",
    "Task",
    "TaskStatus",
    "WorkerpoolEntry",
]


class TaskStatus(IntEnum):
    """Where a task is in its life (spec contracts §4.1)."""

    UNSET = 0
    ACTIVE = 1
    REVEALING = 2
    COMPLETED = 3
    FAILED = 4


class ContributionStatus(IntEnum):
    """Where a contribution is in its life (spec contracts §4.1)."""

    UNSET = 0
    CONTRIBUTED = 1
    PROVED = 2
    REJECTED = 3


@dataclass(frozen=True, slots=True)
class Account:
    """The balance of an account in the hub.

    Args:
        stake: free, nRLC.
        locked: frozen by the protocol, nRLC.
    """

    stake: int
    locked: int


@dataclass(frozen=True, slots=True)
class Category:
    """A class of tasks by how long they may take.

    Args:
        name: for example ``XS``.
        description: text or JSON.
        clock: time reference in seconds; a task may take 7 of them to be computed, 10 in all.
    """

    name: str
    description: str
    clock: int


@dataclass(frozen=True, slots=True)
class Resource:
    """One side of a deal, as it was at the match.

    Args:
        pointer: the app, dataset or workerpool; address zero for no dataset.
        owner: its owner, who is paid.
        price: nRLC per task.
    """

    pointer: ChecksumAddress
    owner: ChecksumAddress
    price: int


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal: `bot_size` tasks bought under one set of terms.

    Args:
        dealid: its id.
        app: app, its owner and price.
        dataset: dataset, its owner and price; zeros without one.
        workerpool: workerpool, the scheduler and price.
        trust: demanded trust, at least 1.
        category: id of the category.
        tag: what app, dataset and request demand.
        requester: who bought.
        beneficiary: whom the results are for.
        callback: contract that gets the results, or zero.
        params: exact text of the parameters.
        start_time: time of the match.
        bot_first: index of the first task in the request.
        bot_size: number of tasks.
        worker_stake: what each worker stakes per task, nRLC.
        scheduler_reward_ratio: part of the workerpool price that the scheduler keeps, percent.
        sponsor: who paid.
    """

    dealid: DealId
    app: Resource
    dataset: Resource
    workerpool: Resource
    trust: int
    category: int
    tag: Tag
    requester: ChecksumAddress
    beneficiary: ChecksumAddress
    callback: ChecksumAddress
    params: str
    start_time: int
    bot_first: int
    bot_size: int
    worker_stake: int
    scheduler_reward_ratio: int
    sponsor: ChecksumAddress

    @property
    def scheduler(self) -> ChecksumAddress:
        """The account that runs the deal's tasks: the pool's owner at the match."""
        return self.workerpool.owner

    @property
    def price(self) -> int:
        """What one task costs, nRLC."""
        return self.app.price + self.dataset.price + self.workerpool.price

    @property
    def indices(self) -> range:
        """The indices of the deal's tasks."""
        return range(self.bot_first, self.bot_first + self.bot_size)

    @classmethod
    def from_abi(cls, dealid: DealId, values: tuple[Any, ...]) -> Deal | None:
        """Read the tuple of `viewDeal`; None for the zeros of an unknown deal."""
        app, dataset, workerpool, trust, category, tag, *others = values
        if app[0] == ZERO_ADDRESS:
            return None
        return cls(
            dealid,
            Resource(*app),
            Resource(*dataset),
            Resource(*workerpool),
            trust,
            category,
            Tag(int.from_bytes(tag)),
            *others,
        )


@dataclass(frozen=True, slots=True)
class BoostDeal:
    """A Boost deal (spec contracts §7.2).

    Args:
        dealid: its id.
        app_owner: who is paid for the app.
        app_price: nRLC per task.
        dataset_owner: who is paid for the dataset.
        dataset_price: nRLC per task.
        scheduler: the pool's owner at the match.
        workerpool_price: nRLC per task.
        requester: who bought.
        worker_reward: what the worker gets per task, nRLC.
        callback: contract that gets the results, or zero.
        deadline: last time to push a result.
        bot_first: index of the first task in the request; tasks count from 0 all the same.
        bot_size: number of tasks.
        short_tag: the last three bytes of the deal's tag.
        sponsor: who paid.
    """

    dealid: DealId
    app_owner: ChecksumAddress
    app_price: int
    dataset_owner: ChecksumAddress
    dataset_price: int
    scheduler: ChecksumAddress
    workerpool_price: int
    requester: ChecksumAddress
    worker_reward: int
    callback: ChecksumAddress
    deadline: int
    bot_first: int
    bot_size: int
    short_tag: bytes
    sponsor: ChecksumAddress


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a deal.

    Args:
        status: where it is in its life.
        dealid: its deal.
        index: its index in the request.
        clock: time reference of its category, seconds.
        contribution_deadline: no contribution from then on.
        reveal_deadline: no reveal from then on; 0 before consensus.
        final_deadline: anybody may claim from then on.
        consensus: the result hash that won, zeros before consensus.
        reveal_counter: winners that revealed.
        winner_counter: contributions to the consensus.
        contributors: workers, in the order of their contributions.
        digest: the revealed result digest, zeros before.
        results: where the results are, as the scheduler wrote it.
        results_timestamp: always 0, kept for the shape.
        results_callback: what the callback got.
    """

    status: TaskStatus
    dealid: DealId
    index: int
    clock: int
    contribution_deadline: int
    reveal_deadline: int
    final_deadline: int
    consensus: bytes
    reveal_counter: int
    winner_counter: int
    contributors: tuple[ChecksumAddress, ...]
    digest: bytes
    results: bytes
    results_timestamp: int
    results_callback: bytes

    @classmethod
    def from_abi(cls, values: tuple[Any, ...]) -> Task:
        """Read the tuple of `viewTask`; an unknown task is UNSET and all zeros."""
        status, *others = values
        return cls(TaskStatus(status), *others)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one worker committed to.

    Args:
        status: where it is in its life; UNSET when the worker did not contribute.
        result_hash: the digest bound to the task.
        seal: the digest bound to task and worker.
        enclave: the enclave challenge, or zero.
        weight: base-2 logarithm of its weight in the consensus, rounded down, as the view gives it.
    """

    status: ContributionStatus
    result_hash: bytes
    seal: bytes
    enclave: ChecksumAddress
    weight: int

    @classmethod
    def from_abi(cls, values: tuple[Any, ...]) -> Contribution:
        """Read the tuple of `viewContribution`."""
        status, *others = values
        return cls(ContributionStatus(status), *others)


@dataclass(frozen=True, slots=True)
class AppEntry:
    """A registered application.

    Args:
        address: the entry.
        owner: who holds its token.
        name: name.
        type: runtime, for example ``DOCKER``.
        multiaddr: where to fetch it.
        checksum: digest of what is fetched.
        mrenclave: enclave measurement, or empty.
    """

    address: ChecksumAddress
    owner: ChecksumAddress
    name: str
    type: str
    multiaddr: bytes
    checksum: bytes
    mrenclave: bytes


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A registered dataset.

    Args:
        address: the entry.
        owner: who holds its token.
        name: name.
        multiaddr: where to fetch it.
        checksum: SHA-256 of the (possibly encrypted) file.
    """

    address: ChecksumAddress
    owner: ChecksumAddress
    name: str
    multiaddr: bytes
    checksum: bytes


@dataclass(frozen=True, slots=True)
class WorkerpoolEntry:
    """A registered workerpool.

    Args:
        address: the entry.
        owner: who holds its token: the scheduler of new deals.
        description: text.
        worker_stake_ratio: part of the pool price that a worker stakes, percent.
        scheduler_reward_ratio: part of the pool price that the scheduler keeps, percent.
    """

    address: ChecksumAddress
    owner: ChecksumAddress
    description: str
    worker_stake_ratio: int
    scheduler_reward_ratio: int


@dataclass(frozen=True, slots=True)
class HubConstants:
    """What a hub is made of, and the constants of the protocol (spec contracts §5).

    Args:
        token: base token; address zero in native mode.
        app_registry: registry of apps.
        dataset_registry: registry of datasets.
        workerpool_registry: registry of workerpools.
        owner: who may add categories, set callback gas and broker.
        tee_broker: who authorizes contributions with an enclave; zero is the scheduler.
        callback_gas: gas granted to a result callback.
        contribution_deadline_ratio: clocks from the match to the last contribution.
        reveal_deadline_ratio: clocks of a reveal window.
        final_deadline_ratio: clocks from the match to the claim.
        workerpool_stake_ratio: part of the pool price that the scheduler stakes, percent.
        kitty_ratio: part of the kitty that a completed task pays out, percent.
        kitty_min: least that it pays out, nRLC.
        kitty_address: the account that holds the kitty.
    """

    token: ChecksumAddress
    app_registry: ChecksumAddress
    dataset_registry: ChecksumAddress
    workerpool_registry: ChecksumAddress
    owner: ChecksumAddress
    tee_broker: ChecksumAddress
    callback_gas: int
    contribution_deadline_ratio: int
    reveal_deadline_ratio: int
    final_deadline_ratio: int
    workerpool_stake_ratio: int
    kitty_ratio: int
    kitty_min: int
    kitty_address: ChecksumAddress
