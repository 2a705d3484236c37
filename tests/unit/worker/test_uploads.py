"""Uploads that are overtaken by the end of their task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from worker_cases import IN_ONE_STEP, RESULT, TASK

from poco.market import development_account
from poco.scheduler.statuses import ReplicateStatus
from poco.services.results.client import ResultsClient
from poco.worker.journal import Journal
from poco.worker.uploads import Uploads


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """One task whose result is to be uploaded; its archive is not there."""
    journal = Journal(f"sqlite:///{tmp_path / 'worker.sqlite'}")
    journal.accept([IN_ONE_STEP], 0.0)
    created, computed = ReplicateStatus.CREATED, ReplicateStatus.COMPUTED
    with journal.writing() as connection:
        journal.move(connection, TASK, [created], computed, result=RESULT)
    return journal


def upload(journal: Journal, meanwhile: Callable[[], object]) -> list[str]:
    """Upload while something happens; return what is reported."""
    told: list[str] = []

    def store(url: str) -> ResultsClient:
        meanwhile()
        return ResultsClient(url)

    hooks = {"report": told.append, "crash_point": told.append}
    entry = journal.entry(TASK)
    assert entry is not None
    Uploads(journal, development_account(5), store, **hooks).run(entry)
    return told


def end(journal: Journal) -> None:
    with journal.writing() as connection:
        journal.move(connection, TASK, [ReplicateStatus.COMPUTED], ReplicateStatus.COMPLETED)


def test_run__task_is_purged_meanwhile__is_no_fault(journal: Journal) -> None:
    assert upload(journal, lambda: end(journal)) == []


def test_run__task_is_forgotten_meanwhile__is_no_fault(journal: Journal) -> None:
    assert upload(journal, lambda: journal.forget([TASK])) == []


def test_run__archive_is_lost__is_a_fault(journal: Journal) -> None:
    with pytest.raises(FileNotFoundError):
        upload(journal, lambda: None)
