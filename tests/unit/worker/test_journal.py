"""The journal: what it keeps, and that a status and what it announces are stored together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from worker_cases import LEAVE, RESULT, START, TASK

from poco.errors import ConfigurationError
from poco.orders import TaskId
from poco.scheduler.protocol import TaskLogs
from poco.scheduler.statuses import ReplicateStatus
from poco.worker.journal import Entry, Journal
from poco.worker.steps import UNFINISHED

COMPUTED, ABORTED = ReplicateStatus.COMPUTED, ReplicateStatus.ABORTED


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'worker.sqlite'}"


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    journal = Journal(url)
    yield journal
    journal.close()


def test_accept__new_task__is_there_after_a_restart(journal: Journal, url: str) -> None:
    assert journal.accept([LEAVE], START) == [TASK]
    again = Journal(url)
    assert again.entries() == [Entry(LEAVE, ReplicateStatus.CREATED, START)]
    again.close()


def test_accept__delivered_twice__keeps_what_is_known(journal: Journal) -> None:
    journal.accept([LEAVE], START)
    with journal.writing() as connection:
        journal.move(connection, TASK, UNFINISHED, ABORTED)
    assert journal.accept([replace(LEAVE, results_url="http://other")], START + 1) == []
    found = journal.entry(TASK)
    assert found is not None
    assert (found.status, found.assignment) == (ABORTED, LEAVE)


def test_move__result__is_stored_with_the_status(journal: Journal) -> None:
    journal.accept([LEAVE], START)
    with journal.writing() as connection:
        assert journal.move(
            connection, TASK, UNFINISHED, COMPUTED, result=RESULT, exit_code=3, cause="C"
        )
    found = journal.entry(TASK)
    assert found == Entry(LEAVE, COMPUTED, START, cause="C", exit_code=3, result=RESULT)


def test_move__message_with_half_a_character__is_stored_all_the_same(journal: Journal) -> None:
    journal.accept([LEAVE], START)
    with journal.writing() as connection:
        journal.move(connection, TASK, UNFINISHED, ABORTED, message="not a \ud800")
    found = journal.entry(TASK)
    assert found is not None
    assert found.message == "not a ?"


def test_move__another_thread_was_quicker__changes_nothing(journal: Journal) -> None:
    journal.accept([LEAVE], START)
    with journal.writing() as connection:
        journal.move(connection, TASK, UNFINISHED, ABORTED)
    with journal.writing() as connection:
        assert not journal.move(connection, TASK, UNFINISHED, COMPUTED, result=RESULT)
    found = journal.entry(TASK)
    assert found is not None
    assert (found.status, found.result) == (ABORTED, None)


def interrupted(journal: Journal) -> None:
    with journal.writing() as connection:
        journal.move(connection, TASK, UNFINISHED, COMPUTED, result=RESULT)
        raise KeyboardInterrupt


def test_writing__interrupted__stores_nothing_of_it(journal: Journal) -> None:
    journal.accept([LEAVE], START)
    with pytest.raises(KeyboardInterrupt):
        interrupted(journal)
    found = journal.entry(TASK)
    assert found is not None
    assert found.status is ReplicateStatus.CREATED


def test_logs__until_the_scheduler_has_them__are_kept(journal: Journal) -> None:
    logs = TaskLogs(task_id=TASK, stdout="out", stderr="err", exit_code=1)
    with journal.writing() as connection:
        journal.keep_logs(connection, logs)
    assert journal.logs(1) == [logs]
    journal.drop_logs([TASK])
    assert journal.logs(1) == []


def test_forget__task__leaves_nothing_of_it(journal: Journal) -> None:
    journal.accept([LEAVE], START)
    with journal.writing() as connection:
        journal.keep_logs(connection, TaskLogs(task_id=TASK, stdout="out"))
    journal.forget([TASK])
    assert (journal.entries(), journal.logs(1), journal.entry(TaskId(TASK))) == ([], [], None)


# WHOSE IT IS


def market(**other: str) -> Any:
    """As much of a market as tells one from the other."""
    told = {"account": "0xA1", "hub": "0xB1", "genesis": "0xC1"} | other
    chain = SimpleNamespace(genesis_hash=lambda: told["genesis"])
    hub = SimpleNamespace(address=told["hub"])
    return SimpleNamespace(account=told["account"], hub=hub, chain=chain)


def test_claim__by_the_same_worker__is_the_same_after_a_restart(journal: Journal, url: str) -> None:
    journal.claim(market())
    again = Journal(url)
    again.claim(market())
    again.close()


@pytest.mark.parametrize("other", [{"account": "0xA2"}, {"hub": "0xB2"}, {"genesis": "0xC2"}])
def test_claim__by_another_worker_hub_or_chain__is_refused(
    journal: Journal, other: dict[str, str]
) -> None:
    """With another key nobody would reveal what was contributed."""
    journal.claim(market())
    with pytest.raises(ConfigurationError, match="belongs to worker 0xA1 of hub 0xB1"):
        journal.claim(market(**other))
