"""What to do next about a task: a pure function of what the chain says (spec offchain §3.3).

It may run at any time, after any crash: nothing depends on what was done before but the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from poco.contracts import Task, TaskStatus

__all__ = ["Action", "Deadlines", "next_action"]

CONTRIBUTION_CLOCKS = 7
FINAL_CLOCKS = 10


class Action(StrEnum):
    """What a scheduler does about a task."""

    WAIT = "wait"
    INITIALIZE = "initialize"
    REOPEN = "reopen"
    FINALIZE = "finalize"
    CLAIM = "claim"
    INITIALIZE_AND_CLAIM = "initialize and claim"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When a deal's tasks run out of time, seconds since 1970 (spec contracts §4.1).

    Args:
        contribution: no contribution from then on.
        final: anybody may claim from then on.
    """

    contribution: int
    final: int

    @classmethod
    def of(cls, start: int, clock: int) -> Deadlines:
        """Return the deadlines of a deal.

        Args:
            start: time of the match.
            clock: time reference of its category, seconds.
        """
        return cls(start + CONTRIBUTION_CLOCKS * clock, start + FINAL_CLOCKS * clock)


def next_action(task: Task, deadlines: Deadlines, now: int, *, has_archive: bool) -> Action:
    """Decide what to do about a task.

    A task is never finalised without its result archive; when time has run out the money goes back
    by a claim.

    Args:
        task: its state on chain.
        deadlines: of its deal.
        now: seconds since 1970.
        has_archive: whether the result archive is stored and verified.
    """
    if task.status >= TaskStatus.COMPLETED:
        return Action.DONE
    is_unset = task.status is TaskStatus.UNSET
    if now >= deadlines.final:
        return Action.INITIALIZE_AND_CLAIM if is_unset else Action.CLAIM
    if is_unset:
        return Action.INITIALIZE if now < deadlines.contribution else Action.WAIT
    if task.status is TaskStatus.ACTIVE:
        return Action.WAIT
    window_closed = now >= task.reveal_deadline
    if task.reveal_counter == 0:
        useful = window_closed and now < deadlines.contribution
        return Action.REOPEN if useful else Action.WAIT
    complete = task.reveal_counter == task.winner_counter
    return Action.FINALIZE if has_archive and (complete or window_closed) else Action.WAIT
