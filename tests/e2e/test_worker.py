"""A worker on a chain: computes, contributes, reveals and uploads by itself."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from eth_hash.auto import keccak
from worker_stage import CLOCK, DEPOSIT, Desk, Town, finish, founded, result_store, statuses

from poco.contracts import ContributionStatus, TaskStatus
from poco.errors import ChainError
from poco.fetching import Fetcher, FetchPolicy
from poco.local_chain import travel
from poco.market import Role, development_account
from poco.orders import Tag, sign_authorization
from poco.scheduler.protocol import Orders, Report, TaskLogs
from poco.scheduler.statuses import ReplicateStatus
from poco.services.results import Results, ResultsClient
from poco.worker.admission import Admission, Capacity
from poco.worker.agent import WorkerAgent
from poco.worker.checks import Refusal
from poco.worker.journal import Journal
from poco.worker.steps import KEEP_SECONDS
from poco.worker.terms import Terms
from poco.worker.uploads import Uploads


@pytest.fixture(scope="module")
def one_town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def town(one_town: Town) -> Iterator[Town]:
    """The town on a clean morning: whatever a test does is undone."""
    snapshot = one_town.chain.request("evm_snapshot")
    yield one_town
    assert one_town.chain.request("evm_revert", snapshot) is True


@pytest.fixture(autouse=True)
def store(town: Town, tmp_path: Path) -> Iterator[Results]:
    with result_store(town, tmp_path / "results") as results:
        yield results


@pytest.fixture
def desk() -> Desk:
    return Desk()


def other_digest(digest: bytes) -> bytes:
    return keccak(b"some other result" + digest)


def test_worker__trust_1__completes_in_one_step(
    town: Town, desk: Desk, store: Results, tmp_path: Path
) -> None:
    leave = desk.assign(town.leave(town.deal()))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    task = town.hub.task(leave.taskid)
    assert task.status is TaskStatus.COMPLETED
    assert task.results == store.find(leave.taskid, task.digest)
    assert statuses(agent) == {leave.taskid: ReplicateStatus.COMPLETED}
    assert desk.written[leave.taskid].exit_code == 0
    assert not (tmp_path / "worker-0" / f"0x{leave.taskid.hex()}").exists()


def test_workers__one_of_four_cheats__the_honest_ones_reveal_and_upload(
    town: Town, store: Results, tmp_path: Path
) -> None:
    deal = town.deal(trust=3)
    desks = [Desk() for _ in range(4)]
    agents = [
        town.agent(desk, tmp_path, number, **({"falsify": other_digest} if number == 1 else {}))
        for number, desk in enumerate(desks)
    ]
    for number, desk in enumerate(desks):
        desk.assign(town.leave(deal, number))
        finish(agents[number])
    for agent in agents:
        finish(agent)
    taskid = town.leave(deal).taskid
    task = town.hub.task(taskid)
    assert task.reveal_counter == 3
    link = store.find(taskid, task.digest)
    assert link is not None
    town.pool_owner.hub.finalize(taskid, link)
    for agent in agents:
        finish(agent)
    ends = [statuses(agent)[taskid] for agent in agents]
    completed = ReplicateStatus.COMPLETED
    assert ends == [completed, ReplicateStatus.FAILED, completed, completed]
    free = [town.hub.account(market.account).stake for market in town.workers]
    assert [stake > DEPOSIT for stake in free] == [True, False, True, True]


def test_worker__app_fails__contributes_the_error_and_says_so(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    leave = desk.assign(town.leave(town.deal(line="--column nonsense")))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    (entry,) = agent.journal.entries()
    assert (entry.status, entry.cause) == (ReplicateStatus.COMPLETED, "APP_COMPUTE_FAILED")
    assert town.status(leave.taskid) is TaskStatus.COMPLETED
    assert "nonsense" in desk.written[leave.taskid].stderr


def test_worker__input_is_gone__contributes_the_error(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    leave = desk.assign(town.leave(town.deal(inputs=[town.files + ".gone"])))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    (entry,) = agent.journal.entries()
    assert entry.cause == "INPUT_FILES_DOWNLOAD_FAILED"
    assert town.status(leave.taskid) is TaskStatus.COMPLETED
    assert not list((tmp_path / "worker-0" / "downloads").iterdir())


def test_worker__input_takes_longer_than_the_category__leaves_the_task_to_others(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    hours = count(step=CLOCK + 1.0)
    fetcher = Fetcher(FetchPolicy(allow_private=True), clock=lambda: next(hours))
    leave = desk.assign(town.leave(town.deal()))
    agent = town.agent(desk, tmp_path, fetcher=fetcher)
    finish(agent)
    (entry,) = agent.journal.entries()
    assert (entry.status, entry.cause) == (
        ReplicateStatus.DATA_DOWNLOAD_FAILED,
        "INPUT_FILES_DOWNLOAD_FAILED",
    )
    assert "must come in time" in entry.message
    assert town.status(leave.taskid) is TaskStatus.ACTIVE


# WHAT IT REFUSES


def test_worker__leave_signed_by_somebody_else__is_refused(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    leave = town.leave(town.deal())
    stranger = development_account(9)
    forged = sign_authorization(stranger, leave.worker, leave.taskid)
    desk.assign(replace(leave, authorization=forged))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    (entry,) = agent.journal.entries()
    assert entry.status is ReplicateStatus.START_FAILED
    assert entry.cause == "WORKERPOOL_AUTHORIZATION_NOT_FOUND"


def test_admission__hub_with_a_tee_broker__needs_its_signature_for_an_enclave(
    town: Town, tmp_path: Path
) -> None:
    broker, enclave = development_account(8), development_account(9).address
    deployer = town.market.acting_as(development_account(Role.DEPLOYER))
    deployer.hub.set_tee_broker(broker.address)
    by_owner = town.leave(town.deal(), enclave_challenge=enclave, secrets_url="http://secrets")
    signature = sign_authorization(broker, by_owner.worker, by_owner.taskid, enclave)
    by_broker = replace(by_owner, authorization=signature)
    journal = Journal(f"sqlite:///{tmp_path / 'worker.sqlite'}")
    journal.accept([by_owner], time.time())
    capacity = Capacity(("WASM",), Tag(0), disk=0)
    admission = Admission(journal, town.workers[0], capacity, tmp_path, time.time)
    (entry,) = journal.entries()
    refusal = admission.admit(entry)
    assert isinstance(refusal, Refusal)
    assert refusal.message.startswith(f"{broker.address} must have signed")
    assert isinstance(admission.admit(replace(entry, assignment=by_broker)), Terms)
    journal.close()


def test_worker__stake_for_one_of_two_tasks__takes_one(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    deal = town.deal(trust=3, volume=2)
    hub = town.workers[0].hub
    hub.withdraw(DEPOSIT - 2 * deal.worker_stake + 1)
    for index in (0, 1):
        desk.assign(town.leave(deal, index=index))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    assert sorted(statuses(agent).values()) == [
        ReplicateStatus.CONTRIBUTED,
        ReplicateStatus.START_FAILED,
    ]
    refused = [entry for entry in agent.journal.entries() if entry.cause]
    assert [entry.cause for entry in refused] == ["STAKE_TOO_LOW"]


def test_worker__no_runtime_for_the_app__is_refused(town: Town, desk: Desk, tmp_path: Path) -> None:
    desk.assign(town.leave(town.deal()))
    agent = town.agent(desk, tmp_path, runtimes={})
    finish(agent)
    (entry,) = agent.journal.entries()
    assert (entry.status, entry.cause) == (
        ReplicateStatus.START_FAILED,
        "APP_TYPE_NOT_SUPPORTED",
    )


def test_worker__node_behind_the_schedulers_block__waits_for_it(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    leave = town.leave(town.deal())
    desk.assign(replace(leave, block=town.chain.block_number() + 2))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    assert statuses(agent) == {leave.taskid: ReplicateStatus.CREATED}
    travel(town.chain, 1)
    travel(town.chain, 1)
    finish(agent)
    assert town.status(leave.taskid) is TaskStatus.COMPLETED


def test_worker__too_late_to_compute__gives_up(town: Town, desk: Desk, tmp_path: Path) -> None:
    leave = desk.assign(town.leave(town.deal()))
    travel(town.chain, 6 * CLOCK + 1)
    agent = town.agent(desk, tmp_path)
    finish(agent)
    (entry,) = agent.journal.entries()
    assert (entry.status, entry.cause) == (ReplicateStatus.START_FAILED, "NOT_ENOUGH_TIME")
    assert town.hub.contribution(leave.taskid, leave.worker).status is ContributionStatus.UNSET


# WHAT IT IS TOLD


def contributed(town: Town, desk: Desk, tmp_path: Path) -> tuple[WorkerAgent, bytes]:
    leave = desk.assign(town.leave(town.deal(trust=3)))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    assert statuses(agent) == {leave.taskid: ReplicateStatus.CONTRIBUTED}
    return agent, leave.taskid


def test_abort__before_the_contribution__stops_and_frees_the_stake(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    leave = desk.assign(town.leave(town.deal(trust=3)))
    agent = town.agent(desk, tmp_path)
    agent.journal.accept([leave], time.time())
    desk.abort(leave.taskid)
    finish(agent)
    (entry,) = agent.journal.entries()
    assert (entry.status, entry.cause) == (ReplicateStatus.ABORTED, "CONSENSUS_REACHED")
    desk.purge(leave.taskid)
    finish(agent)
    assert agent.journal.entries() == []


def test_abort__after_the_contribution__does_not_endanger_the_stake(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    agent, taskid = contributed(town, desk, tmp_path)
    desk.abort(taskid)
    finish(agent)
    desk.purge(taskid)
    finish(agent)
    assert statuses(agent) == {taskid: ReplicateStatus.CONTRIBUTED}
    (entry,) = agent.journal.entries()
    assert entry.result is not None
    assert entry.result.archive.exists()


def test_worker__once_it_has_computed__keeps_the_archive_and_no_inputs(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    agent, taskid = contributed(town, desk, tmp_path)
    folder = tmp_path / "worker-0" / f"0x{taskid.hex()}"
    assert (folder / "output" / "iexec_out.zip").exists()
    assert not (folder / "input").exists()
    assert not list((tmp_path / "worker-0" / "downloads").iterdir())
    agent.journal.close()


def test_worker__task_is_claimed_by_its_requester__lets_go(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    agent, taskid = contributed(town, desk, tmp_path)
    travel(town.chain, 10 * CLOCK)
    town.requester.hub.claim(taskid)
    finish(agent)
    assert statuses(agent) == {taskid: ReplicateStatus.FAILED}
    assert town.hub.account(town.workers[0].account).stake == DEPOSIT


def test_worker__purged_before_its_logs_are_sent__sends_them_first(
    town: Town, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app may end while the scheduler answers: the answer is then older than the logs."""
    leave = desk.assign(town.leave(town.deal()))
    agent = town.agent(desk, tmp_path)
    finish(agent)
    late = [TaskLogs(task_id=leave.taskid, stdout="late", stderr="", exit_code=0)]

    def answer(report: Report, wait: float = 0.0) -> Orders:
        orders = Desk.sync(desk, report, wait)
        while late:
            with agent.journal.writing() as connection:
                agent.journal.keep_logs(connection, late.pop())
        return orders

    monkeypatch.setattr(desk, "sync", answer)
    desk.purge(leave.taskid)
    finish(agent)
    finish(agent)
    assert desk.written[leave.taskid].stdout == "late"
    assert agent.journal.entries() == []


