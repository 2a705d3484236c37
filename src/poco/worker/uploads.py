"""Hand over a result to the store that the scheduler names."""

from __future__ import annotations

from collections.abc import Callable

from eth_account.signers.local import LocalAccount

from poco.errors import PeerError
from poco.orders import TaskId
from poco.scheduler.statuses import ReplicateStatus
from poco.services.results.client import ResultsClient
from poco.worker.journal import Entry, Journal
from poco.worker.settlement import OVER

__all__ = ["Uploads"]

_BEFORE = {
    True: frozenset({ReplicateStatus.COMPUTED}),
    False: frozenset(
        {
            ReplicateStatus.CONTRIBUTED,
            ReplicateStatus.REVEALING,
            ReplicateStatus.REVEALED,
            ReplicateStatus.RESULT_UPLOADING,
        }
    ),
}
"""Where a task may be when its link is stored: in one step, and in three."""


class Uploads:
    """Uploads results. Safe to use from several threads.

    Args:
        journal: where the links are written down.
        account: the worker.
        store: makes the client of a result store, given its URL.
        report: called with a line about each upload.
        crash_point: called after each step that lasts, for tests that die there.
    """

    def __init__(
        self,
        journal: Journal,
        account: LocalAccount,
        store: Callable[[str], ResultsClient],
        *,
        report: Callable[[str], None],
        crash_point: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._account = account
        self._store = store
        self._report = report
        self._crash_point = crash_point

    def run(self, entry: Entry) -> None:
        """Upload the result of a task, and store the link.

        Raises:
            PeerError: the store does not answer, or refuses.
            OSError: the archive cannot be read.
        """
        known = self._journal.entry(entry.taskid)
        if known is None or known.result is None or known.link:
            return  # it was done since the entry was read
        leave, result = known.assignment, known.result
        if not leave.results_url:
            raise PeerError(
                "the scheduler must name a result store",
                field="resultsUrl",
                value="",
                remedy="ask the operator of the workerpool",
            )
        store = self._store(leave.results_url)
        try:
            link = store.upload(
                entry.taskid,
                result.archive,
                account=self._account,
                assignment=leave,
                digest=result.digest,
                enclave_signature=result.enclave_signature,
            )
        except FileNotFoundError:
            if self._is_over(entry.taskid):
                return  # it was purged meanwhile, with its files
            raise
        self._crash_point("uploaded")
        status = ReplicateStatus.COMPUTED if leave.in_one_step else ReplicateStatus.RESULT_UPLOADED
        with self._journal.writing(lasting=False) as connection:  # the store knows it, too
            self._journal.move(
                connection, entry.taskid, _BEFORE[leave.in_one_step], status, link=link
            )
        self._report(f"task 0x{entry.taskid.hex()[:8]}…: uploaded, {link.decode()}")
        self._crash_point("link stored")

    def _is_over(self, taskid: TaskId) -> bool:
        entry = self._journal.entry(taskid)
        return entry is None or entry.status in OVER
