"""Follow deals and tasks on chain until they are done (spec sdk §1.3).

Nothing is remembered: a `DealState` is what the chain says after one block, judged at one moment.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from poco.contracts import Deal, Market, Task, TaskStatus
from poco.errors import UserInputError
from poco.market.states import DealState, TaskState
from poco.orders import DealId, TaskId, task_id

__all__ = [
    "deal_state",
    "follow_deal",
    "follow_task",
    "parse_deal_id",
    "parse_task_id",
    "task_state",
]

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _GROWTH = 0.1, 1.0, 1.3
"""Short tasks are told at once, long ones do not keep a node busy."""


def parse_deal_id(text: str) -> DealId:
    """Read the id of a deal.

    Raises:
        UserInputError: it is not 32 bytes in hex.
    """
    return DealId(_identity("dealid", text))


def parse_task_id(text: str) -> TaskId:
    """Read the id of a task; see `parse_deal_id`."""
    return TaskId(_identity("taskid", text))


def deal_state(
    market: Market, dealid: DealId, *, clock: Callable[[], float] = time.time
) -> DealState:
    """Return a deal as it is now.

    Args:
        market: the market.
        dealid: the deal.
        clock: seconds since 1970; the chain's time counts when it is ahead.

    Raises:
        UserInputError: there is no such deal.
        ChainError: the node does not answer.
    """
    return _Follower(market, _known_deal(market, dealid), clock).look()


def task_state(
    market: Market, taskid: TaskId, *, clock: Callable[[], float] = time.time
) -> TaskState:
    """Return a task as it is now; see `deal_state`.

    Raises:
        UserInputError: there is no such task, or nobody has opened it yet.
        ChainError: the node does not answer.
    """
    deal, index = _known_task(market, taskid)
    return _Follower(market, deal, clock, range(index, index + 1)).look().tasks[0]


def follow_deal(
    market: Market,
    dealid: DealId,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[DealState]:
    """Follow a deal until all its tasks are over.

    Args:
        market: the market.
        dealid: the deal.
        clock: see `deal_state`.
        sleep: waits some seconds.

    Yields:
        The first state, then one for each change of a task's status.

    Raises:
        UserInputError: there is no such deal.
        ChainError: the node does not answer.
    """
    yield from _Follower(market, _known_deal(market, dealid), clock).follow(sleep)


def follow_task(
    market: Market,
    taskid: TaskId,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[TaskState]:
    """Follow a task until it is over; see `follow_deal`.

    Raises:
        UserInputError: there is no such task, or nobody has opened it yet.
        ChainError: the node does not answer.
    """
    deal, index = _known_task(market, taskid)
    for state in _Follower(market, deal, clock, range(index, index + 1)).follow(sleep):
        yield state.tasks[0]


class _Follower:
    """Looks at the tasks of a deal; those that are done are read once.

    Args:
        market: the market.
        deal: the deal.
        clock: seconds since 1970.
        indices: of the tasks; all by default.
    """

    def __init__(
        self, market: Market, deal: Deal, clock: Callable[[], float], indices: range | None = None
    ) -> None:
        self._market = market
        self._deal = deal
        self._clock = clock
        ratio = int(market.hub.read("final_deadline_ratio"))
        self._final = deal.start_time + market.hub.category(deal.category).clock * ratio
        self._ids = {
            task_id(deal.dealid, index): index for index in indices or deal.indices
        }  # in the order of the indices
        self._tasks: dict[TaskId, Task] = {}
        self._seen = -1

    def look(self) -> DealState:
        """Return the state now; the chain is asked for tasks only when it has a new block."""
        number, chain_time = self._market.chain.newest()
        if number != self._seen:
            self._read(number)
        late = max(chain_time, self._clock()) >= self._final
        states = tuple(
            TaskState(taskid, self._deal, index, self._tasks[taskid], self._final, late)
            for taskid, index in self._ids.items()
        )
        return DealState(self._deal, self._final, late, states)

    def follow(self, sleep: Callable[[float], None]) -> Iterator[DealState]:
        """Return the first state, and each that differs, until all tasks are over."""
        told: list[str] = []
        pause = _FIRST_PAUSE_SECONDS
        while True:
            state = self.look()
            names = [task.name for task in state.tasks]
            if names != told:
                yield state
                told = names
            if state.is_over:
                return
            sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE_SECONDS)

    def _read(self, number: int) -> None:
        unfinished = [
            taskid
            for taskid in self._ids
            if taskid not in self._tasks or self._tasks[taskid].status < TaskStatus.COMPLETED
        ]
        found = self._market.hub.read_all([("viewTask", (taskid,)) for taskid in unfinished])
        for taskid, values in zip(unfinished, found, strict=True):
            self._tasks[taskid] = Task.from_abi(values)
        self._seen = number


def _known_deal(market: Market, dealid: DealId) -> Deal:
    deal = market.hub.deal(dealid)
    if deal is None:
        raise UserInputError(
            "no deal has this id",
            field="deal",
            value=_hex(dealid),
            remedy="check the id and the chain",
        )
    return deal


def _known_task(market: Market, taskid: TaskId) -> tuple[Deal, int]:
    task = market.hub.task(taskid)
    if task.status is TaskStatus.UNSET:
        raise UserInputError(
            "no task found: it does not exist, or its workerpool has not opened it yet",
            field="task",
            value=_hex(taskid),
            remedy="check the id and the chain; `poco deal show` lists the tasks of a deal",
        )
    return _known_deal(market, task.dealid), task.index


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


def _identity(field: str, text: str) -> bytes:
    if re.fullmatch("0x[0-9a-fA-F]{64}", text) is None:
        raise UserInputError(
            "an id is 0x and 64 hex digits", field=field, value=text, remedy="copy it in full"
        )
    return bytes.fromhex(text[2:])
