"""Admit a task: read what the decision depends on, decide, and set its stake aside.

The deposit of a worker serves all its slots, so what tasks that are not contributed yet are going
to lock is not free for another one (spec offchain §2.5).
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.contracts import Account, Contribution, ContributionStatus, Market
from poco.contracts.chain import to_int
from poco.orders import ZERO_ADDRESS, Tag, authorization_digest, recover_signer
from poco.scheduler.protocol import Assignment
from poco.scheduler.statuses import FAILURES, ReplicateStatus
from poco.worker.checks import Facts, Refusal, why_refuse
from poco.worker.journal import Entry, Journal
from poco.worker.steps import UNFINISHED
from poco.worker.terms import Terms, TermsBook

__all__ = ["GAS_OF_A_TASK", "Admission", "Capacity"]

GAS_OF_A_TASK = 1_000_000
"""The most that contribution and reveal of a task may use, callbacks included."""


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
    """

    def __init__(self, journal: Journal, market: Market, capacity: Capacity, workdir: Path) -> None:
        self._journal = journal
        self._market = market
        self._hub = market.hub
        self._capacity = capacity
        self._workdir = workdir
        self._terms = TermsBook(market)
        self._reserving = threading.Lock()

    def admit(self, leave: Assignment) -> Terms | Refusal | None:
        """Check a task and set its stake aside.

        Args:
            leave: the leave to contribute; its task is in the journal, unfinished.

        Returns:
            Its terms when it is to be computed, why not, or None when somebody gave it up since.

        Raises:
            ChainError: the node does not answer, or has not seen what the scheduler has.
        """
        block = self._market.chain.require_block(leave.block)
        terms = self._terms.find(leave.dealid)
        with self._reserving:
            refusal = why_refuse(leave, self._facts(leave, terms, block))
            if refusal is not None or terms is None:
                return refusal
            stake = 0 if leave.in_one_step else terms.deal.worker_stake
            with self._journal.writing() as connection:
                admitted = self._journal.move(
                    connection, leave.taskid, UNFINISHED, ReplicateStatus.STARTING, stake=stake
                )
        return terms if admitted else None

    def _facts(self, leave: Assignment, terms: Terms | None, block: int) -> Facts:
        chain, worker = self._market.chain, self._market.account
        authorizer = self._authorizer(leave, terms)
        balance, price = chain.batch([("eth_getBalance", (worker, "latest")), ("eth_gasPrice", ())])
        return Facts(
            worker=worker,
            deal=None if terms is None else terms.deal,
            app=None if terms is None else terms.app,
            authorizer=authorizer,
            is_authorized=self._is_authorized(leave, authorizer),
            free_stake=self._free_stake(leave, block),
            gas=to_int(balance),
            gas_needed=GAS_OF_A_TASK * to_int(price),
            free_disk=shutil.disk_usage(self._workdir).free,
            disk_needed=self._capacity.disk,
            app_types=self._capacity.app_types,
            tags=self._capacity.tags,
        )

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

    def _free_stake(self, leave: Assignment, block: int) -> int:
        """Return the free stake without what other tasks are still going to lock, nRLC."""
        worker = self._market.account
        others = [entry for entry in self._journal.entries() if _reserves(entry, leave)]
        account, *contributions = self._hub.at(block).read_all(
            [
                ("viewAccount", (worker,)),
                *(("viewContribution", (entry.taskid, worker)) for entry in others),
            ]
        )
        reserved = sum(
            entry.stake
            for entry, values in zip(others, contributions, strict=True)
            if Contribution.from_abi(values).status is ContributionStatus.UNSET
        )
        return Account(*account).stake - reserved


def _reserves(entry: Entry, leave: Assignment) -> bool:
    over = entry.status in FAILURES or entry.status is ReplicateStatus.COMPLETED
    return entry.stake > 0 and not over and entry.taskid != leave.taskid
