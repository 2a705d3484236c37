"""Admit a task: read what the decision depends on, decide, and set its stake aside.

The deposit of a worker serves all its slots, so what tasks that are not contributed yet are going
to lock is not free for another one (spec offchain §2.5).
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.contracts import Account, Contribution, ContributionStatus, Market, Task
from poco.contracts.chain import to_int
from poco.orders import ZERO_ADDRESS, Tag, authorization_digest, recover_signer
from poco.scheduler.protocol import Assignment
from poco.scheduler.statuses import FAILURES, ReplicateStatus
from poco.worker.checks import Facts, Refusal, why_refuse
from poco.worker.journal import Entry, Journal
from poco.worker.steps import UNFINISHED, Action, ChainState, next_step
from poco.worker.terms import Terms, TermsBook

__all__ = ["GAS_OF_A_TASK", "Admission", "Capacity"]

GAS_OF_A_TASK = 1_000_000
"""The most that contribution and reveal of a task may use, callbacks included."""

_FUNDS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a worker can take up.

    Args:
        app_types: what it runs.
        tags: the tag bits that it covers.
        disk: bytes of disk that must be free before a task is started.
    """

    app_types: Collection[str]
    tags: Tag
    disk: int


class Admission:
    """Decides about tasks. Safe to use from several threads.

    Args:
        journal: where they are written down.
        market: acting as the worker.
        capacity: what the worker can take up.
        workdir: the folder whose disk is to have space; it exists.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        journal: Journal,
        market: Market,
        capacity: Capacity,
        workdir: Path,
        clock: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._market = market
        self._hub = market.hub
        self._capacity = capacity
        self._workdir = workdir
        self._clock = clock
        self._terms = TermsBook(market)
        self._funds = (
            -_FUNDS_SECONDS,
            0,
            0,
        )  # when they were asked for, balance, price of a unit of gas
        self._reserving = threading.Lock()

    def admit(self, entry: Entry) -> Terms | Refusal | None:
        """Check a task and set its stake aside.

        Args:
            entry: the task, which is in the journal, unfinished.

        Returns:
            Its terms when it is to be computed; why not; or None when it is another step's turn
            (`poco.worker.steps`), or somebody gave it up since.

        Raises:
            ChainError: the node does not answer, or has not seen what the scheduler has.
        """
        leave = entry.assignment
        terms = self._terms.find(leave.dealid)
        with self._reserving:
            facts, state = self._look(leave, terms)
            if next_step(entry, state, {}, self._clock()).action is not Action.EXECUTE:
                return None
            refusal = why_refuse(leave, facts)
            if refusal is not None or terms is None:
                return refusal
            stake = 0 if leave.in_one_step else terms.deal.worker_stake
            with self._journal.writing(lasting=False) as connection:
                admitted = self._journal.move(
                    connection, leave.taskid, UNFINISHED, ReplicateStatus.STARTING, stake=stake
                )
        return terms if admitted else None

    def _look(self, leave: Assignment, terms: Terms | None) -> tuple[Facts, ChainState]:
        chain, worker = self._market.chain, self._market.account
        block, timestamp = chain.newest()
        if block < leave.block:
            chain.require_block(leave.block)
            block, timestamp = chain.newest()
        others = [entry for entry in self._journal.entries() if _reserves(entry, leave)]
        account, task, *contributions = self._hub.at(block).read_all(
            [
                ("viewAccount", (worker,)),
                ("viewTask", (leave.taskid,)),
                ("viewContribution", (leave.taskid, worker)),
                *(("viewContribution", (entry.taskid, worker)) for entry in others),
            ]
        )
        own, *theirs = map(Contribution.from_abi, contributions)
        reserved = sum(
            entry.stake
            for entry, found in zip(others, theirs, strict=True)
            if found.status is ContributionStatus.UNSET
        )
        facts = self._facts(leave, terms, Account(*account).stake - reserved)
        return facts, ChainState(block, timestamp, Task.from_abi(task), own)

    def _facts(self, leave: Assignment, terms: Terms | None, free_stake: int) -> Facts:
        authorizer = self._authorizer(leave, terms)
        balance, price = self._fuel()
        return Facts(
            worker=self._market.account,
            deal=None if terms is None else terms.deal,
            app=None if terms is None else terms.app,
            authorizer=authorizer,
            is_authorized=self._is_authorized(leave, authorizer),
            free_stake=free_stake,
            gas=balance,
            gas_needed=GAS_OF_A_TASK * price,
            free_disk=shutil.disk_usage(self._workdir).free,
            disk_needed=self._capacity.disk,
            app_types=self._capacity.app_types,
            tags=self._capacity.tags,
        )

    def _fuel(self) -> tuple[int, int]:
        """Return what the worker has for gas, and what a unit of it costs; wei, of late."""
        asked, balance, price = self._funds
        if time.monotonic() - asked >= _FUNDS_SECONDS:
            chain, worker = self._market.chain, self._market.account
            answers = chain.batch([("eth_getBalance", (worker, "latest")), ("eth_gasPrice", ())])
            balance, price = map(to_int, answers)
            self._funds = time.monotonic(), balance, price
        return balance, price

    def _authorizer(self, leave: Assignment, terms: Terms | None) -> ChecksumAddress:
        """Return who must have signed: the broker of enclaves where the hub has one (§4.3)."""
        if leave.enclave_challenge != ZERO_ADDRESS:
            broker: ChecksumAddress = self._hub.read("teebroker")
            if broker != ZERO_ADDRESS:
                return broker
        return ZERO_ADDRESS if terms is None else terms.deal.scheduler

    def _is_authorized(self, leave: Assignment, authorizer: ChecksumAddress) -> bool:
        digest = authorization_digest(leave.worker, leave.taskid, leave.enclave_challenge)
        return recover_signer(digest, leave.authorization) == authorizer or (
            authorizer != ZERO_ADDRESS
            and self._hub.verify_signature(authorizer, digest, leave.authorization)
        )


def _reserves(entry: Entry, leave: Assignment) -> bool:
    over = entry.status in FAILURES or entry.status is ReplicateStatus.COMPLETED
    return entry.stake > 0 and not over and entry.taskid != leave.taskid
