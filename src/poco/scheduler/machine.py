"""The life of a task as a table: a pure function of rows, chain and time (spec offchain §3.3).

`decide` may run at any time, after any crash, any number of times: it looks at what is, not at what
was done. The chain always wins: whatever the scheduler believed, a task that is COMPLETED there is
COMPLETED here. docs/scheduler.md shows the table as a diagram, made by `diagram`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from poco.contracts import ContributionStatus, TaskStatus
from poco.scheduler.situation import Replica, Situation
from poco.scheduler.statuses import FAILURES, RANK, ReplicateStatus, Stage
from poco.scheduler.supply import needs_worker

__all__ = [
    "RULES",
    "Action",
    "Decision",
    "decide",
    "diagram",
    "wants_worker",
]

_REVIEW_SECONDS = 60
_RETRY_SECONDS = 2
_EXPECTED_SECONDS = 15
"""How long to trust that an event will tell of a transaction that is under way."""


class Action(StrEnum):
    """A transaction that a task needs."""

    INITIALIZE = "initialize"
    REOPEN = "reopen"
    FINALIZE = "finalize"
    CLAIM = "claim"
    INITIALIZE_AND_CLAIM = "initializeAndClaim"


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a situation.

    Args:
        stages: the stages that the task passed, the last one is where it is now; may be empty.
        replicas: the replicas that changed.
        wants: whether one more worker is to be admitted.
        action: the transaction that is needed.
        check_at: when to look again though nothing is heard, seconds since 1970.
    """

    stages: tuple[Stage, ...]
    replicas: tuple[Replica, ...]
    wants: bool
    action: Action | None
    check_at: int


