"""A scheduler on a chain: finds deals, admits workers, settles, whatever goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scheduler_stage import Hand, Pool, opened, pack, pack_callback, purchase
from sqlalchemy import update
from support.query_plans import scans
from worker_stage import Town, finish, founded

from poco.contracts import TaskStatus
from poco.database import Database
from poco.errors import ConfigurationError, PeerError, UserInputError
from poco.local_chain import travel
from poco.market import Role, collect_result, development_account, wait_for_tasks
from poco.orders import SCONE, TEE, TaskId, task_id
from poco.scheduler.client import SchedulerClient
from poco.scheduler.protocol import Capability, Command, Order, Orders, ReplicateStatus
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.serving import Place, serve_scheduler
from poco.scheduler.settings import Settings
from poco.scheduler.statuses import Stage
from poco.scheduler.tables import cursor, deals, metadata
from poco.services.results import ResultsClient

S = ReplicateStatus


@pytest.fixture(scope="module")
def one_town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def town(one_town: Town) -> Iterator[Town]:
    """The town on a clean morning: whatever a test does is undone."""
    snapshot = one_town.chain.request("evm_snapshot")
    # To undo sets the chain's clock back, and the scheduler goes by the later of two.
    travel(one_town.chain, max(0, int(time.time()) - one_town.chain.timestamp()))
    yield one_town
    assert one_town.chain.request("evm_revert", snapshot) is True


@pytest.fixture
def pool(town: Town, tmp_path: Path) -> Iterator[Pool]:
    with opened(town, tmp_path) as pool:
        yield pool


CAPABILITY = Capability(name="able", slots=2, app_types=("WASM",))


def test_scheduler__trust_1__a_real_worker_completes_it(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    _, taskid = purchase(town)
    pool.scheduler.settle()
    port = pool.scheduler.port(town.workers[0].account)
    agent = town.agent(port, tmp_path, capability=CAPABILITY)
    finish(agent)
    pool.scheduler.settle()
    finish(agent)
    assert town.status(taskid) is TaskStatus.COMPLETED
    assert pool.stage(taskid) == Stage.COMPLETED
    assert pool.replicas(taskid) == {town.workers[0].account: ("COMPLETED", None)}
    assert pool.reason(taskid) == ""


def test_scheduler__trust_3_over_http__real_workers_agree_and_it_finalises(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    _, taskid = purchase(town, trust=3)
    pool.scheduler.settle()
    agents = [
        town.agent(
            SchedulerClient(pool.url, development_account(Role.WORKER + number)),
            tmp_path,
            number,
            capability=CAPABILITY,
        )
        for number in (0, 1)
    ]
    for _ in range(3):
        for agent in agents:
            finish(agent)
        pool.scheduler.settle()
    assert pool.stage(taskid) == Stage.COMPLETED
    assert town.hub.task(taskid).winner_counter == 2
    archive = collect_result(town.requester, taskid, tmp_path / "mine", gateway=pool.url)
    assert archive.is_file()


def test_scheduler__running_with_real_workers__completes_a_bag(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    """All parts in threads of one process, each at its own pace."""
    deal, _ = purchase(town, volume=4)
    stop = threading.Event()
    agents = [
        town.agent(
            pool.scheduler.port(town.workers[number].account),
            tmp_path,
            number,
            capability=CAPABILITY,
        )
        for number in (0, 1)
    ]
    threads = [threading.Thread(target=pool.scheduler.run, args=(stop, 0.05))]
    threads += [threading.Thread(target=agent.run, args=(stop, stop)) for agent in agents]
    for thread in threads:
        thread.start()
    try:
        tasks = wait_for_tasks(town.requester, deal, patience=60)
    finally:
        stop.set()
        pool.scheduler.close()
        for thread in threads:
            thread.join()
    assert {task.status for task in tasks.values()} == {TaskStatus.COMPLETED}


def test_worker__that_has_the_task__is_not_admitted_twice(town: Town, pool: Pool) -> None:
    _, taskid = purchase(town, trust=3)
    pool.scheduler.settle()
    first, second, third = (pool.hand(number) for number in range(3))
    assert [len(hand.sync().assignments) for hand in (first, second, third)] == [1, 1, 0]
    first.say(taskid, S.STARTED)
    assert first.sync().assignments == ()
    pool.scheduler.settle()
    assert pool.stage(taskid) == Stage.RUNNING
    assert pool.reason(taskid) == "0 contributed, 2 at work (trust 3); waiting for those at work"


def test_assignment__lost_on_the_way__is_sent_again(town: Town, pool: Pool) -> None:
    _, taskid = purchase(town)
    pool.scheduler.settle()
    hand = pool.hand()
    lost = hand.sync().assignments
    again = hand.sync().assignments
    assert [leave.taskid for leave in again] == [taskid]
    assert lost == again


def test_worker__stays_away__another_is_admitted(town: Town, pool: Pool) -> None:
    _, taskid = purchase(town)
    pool.scheduler.settle()
    first, second = pool.hand(0), pool.hand(1)
    assert first.sync().assignments
    assert not second.sync().assignments
    pool.clock[0] += 61
    assert not second.sync().assignments
    pool.scheduler.settle()
    assert [leave.taskid for leave in second.sync().assignments] == [taskid]
    assert pool.replicas(taskid)[first.address] == ("WORKER_LOST", None)
    first.say(taskid, S.COMPUTING)
    first.sync()
    assert pool.replicas(taskid)[first.address] == ("COMPUTING", None)


def test_worker__too_slow__another_is_admitted(town: Town, pool: Pool) -> None:
    purchase(town)
    pool.scheduler.settle()
    first, second = pool.hand(0), pool.hand(1)
    assert first.sync().assignments
    travel(town.chain, 330)
    pool.scheduler.settle()
    assert second.sync().assignments


def test_worker__too_late_to_compute__is_not_admitted(town: Town, pool: Pool) -> None:
    _, taskid = purchase(town)
    pool.scheduler.settle()
    travel(town.chain, 6 * 300 + 1)
    pool.scheduler.settle()
    assert pool.hand().sync().assignments == ()
    assert "too late for another worker" in pool.reason(taskid)


def test_worker__other_app_types_only__is_not_admitted_and_the_reason_is_told(
    town: Town, pool: Pool
) -> None:
    _, taskid = purchase(town)
    pool.scheduler.settle()
    assert pool.reason(taskid).endswith("no worker is connected")
    assert pool.hand(app_types=("DOCKER",)).sync().assignments == ()
    assert pool.reason(taskid).endswith("none of 1 connected workers runs WASM apps")


def test_sync__nothing_to_do__is_answered_as_soon_as_there_is(town: Town, pool: Pool) -> None:
    hand = pool.hand()
    found: list[Orders] = []
    thread = threading.Thread(target=lambda: found.append(hand.sync(wait=20)))
    begun = time.monotonic()
    thread.start()
    purchase(town)
    pool.scheduler.settle()
    thread.join()
    assert len(found[0].assignments) == 1
    assert time.monotonic() - begun < 15


@pytest.fixture
def contributed(town: Town, tmp_path: Path) -> Iterator[tuple[Pool, TaskId, Hand, Path, bytes]]:
    """A task of trust 1 in three steps, with the only contribution on chain."""
    with opened(town, tmp_path, one_step=False) as pool:
        _, taskid = purchase(town)
        pool.scheduler.settle()
        hand = pool.hand()
        hand.sync()
        archive, digest = pack(tmp_path)
        hand.contribute(taskid, digest)
        hand.say(taskid, S.CONTRIBUTED)
        pool.scheduler.settle()
        yield pool, taskid, hand, archive, digest


def test_finalize__without_archive__waits_and_asks_for_it(town: Town, contributed: Any) -> None:
    pool, taskid, hand, archive, digest = contributed
    assert pool.stage(taskid) == Stage.CONSENSUS_REACHED
    assert hand.sync().commands == {}
    hand.market.hub.reveal(taskid, digest)
    pool.scheduler.settle()
    assert pool.stage(taskid) == Stage.RESULT_UPLOADING
    assert "waiting for one of them to upload" in pool.reason(taskid)
    assert hand.sync().commands == {taskid: Order(Command.UPLOAD)}
    link = hand.upload(taskid, archive, digest)
    hand.say(taskid, S.RESULT_UPLOADED)
    hand.sync()
    pool.scheduler.settle()
    assert town.hub.task(taskid).results == link
    assert pool.stage(taskid) == Stage.COMPLETED
    assert hand.sync().commands == {taskid: Order(Command.PURGE)}


def test_finalize__with_a_callback__hands_over_what_the_archive_proves(
    town: Town, tmp_path: Path
) -> None:
    data = bytes(range(64))
    with opened(town, tmp_path, one_step=False) as pool:
        _, taskid = purchase(town, callback=town.owner.address)
        pool.scheduler.settle()
        hand = pool.hand()
        hand.sync()
        archive, digest = pack_callback(tmp_path, data)
        hand.contribute(taskid, digest)
        hand.market.hub.reveal(taskid, digest)
        hand.upload(taskid, archive, digest)
        pool.scheduler.settle()
        assert pool.stage(taskid) == Stage.COMPLETED
        assert town.hub.task(taskid).results_callback == data


def test_database__of_another_chain__is_refused(town: Town, pool: Pool, tmp_path: Path) -> None:
    pool.scheduler.step()
    with pool.database.writing() as connection:
        connection.execute(update(cursor).values(name=f"{town.owner.address} 0x1234"))
    with (
        pytest.raises(ConfigurationError, match="belongs to pool and chain"),
        opened(town, tmp_path),
    ):
        pass


def test_database__of_another_hub_of_the_chain__is_refused(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    """Its cursor would hide the deals of the new hub, its tasks would all seem to be gone."""
    pool.scheduler.step()
    with pool.database.writing() as connection:
        connection.execute(update(cursor).values(hub=town.owner.address))
    with (
        pytest.raises(ConfigurationError, match=f"hub {town.owner.address}"),
        opened(town, tmp_path),
    ):
        pass


def test_results__store_is_away__is_reported_once_and_asked_again(
    town: Town, contributed: Any
) -> None:
    pool, taskid, hand, archive, digest = contributed
    pool.store.is_down = True
    hand.market.hub.reveal(taskid, digest)
    hand.upload(taskid, archive, digest)
    for _ in range(2):
        pool.clock[0] += 5
        pool.scheduler.settle()
    assert pool.said.count("the result store does not answer") == 1
    pool.store.is_down = False
    pool.clock[0] += 5
    pool.scheduler.settle()
    assert town.status(taskid) is TaskStatus.COMPLETED


def test_scheduler__started_anew__finishes_what_was_begun(
    town: Town, contributed: Any, tmp_path: Path
) -> None:
    pool, taskid, hand, archive, digest = contributed
    hand.market.hub.reveal(taskid, digest)
    hand.upload(taskid, archive, digest)
    pool.scheduler.close()
    with opened(town, tmp_path) as again:
        again.scheduler.settle()
        assert town.status(taskid) is TaskStatus.COMPLETED


def test_scheduler__with_an_empty_database__adopts_what_is_on_chain(
    town: Town, contributed: Any, tmp_path: Path
) -> None:
    _, taskid, hand, archive, digest = contributed
    hand.market.hub.reveal(taskid, digest)
    hand.upload(taskid, archive, digest)
    with opened(town, tmp_path, f"sqlite:///{tmp_path / 'new.sqlite'}") as again:
        again.scheduler.settle()
        assert again.replicas(taskid) == {hand.address: ("COMPLETED", None)}
        assert town.status(taskid) is TaskStatus.COMPLETED


def test_scheduler__nobody_reveals__reopens_the_task_for_others(
    town: Town, contributed: Any, tmp_path: Path
) -> None:
    pool, taskid, first, _, _ = contributed
    travel(town.chain, 2 * 300)
    pool.scheduler.settle()
    assert town.status(taskid) is TaskStatus.ACTIVE
    assert pool.replicas(taskid)[first.address] == ("FAILED", "REVEAL_TIMEOUT")
    assert first.sync().assignments == ()
    second = pool.hand(1)
    assert [leave.taskid for leave in second.sync().assignments] == [taskid]
    archive, digest = pack(tmp_path, "another result")
    second.contribute(taskid, digest)
    second.market.hub.reveal(taskid, digest)
    second.upload(taskid, archive, digest)
    pool.scheduler.settle()
    assert town.status(taskid) is TaskStatus.COMPLETED


def test_dissent__at_trust_3__tops_up_and_aborts_whom_it_does_not_need(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    """One honest, one cheat of weight 2: three honest would be needed, so one more is asked."""
    _, taskid = purchase(town, trust=3)
    pool.scheduler.settle()
    honest, cheat, late = (pool.hand(number) for number in range(3))
    for hand in (honest, cheat):
        assert hand.sync().assignments
    assert not late.sync().assignments
    honest.contribute(taskid, bytes([1] * 32))
    cheat.contribute(taskid, bytes([2] * 32))
    pool.scheduler.settle()
    assert late.sync().assignments
    assert "2 contributed, 1 at work (trust 3)" in pool.reason(taskid)


def test_consensus__without_a_worker_at_work__has_it_abort(
    town: Town, contributed: Any, tmp_path: Path
) -> None:
    pool, taskid, _, _, _ = contributed
    travel(town.chain, 2 * 300)
    pool.scheduler.settle()
    second, third = pool.hand(1), pool.hand(2)
    second.sync()
    travel(town.chain, 301)
    pool.scheduler.settle()
    third.sync()
    third.contribute(taskid, bytes([3] * 32))
    second.say(taskid, S.COMPUTING)
    pool.scheduler.settle()
    assert second.sync().commands == {taskid: Order(Command.ABORT, "CONSENSUS_REACHED")}
    second.say(taskid, S.ABORTED)
    assert second.sync().commands == {}


def test_app__fails_alike_on_two_workers__no_more_are_asked(town: Town, pool: Pool) -> None:
    _, taskid = purchase(town)
    pool.scheduler.settle()
    for hand in [pool.hand(number) for number in range(2)]:
        assert hand.sync().assignments
        hand.say(taskid, S.COMPUTE_FAILED, cause="APP_COMPUTE_FAILED", exit_code=3)
        hand.sync()
        pool.scheduler.settle()
    assert pool.stage(taskid) == Stage.RUNNING_FAILED
    assert "failed alike (APP_COMPUTE_FAILED with exit code 3)" in pool.reason(taskid)
    assert pool.hand(2).sync().assignments == ()


def test_inputs__that_the_only_worker_cannot_fetch__are_tried_by_the_next(
    town: Town, pool: Pool
) -> None:
    """The network of one worker proves nothing: whoever connects later has another one."""
    _, taskid = purchase(town)
    pool.scheduler.settle()
    hand = pool.hand()
    hand.sync()
    hand.say(taskid, S.DATA_DOWNLOAD_FAILED, cause="INPUT_FILES_DOWNLOAD_FAILED")
    hand.sync()
    pool.scheduler.settle()
    assert pool.stage(taskid) == Stage.RUNNING_FAILED
    assert "failed alike (INPUT_FILES_DOWNLOAD_FAILED)" in pool.reason(taskid)
    other = pool.hand(1)
    pool.clock[0] += 61
    assert other.sync().assignments == ()
    pool.scheduler.settle()
    assert [leave.taskid for leave in other.sync().assignments] == [taskid]


def test_worker__fails_three_times_by_itself__is_in_quarantine(town: Town, pool: Pool) -> None:
    deal, _ = purchase(town, volume=5)
    pool.scheduler.settle()
    hand = pool.hand()
    for _ in range(3):
        [leave] = hand.sync().assignments
        hand.say(leave.taskid, S.APP_DOWNLOAD_FAILED, cause="NOT_ENOUGH_DISK")
    hand.sync()
    assert hand.sync().assignments == ()
    assert any("failed 3 times: rests 60 s" in line for line in pool.said)
    last = task_id(deal.dealid, 4)
    assert pool.reason(last).endswith("in quarantine after repeated failures")
    pool.clock[0] += 61
    assert len(hand.sync().assignments) == 1


def test_worker__fails_for_want_of_secrets_of_the_requester__goes_on(
    town: Town, pool: Pool
) -> None:
    purchase(town, volume=5)
    pool.scheduler.settle()
    hand = pool.hand()
    for _ in range(5):
        [leave] = hand.sync().assignments
        cause = "TEE_SESSION_GENERATION_GET_DATASET_SECRET_FAILED"
        hand.say(leave.taskid, S.START_FAILED, cause=cause)
    assert not any("rests" in line for line in pool.said)


@pytest.mark.parametrize("opened_", [True, False], ids=["initialized", "not initialized"])
def test_scheduler__final_deadline_passed__claims_by_itself(
    town: Town, pool: Pool, opened_: bool
) -> None:
    _, taskid = purchase(town)
    if opened_:
        pool.scheduler.settle()
    travel(town.chain, 10 * 300)
    pool.scheduler.settle()
    assert town.status(taskid) is TaskStatus.FAILED
    assert pool.stage(taskid) == Stage.FAILED
    assert town.hub.account(town.requester.account).locked == 0


def test_bag__one_task_opened_by_somebody_else__opens_the_others(town: Town, pool: Pool) -> None:
    deal, _ = purchase(town, volume=3)
    call, wallet = town.hub.call("initialize", deal.dealid, 0), town.requester.wallet
    assert wallet is not None
    town.chain.request("evm_setAutomine", False)
    faster = wallet.submit(call)
    pool.scheduler.settle()  # the node refuses the transaction for all three
    town.chain.request("evm_mine")
    town.chain.request("evm_setAutomine", True)
    faster.wait()
    pool.clock[0] += 20
    pool.scheduler.settle()
    assert {town.status(task_id(deal.dealid, index)) for index in range(3)} == {TaskStatus.ACTIVE}
    assert any("initialize failed: " in line for line in pool.said)


def test_deal__not_deep_enough__waits(town: Town, tmp_path: Path) -> None:
    with opened(town, tmp_path, confirmations=2) as pool:
        _, taskid = purchase(town)
        pool.scheduler.settle()
        assert town.status(taskid) is TaskStatus.UNSET
        assert pool.reason(taskid) == "waiting until the deal is deep enough in the chain"
        town.chain.request("anvil_mine", "0x2")
        pool.clock[0] += 61
        pool.scheduler.settle()
        assert town.status(taskid) is TaskStatus.ACTIVE


def test_deal__dropped_by_a_reorganisation__is_not_opened_until_it_is_back(
    town: Town, tmp_path: Path
) -> None:
    with opened(town, tmp_path, confirmations=2) as pool:
        before = town.chain.request("evm_snapshot")
        _, taskid = purchase(town)
        pool.scheduler.settle()
        assert town.chain.request("evm_revert", before)
        town.chain.request("anvil_mine", "0x5")
        pool.clock[0] += 61
        pool.scheduler.settle()
        assert town.status(taskid) is TaskStatus.UNSET
        assert pool.stage(taskid) == Stage.RECEIVED


def test_task__finalisation_dropped_by_a_reorganisation__is_sent_again(
    town: Town, contributed: Any
) -> None:
    pool, taskid, hand, archive, digest = contributed
    hand.market.hub.reveal(taskid, digest)
    hand.upload(taskid, archive, digest)
    before = town.chain.request("evm_snapshot")
    pool.scheduler.settle()
    assert pool.stage(taskid) == Stage.COMPLETED
    assert town.chain.request("evm_revert", before)
    town.chain.request("anvil_mine", "0x3")
    assert town.status(taskid) is TaskStatus.REVEALING
    dropped = pool.reason(taskid)
    pool.scheduler.settle()
    assert dropped == ""
    assert pool.stage(taskid) == Stage.FINALIZING
    assert "waiting for the transaction finalize: SENT" in pool.reason(taskid)


def test_deal__asks_for_an_enclave__is_refused_in_words(town: Town, pool: Pool) -> None:
    """The offer is for plain workers; the deal comes from another order of the same pool."""
    _, taskid = purchase(town, tag=TEE | SCONE)
    pool.scheduler.settle()
    assert town.status(taskid) is TaskStatus.UNSET
    assert "it asks for an enclave, which this pool has not" in pool.reason(taskid)


def test_deal__asks_for_an_enclave__gets_the_challenge_of_the_secret_service(
    town: Town, tmp_path: Path
) -> None:
    key = development_account(Role.WORKER + 9)
    secrets = Secrets(key.address)
    with opened(town, tmp_path, secrets=secrets, simulated_enclaves=True) as pool:
        _, taskid = purchase(town, tag=TEE | SCONE)
        secrets.is_down = True
        pool.scheduler.settle()
        assert pool.hand(tags=3).sync().assignments == ()
        assert "waiting for the secret service" in pool.reason(taskid)
        secrets.is_down = False
        pool.clock[0] += 5
        pool.scheduler.settle()
        assert pool.hand(1).sync().assignments == ()
        [leave] = pool.hand(2, tags=3).sync().assignments
        assert leave.enclave_challenge == key.address


class Secrets:
    """A secret service that gives all tasks the same key."""

    def __init__(self, address: Any) -> None:
        self.address, self.is_down = address, False

    def challenge(self, taskid: TaskId, account: Any) -> Any:
        if self.is_down:
            raise PeerError("the secret service does not answer")
        return self.address


def test_two_schedulers__on_one_database__only_one_acts(town: Town, tmp_path: Path) -> None:
    with opened(town, tmp_path) as first, opened(town, tmp_path) as second:
        _, taskid = purchase(town)
        first.scheduler.settle()
        assert second.scheduler.step() == 0
        assert town.status(taskid) is TaskStatus.ACTIVE
        assert second.hand().sync().assignments
        first.scheduler.close()
        _, other = purchase(town)
        second.scheduler.settle()
        assert town.status(other) is TaskStatus.ACTIVE
        assert "this scheduler acts for the pool" in second.said


def test_scheduler__sleeps_in_the_middle_of_a_step__does_nothing_after_another_took_over(
    town: Town, tmp_path: Path, contributed: Any
) -> None:
    """A host that stood still for a minute must not write what it had decided before."""
    pool, taskid, hand, archive, digest = contributed
    hand.market.hub.reveal(taskid, digest)
    hand.upload(taskid, archive, digest)
    with opened(town, tmp_path) as other:
        find = pool.store.find

        def sleep(*asked: Any) -> Any:
            with pool.database.writing() as connection:
                connection.exec_driver_sql("update leases set until = 0")
            other.scheduler.step()
            return find(*asked)

        pool.store.find = sleep  # type: ignore[method-assign]
        assert pool.scheduler.step() == 0
        assert "another process holds the lease" in pool.said[-1]
        other.scheduler.settle()
        assert town.status(taskid) is TaskStatus.COMPLETED
        with other.database.reading() as connection:
            sent = "select count(*) from transactions where name = 'finalize'"
            assert connection.exec_driver_sql(sent).scalar() == 1


def test_scheduler__meets_a_fault_that_nobody_foresaw__tells_it_and_goes_on(pool: Pool) -> None:
    stop = threading.Event()

    def fail() -> int:
        if pool.said and "odd" in pool.said[-1]:
            stop.set()
            return 0
        raise RuntimeError("odd")

    pool.scheduler.step = fail  # type: ignore[method-assign]
    pool.scheduler.run(stop, pause=0.01)
    assert pool.said == ["unexpected RuntimeError: odd"]


def test_results__in_the_same_process__are_cleaned_away(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the disk fills up until nothing can be uploaded any more."""
    cleaned = threading.Event()
    monkeypatch.setattr("poco.scheduler.serving._PRUNE_SECONDS", 0.01)
    monkeypatch.setattr("poco.services.results.Results.prune", lambda _: cleaned.set())
    place = Place("sqlite://", str(tmp_path / "results"))
    pool = town.offer.workerpool.workerpool
    with serve_scheduler(town.pool_owner, town.owner, pool, place, Settings()):
        assert cleaned.wait(60)


