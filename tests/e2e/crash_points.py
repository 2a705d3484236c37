"""The table of crash points: after which steps that last a process may die, in their usual order.

A worker names its own; its queue's begin with ``transaction``. The scheduler, with the result store
in its process, has one before and one after each commit, named after the function that writes.
"""

from __future__ import annotations

_SENDING = ("transaction signed", "transaction broadcast", "transaction sent")
_COMPUTING = ("accepted", "started", "computing", "executed", "computed")

WORKER_IN_ONE_STEP = (
    *_COMPUTING,
    "uploaded",
    "link stored",
    "contributeAndFinalize stored",
    *_SENDING,
    "transaction watched",
    "purged",
)
"""Points of a worker whose task is contributed and finalised in one transaction."""

WORKER_UNTIL_CONTRIBUTION = (*_COMPUTING, "contribute stored", *_SENDING, "CONTRIBUTED")
"""Points of the first worker of a task that several work on."""

WORKER_AFTER_CONSENSUS = (
    "reveal stored",
    *_SENDING,
    "transaction watched",
    "RESULT_UPLOADING",
    "uploaded",
)
"""Points of such a worker afterwards, until the scheduler can finalise."""

WORKER_AT_THE_END = ("link stored", "purged")
"""Points of such a worker when its result is stored."""


def _commits(*writers: str) -> tuple[str, ...]:
    return tuple(f"{when} {writer}" for writer in writers for when in ("before", "after"))


SCHEDULER_ALONE = _commits(
    "Lease.hold",
    "Watcher._read",
    "Reconciler._audit",
    "Reconciler.step",
    "Housekeeper.tidy",
    "TransactionQueue.prune",
)
"""Points of a scheduler that finds a deal."""

SCHEDULER_SENDING = _commits("Sender._sign_and_send", "Sender._broadcast", "Watcher.watch")
"""Points of a scheduler that opens and finalises tasks."""

SCHEDULER_AT_LOGIN = _commits("Gate._issue", "Gate.login", "Desk.register")
"""Points of a scheduler to which a worker comes."""

SCHEDULER_AT_WORK = _commits("Desk._exchange")
"""Points of a scheduler whose workers compute."""

RESULT_STORE = _commits("Results.uploading", "Results.accept", "Shelf.keep")
"""Points of the result store in the scheduler's process."""
