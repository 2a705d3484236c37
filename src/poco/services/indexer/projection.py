"""From events to the view: what each event changes (spec sdk §7).

Everything follows from the events and the facts read with them, so that any other way to the same
block gives the same view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts import AddressBook
from poco.contracts.events import (
    AccurateContribution,
    CreateCategory,
    EntryTransfer,
    Event,
    FaultyContribution,
    Lock,
    PolicyUpdate,
    Reward,
    SchedulerNotice,
    Seize,
    Transfer,
    Unlock,
)
from poco.contracts.records import AppEntry, WorkerpoolEntry
from poco.orders import ZERO_ADDRESS
from poco.services.indexer import lifecycle
from poco.services.indexer.facts import Batch
from poco.services.indexer.journal import Journal, contribution_id, hexed
from poco.services.indexer.view import View

__all__ = ["apply"]

_WORKER_STAKE_RATIO = 30
_SCHEDULER_REWARD_RATIO = 1
"""Policies of a new workerpool, percent (spec contracts §6.3)."""
_RESOURCES = {"App": "apps", "Dataset": "datasets", "Workerpool": "workerpools"}


def apply(batch: Batch, view: View, book: AddressBook) -> None:
    """Change the view by the events of a range of blocks.

    Args:
        batch: the range; the view is that of the block before it.
        view: what is changed.
        book: which registry is which.

    Raises:
        InternalError: an event does not follow from those before it.
    """
    for event in batch.events:
        view.block = event.at.block_number
        journal = Journal(view, batch, event, _registries(book))
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(journal, event)


def _registries(book: AddressBook) -> dict[ChecksumAddress, str]:
    return {
        book.app_registry: "App",
        book.dataset_registry: "Dataset",
        book.workerpool_registry: "Workerpool",
    }


# MONEY


def _transfer(journal: Journal, event: Transfer) -> None:
    """Move free stake; address zero mints and burns."""
    source, target = journal.account(event.source), journal.account(event.target)
    if event.source == ZERO_ADDRESS:
        journal.count(tvl=event.amount)
    else:
        journal.add("Account", source, balance=-event.amount)
    if event.target == ZERO_ADDRESS:
        journal.count(tvl=-event.amount)
    else:
        journal.add("Account", target, balance=event.amount)
    journal.record("Transfer", **{"from": source, "to": target}, value=event.amount)


def _frozen(journal: Journal, event: Lock | Unlock | Seize) -> None:
    account = journal.account(event.owner)
    sign = 1 if isinstance(event, Lock) else -1
    journal.add("Account", account, frozen=sign * event.amount)
    more = {"task": hexed(event.taskid)} if isinstance(event, Seize) else {}
    journal.record(type(event).__name__, account=account, value=event.amount, **more)


def _reward(journal: Journal, event: Reward) -> None:
    journal.record(
        "Reward",
        account=journal.account(event.owner),
        value=event.amount,
        task=hexed(event.taskid),
    )


def _judged(journal: Journal, event: AccurateContribution | FaultyContribution) -> None:
    """Change the reputation of a worker (spec contracts §4.8)."""
    worker = journal.account(event.worker)
    score: int = journal.view.get("Account", worker)["score"]
    score = score + 1 if isinstance(event, AccurateContribution) else score * 2 // 3
    journal.view.put("Account", worker, score=score)
    journal.record(
        type(event).__name__,
        account=worker,
        contribution=contribution_id(event.taskid, event.worker),
        score=score,
    )


# ASSETS


def _entry(journal: Journal, event: EntryTransfer) -> None:
    """Register an app, dataset or workerpool, or give it to another owner."""
    kind = journal.registries[event.at.address]
    key = event.entry.lower()
    source, target = journal.account(event.source), journal.account(event.target)
    made: Mapping[str, Any] = {}
    if event.source == ZERO_ADDRESS:
        made = _fields(journal.batch, event.entry)
        journal.count(**{f"{_RESOURCES[kind]}Count": 1})
    journal.view.put(kind, key, owner=target, timestamp=journal.timestamp, **made)
    journal.record(f"{kind}Transfer", **{kind.lower(): key, "from": source, "to": target})


def _fields(batch: Batch, address: ChecksumAddress) -> Mapping[str, Any]:
    entry = batch.entries[address]
    if isinstance(entry, WorkerpoolEntry):
        return {
            "description": entry.description,
            "workerStakeRatio": _WORKER_STAKE_RATIO,
            "schedulerRewardRatio": _SCHEDULER_REWARD_RATIO,
            "usageCount": 0,
            "lastUsageTimestamp": 0,
        }
    common = {
        "name": entry.name,
        "multiaddr": hexed(entry.multiaddr),
        "checksum": hexed(entry.checksum),
    }
    if not isinstance(entry, AppEntry):
        return common
    return common | {
        "type": entry.type,
        "mrenclave": hexed(entry.mrenclave),
        "usageCount": 0,
        "lastUsageTimestamp": 0,
    }


def _policy(journal: Journal, event: PolicyUpdate) -> None:
    """Change the policies of a workerpool; anybody may emit such an event about itself."""
    key = event.at.address.lower()
    if journal.view.find("Workerpool", key) is None:
        return
    stake, reward = event.new_worker_stake_ratio, event.new_scheduler_reward_ratio
    journal.view.put("Workerpool", key, workerStakeRatio=stake, schedulerRewardRatio=reward)
    journal.record(
        "PolicyUpdate",
        workerpool=key,
        oldWorkerStakeRatio=event.old_worker_stake_ratio,
        newWorkerStakeRatio=stake,
        oldSchedulerRewardRatio=event.old_scheduler_reward_ratio,
        newSchedulerRewardRatio=reward,
    )


def _category(journal: Journal, event: CreateCategory) -> None:
    journal.view.put(
        "Category",
        str(event.category),
        name=event.name,
        description=event.description,
        workClockTimeRef=event.clock,
        timestamp=journal.timestamp,
    )
    journal.count(categoriesCount=1)


def _notice(journal: Journal, event: SchedulerNotice) -> None:
    journal.record("SchedulerNotice", workerpool=event.workerpool.lower(), deal=hexed(event.dealid))


_HANDLERS: Mapping[type[Event], Callable[[Journal, Any], None]] = {
    Transfer: _transfer,
    Lock: _frozen,
    Unlock: _frozen,
    Seize: _frozen,
    Reward: _reward,
    AccurateContribution: _judged,
    FaultyContribution: _judged,
    EntryTransfer: _entry,
    PolicyUpdate: _policy,
    CreateCategory: _category,
    SchedulerNotice: _notice,
    **lifecycle.HANDLERS,
}
