"""Transactions that decisions ask for, put into the persistent queue (spec offchain §8.5).

Tasks of one kind of action share transactions at first; what fails is tried again one by one, so
that a task that somebody else opened does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from poco.contracts import Call, Market
from poco.orders import TaskId
from poco.scheduler.machine import Action, Decision
from poco.scheduler.state import Entry
from poco.scheduler.watcher import Head
from poco.transactions import TransactionQueue, TransactionState

__all__ = ["Outbox"]

_MOST = 20
"""Tasks per transaction: well below the gas limit of any block."""

_TOGETHER = {
    Action.INITIALIZE: "initializeArray",
    Action.INITIALIZE_AND_CLAIM: "initializeAndClaimArray",
    Action.CLAIM: "claimArray",
}


class Outbox:
    """Queues the transactions of a scheduler.

    Args:
        market: the market.
        transactions: the queue of the pool owner's account.
        report: called with a line about each transaction that failed.
    """

    def __init__(
        self, market: Market, transactions: TransactionQueue, report: Callable[[str], None]
    ) -> None:
        self._hub = market.hub
        self._queue = transactions
        self._report = report

    def states(self, entries: Iterable[Entry]) -> dict[str, TransactionState]:
        """Return what is known of the last transactions of tasks, by key."""
        return self._queue.states({entry.task.tx_key for entry in entries if entry.task.tx_key})

    def queue(
        self,
        connection: Connection,
        entries: Mapping[TaskId, Entry],
        decisions: Mapping[TaskId, Decision],
        states: Mapping[str, TransactionState],
        head: Head,
    ) -> dict[TaskId, dict[str, Any]]:
        """Enqueue what is needed and not under way; return what to note about the tasks.

        Args:
            connection: the transaction in which the decisions are written.
            entries: the tasks.
            decisions: about them.
            states: of their last transactions.
            head: end of the chain when it was read.
        """
        groups: dict[tuple[Action, TaskId | None], list[Entry]] = {}
        for taskid, entry in entries.items():
            action = decisions[taskid].action
            if action is None or not _is_needed(entry, action, states, head):
                continue
            is_first = entry.task.tx_action != action
            if not is_first and (state := states.get(entry.task.tx_key)) and state.failed:
                self._report(f"task 0x{taskid.hex()[:8]}…: {action} failed: {state.reason}")
            alone = None if is_first and action in _TOGETHER else taskid
            groups.setdefault((action, alone), []).append(entry)
        noted: dict[TaskId, dict[str, Any]] = {}
        for (action, _), members in groups.items():
            for begin in range(0, len(members), _MOST):
                part = members[begin : begin + _MOST]
                attempt = 1 + max(entry.task.tx_attempt for entry in part)
                key = f"{action}:0x{part[0].taskid.hex()}:{attempt}"
                self._queue.enqueue(
                    connection,
                    key,
                    self._call(action, part),
                    not_after=_latest(action, part),
                    min_block=head.number,
                )
                for entry in part:
                    noted[entry.taskid] = {
                        "tx_key": key,
                        "tx_action": action,
                        "tx_attempt": attempt,
                    }
        return noted

    def _call(self, action: Action, entries: list[Entry]) -> Call[None]:
        first = entries[0]
        if action is Action.FINALIZE:
            data = first.task.callback_data or b""
            return self._hub.call("finalize", first.taskid, first.task.link, data)
        if action is Action.REOPEN:
            return self._hub.call("reopen", first.taskid)
        if action is Action.CLAIM:
            return self._hub.call(_TOGETHER[action], [entry.taskid for entry in entries])
        dealids = [entry.deal.dealid for entry in entries]
        return self._hub.call(_TOGETHER[action], dealids, [entry.task.idx for entry in entries])


def _is_needed(
    entry: Entry, action: Action, states: Mapping[str, TransactionState], head: Head
) -> bool:
    """Return whether no transaction for it is under way."""
    if entry.task.tx_action != action:
        return True
    state = states.get(entry.task.tx_key)
    if state is None or state.failed:
        return True
    # Mined, seen, and yet the chain does not show it: it was for an earlier round, or dropped.
    return state.done and state.block is not None and state.block <= head.number


def _latest(action: Action, entries: list[Entry]) -> int | None:
    terms = [entry.situation.terms for entry in entries]
    if action in (Action.INITIALIZE, Action.REOPEN):
        return min(found.contribution_deadline for found in terms)
    if action is Action.FINALIZE:
        return min(found.final_deadline for found in terms) - 1
    return None
