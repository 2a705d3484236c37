"""Processes of a story: what they say, how they end, and what is left of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from poco.demo.processes import Processes, attended
from poco.errors import PeerError

WRONG = ("worker", "--scheduler", "http://127.0.0.1:1", "--rpc", "http://127.0.0.1:1")


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path)


def test_said__what_was_waited_for__is_returned(processes: Processes) -> None:
    assert processes.start("version", "--version").said(r"version (\S+)")[1]


def test_said__process_ends_before__tells_its_exit_code_and_last_line(
    processes: Processes,
) -> None:
    process = processes.start("worker 1", *WRONG)
    with pytest.raises(PeerError, match=r"worker 1.*exit code 2: .*exactly one of --keystore"):
        process.said("runs DOCKER apps")


def test_wait__process_has_ended__is_an_error_unless_it_was_told_to(processes: Processes) -> None:
    process = processes.start("worker 1", *WRONG)
    process.ask_to_end()
    process.ended()
    processes.wait("nothing", lambda: True)
    processes.start("worker 2", *WRONG)
    with pytest.raises(PeerError, match=r"worker 2.*must go on"):
        processes.wait("something", lambda: False)


def test_run__command_fails__tells_why(processes: Processes) -> None:
    with pytest.raises(PeerError, match=r"poco secrets audit.*exit code"):
        processes.run("secrets", "audit")


def test_news__of_a_process_started_again__are_its_own(processes: Processes) -> None:
    for _ in range(2):
        process = processes.start("version", "--version")
        process.said("version")
        assert len(process.news()) == 1
        assert process.news() == []


def test_attended__after_a_failure__shows_the_last_lines(tmp_path: Path) -> None:
    told: list[str] = []
    with (
        pytest.raises(PeerError),
        attended(tmp_path, told.append) as processes,
    ):
        processes.start("worker 1", *WRONG).said("never")
    assert len(told) == 1
    assert told[0].startswith("worker-1: error: account")


def test_settings_of_poco__in_this_environment__do_not_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCO_ACCOUNT", "TEST::5")
    with pytest.raises(PeerError, match="exactly one of"):
        Processes(tmp_path).start("worker 1", *WRONG).said("never")