Condition = Callable[[Situation], bool]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One arrow of the diagram: from any of the sources, when the condition holds."""

    sources: tuple[Stage, ...]
    target: Stage
    when: Condition
    words: str


def _chain(*statuses: TaskStatus) -> Condition:
    return lambda s: s.chain.status in statuses


def _is_late(s: Situation) -> bool:
    over = (TaskStatus.UNSET, TaskStatus.ACTIVE)
    return s.chain.status in over and s.now >= s.terms.contribution_deadline


def _is_window_closed(s: Situation) -> bool:
    return s.now >= s.chain.reveal_deadline


def _is_revealed(s: Situation) -> bool:
    return s.chain.status is TaskStatus.REVEALING and s.chain.reveals > 0


def _opens(s: Situation) -> bool:
    is_wanted = s.terms.is_confirmed and not s.terms.refusal and s.is_computable
    return s.chain.status is TaskStatus.UNSET and is_wanted


def _starts(s: Situation) -> bool:
    return any(replica.has_started for replica in s.replicas)


def _settles(s: Situation) -> bool:
    return (
        s.has_archive
        and _is_revealed(s)
        and (s.chain.reveals == s.chain.winners or _is_window_closed(s))
    )


def _reopens(s: Situation) -> bool:
    idle = s.chain.status is TaskStatus.REVEALING and s.chain.reveals == 0
    return idle and _is_window_closed(s) and s.is_computable


_OVER = (Stage.COMPLETED, Stage.FAILED)
_WORKING = (Stage.INITIALIZED, Stage.RUNNING)
_REVEALING = (Stage.CONSENSUS_REACHED, Stage.REOPENING)
_SETTLING = (
    Stage.AT_LEAST_ONE_REVEALED,
    Stage.RESULT_UPLOADING,
    Stage.RESULT_UPLOADED,
    Stage.FINALIZING,
)
_GIVEN_UP = (Stage.RUNNING_FAILED, Stage.CONTRIBUTION_TIMEOUT)


def _any_but(*stages: Stage) -> tuple[Stage, ...]:
    return tuple(stage for stage in Stage if stage not in stages)


RULES: tuple[_Rule, ...] = (
    # The chain wins.
    _Rule(
        _any_but(Stage.COMPLETED), Stage.COMPLETED, _chain(TaskStatus.COMPLETED), "chain COMPLETED"
    ),
    _Rule(_any_but(Stage.FAILED), Stage.FAILED, _chain(TaskStatus.FAILED), "chain FAILED"),
    _Rule(
        _any_but(Stage.FINAL_DEADLINE_REACHED, *_OVER),
        Stage.FINAL_DEADLINE_REACHED,
        lambda s: s.now >= s.terms.final_deadline,
        "final deadline passed",
    ),
    # A reorganisation may undo what was done.
    _Rule(
        (*_WORKING, *_REVEALING, *_SETTLING, Stage.RUNNING_FAILED, *_OVER),
        Stage.RECEIVED,
        _chain(TaskStatus.UNSET),
        "chain UNSET (reorganised)",
    ),
    _Rule(
        (*_REVEALING, *_SETTLING, *_OVER),
        Stage.RUNNING,
        _chain(TaskStatus.ACTIVE),
        "chain ACTIVE again",
    ),
    _Rule(
        _SETTLING,
        Stage.CONSENSUS_REACHED,
        lambda s: s.chain.status is TaskStatus.REVEALING and s.chain.reveals == 0,
        "no reveal (reorganised)",
    ),
    _Rule(
        (Stage.FINALIZING,),
        Stage.RESULT_UPLOADING,
        lambda s: not _settles(s),
        "a reveal is gone (reorganised)",
    ),
    # So may a block whose time was later than that of the one in its place.
    _Rule(
        (Stage.FINAL_DEADLINE_REACHED,),
        Stage.RECEIVED,
        lambda s: s.now < s.terms.final_deadline,
        "final deadline ahead (clock corrected)",
    ),
    _Rule(
        (Stage.CONTRIBUTION_TIMEOUT,),
        Stage.RECEIVED,
        lambda s: _chain(TaskStatus.UNSET, TaskStatus.ACTIVE)(s) and not _is_late(s),
        "contribution deadline ahead (clock corrected)",
    ),
    # The usual course.
    _Rule(
        (Stage.RECEIVED, Stage.INITIALIZING),
        Stage.INITIALIZED,
        _chain(TaskStatus.ACTIVE, TaskStatus.REVEALING),
        "chain ACTIVE",
    ),
    _Rule((Stage.RECEIVED,), Stage.INITIALIZING, _opens, "confirmed, wanted and in time"),
    _Rule(
        (*_WORKING, *_GIVEN_UP, *_OVER),
        Stage.CONSENSUS_REACHED,
        _chain(TaskStatus.REVEALING),
        "chain REVEALING",
    ),
    _Rule(
        (Stage.RECEIVED, Stage.INITIALIZING, *_WORKING, Stage.RUNNING_FAILED),
        Stage.CONTRIBUTION_TIMEOUT,
        _is_late,
        "contribution deadline passed",
    ),
    _Rule((Stage.INITIALIZED,), Stage.RUNNING, _starts, "a worker started"),
    _Rule(
        _WORKING,
        Stage.RUNNING_FAILED,
        lambda s: s.is_hopeless,
        "workers failed alike",
    ),
    _Rule(
        (Stage.RUNNING_FAILED,),
        Stage.RUNNING,
        lambda s: s.chain.status is TaskStatus.ACTIVE and not s.is_hopeless,
        "another worker came",
    ),
    _Rule(_REVEALING, Stage.AT_LEAST_ONE_REVEALED, _is_revealed, "a winner revealed"),
    _Rule((Stage.CONSENSUS_REACHED,), Stage.REOPENING, _reopens, "nobody revealed in time"),
    _Rule(
        (Stage.AT_LEAST_ONE_REVEALED,),
        Stage.RESULT_UPLOADING,
        lambda s: not s.has_archive,
        "archive is missing",
    ),
    _Rule(
        (Stage.AT_LEAST_ONE_REVEALED, Stage.RESULT_UPLOADING),
        Stage.RESULT_UPLOADED,
        lambda s: s.has_archive,
        "archive is stored",
    ),
    _Rule((Stage.RESULT_UPLOADED,), Stage.FINALIZING, _settles, "all revealed, or window closed"),
)
"""The table; of the rules that apply to a stage the first one counts."""

_ACTIONS = {
    Stage.INITIALIZING: Action.INITIALIZE,
    Stage.REOPENING: Action.REOPEN,
    Stage.FINALIZING: Action.FINALIZE,
    Stage.FINAL_DEADLINE_REACHED: Action.CLAIM,
}


def decide(situation: Situation) -> Decision:
    """Decide what to do about a task."""
    passed: list[Stage] = []
    now_at = situation
    while (rule := _applicable(now_at)) is not None:
        passed.append(rule.target)
        now_at = replace(now_at, stage=rule.target)
    changed = [
        evolved
        for replica in situation.replicas
        if (evolved := _evolve(replica, now_at)) != replica
    ]
    action = _ACTIONS.get(now_at.stage)
    if action is Action.CLAIM and situation.chain.status is TaskStatus.UNSET:
        action = Action.INITIALIZE_AND_CLAIM
    return Decision(tuple(passed), tuple(changed), wants_worker(now_at), action, _check_at(now_at))


def wants_worker(situation: Situation) -> bool:
    """Return whether one more worker is to be admitted to a task."""
    return (
        situation.stage in _WORKING
        and situation.chain.status is TaskStatus.ACTIVE
        and not situation.terms.refusal
        and situation.has_challenge
        and situation.is_computable
        and needs_worker(
            situation.terms.trust,
            situation.votes,
            [replica.weight for replica in situation.pending],
        )
    )


def diagram() -> str:
    """Return the table as a state diagram in Mermaid's language."""
    lines = ["stateDiagram-v2", "    [*] --> RECEIVED"]
    for rule in RULES:
        is_any = len(rule.sources) >= len(Stage) - 1 - len(_OVER)
        sources = ["any"] if is_any else rule.sources
        lines += [f"    {source} --> {rule.target} : {rule.words}" for source in sources]
    return "\n".join([*lines, "    COMPLETED --> [*]", "    FAILED --> [*]"])


