"""Claim tasks that were not finished in time: their sponsor gets the money back (§4.9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from poco.contracts import Market, TaskStatus
from poco.errors import ContractError, UserInputError
from poco.market.following import deal_state, task_state
from poco.market.states import DealState, TaskState
from poco.orders import DealId, TaskId

__all__ = ["Claim", "claim_deal", "claim_task"]

_GAS_PER_CLAIM = 250_000
"""More than opening and claiming one task takes, with all its contributors."""
_MOST_CLAIMS = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """A transaction that claimed tasks.

    Args:
        kind: function of the hub: ``claim``, ``claimArray`` or ``initializeAndClaimArray``.
        transaction_hash: 0x-hex.
        tasks: what was claimed, task ids by index.
    """

    kind: str
    transaction_hash: str
    tasks: dict[int, TaskId]


def claim_task(market: Market, taskid: TaskId) -> Claim:
    """Claim a task.

    Args:
        market: acting as anybody who pays the gas.
        taskid: the task.

    Raises:
        UserInputError: there is no such task, it is done, or it still has time.
        ContractError: the hub refuses.
        ChainError: the node does not answer.
    """
    state = task_state(market, taskid)
    if state.task.status >= TaskStatus.COMPLETED:
        raise UserInputError(
            f"a task that is {state.name} cannot be claimed",
            field="task",
            value=f"0x{taskid.hex()}",
            remedy="it is settled: there is nothing to do",
        )
    if not state.is_late:
        raise _too_early("task", taskid, state.final_deadline)
    receipt = market.hub.claim(taskid)
    return Claim("claim", receipt.transaction_hash, {state.index: taskid})


def claim_deal(market: Market, dealid: DealId) -> Iterator[Claim]:
    """Claim all tasks of a deal that were not finished in time, in as few transactions as fit.

    A task that somebody else claims meanwhile is left out.

    Args:
        market: acting as anybody who pays the gas.
        dealid: the deal.

    Yields:
        Each transaction as soon as it is mined.

    Raises:
        UserInputError: there is no such deal, it still has time, or nothing is left to claim.
        ContractError: the hub refuses.
        ChainError: the node does not answer.
    """
    state = deal_state(market, dealid)
    if not state.is_late:
        raise _too_early("deal", dealid, state.final_time)
    late = _late(state)
    if not late:
        raise UserInputError(
            "all tasks of the deal are settled: there is nothing to claim",
            field="deal",
            value=f"0x{dealid.hex()}",
            remedy="see them with `poco deal show --watch`",
        )
    size = _batch_size(market)
    while late:
        is_open = late[0].task.status is not TaskStatus.UNSET
        batch = [task for task in late if (task.task.status is not TaskStatus.UNSET) is is_open]
        batch = batch[:size]
        try:
            yield _claim(market, batch, is_open=is_open)
        except ContractError:
            found = _late(deal_state(market, dealid))
            if len(found) == len(late):  # nobody interfered
                raise
            late = found
        else:
            done = {task.taskid for task in batch}
            late = [task for task in late if task.taskid not in done]


def _late(state: DealState) -> list[TaskState]:
    return [task for task in state.tasks if task.is_timed_out]


def _claim(market: Market, batch: Sequence[TaskState], *, is_open: bool) -> Claim:
    tasks = {task.index: task.taskid for task in batch}
    if is_open:
        done = market.hub.claim_all(list(tasks.values()))
        return Claim("claimArray", done.transaction_hash, tasks)
    opened = market.hub.initialize_and_claim_all([(task.deal.dealid, task.index) for task in batch])
    return Claim("initializeAndClaimArray", opened.transaction_hash, tasks)


def _batch_size(market: Market) -> int:
    """Return how many claims surely fit into a block."""
    block = market.chain.request("eth_getBlockByNumber", "latest", False)
    return max(1, min(_MOST_CLAIMS, int(block["gasLimit"], 16) // 2 // _GAS_PER_CLAIM))


def _too_early(field: str, identity: bytes, deadline: int) -> UserInputError:
    moment = datetime.fromtimestamp(deadline, UTC)
    return UserInputError(
        f"it cannot be claimed before {moment:%Y-%m-%d %H:%M:%S} UTC",
        field=field,
        value=f"0x{identity.hex()}",
        remedy="its workers have time until then",
    )
