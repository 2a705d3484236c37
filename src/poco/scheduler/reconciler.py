"""Compares rows with the chain and does what follows (spec offchain §8.8).

A step reads the chain in a few batches, decides about all tasks that are due, and writes decisions
and transactions to be sent in one transaction of the database. It may be interrupted anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from sqlalchemy import Connection, bindparam, select, true, update

from poco.contracts import Contribution, ContributionStatus, Market, Task, TaskStatus
from poco.database import Database
from poco.errors import PeerError
from poco.orders import ZERO_ADDRESS, TaskId
from poco.scheduler.bell import Bell
from poco.scheduler.callbacks import callback_data
from poco.scheduler.machine import Decision, decide
from poco.scheduler.outbox import Outbox
from poco.scheduler.ports import SecretsPort
from poco.scheduler.records import apply, change_tasks
from poco.scheduler.settings import Settings
from poco.scheduler.situation import Snapshot
from poco.scheduler.state import Entry, crew, expand, load, lock, mark
from poco.scheduler.statuses import ReplicateStatus
from poco.scheduler.supply import weight
from poco.scheduler.tables import replicates, tasks, workers
from poco.scheduler.watcher import Head
from poco.services.results import ResultsPort

__all__ = ["Reconciler"]

_BATCH = 200
_AUDIT_SECONDS = 3600
_DUE = (
    select(tasks.c.taskid)
    .where(tasks.c.is_over.is_(False), tasks.c.check_at <= bindparam("now"))
    .order_by(tasks.c.check_at, tasks.c.taskid)
    .limit(_BATCH)
)
_CONTRIBUTED = (
    update(replicates)
    .where(
        replicates.c.taskid == bindparam("of_task"), replicates.c.worker == bindparam("of_worker")
    )
    .values(contribution=bindparam("contribution"), result_hash=bindparam("result_hash"))
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the chain says about one task."""

    task: Task
    contributions: Mapping[ChecksumAddress, Contribution]
    weights: Mapping[ChecksumAddress, int]