def test_worker__scheduler_that_never_purges__forgets_after_a_day(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    desk.assign(town.leave(town.deal()))
    now = [time.time()]
    agent = town.agent(desk, tmp_path, clock=lambda: now[0])
    finish(agent)
    assert len(agent.journal.entries()) == 1
    desk.assignments.clear()
    now[0] += KEEP_SECONDS + 60
    finish(agent)
    assert agent.journal.entries() == []


# WHAT GOES WRONG


@contextmanager
def running(agent: WorkerAgent) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=agent.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.02)


def test_worker__scheduler_is_down__reveals_and_uploads_all_the_same(
    town: Town, desk: Desk, store: Results, tmp_path: Path
) -> None:
    deal = town.deal(trust=3)
    other = Desk()
    taskid = desk.assign(town.leave(deal, 0)).taskid
    other.assign(town.leave(deal, 1))
    agent = town.agent(desk, tmp_path, 0)
    with running(agent):
        wait_until(lambda: statuses(agent).get(taskid) is ReplicateStatus.CONTRIBUTED)
        desk.is_down = True
        finish(town.agent(other, tmp_path, 1))
        wait_until(lambda: statuses(agent)[taskid] is ReplicateStatus.RESULT_UPLOADED)
    task = town.hub.task(taskid)
    assert task.reveal_counter >= 1
    contribution = town.hub.contribution(taskid, town.workers[0].account)
    assert contribution.status is ContributionStatus.PROVED


