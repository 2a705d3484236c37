"""Why a worker does not take up a task, although a scheduler asks it to (spec offchain §2.5).

A worker believes the chain: whoever signed the leave, what the task needs and what it pays is read
there, of a node that has seen the scheduler's block.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.appio import ExecutionError, parse_params, runtime_of
from poco.contracts import AppEntry, Deal
from poco.fetching import multiaddr_text
from poco.orders import GPU, ZERO_ADDRESS, Tag, task_id
from poco.scheduler.protocol import Assignment

__all__ = ["Facts", "Refusal", "why_refuse"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a task is not taken up.

    Args:
        cause: name for the scheduler (spec appendix A).
        message: the same in a sentence, with what to do.
    """

    cause: str
    message: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision depends on.

    Args:
        worker: the account that would contribute.
        deal: the deal on chain; None when there is none.
        app: its app; None when there is no deal.
        authorizer: who must have signed the leave: the deal's scheduler, or the hub's TEE broker.
        is_authorized: whether that account did.
        free_stake: what the worker can still lock, nRLC: its free stake in the hub without what
            its other tasks are going to lock.
        gas: the account's balance, wei.
        gas_needed: what contribution and reveal may cost, wei.
        free_disk: bytes.
        disk_needed: bytes that must be free.
        app_types: what this worker runs.
        tags: the tag bits that it covers.
    """

    worker: ChecksumAddress
    deal: Deal | None
    app: AppEntry | None
    authorizer: ChecksumAddress
    is_authorized: bool
    free_stake: int
    gas: int
    gas_needed: int
    free_disk: int
    disk_needed: int
    app_types: Collection[str]
    tags: Tag


def why_refuse(assignment: Assignment, facts: Facts) -> Refusal | None:
    """Return why a task is not to be taken up; None when all is well.

    Deadlines and states are judged by `poco.worker.steps`.
    """
    deal, app = facts.deal, facts.app
    if deal is None or app is None or task_id(deal.dealid, assignment.index) != assignment.taskid:
        return Refusal("TASK_DESCRIPTION_NOT_FOUND", "the task must be of a deal on this chain")
    for cause, rule in _RULES:
        if message := rule(assignment, facts, deal, app):
            return Refusal(cause, message)
    return None


def _authorization(leave: Assignment, facts: Facts, deal: Deal, _: AppEntry) -> str:
    if leave.worker != facts.worker:
        return f"the leave is for {leave.worker}, not for {facts.worker}"
    if not facts.is_authorized:
        return f"{facts.authorizer} must have signed the leave for deal 0x{deal.dealid.hex()}"
    return ""


def _trust(leave: Assignment, _: Facts, deal: Deal, __: AppEntry) -> str:
    if leave.in_one_step and deal.trust != 1:
        return f"only tasks of trust 1 can be done in one step, this one has {deal.trust}"
    return ""


def _stake(leave: Assignment, facts: Facts, deal: Deal, _: AppEntry) -> str:
    if leave.in_one_step or facts.free_stake >= deal.worker_stake:
        return ""
    return (
        f"the task locks {deal.worker_stake} nRLC and only {facts.free_stake} nRLC are free "
        f"(deposit the difference: poco worker --deposit)"
    )


def _gas(_: Assignment, facts: Facts, __: Deal, ___: AppEntry) -> str:
    if facts.gas >= facts.gas_needed:
        return ""
    return (
        f"the account has {facts.gas} wei and its transactions may cost {facts.gas_needed} wei "
        f"(send it some of the chain's currency)"
    )


def _description(leave: Assignment, _: Facts, deal: Deal, __: AppEntry) -> str:
    try:
        encrypted = parse_params(deal.params).result_encryption
    except ExecutionError:
        return ""  # every worker meets the same fault: it becomes an error result
    if encrypted and not leave.secrets_url:
        return "the result is to be encrypted, and the scheduler names no secret service"
    return ""


def _enclave(leave: Assignment, facts: Facts, deal: Deal, _: AppEntry) -> str:
    if not deal.tag.is_tee:
        return ""
    if not facts.tags.is_tee:
        return "this worker has no enclave (poco worker --simulated-enclave makes believe)"
    if leave.enclave_challenge == ZERO_ADDRESS:
        return "the leave names no enclave challenge"
    return ""


def _secrets(leave: Assignment, _: Facts, deal: Deal, __: AppEntry) -> str:
    needed = deal.tag.is_tee or leave.enclave_challenge != ZERO_ADDRESS
    if needed and not leave.secrets_url:
        return "the scheduler names no secret service"
    return ""


def _gpu(_: Assignment, facts: Facts, deal: Deal, __: AppEntry) -> str:
    if deal.tag & GPU and not facts.tags & GPU:
        return "this worker offers no GPU (poco worker --gpu)"
    return ""


def _app_type(_: Assignment, facts: Facts, __: Deal, app: AppEntry) -> str:
    needed = runtime_of(app.type, multiaddr_text(app.multiaddr))
    if needed in facts.app_types:
        return ""
    return f"this worker runs {' and '.join(facts.app_types) or 'no'} apps, not {needed}"


def _disk(_: Assignment, facts: Facts, __: Deal, ___: AppEntry) -> str:
    if facts.free_disk >= facts.disk_needed:
        return ""
    return f"{facts.free_disk} bytes of disk are free, {facts.disk_needed} must be"


_RULES: tuple[tuple[str, Callable[[Assignment, Facts, Deal, AppEntry], str]], ...] = (
    ("WORKERPOOL_AUTHORIZATION_NOT_FOUND", _authorization),
    ("TRUST_NOT_1", _trust),
    ("TASK_DESCRIPTION_INVALID", _description),
    ("TEE_NOT_SUPPORTED", _enclave),
    ("UNKNOWN_SMS", _secrets),
    ("GPU_NOT_SUPPORTED", _gpu),
    ("APP_TYPE_NOT_SUPPORTED", _app_type),
    ("NOT_ENOUGH_DISK", _disk),
    ("OUT_OF_GAS", _gas),
    ("STAKE_TOO_LOW", _stake),
)
"""Causes, and what each rule says when it is broken."""
