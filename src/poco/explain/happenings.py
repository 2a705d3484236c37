"""Events in words."""

from __future__ import annotations

from dataclasses import fields

from poco.contracts import Event
from poco.explain.model import filled
from poco.explain.wording import spoken

__all__ = ["SENTENCES", "told"]

SENTENCES: dict[str, str] = {
    "AccurateContribution": "{worker} gained reputation for task {taskid}",
    "Approval": "{spender} may take {amount} nRLC of {owner}",
    "ApprovalForAll": "{operator} may transfer all entries of {owner}: {approved}",
    "BroadcastAppOrder": "an app order was published on chain",
    "BroadcastDatasetOrder": "a dataset order was published on chain",
    "BroadcastRequestOrder": "a request order was published on chain",
    "BroadcastWorkerpoolOrder": "a workerpool order was published on chain",
    "CallbackGasChanged": "callbacks are granted {current} gas, {previous} before",
    "ClosedAppOrder": "app order {order_hash} was closed",
    "ClosedDatasetOrder": "dataset order {order_hash} was closed",
    "ClosedRequestOrder": "request order {order_hash} was closed",
    "ClosedWorkerpoolOrder": "workerpool order {order_hash} was closed",
    "CreateCategory": "category {category} {name} of {clock} s was made",
    "DealSponsored": "{sponsor} pays for deal {dealid}",
    "DealSponsoredBoost": "{sponsor} pays for Boost deal {dealid}",
    "EntryApproval": "{approved} may transfer the entry {entry} of {owner}",
    "EntryTransfer": "the entry {entry} went from {source} to {target}",
    "FaultyContribution": "{worker} lost stake and reputation for task {taskid}",
    "Lock": "{amount} nRLC of {owner} were locked",
    "OrdersMatched": "deal {dealid} was made, volume {volume}",
    "OwnershipTransferStarted": "{previous} offers the ownership to {current}",
    "OwnershipTransferred": "the ownership went from {previous} to {current}",
    "PolicyUpdate": "workers stake {new_worker_stake_ratio} % ({old_worker_stake_ratio} before), "
    "the scheduler keeps {new_scheduler_reward_ratio} % ({old_scheduler_reward_ratio} before)",
    "ResultPushedBoost": "the result of task {index} of Boost deal {dealid} was delivered",
    "Reward": "{owner} was paid {amount} nRLC for task {taskid}",
    "SchedulerNotice": "workerpool {workerpool} was told of deal {dealid}",
    "SchedulerNoticeBoost": "workerpool {workerpool} was told of Boost deal {dealid}",
    "Seize": "{owner} lost {amount} locked nRLC for task {taskid}",
    "SignedAppOrder": "app order {order_hash} was presigned",
    "SignedDatasetOrder": "dataset order {order_hash} was presigned",
    "SignedRequestOrder": "request order {order_hash} was presigned",
    "SignedWorkerpoolOrder": "workerpool order {order_hash} was presigned",
    "TaskClaimed": "task {taskid} was claimed: it has FAILED, its price went back",
    "TaskConsensus": "task {taskid} has consensus on {consensus}",
    "TaskContribute": "{worker} contributed {result_hash} to task {taskid}",
    "TaskFinalize": "task {taskid} was finalized: it is COMPLETED",
    "TaskInitialize": "task {taskid} was opened: it is ACTIVE",
    "TaskReopen": "task {taskid} was opened again, because nobody revealed",
    "TaskReveal": "{worker} revealed {digest} for task {taskid}",
    "TeeBrokerChanged": "the broker of enclaves is {current}, {previous} before",
    "Transfer": "{amount} nRLC went from {source} to {target}",
    "Unlock": "{amount} nRLC of {owner} were unlocked",
}
"""By the event's name; the texts take its fields."""


def told(event: Event) -> str:
    """Return an event as a sentence."""
    values = {
        field.name: spoken(getattr(event, field.name))
        for field in fields(event)
        if field.name != "at"
    }
    return filled(SENTENCES[type(event).__name__], values)