def test_worker__store_is_down__uploads_when_it_is_back(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    leave = desk.assign(town.leave(town.deal(), results_url=f"http://127.0.0.1:{port}"))
    told: list[str] = []
    agent = town.agent(
        desk, tmp_path, report=told.append, store=lambda url: ResultsClient(url, pause=0)
    )
    with running(agent):
        wait_until(lambda: any("upload" in line for line in told))
        with result_store(town, tmp_path / "late", port=port):
            wait_until(lambda: town.status(leave.taskid) is TaskStatus.COMPLETED)
    assert town.hub.task(leave.taskid).results


def test_worker__store_is_down_for_long__takes_no_tasks_that_it_cannot_deliver(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    deal = town.deal(volume=10)
    leaves = [
        desk.assign(town.leave(deal, index=index, results_url=f"http://127.0.0.1:{port}"))
        for index in deal.indices
    ]
    agent = town.agent(desk, tmp_path, store=lambda url: ResultsClient(url, pause=0))
    with running(agent):
        wait_until(lambda: set(statuses(agent).values()) == {ReplicateStatus.COMPUTED})
        wait_until(lambda: len(statuses(agent)) >= 6 and desk.reports[-1].free == 0)
        assert len(statuses(agent)) < len(leaves)
        with result_store(town, tmp_path / "late", port=port):
            wait_until(lambda: town.status(leaves[-1].taskid) is TaskStatus.COMPLETED, 60)


def test_upload__of_a_row_read_before__changes_nothing(
    town: Town, desk: Desk, tmp_path: Path
) -> None:
    leave = desk.assign(town.leave(town.deal(trust=3)))
    told: list[str] = []
    agent = town.agent(desk, tmp_path, report=told.append)
    finish(agent)
    (stale,) = agent.journal.entries()
    with agent.journal.writing() as connection:
        agent.journal.move(
            connection, leave.taskid, {stale.status}, stale.status, link=b"somewhere"
        )
    hooks = {"report": told.append, "crash_point": told.append}
    Uploads(agent.journal, development_account(Role.WORKER), ResultsClient, **hooks).run(stale)
    assert not any("uploaded" in line for line in told)


def test_worker__node_is_down__goes_on_when_it_is_back(
    town: Town, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = desk.assign(town.leave(town.deal()))
    told: list[str] = []
    agent = town.agent(desk, tmp_path, report=told.append)

    def silent(_: object) -> list[object]:
        raise ChainError("the node does not answer")

    monkeypatch.setattr(town.chain, "outcomes", silent)
    with running(agent):
        wait_until(lambda: "the node does not answer" in told)
        assert town.status(leave.taskid) is TaskStatus.ACTIVE
        monkeypatch.undo()
        wait_until(lambda: town.status(leave.taskid) is TaskStatus.COMPLETED)
    assert told.count("the node does not answer") == 1
