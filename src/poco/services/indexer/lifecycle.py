"""What the events of deals and tasks change in the view (spec contracts §3.7, §4, §7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from eth_typing import ChecksumAddress

from poco.appio import ExecutionError, parse_params
from poco.contracts import Deal
from poco.contracts.events import (
    Event,
    OrdersMatched,
    ResultPushedBoost,
    SchedulerNoticeBoost,
    TaskClaimed,
    TaskConsensus,
    TaskContribute,
    TaskFinalize,
    TaskInitialize,
    TaskReopen,
    TaskReveal,
)
from poco.orders import ZERO_ADDRESS, DealId, OrderHash, task_id
from poco.services.indexer.journal import Journal, contribution_id, hexed

__all__ = ["HANDLERS"]

_REVEAL_CLOCKS = 2
"""Length of a reveal window in clocks of the category (spec contracts §4.5)."""
_NO_HASH = bytes(32)


# DEALS


def _matched(journal: Journal, event: OrdersMatched) -> None:
    """Make a deal, unless it is one of Boost, which has been made already."""
    key = hexed(event.dealid)
    if event.dealid in journal.batch.deals:
        _classic(journal, event.dealid, journal.batch.deals[event.dealid])
    deal = journal.view.get("Deal", key)
    owned = {
        "App": ("app", "appPrice", event.app_hash),
        "Dataset": ("dataset", "datasetPrice", event.dataset_hash),
        "Workerpool": ("workerpool", "workerpoolPrice", event.workerpool_hash),
    }
    orders = {}
    for kind, (asset, price, order_hash) in owned.items():
        if order_hash != _NO_HASH:
            orders[f"{asset}order"] = hexed(order_hash)
            values = {asset: deal[asset], f"{asset}price": deal[price]}
            journal.view.put(f"{kind}Order", hexed(order_hash), **values)
    orders["requestorder"] = _request(journal, event.request_hash, deal["requester"])
    journal.view.put("Deal", key, **orders)
    for kind, asset in (("App", deal["app"]), ("Workerpool", deal["workerpool"])):
        journal.add(kind, asset, usageCount=event.volume)
        journal.view.put(kind, asset, lastUsageTimestamp=journal.timestamp)
    journal.record("OrdersMatched", deal=key)
    journal.count(dealsCount=1, tasksCount=event.volume)


def _request(journal: Journal, order_hash: OrderHash, requester: str) -> str:
    key = hexed(order_hash)
    journal.view.put("RequestOrder", key, requester=requester)
    return key


def _classic(journal: Journal, dealid: DealId, deal: Deal) -> None:
    journal.view.put(
        "Deal",
        hexed(dealid),
        app=deal.app.pointer.lower(),
        appOwner=journal.account(deal.app.owner),
        appPrice=deal.app.price,
        dataset=_asset(deal.dataset.pointer),
        datasetOwner=journal.account(deal.dataset.owner),
        datasetPrice=deal.dataset.price,
        workerpool=deal.workerpool.pointer.lower(),
        workerpoolOwner=journal.account(deal.workerpool.owner),
        workerpoolPrice=deal.workerpool.price,
        trust=deal.trust,
        category=str(deal.category),
        tag=deal.tag.to_hex(),
        requester=journal.account(deal.requester),
        beneficiary=journal.account(deal.beneficiary),
        callback=journal.account(deal.callback),
        params=deal.params,
        startTime=deal.start_time,
        botFirst=deal.bot_first,
        botSize=deal.bot_size,
        completedTasksCount=0,
        claimedTasksCount=0,
        workerStake=deal.worker_stake,
        schedulerRewardRatio=deal.scheduler_reward_ratio,
        sponsor=journal.account(deal.sponsor),
        timestamp=journal.timestamp,
        bulkCid=_bulk(deal),
    )


def _asset(address: ChecksumAddress) -> str | None:
    return None if address == ZERO_ADDRESS else address.lower()


def _bulk(deal: Deal) -> str | None:
    """Return the CID of the datasets of a bulk, which is told in the parameters."""
    if deal.dataset.pointer != ZERO_ADDRESS:
        return None
    try:
        return parse_params(deal.params).bulk_cid
    except ExecutionError:
        return None


def _boosted(journal: Journal, event: SchedulerNoticeBoost) -> None:
    """Make a Boost deal and its tasks, at most 65,535; their only events name neither."""
    deal = journal.batch.boost_deals[event.dealid]
    key = hexed(event.dealid)
    price = deal.workerpool_price
    journal.view.put(
        "Deal",
        key,
        app=event.app.lower(),
        appOwner=journal.account(deal.app_owner),
        appPrice=deal.app_price,
        dataset=_asset(event.dataset),
        datasetOwner=journal.account(deal.dataset_owner),
        datasetPrice=deal.dataset_price,
        workerpool=event.workerpool.lower(),
        workerpoolOwner=journal.account(deal.scheduler),
        workerpoolPrice=price,
        trust=1,
        category=str(event.category),
        tag=hexed(event.tag),
        requester=journal.account(deal.requester),
        beneficiary=journal.account(event.beneficiary),
        callback=journal.account(deal.callback),
        params=event.params,
        startTime=journal.timestamp,
        botFirst=deal.bot_first,
        botSize=deal.bot_size,
        completedTasksCount=0,
        claimedTasksCount=0,
        workerStake=0,
        schedulerRewardRatio=(price - deal.worker_reward) * 100 // price if price else 0,
        sponsor=journal.account(deal.sponsor),
        timestamp=journal.timestamp,
    )
    for index in range(deal.bot_size):
        journal.view.put(
            "Task",
            hexed(task_id(event.dealid, index)),
            status="UNSET",
            deal=key,
            index=index,
            requester=deal.requester.lower(),
            contributionDeadline=deal.deadline,
            finalDeadline=deal.deadline,
            timestamp=journal.timestamp,
        )
    journal.record("SchedulerNotice", workerpool=event.workerpool.lower(), deal=key)


# TASKS


def _initialized(journal: Journal, event: TaskInitialize) -> None:
    task = journal.batch.tasks[event.taskid]
    deal = hexed(task.dealid)
    _change(
        journal,
        hexed(event.taskid),
        status="ACTIVE",
        deal=deal,
        index=task.index,
        requester=journal.view.get("Deal", deal)["requester"],
        contributionDeadline=task.contribution_deadline,
        finalDeadline=task.final_deadline,
    )
    workerpool = event.workerpool.lower()
    journal.record("TaskInitialize", task=hexed(event.taskid), workerpool=workerpool)


def _contributed(journal: Journal, event: TaskContribute) -> None:
    contribution = journal.batch.contributions[event.taskid, event.worker]
    task, worker = hexed(event.taskid), journal.account(event.worker)
    journal.view.put(
        "Contribution",
        contribution_id(event.taskid, event.worker),
        status="CONTRIBUTED",
        timestamp=journal.timestamp,
        task=task,
        worker=worker,
        hash=hexed(contribution.result_hash),
        seal=hexed(contribution.seal),
        challenge=contribution.enclave.lower(),
    )
    _change(journal, task)
    journal.record("TaskContribute", task=task, worker=worker, hash=hexed(event.result_hash))


def _agreed(journal: Journal, event: TaskConsensus) -> None:
    task = hexed(event.taskid)
    deal = journal.view.get("Deal", journal.view.get("Task", task)["deal"])
    clock: int = journal.view.get("Category", deal["category"])["workClockTimeRef"]
    _change(
        journal,
        task,
        status="REVEALING",
        consensus=hexed(event.consensus),
        revealDeadline=journal.timestamp + _REVEAL_CLOCKS * clock,
    )
    journal.record("TaskConsensus", task=task, consensus=hexed(event.consensus))


def _revealed(journal: Journal, event: TaskReveal) -> None:
    task, worker = hexed(event.taskid), event.worker.lower()
    _change(journal, task, resultDigest=hexed(event.digest))
    place = contribution_id(event.taskid, event.worker)
    journal.view.put("Contribution", place, status="PROVED")
    journal.record("TaskReveal", task=task, worker=worker, digest=hexed(event.digest))


def _reopened(journal: Journal, event: TaskReopen) -> None:
    """Reject the winners, none of whom revealed (spec contracts §4.7)."""
    task = hexed(event.taskid)
    consensus = journal.view.get("Task", task)["consensus"]
    for contribution in journal.view.all("Contribution", "task", task):
        if contribution["hash"] == consensus:
            journal.view.put("Contribution", contribution["id"], status="REJECTED")
    _change(journal, task, status="ACTIVE", consensus=None, revealDeadline=None)
    journal.record("TaskReopen", task=task)


def _finalized(journal: Journal, event: TaskFinalize) -> None:
    task = hexed(event.taskid)
    callback = journal.batch.tasks[event.taskid].results_callback
    _complete(journal, task, event.results, hexed(callback))
    journal.record("TaskFinalize", task=task, results=hexed(event.results))


def _pushed(journal: Journal, event: ResultPushedBoost) -> None:
    """Complete a Boost task; the callback's data is not kept on the chain."""
    _complete(journal, hexed(task_id(event.dealid, event.index)), event.results, None)


