"""A market in one process whose scheduler and workers each have a node that can fail."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scheduler_stage import Pool, opened, purchase
from support.faulty_rpc import FaultyNode, faulty_rpc
from support.recorded_runtime import IdleRuntime, RecordedRuntime
from support.reorg import mine
from witness import Witness
from worker_stage import Town

from poco.contracts import Chain, Deal, Market, Task, TaskStatus
from poco.errors import ChainError, PeerError
from poco.market import Role, development_account
from poco.scheduler.protocol import SchedulerPort
from poco.services.results import ResultsClient
from poco.worker.agent import WorkerAgent
from poco.worker.settlement import OVER

_ROUNDS = 300
_IDLE_SECONDS = 5


@dataclass
class Village:
    """Scheduler and workers that take turns; `node` serves them, and fails as a test says."""

    town: Town
    pool: Pool
    node: FaultyNode
    agents: list[WorkerAgent]
    witness: Witness
    deals: list[Deal] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def buy(self, **terms: Any) -> Deal:
        """Make a deal that no reorganisation of a test reaches."""
        deal, _ = purchase(self.town, **terms)
        self.deals.append(deal)
        mine(self.town.chain, 12)
        return deal

    def turn(self) -> int:
        """Let everybody do a step; return how much was done."""
        done = 0
        for step in (self.pool.scheduler.step, *(agent.step for agent in self.agents)):
            try:
                done += step()
            except (ChainError, PeerError) as error:
                self.faults.append(str(error))
                done += 1
        return done

    def drive(self, until: Callable[[], bool]) -> None:
        """Take turns until something holds; when nobody has anything to do, time passes."""
        for _ in range(_ROUNDS):
            if until():
                return
            if not self.turn():
                self.pool.clock[0] += _IDLE_SECONDS
                mine(self.town.chain)
        raise AssertionError(f"it does not come to an end: {self.pool.said} {self.faults}")

    def is_over(self) -> bool:
        """Whether all tasks are COMPLETED or FAILED."""
        over = (TaskStatus.COMPLETED, TaskStatus.FAILED)
        return all(status in over for status in self.statuses())

    def is_at_rest(self) -> bool:
        """Whether they are, and no worker has anything left to do."""
        entries = [entry for agent in self.agents for entry in agent.journal.entries()]
        return self.is_over() and all(entry.status in OVER for entry in entries)

    def losses(self) -> list[str]:
        """See `Witness.losses`."""
        return self.witness.losses(self.deals, ResultsClient(self.pool.url))

    def statuses(self) -> list[TaskStatus]:
        """Where all tasks are."""
        return [task.status for task in self.tasks()]

    def tasks(self) -> list[Task]:
        """All tasks, as the node that never fails knows them."""
        return [task for deal in self.deals for task in self.town.hub.tasks(deal.dealid).values()]


@contextmanager
def village(
    town: Town,
    folder: Path,
    *,
    workers: int = 1,
    through: Callable[[SchedulerPort], SchedulerPort] = lambda port: port,
    **settings: Any,
) -> Iterator[Village]:
    """Let scheduler and workers settle in a town; see `Village`.

    Args:
        town: the market, on a node that never fails.
        folder: for their files.
        workers: how many there are.
        through: what the workers see in the place of the scheduler.
        settings: of the scheduler.
    """
    record = folder / "runs"
    with faulty_rpc(town.chain.url) as node:
        chain = Chain.connect(node.url)
        chain._provider._pause = lambda seconds: None  # type: ignore[attr-defined]
        seen = copy.copy(town)
        seen.market = Market(chain, town.market.book)
        seen.pool_owner = seen.market.acting_as(town.owner)
        seen.workers = [
            seen.market.acting_as(development_account(Role.WORKER + number))
            for number in range(workers)
        ]
        with opened(seen, folder, **settings) as pool:
            runtime = RecordedRuntime(IdleRuntime(), town.chain, record)
            agents = [
                seen.agent(
                    through(pool.scheduler.port(market.account)),
                    folder,
                    number,
                    runtimes={"WASM": runtime},
                    clock=lambda: time.time() + pool.clock[0],
                )
                for number, market in enumerate(seen.workers)
            ]
            witness = Witness(town, range(workers), record)
            yield Village(town, pool, node, agents, witness)


class Twice:
    """A way to the scheduler on which every message arrives twice."""

    def __init__(self, port: SchedulerPort) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        send = getattr(self._port, name)

        def sending(*arguments: Any) -> Any:
            send(*arguments)
            return send(*arguments)

        return sending
