"""What the chain, and a task's scheduler, say of deals, tasks and transactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts import Contribution, Deal, EventReader, Events, Market, Task
from poco.contracts.chain import to_bytes, to_int
from poco.contracts.events import OrdersMatched
from poco.contracts.reverts import NO_REASON, decode_revert
from poco.errors import ChainError, ContractError, PeerError
from poco.explain.addresses import contract_at
from poco.explain.calls import CallWords, decode_call
from poco.explain.consensus import Vote
from poco.explain.deals import DealFacts
from poco.explain.steps import TaskFacts
from poco.explain.transactions import TransactionFacts
from poco.explain.wording import hexed
from poco.market.reports import Reporter, TaskReport, find_scheduler
from poco.orders import TaskId, checked_address, task_id

__all__ = ["deal_facts", "find_unopened", "task_facts", "transaction_facts"]

_MOST_TASKS = 200
_RECENT_BLOCKS = 10_000
_RECENT_DEALS = 500
_VOTED_TASKS = 20


def deal_facts(market: Market, deal: Deal, compass: str | None) -> DealFacts:
    """Read what a deal is explained with: its first tasks, its category, the time.

    Args:
        market: the market.
        deal: the deal.
        compass: URL of what knows schedulers; None asks no scheduler.

    Raises:
        ChainError: the node does not answer.
    """
    category = market.hub.category(deal.category)
    ids = {index: task_id(deal.dealid, index) for index in deal.indices[:_MOST_TASKS]}
    found = market.hub.read_all([("viewTask", (taskid,)) for taskid in ids.values()])
    tasks = {
        index: (taskid, Task.from_abi(values))
        for (index, taskid), values in zip(ids.items(), found, strict=True)
    }
    told, silence = _ask_scheduler(market, deal, compass, f"/deals/{hexed(deal.dealid)}")
    return DealFacts(
        deal=deal,
        clock=category.clock,
        category=category.name,
        now=market.chain.timestamp(),
        tasks=tasks,
        votes=_votes(market, dict(list(tasks.items())[:_VOTED_TASKS])),
        refusal=str((told or {}).get("refusal") or ""),
        silence=silence,
    )


def task_facts(
    market: Market, taskid: TaskId, task: Task, deal: Deal, index: int, compass: str | None
) -> TaskFacts:
    """Read what a task is explained with.

    Args:
        market: the market.
        taskid: the task.
        task: what the hub says of it.
        deal: its deal.
        index: its index in the request.
        compass: URL of what knows schedulers; None asks no scheduler.

    Raises:
        ChainError: the node does not answer.
    """
    told, silence = _ask_scheduler(market, deal, compass, f"/tasks/{hexed(taskid)}")
    return TaskFacts(
        taskid=taskid,
        index=index,
        task=task,
        deal=deal,
        clock=task.clock or market.hub.category(deal.category).clock,
        now=market.chain.timestamp(),
        votes=_votes(market, {index: (taskid, task)})[index],
        report=None if told is None else TaskReport(told),
        silence=silence,
    )


def _votes(market: Market, tasks: Mapping[int, tuple[TaskId, Task]]) -> dict[int, tuple[Vote, ...]]:
    """Return the votes of tasks by index, read at once."""
    asked = [
        (index, taskid, worker)
        for index, (taskid, task) in tasks.items()
        for worker in task.contributors
    ]
    given = [("viewContribution", (taskid, worker)) for _, taskid, worker in asked]
    scores = [("viewScore", (worker,)) for _, _, worker in asked]
    found = market.hub.read_all([*given, *scores])
    votes: dict[int, tuple[Vote, ...]] = dict.fromkeys(tasks, ())
    for number, (index, _, worker) in enumerate(asked):
        made = Contribution.from_abi(found[number])
        votes[index] += (Vote(worker, made, int(found[len(asked) + number])),)
    return votes


def find_unopened(market: Market, taskid: TaskId) -> tuple[Deal, int] | None:
    """Return deal and index of a task that nobody has opened, if its deal is a recent one.

    The hub cannot tell: the id is a hash of both. It is looked for among the last deals.

    Raises:
        ChainError: the node does not answer.
    """
    head = market.chain.block_number()
    first = max(market.book.deploy_block, head - _RECENT_BLOCKS)
    recent = [
        event.dealid
        for event in market.events(first, kinds=[OrdersMatched])
        if isinstance(event, OrdersMatched) and event.volume <= _MOST_TASKS
    ][-_RECENT_DEALS:]
    for values, dealid in zip(
        market.hub.read_all([("viewDeal", (dealid,)) for dealid in recent]), recent, strict=True
    ):
        deal = Deal.from_abi(dealid, values)
        for index in () if deal is None else deal.indices:
            if task_id(dealid, index) == taskid and deal is not None:
                return deal, index
    return None


def _ask_scheduler(
    market: Market, deal: Deal, compass: str | None, path: str
) -> tuple[dict[str, Any] | None, str]:
    """Return what the scheduler of a deal says, or why it says nothing."""
    if compass is None:
        return None, ""
    pool = deal.workerpool.pointer
    try:
        url = find_scheduler(compass, market.book.chain_id, pool)
        if url is None:
            return None, f"the compass does not know that of workerpool {pool}"
        with Reporter(url) as reporter:
            told = reporter.ask(path)
    except PeerError as error:
        return None, str(error)
    return told, "" if told is not None else "it does not know it"


def transaction_facts(market: Market, found: Mapping[str, Any]) -> TransactionFacts:
    """Read what a transaction is explained with.

    Args:
        market: the market.
        found: the transaction in its JSON form.

    Raises:
        ChainError: the node does not answer.
    """
    chain = market.chain
    sender = checked_address("from", found["from"])
    data = to_bytes(found["input"])
    target = None if found.get("to") is None else checked_address("to", found["to"])
    contract = None if target is None else contract_at(market, target)
    call = None if contract is None else decode_call(contract[1], data)
    inner = None if call is None else _inner(market, call)
    receipt = chain.receipt(found["hash"])
    failed = receipt is not None and to_int(receipt["status"]) == 0
    before = 0 if receipt is None else to_int(receipt["blockNumber"]) - 1
    is_match = inner is None and call is not None and call.orders is not None
    return TransactionFacts(
        hash=found["hash"],
        sender=sender,
        nonce=to_int(found["nonce"]),
        sent=to_int(chain.request("eth_getTransactionCount", sender, "latest")),
        target=None if target is None else ("" if contract is None else contract[0], target),
        value=to_int(found["value"]),
        gas=to_int(found["gas"]),
        call=inner or call,
        data=data,
        block=None if receipt is None else before + 1,
        gas_used=0 if receipt is None else to_int(receipt["gasUsed"]),
        revert=_revert(market, found, before) if failed else None,
        events=Events(())
        if receipt is None
        else EventReader(market.addresses).decode(receipt["logs"], also=target),
        view=market.view(before) if failed and is_match else None,
    )


def _events(
    market: Market, receipt: Mapping[str, Any] | None, target: ChecksumAddress | None
) -> Events:
    if receipt is None:
        return Events(())
    return EventReader(market.addresses).decode(receipt["logs"], also=target)


def _inner(market: Market, call: CallWords) -> CallWords | None:
    """Return the call that a token's approveAndCall makes of the hub, if it makes one."""
    if call.name != "approveAndCall" or not call.arguments["data"]:
        return None
    if checked_address("spender", call.arguments["spender"]) != market.book.hub:
        return None
    found = decode_call(market.hub.interface, call.arguments["data"])
    return found and replace(found, name=f"{call.name} → {found.name}")


def _revert(market: Market, found: Mapping[str, Any], before: int) -> ContractError:
    """Find out why a mined transaction failed.

    A trace says exactly that. A node without traces runs it again: on the state before its block,
    then, for rules of time, on the state after.
    """
    chain = market.chain
    try:
        trace = chain.request("debug_traceTransaction", found["hash"], {"tracer": "callTracer"})
        return decode_revert(to_bytes(trace.get("output") or "0x"))
    except ChainError:
        pass
    request = {name: found[name] for name in ("from", "to", "input", "value") if found.get(name)}
    request["data"] = request.pop("input")
    for block in (before, before + 1):
        answer = chain.outcomes([("eth_call", (request, hex(block)))])[0]
        if isinstance(answer, ContractError):
            return answer
    return ContractError(NO_REASON, {})