def test_queries__of_a_task_from_match_to_end__read_no_table_that_grows(
    town: Town, tmp_path: Path
) -> None:
    """With ten million tasks in the database nothing takes longer."""
    growing = metadata.tables.keys() - {"cursor", "workers", "challenges", "tokens"}
    archive, digest = pack(tmp_path)
    options = {"one_step": False, "distinct_hosts": True}
    with opened(town, tmp_path, **options) as pool, scans(pool.database, growing) as found:
        _, taskid = purchase(town, trust=3)
        pool.scheduler.settle()
        hands = [pool.hand(number, host=f"host {number}") for number in range(2)]
        for hand in hands:
            hand.sync()
            hand.contribute(taskid, digest)
            hand.say(taskid, S.CONTRIBUTED)
            hand.sync(free=0)
        pool.scheduler.settle()
        for hand in hands:
            hand.market.hub.reveal(taskid, digest)
        hands[0].upload(taskid, archive, digest)
        pool.scheduler.settle()
        assert pool.stage(taskid) == Stage.COMPLETED
        pool.scheduler.census.late()
        pool.clock[0] += 7200  # what is done once an hour
        pool.scheduler.settle()
        assert found == set()


def test_tasks__few_or_many__are_listed_in_the_same_order(
    town: Town, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        purchase(town, volume=2)
    pool.scheduler.settle()
    pages = []
    for few in (10_000, 0):
        monkeypatch.setattr("poco.scheduler.views._MOST_SORTED", few)
        for stage in ("", Stage.INITIALIZED, Stage.COMPLETED):
            page = pool.scheduler.views.tasks(stage=stage, limit=3, offset=1, base="")
            pages.append((page.count, [task.chain_task_id for task in page.tasks]))
    assert pages[:3] == pages[3:]
    assert [(count, len(ids)) for count, ids in pages[:3]] == [(4, 3), (4, 3), (0, 0)]


def test_history__of_a_task__is_forgotten_a_year_after_its_final_deadline(
    town: Town, contributed: Any
) -> None:
    pool, taskid, hand, archive, digest = contributed
    hand.market.hub.reveal(taskid, digest)
    hand.upload(taskid, archive, digest)
    pool.scheduler.settle()
    _, young = purchase(town)
    pool.scheduler.settle()
    pool.clock[0] += 365 * 86_400
    pool.scheduler.step()
    assert pool.stage(taskid) == Stage.COMPLETED
    travel(town.chain, 100_000)
    pool.clock[0] += 100_000
    pool.scheduler.settle()
    with pytest.raises(PeerError, match="no such task"):
        pool.stage(taskid)
    with pool.database.reading() as connection:
        of_it = [
            table.name
            for table in metadata.sorted_tables
            if "taskid" in table.c
            and connection.execute(table.select().where(table.c.taskid == taskid)).first()
        ]
        assert of_it == []
        assert len(connection.execute(deals.select()).all()) == 1
    assert pool.stage(young) == Stage.FAILED


def test_worker__silent_for_a_month__is_forgotten_and_welcome_back(pool: Pool) -> None:
    hand = pool.hand()
    pool.scheduler.step()
    pool.clock[0] += 31 * 86_400
    pool.scheduler.settle()
    pool.clock[0] += 3600
    pool.scheduler.settle()
    assert pool.scheduler.views.workers() == []
    hand.sync()
    assert len(pool.scheduler.views.workers()) == 1


def test_scheduler__key_of_somebody_else__says_whose_is_needed(town: Town, tmp_path: Path) -> None:
    stranger = development_account(Role.REQUESTER)
    with pytest.raises(UserInputError, match=f"owner of the pool, {town.owner.address}"):
        Scheduler(
            town.requester,
            stranger,
            town.offer.workerpool.workerpool,
            Database("sqlite://", metadata),
            ResultsClient("http://127.0.0.1:1"),
            Settings(),
        )