class Reconciler:
    """Acts for a scheduler; only the holder of the lease may run it.

    Args:
        database: of the scheduler.
        market: the market.
        account: the pool's owner.
        settings: of the scheduler.
        results: where archives are.
        secrets: makes enclave challenges; None without.
        outbox: queues transactions.
        bell: wakes waiting workers.
        report: called with a line about each thing that happened.
    """

    def __init__(
        self,
        database: Database,
        market: Market,
        account: LocalAccount,
        settings: Settings,
        *,
        results: ResultsPort,
        secrets: SecretsPort | None,
        outbox: Outbox,
        bell: Bell,
        report: Callable[[str], None],
    ) -> None:
        self._database = database
        self._market = market
        self._account = account
        self._settings = settings
        self._results = results
        self._secrets = secrets
        self._outbox = outbox
        self._bell = bell
        self._report = report
        self._audited = 0.0
        self._told: set[str] = set()

    def step(self, head: Head, now: int, at: float) -> int:
        """Do what is due; return how many tasks were looked at.

        Args:
            head: end of the chain.
            now: time of the chain, seconds since 1970.
            at: time of the wall clock, seconds since 1970.

        Raises:
            ChainError: the node does not answer; the next step goes on.
        """
        self._lose(at)
        if at - self._audited >= _AUDIT_SECONDS:
            self._audit(at)
        with self._database.reading() as connection:
            due = connection.scalars(_DUE, {"now": now}).all()
            if not due:
                return 0
            people = crew(connection)
            entries = load(connection, due, now, head.number, people, self._settings)
        seen = self._look(entries, head)
        challenges_ = self._challenges(entries, seen)
        archives = self._archives(entries, seen)
        states = self._outbox.states(entries.values())
        with self._database.writing() as connection:
            lock(connection, entries)
            change_tasks(
                connection,
                {
                    taskid: _news(entries[taskid], seen[taskid])
                    | challenges_.get(taskid, {})
                    | archives.get(taskid, {})
                    for taskid in sorted(entries)
                },
            )
            self._store(connection, entries, seen, now)
            fresh = load(connection, entries, now, head.number, people, self._settings, lock=True)
            decisions = {taskid: decide(entry.situation) for taskid, entry in fresh.items()}
            queued = self._outbox.queue(connection, fresh, decisions, states, head)
            decided = [
                (entry, decisions[taskid], queued.get(taskid, {}))
                for taskid, entry in fresh.items()
            ]
            apply(connection, decided, at=at, head=head.number)
            if any(decision.stages for decision in decisions.values()):
                expand(connection)
        self._tell(fresh, decisions)
        return len(entries)

    # THE CHAIN

    def _look(self, entries: Mapping[TaskId, Entry], head: Head) -> dict[TaskId, _Seen]:
        """Read tasks, their contributions, and the scores of workers that are not known."""
        hub = self._market.hub.at(head.number)
        answers = hub.read_all([("viewTask", (taskid,)) for taskid in entries])
        found = {
            taskid: Task.from_abi(values) for taskid, values in zip(entries, answers, strict=True)
        }
        pairs = [
            (taskid, worker)
            for taskid, task in found.items()
            if task.reveal_counter < len(task.contributors)
            for worker in task.contributors
        ]
        details = hub.read_all([("viewContribution", pair) for pair in pairs])
        contributions: dict[TaskId, dict[ChecksumAddress, Contribution]] = {
            taskid: {} for taskid in found
        }
        for (taskid, worker), values in zip(pairs, details, strict=True):
            contributions[taskid][worker] = Contribution.from_abi(values)
        for taskid, task in found.items():
            if task.reveal_counter == len(task.contributors):  # then all of them are proved
                contributions[taskid] = {
                    worker: Contribution(
                        ContributionStatus.PROVED, task.consensus, bytes(32), ZERO_ADDRESS, 0
                    )
                    for worker in task.contributors
                }
        known = {
            taskid: {replica.worker for replica in entry.situation.replicas}
            for taskid, entry in entries.items()
        }
        strangers = sorted(
            {
                worker
                for taskid, task in found.items()
                for worker in task.contributors
                if worker not in known[taskid]
            }
        )
        scores = hub.read_all([("viewScore", (worker,)) for worker in strangers])
        weights = {worker: weight(score) for worker, score in zip(strangers, scores, strict=True)}
        return {
            taskid: _Seen(task, contributions[taskid], weights) for taskid, task in found.items()
        }

    def _store(
        self,
        connection: Connection,
        entries: Mapping[TaskId, Entry],
        seen: Mapping[TaskId, _Seen],
        now: int,
    ) -> None:
        """Write what workers have contributed; adopt those that are not known."""
        changes: list[dict[str, Any]] = []
        for taskid in sorted(entries):
            known = {replica.worker: replica for replica in entries[taskid].situation.replicas}
            contributions = seen[taskid].contributions
            for worker, found in contributions.items():
                here = {"of_task": taskid, "of_worker": worker}
                values = {"contribution": found.status, "result_hash": found.result_hash}
                replica = known.get(worker)
                if replica is None:
                    if not connection.execute(_CONTRIBUTED, here | values).rowcount:
                        row = {"taskid": taskid, "worker": worker, "since": now}
                        row |= {"status": ReplicateStatus.CREATED}
                        row |= {"weight": seen[taskid].weights[worker]}
                        connection.execute(replicates.insert(), [row | values])
                elif (replica.contribution, replica.result_hash) != tuple(values.values()):
                    changes.append(here | values)
            gone = [
                worker
                for worker, replica in known.items()
                if replica.contribution is not ContributionStatus.UNSET
                and worker not in contributions
            ]
            if gone:  # dropped by a reorganisation
                of_them = (replicates.c.taskid == taskid) & replicates.c.worker.in_(gone)
                connection.execute(
                    update(replicates)
                    .where(of_them)
                    .values(contribution=0, status=ReplicateStatus.CONTRIBUTING)
                )
        if changes:
            connection.execute(_CONTRIBUTED, changes)

    # OTHER SERVICES

    def _challenges(
        self, entries: Mapping[TaskId, Entry], seen: Mapping[TaskId, _Seen]
    ) -> dict[TaskId, dict[str, Any]]:
        made: dict[TaskId, dict[str, Any]] = {}
        for taskid, entry in entries.items():
            is_active = seen[taskid].task.status is TaskStatus.ACTIVE
            wanted = is_active and not entry.situation.has_challenge and not entry.deal.refusal
            if self._secrets is None or not wanted:
                continue
            try:
                address = self._secrets.challenge(taskid, self._account)
                made[taskid] = {"enclave_challenge": address}
            except PeerError as error:
                self._complain(error)
        return made

    def _archives(
        self, entries: Mapping[TaskId, Entry], seen: Mapping[TaskId, _Seen]
    ) -> dict[TaskId, dict[str, Any]]:
        found: dict[TaskId, dict[str, Any]] = {}
        for taskid, entry in entries.items():
            task = seen[taskid].task
            is_due = task.status is TaskStatus.REVEALING and task.reveal_counter > 0
            if not is_due or entry.situation.has_archive:
                continue
            try:
                link = self._results.find(taskid, task.digest)
                if link is not None:
                    found[taskid] = {"link": link}
                    if entry.deal.callback != ZERO_ADDRESS:
                        url = self._settings.results_url
                        data = callback_data(url, taskid, task.digest)
                        found[taskid]["callback_data"] = data
            except PeerError as error:
                found.pop(taskid, None)
                self._complain(error)
        return found

    def _complain(self, error: PeerError) -> None:
        if str(error) not in self._told:
            self._told.add(str(error))
            self._report(str(error))

    # HOUSEKEEPING

    def _lose(self, at: float) -> None:
        """Notice workers that fell silent."""
        late = workers.c.is_silent.is_(False) & (workers.c.seen < at - self._settings.silence)
        with self._database.reading() as connection:
            lost = [row.wallet for row in connection.execute(select(workers.c.wallet).where(late))]
        if not lost:
            return
        theirs = select(replicates.c.taskid).where(
            replicates.c.worker.in_(lost), replicates.c.is_over.is_(False)
        )
        with self._database.writing() as connection:
            connection.execute(
                update(workers).where(late, workers.c.wallet.in_(lost)).values(is_silent=True)
            )
            mark(connection, tasks.c.taskid.in_(theirs))
        for wallet in lost:
            self._report(f"worker {wallet} is lost: silent for {self._settings.silence:g} s")

    def _audit(self, at: float) -> None:
        """Look at every task anew (spec §8.8)."""
        self._audited = at
        self._told.clear()
        with self._database.writing() as connection:
            mark(connection, true())

    def _tell(
        self,
        entries: Mapping[TaskId, Entry],
        decisions: Mapping[TaskId, Decision],
    ) -> None:
        """Wake whom it concerns, and report."""
        concerned: set[str] = set()
        supply = False
        for taskid, entry in entries.items():
            decision = decisions[taskid]
            supply = supply or decision.wants
            if decision.stages or decision.replicas:
                concerned |= {replica.worker for replica in entry.situation.replicas}
            for stage in decision.stages:
                self._report(f"task 0x{taskid.hex()[:8]}…: {stage}")
        if concerned or supply:
            self._bell.ring(concerned, supply=supply)


def _news(entry: Entry, seen: _Seen) -> dict[str, Any]:
    """Return what is to be written about a task that the chain says otherwise than before."""
    snapshot = Snapshot.of(seen.task)
    if snapshot == entry.situation.chain:
        return {}
    return {
        "chain_status": snapshot.status,
        "reveal_deadline": snapshot.reveal_deadline,
        "winners": snapshot.winners,
        "reveals": snapshot.reveals,
        "consensus": snapshot.consensus,
        "digest": snapshot.digest,
    }