def _applicable(situation: Situation) -> _Rule | None:
    for rule in RULES:
        if situation.stage in rule.sources and rule.when(situation):
            return rule
    return None


def _evolve(replica: Replica, situation: Situation) -> Replica:
    """Return a replica as the chain and the clock make it (spec §3.7, §3.8)."""
    status, cause = _proved(replica, situation)
    known = replica.status
    is_news = RANK[status] > RANK[known] or known in FAILURES or known in _SUSPENDED
    return replace(replica, status=status, cause=cause) if is_news else replica


_SUSPENDED = (ReplicateStatus.WORKER_LOST, ReplicateStatus.RECOVERING)


def _proved(replica: Replica, situation: Situation) -> tuple[ReplicateStatus, str]:
    chain, is_over = situation.chain, situation.stage.is_final
    match replica.contribution:
        case ContributionStatus.PROVED:
            done = chain.status is TaskStatus.COMPLETED
            return (ReplicateStatus.COMPLETED if done else ReplicateStatus.REVEALED), ""
        case ContributionStatus.REJECTED:
            return ReplicateStatus.FAILED, "REVEAL_TIMEOUT"
        case ContributionStatus.CONTRIBUTED:
            has_won = replica.result_hash == chain.consensus
            if is_over:
                return ReplicateStatus.FAILED, "REVEAL_TIMEOUT" if has_won else "CONSENSUS_REACHED"
            is_revealing = chain.status is TaskStatus.REVEALING
            if has_won and is_revealing and _is_window_closed(situation):
                return ReplicateStatus.REVEAL_FAILED, "REVEAL_TIMEOUT"
            if not has_won and is_revealing and replica.status is ReplicateStatus.REVEAL_FAILED:
                return replica.status, replica.cause  # as the worker said itself
            return ReplicateStatus.CONTRIBUTED, ""
    if is_over:
        return ReplicateStatus.FAILED, replica.cause
    if replica.is_silent and replica.status not in FAILURES:
        return ReplicateStatus.WORKER_LOST, ""
    return replica.status, replica.cause


def _check_at(situation: Situation) -> int:
    now, stage = situation.now, situation.stage
    if stage is Stage.RESULT_UPLOADING or not situation.has_challenge:
        return now + _RETRY_SECONDS
    if stage in _ACTIONS:
        return now + _EXPECTED_SECONDS
    ends = [
        situation.terms.contribution_deadline - situation.terms.clock + 1,
        situation.terms.contribution_deadline,
        situation.terms.final_deadline,
        situation.chain.reveal_deadline,
        *(replica.since + situation.terms.clock for replica in situation.pending),
    ]
    return min([end for end in ends if end > now] + [now + _REVIEW_SECONDS])
