"""The scheduler of one workerpool: finds its deals, opens tasks, admits workers, finalises.

Everything that decides is read from the chain at each step; what is kept in memory is who was
admitted when, so that no worker gets a task twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco import appio
from poco.contracts import ContributionStatus, Deal, Market, Task, TaskStatus
from poco.contracts.events import SchedulerNotice
from poco.errors import ChainError, PeerError
from poco.orders import TEE, ZERO_ADDRESS, DealId, TaskId, sign_authorization, task_id
from poco.scheduler.protocol import Assignment, upload_signer
from poco.scheduler.store import ResultStore, StoredResult
from poco.scheduler.supply import Vote, needs_worker, weight
from poco.scheduler.transitions import Action, Deadlines, next_action

__all__ = ["Scheduler", "in_one_step"]

_MAX_BATCH = 20
"""Tasks opened by one transaction."""


def in_one_step(deal: Deal, index: int) -> bool:  # noqa: ARG001 (other policies look at the index)
    """Return whether a task goes through contributeAndFinalize: those of trust 1 (decision 8)."""
    return deal.trust == 1


@dataclass(slots=True)
class _Replicate:
    """A worker that was admitted to a task."""

    since: float
    weight: int


@dataclass(slots=True)
class _Tracked:
    """A task of this pool that is not over yet."""

    deal: Deal
    index: int
    deadlines: Deadlines
    clock: int
    replicates: dict[ChecksumAddress, _Replicate] = field(default_factory=dict)

    @property
    def has_callback(self) -> bool:
        return self.deal.callback != ZERO_ADDRESS


class Scheduler:
    """The scheduler of one workerpool. Safe to use from several threads.

    Args:
        market: acting as the owner of the workerpool.
        account: the owner's key; signs what admits workers.
        workerpool: the pool.
        store: keeps the result archives.
        url: where workers and requesters reach this scheduler.
        policy: whether a task of trust 1 goes through contributeAndFinalize.
        report: called with a line about each thing done.
    """

    def __init__(
        self,
        market: Market,
        account: LocalAccount,
        workerpool: ChecksumAddress,
        store: ResultStore,
        *,
        url: str,
        policy: Callable[[Deal, int], bool] = in_one_step,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.url = url
        self.workerpool = workerpool
        self._market = market
        self._hub = market.hub
        self._account = account
        self._store = store
        self._policy = policy
        self._report = report
        self._lock = threading.RLock()
        self._tasks: dict[TaskId, _Tracked] = {}
        self._next_block = market.book.deploy_block

    # THE CHAIN

    def step(self) -> int:
        """Look at the chain once and do what is due.

        Returns:
            How many transactions were sent.

        Raises:
            ContractError: the chain refuses what was due; the next step looks again.
            ChainError: the node does not answer.
        """
        with self._lock:
            self._find_deals()
            now = self._now()
            due: dict[Action, list[TaskId]] = {}
            for taskid, task in self._states():
                tracked = self._tasks[taskid]
                has_archive = self._agreed(taskid, task) is not None
                action = next_action(task, tracked.deadlines, now, has_archive=has_archive)
                due.setdefault(action, []).append(taskid)
            for taskid in due.pop(Action.DONE, []):
                del self._tasks[taskid]
            due.pop(Action.WAIT, None)
            return sum(self._perform(action, taskids) for action, taskids in due.items())

    def run(self, stop: threading.Event, pause: float = 0.5) -> None:
        """Step until told to stop; what goes wrong is reported and tried again.

        Args:
            stop: set to end.
            pause: seconds between two looks when there is nothing to do.
        """
        told = ""
        while not stop.is_set():
            try:
                if self.step():
                    continue
                told = ""
            except ChainError as error:
                if str(error) != told:
                    told = str(error)
                    self._report(told)
            stop.wait(pause)

    def _find_deals(self) -> None:
        """Add the tasks of new deals; the cursor moves only when all are added (spec §3.2)."""
        head = self._market.chain.block_number()
        if head < self._next_block:
            return
        for event in self._market.events(self._next_block, head, kinds=[SchedulerNotice]):
            if isinstance(event, SchedulerNotice) and event.workerpool == self.workerpool:
                self._add(event.dealid)
        self._next_block = head + 1

    def _add(self, dealid: DealId) -> None:
        deal = self._hub.deal(dealid)
        if deal is None or deal.scheduler != self._account.address:
            return
        if deal.tag & TEE:
            self._report(f"deal {_short(dealid)} needs an enclave, which this pool has not")
            return
        clock = self._hub.category(deal.category).clock
        deadlines = Deadlines.of(deal.start_time, clock)
        for index in deal.indices:
            tracked = _Tracked(deal, index, deadlines, clock)
            self._tasks.setdefault(task_id(dealid, index), tracked)
        self._report(f"deal {_short(dealid)}: {deal.bot_size} to do at trust {deal.trust}")

    def _states(self) -> Iterator[tuple[TaskId, Task]]:
        for dealid in dict.fromkeys(tracked.deal.dealid for tracked in self._tasks.values()):
            for taskid, task in self._hub.tasks(dealid).items():
                if taskid in self._tasks:
                    yield taskid, task

    def _perform(self, action: Action, taskids: list[TaskId]) -> int:
        """Send the transactions of one kind of action."""
        pairs = [(self._tasks[taskid].deal.dealid, self._tasks[taskid].index) for taskid in taskids]
        sent = 0
        if action in (Action.INITIALIZE, Action.INITIALIZE_AND_CLAIM):
            send = (
                self._hub.initialize_all
                if action is Action.INITIALIZE
                else self._hub.initialize_and_claim_all
            )
            for begin in range(0, len(pairs), _MAX_BATCH):
                send(pairs[begin : begin + _MAX_BATCH])
                sent += 1
        for taskid in taskids if not sent else []:
            if action is Action.FINALIZE:
                self._finalize(taskid)
            elif action is Action.REOPEN:
                self._hub.reopen(taskid)
            elif action is Action.CLAIM:
                self._hub.claim(taskid)
            sent += 1
        for taskid in taskids:
            self._report(f"task {_short(taskid)}: {action}")
        return sent

    def _finalize(self, taskid: TaskId) -> None:
        stored = self._agreed(taskid, self._hub.task(taskid))
        assert stored is not None
        link = self.link(taskid, stored)
        self._hub.finalize(taskid, link, stored.content.callback_data)

    def _now(self) -> int:
        """Return the time of the next block at the least: a chain at rest keeps an old one."""
        return max(self._market.chain.timestamp(), int(time.time()))

    # WORKERS

    def ask(self, worker: ChecksumAddress) -> Assignment | None:
        """Admit a worker to a task that needs one; None when there is none (spec §3.4).

        Raises:
            ChainError: the node does not answer.
        """
        with self._lock:
            score = weight(self._hub.score(worker))
            now = self._now()
            for taskid, task in self._states():
                tracked = self._tasks[taskid]
                if (
                    task.status is TaskStatus.ACTIVE
                    and worker not in tracked.replicates
                    and worker not in task.contributors
                    and now + tracked.clock <= tracked.deadlines.contribution
                    and self._needs_worker(taskid, task, now)
                ):
                    tracked.replicates[worker] = _Replicate(now, score)
                    return self._assignment(taskid, worker)
        return None

    def _needs_worker(self, taskid: TaskId, task: Task, now: int) -> bool:
        tracked = self._tasks[taskid]
        votes = []
        for contributor in task.contributors:
            found = self._hub.contribution(taskid, contributor)
            if found.status is not ContributionStatus.REJECTED:
                known = tracked.replicates.get(contributor)
                value = known.weight if known else weight(self._hub.score(contributor))
                votes.append(Vote(found.result_hash, value))
        pending = [
            replicate.weight
            for worker, replicate in tracked.replicates.items()
            if worker not in task.contributors and now - replicate.since < tracked.clock
        ]
        return needs_worker(tracked.deal.trust, votes, pending)

    def _assignment(self, taskid: TaskId, worker: ChecksumAddress) -> Assignment:
        tracked = self._tasks[taskid]
        self._report(f"task {_short(taskid)}: admit worker {worker}")
        return Assignment(
            taskid=taskid,
            dealid=tracked.deal.dealid,
            index=tracked.index,
            worker=worker,
            authorization=sign_authorization(self._account, worker, taskid),
            in_one_step=tracked.deal.trust == 1 and self._policy(tracked.deal, tracked.index),
        )

    # RESULTS

    def result(self, taskid: TaskId) -> StoredResult | None:
        """Return the archive with the digest that the chain has; None when there is none.

        Raises:
            ChainError: the node does not answer.
        """
        return self._agreed(taskid, self._hub.task(taskid))

    def receive(self, taskid: TaskId, body: BufferedIOBase, size: int, signature: bytes) -> bytes:
        """Take the result archive of a task (spec §5.5).

        It must be signed by a worker that was admitted to the task. Once the digest is on chain,
        the archive must have that digest and its worker must have revealed it.

        Args:
            taskid: the task.
            body: the archive.
            size: its length in bytes.
            signature: of `poco.scheduler.protocol.sign_upload`.

        Returns:
            The result link to put on chain.

        Raises:
            PeerError: the task is not open here, or the archive is refused.
            ChainError: the node does not answer.
        """
        with self._lock:
            tracked = self._tasks.get(taskid)
        if tracked is None:
            raise PeerError(
                "this scheduler has no such open task",
                field="task",
                value=f"0x{taskid.hex()}",
                remedy="upload to the scheduler that admitted you, before the final deadline",
            )
        received = self._store.receive(body, size, has_callback=tracked.has_callback)
        try:
            with self._lock:
                self._check_upload(taskid, tracked, received, signature)
                kept = self._store.keep(taskid, received)
        except BaseException:
            self._store.drop(received)
            raise
        if kept.sha256 == received.sha256:
            self._report(f"task {_short(taskid)}: result stored, {size} bytes")
        return self.link(taskid, kept)

    def link(self, taskid: TaskId, stored: StoredResult) -> bytes:
        """Return the result link of a task (spec §1.14)."""
        tracked = self._tasks.get(taskid)
        if tracked is not None and tracked.has_callback:
            return appio.callback_link(tracked.deal.callback)
        return appio.http_link(f"{self.url}/v2/results/0x{taskid.hex()}", stored.sha256)

    def _check_upload(
        self, taskid: TaskId, tracked: _Tracked, received: StoredResult, signature: bytes
    ) -> None:
        worker = upload_signer(taskid, received.sha256, signature)
        if worker not in tracked.replicates:
            raise _refused("only a worker that was admitted to the task may upload", worker)
        task = self._hub.task(taskid)
        if task.status is TaskStatus.ACTIVE and not task.contributors:
            return  # the worker will put digest and link on chain in one transaction
        found = self._hub.contribution(taskid, worker)
        if found.status is not ContributionStatus.PROVED:
            raise _refused("only a worker that has revealed may upload", worker)
        if received.content.digest != task.digest:
            raise _refused(
                f"the archive must have the revealed digest 0x{task.digest.hex()}",
                f"0x{received.content.digest.hex()}",
            )

    def _agreed(self, taskid: TaskId, task: Task) -> StoredResult | None:
        if task.reveal_counter == 0:
            return None
        tracked = self._tasks.get(taskid)
        has_callback = tracked is not None and tracked.has_callback
        return self._store.get(taskid, task.digest, has_callback=has_callback)


def _refused(rule: str, value: object) -> PeerError:
    return PeerError(rule, field="upload", value=value, remedy="check which task it belongs to")


def _short(identity: bytes) -> str:
    return f"0x{identity.hex()[:8]}…"