def _complete(journal: Journal, task: str, results: bytes, callback: str | None) -> None:
    _change(journal, task, status="COMPLETED", results=hexed(results), resultsCallback=callback)
    journal.add("Deal", journal.view.get("Task", task)["deal"], completedTasksCount=1)
    journal.count(completedTasksCount=1)


def _claimed(journal: Journal, event: TaskClaimed) -> None:
    task = hexed(event.taskid)
    _change(journal, task, status="FAILED")
    journal.add("Deal", journal.view.get("Task", task)["deal"], claimedTasksCount=1)
    journal.count(claimedTasksCount=1)
    journal.record("TaskClaimed", task=task)


def _change(journal: Journal, task: str, **values: Any) -> None:
    journal.view.put("Task", task, timestamp=journal.timestamp, **values)


HANDLERS: Mapping[type[Event], Callable[[Journal, Any], None]] = MappingProxyType(
    {
        OrdersMatched: _matched,
        SchedulerNoticeBoost: _boosted,
        ResultPushedBoost: _pushed,
        TaskInitialize: _initialized,
        TaskContribute: _contributed,
        TaskConsensus: _agreed,
        TaskReveal: _revealed,
        TaskReopen: _reopened,
        TaskFinalize: _finalized,
        TaskClaimed: _claimed,
    }
)
"""What happens at the events of deals and tasks, by kind of event."""
