"""Why a task waits, in words for people (spec offchain §3.11, `blockedReason`)."""

from __future__ import annotations

from poco.contracts import TaskStatus
from poco.scheduler.machine import wants_worker
from poco.scheduler.situation import Situation
from poco.scheduler.statuses import FAILURES, Stage

__all__ = ["blocked_reason"]


def blocked_reason(situation: Situation, *, transaction: str = "", shortage: str = "") -> str:
    """Return what a task waits for; empty when it is over.

    Args:
        situation: of the task.
        transaction: what is known of the transaction that is under way.
        shortage: why no worker can be admitted, empty when one can.
    """
    stage, terms, chain, now = situation.stage, situation.terms, situation.chain, situation.now
    claim = f"the final deadline, in {max(0, terms.final_deadline - now)} s, frees the money"
    sending = transaction or "it is about to be sent"
    match stage:
        case Stage.COMPLETED | Stage.FAILED:
            return ""
        case Stage.RECEIVED if terms.refusal:
            return f"this pool does not do such deals: {terms.refusal}; {claim}"
        case Stage.RECEIVED if not terms.is_confirmed:
            return "waiting until the deal is deep enough in the chain"
        case Stage.RECEIVED if situation.is_computable:
            return "the task is about to be opened"
        case Stage.RECEIVED:
            return (
                f"too late: computing may take {terms.clock} s, contributions end in "
                f"{terms.contribution_deadline - now} s; {claim}"
            )
        case Stage.INITIALIZING:
            return f"waiting for the transaction initialize: {sending}"
        case Stage.INITIALIZED | Stage.RUNNING:
            return _computing(situation, shortage)
        case Stage.RUNNING_FAILED:
            return f"workers failed alike{_causes(situation)}, more attempts are in vain; {claim}"
        case Stage.CONTRIBUTION_TIMEOUT:
            return f"the contribution deadline passed without consensus; {claim}"
        case Stage.CONSENSUS_REACHED if now < chain.reveal_deadline:
            return (
                f"waiting for the {chain.winners} winners to reveal, "
                f"up to {chain.reveal_deadline - now} s"
            )
        case Stage.CONSENSUS_REACHED:
            return f"nobody revealed, and it is too late for another round; {claim}"
        case Stage.REOPENING:
            return f"nobody revealed; waiting for the transaction reopen: {sending}"
        case Stage.AT_LEAST_ONE_REVEALED | Stage.RESULT_UPLOADING:
            return (
                f"{chain.reveals} of {chain.winners} revealed; waiting for one of them to upload "
                f"the result 0x{chain.digest.hex()}"
            )
        case Stage.RESULT_UPLOADED:
            return (
                f"{chain.reveals} of {chain.winners} revealed; waiting for the others, "
                f"up to {max(0, chain.reveal_deadline - now)} s"
            )
        case Stage.FINALIZING:
            return f"waiting for the transaction finalize: {sending}"
        case _:
            return f"the final deadline passed; waiting for the transaction claim: {sending}"


def _causes(situation: Situation) -> str:
    failed = [replica for replica in situation.replicas if replica.status in FAILURES]
    told = {
        replica.cause
        + ("" if replica.exit_code is None else f" with exit code {replica.exit_code}")
        for replica in failed
        if replica.cause
    }
    return f" ({', '.join(sorted(told))})" if told else ""


def _computing(situation: Situation, shortage: str) -> str:
    terms = situation.terms
    if terms.refusal:
        return f"this pool does not do such deals: {terms.refusal}"
    if not situation.has_challenge:
        return "waiting for the secret service to make the enclave's key"
    at_work, votes = len(situation.pending), len(situation.votes)
    done = f"{votes} contributed, {at_work} at work (trust {terms.trust})"
    if wants_worker(situation):
        return f"{done}; one more worker is needed: {shortage or 'waiting for a free one'}"
    if situation.chain.status is TaskStatus.ACTIVE and not situation.is_computable and not at_work:
        left = terms.contribution_deadline - situation.now
        return f"{done}; too late for another worker, contributions end in {left} s"
    return f"{done}; waiting for those at work"
