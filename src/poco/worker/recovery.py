"""What a worker does first: find out what an earlier process of it left (spec offchain §2.8)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from eth_typing import ChecksumAddress

from poco.scheduler.statuses import ReplicateStatus
from poco.worker.computation import Equipment
from poco.worker.execution import remove_tree, run_prefix
from poco.worker.journal import Journal
from poco.worker.steps import UNFINISHED

__all__ = ["recover"]


def recover(
    journal: Journal,
    equipment: Equipment,
    worker: ChecksumAddress,
    report: Callable[[str], None],
) -> None:
    """Bring the host in line with the journal.

    Runs that the journal still waits for go on, all others are removed, and so are folders of
    tasks that it does not know. A result that was neither contributed nor uploaded, and whose
    archive is lost, is computed once more.

    Args:
        journal: of the worker.
        equipment: what it computes with.
        worker: its account.
        report: called with a line about what is found.

    Raises:
        ConfigurationError: an engine does not answer.
    """
    entries = journal.entries()
    for entry in entries:
        if entry.status is not ReplicateStatus.COMPUTED or entry.result is None:
            continue
        if not entry.link and not entry.result.archive.exists():
            with journal.writing() as connection:
                computed = {ReplicateStatus.COMPUTED}
                journal.move(
                    connection, entry.taskid, computed, ReplicateStatus.CREATED, digest=None
                )
            report(f"task 0x{entry.taskid.hex()[:8]}…: its archive is lost, computes it again")
    known = {f"0x{entry.taskid.hex()}": entry for entry in entries}
    running = [name for name, entry in known.items() if entry.status in UNFINISHED]
    for runtime in equipment.runtimes.values():
        for name in runtime.reap(worker, running, run_prefix(equipment.workdir)):
            report(f"removed {name}, which nobody waits for")
    for folder in equipment.workdir.glob("0x*"):
        if folder.name not in known:
            with suppress(OSError):
                remove_tree(folder)
    if entries:
        report(f"goes on with the {len(entries)} tasks of its journal")
