"""`poco worker` as a process of its own, with a real scheduler: signals, restarts, wrong use."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from scheduler_stage import Pool, opened, purchase
from worker_shell import Shell, wait_until
from worker_stage import Town, founded

from poco.contracts import ContributionStatus, TaskStatus
from poco.market import Role, development_account
from poco.scheduler.client import SchedulerClient


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def pool(town: Town, tmp_path: Path) -> Iterator[Pool]:
    stop = threading.Event()
    with opened(town, tmp_path) as pool:
        thread = threading.Thread(target=pool.scheduler.run, args=(stop, 0.05))
        thread.start()
        try:
            yield pool
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def shell(town: Town, tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(town, tmp_path)
    yield shell
    shell.close()


def completed(town: Town, dealid: bytes) -> int:
    tasks = town.hub.tasks(dealid).values()
    return sum(task.status is TaskStatus.COMPLETED for task in tasks)


def test_worker__sigterm_with_nothing_to_settle__ends_at_once(
    town: Town, pool: Pool, shell: Shell
) -> None:
    process = shell.start(pool.url, "--slots", "2", "--metrics-port", "0")
    deal, _ = purchase(town, volume=3)
    wait_until(lambda: completed(town, deal.dealid) == 3, shell)
    url = shell.log.read_text().partition("health and metrics on ")[2].split()[0]
    assert httpx.get(f"{url}/health").json()["address"] == town.workers[0].account
    assert "poco_worker_slots 2.0" in httpx.get(f"{url}/metrics").text
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_worker__that_was_told_to_end__is_given_no_more_tasks(
    town: Town, pool: Pool, shell: Shell
) -> None:
    """Its last sync, which may stay open for long, must not get any after it has ended."""
    process = shell.start(pool.url)
    wait_until(lambda: bool(pool.scheduler.views.workers()), shell)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    _, taskid = purchase(town)
    wait_until(lambda: town.status(taskid) is TaskStatus.ACTIVE, shell)
    other = pool.hand(1)
    other.sync(free=4, wait=10.0)
    assert list(pool.replicas(taskid)) == [other.address]


def test_worker__killed_after_contributing__starts_again_and_reveals(
    town: Town, pool: Pool, shell: Shell, tmp_path: Path
) -> None:
    process = shell.start(pool.url)
    _, taskid = purchase(town, trust=3)
    wait_until(shell.said("CONTRIBUTED"), shell)
    process.kill()
    process.wait()
    client = SchedulerClient(pool.url, development_account(Role.WORKER + 1))
    other = town.agent(client, tmp_path, 1)

    def reaches(status: TaskStatus) -> bool:
        other.step()
        return town.status(taskid) is status

    wait_until(lambda: reaches(TaskStatus.REVEALING), shell)
    shell.start(pool.url)
    wait_until(lambda: reaches(TaskStatus.COMPLETED), shell)
    task = town.hub.task(taskid)
    assert set(task.contributors) == {market.account for market in town.workers[:2]}
    own = town.hub.contribution(taskid, town.workers[0].account)
    assert own.status is ContributionStatus.PROVED


def test_worker__second_sigterm__ends_at_once_and_keeps_its_journal(
    town: Town, pool: Pool, shell: Shell
) -> None:
    process = shell.start(pool.url)
    purchase(town, trust=3)
    wait_until(shell.said("CONTRIBUTED"), shell)
    process.send_signal(signal.SIGTERM)
    wait_until(shell.said("takes no more tasks"), shell)
    assert process.poll() is None  # until others contribute, its stake is at risk
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    shell.start(pool.url)
    wait_until(shell.said("goes on with the"), shell)


def test_worker__folder_in_use__is_refused(pool: Pool, shell: Shell) -> None:
    shell.start(pool.url)
    wait_until(shell.said("runs "), shell)
    answer = shell.fail()
    assert answer.returncode == 3
    assert "only one worker may work in a folder" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_worker__wrong_passphrase__is_refused_without_a_trace(shell: Shell) -> None:
    answer = shell.fail(passphrase="battery staple")
    assert answer.returncode == 2
    assert "the passphrase must open the keystore" in answer.stderr
    assert "battery" not in answer.stderr


def test_worker__no_account__says_which_options_there_are(shell: Shell) -> None:
    answer = shell.fail("--account", "TEST::5")
    assert answer.returncode == 2
    assert "exactly one of --keystore, --private-key-file and --account" in answer.stderr
