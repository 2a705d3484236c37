"""Scheduler and workers on a chain: what they refuse, and how they recover."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from terminals import ROOT

from poco import appio
from poco.contracts import Chain, Deal, EventReader, TaskStatus, Wallet
from poco.demo.cast import Cast
from poco.demo.narrator import Narrator
from poco.demo.story import INPUT, KEYS, Story
from poco.deployment import deploy
from poco.errors import ConfigurationError, PeerError, UserInputError
from poco.http_server import FileServer, serve_files
from poco.local_chain import local_chain, travel
from poco.market import (
    Offer,
    Role,
    buy,
    collect_result,
    development_account,
    package_app,
    sign_request,
    wait_for_tasks,
)
from poco.orders import TaskId, sign_authorization, task_id
from poco.scheduler import (
    Assignment,
    ResultStore,
    Scheduler,
    SchedulerClient,
    serve_scheduler,
    sign_upload,
)
from poco.worker.downloads import Downloads
from poco.worker.worker import Worker, other_digest

APP = ROOT / "apps" / "csv-histogram"
SAMPLES = APP / "samples"
PACKAGED = package_app(APP, "wasm")


class Town:
    """A funded market with one pool, and helpers to play on it."""

    def __init__(self, chain: Chain, cast: Cast, offer: Offer, files: FileServer) -> None:
        self.chain, self.cast, self.offer, self.files = chain, cast, offer, files
        self.hub = cast.requester.market.hub

    def deal(self, *, trust: int = 1, line: str = "--column price") -> tuple[Deal, TaskId]:
        requester = self.cast.requester
        urls = [self.files.url_of(INPUT)]
        params = json.dumps({"iexec_args": line, "iexec_input_files": urls})
        request = sign_request(requester.market, requester.account, self.offer, params, trust=trust)
        deal = buy(requester.market, self.offer, request)
        return deal, task_id(deal.dealid, 0)

    def scheduler(self, folder: Path, **options: Any) -> Callable[[str], Scheduler]:
        owner, pool = self.cast.scheduler, self.offer.workerpool.workerpool
        return lambda url: Scheduler(
            owner.market, owner.account, pool, ResultStore(folder), url=url, **options
        )

    def worker(self, number: int, port: Any, workdir: Path, **options: Any) -> Worker:
        person = self.cast.workers[number - 1]
        options = {"runtimes": {"WASM": PACKAGED.runtime}} | options
        return Worker(
            person.market,
            person.account,
            port,
            workdir=workdir / str(number),
            downloads=Downloads(allow_local=True),
            **options,
        )

    def status(self, taskid: TaskId) -> TaskStatus:
        return self.hub.task(taskid).status


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    work = tmp_path_factory.mktemp("town")
    with (
        local_chain("--base-fee", "0") as chain,
        serve_files({name: SAMPLES / name for name in (INPUT, KEYS)}) as files,
    ):
        wallet = Wallet(chain, development_account(Role.DEPLOYER), EventReader(()))
        cast = Cast(chain, deploy(wallet).book)
        narrator = Narrator(Console(quiet=True))
        story = Story(cast, PACKAGED, SAMPLES, files, work, work, narrator)
        story.fund()
        yield Town(chain, cast, story.offer(), files)


@pytest.fixture
def town(founded: Town) -> Iterator[Town]:
    """The town on a clean morning: whatever a test does is undone."""
    snapshot = founded.chain.request("evm_snapshot")
    yield founded
    assert founded.chain.request("evm_revert", snapshot) is True


@pytest.fixture
def pool(town: Town, tmp_path: Path) -> Iterator[Scheduler]:
    with serve_scheduler(town.scheduler(tmp_path / "store")) as running:
        yield running


def in_three_steps(*_: object) -> bool:
    return False


def test_worker__leave_signed_by_somebody_else__does_no_work(
    town: Town, pool: Scheduler, tmp_path: Path
) -> None:
    deal, taskid = town.deal()
    pool.step()
    person = town.cast.workers[0]
    stranger = town.cast.requester.account
    forged = Assignment(
        taskid,
        deal.dealid,
        0,
        person.address,
        sign_authorization(stranger, person.address, taskid),
        True,
    )
    worker = town.worker(1, Offering(forged), tmp_path)
    with pytest.raises(PeerError, match=f"{deal.scheduler} must have signed"):
        worker.step()
    assert worker.jobs == {}


def test_worker__task_of_another_deal__does_no_work(
    town: Town, pool: Scheduler, tmp_path: Path
) -> None:
    town.deal()
    pool.step()
    assignment = pool.ask(town.cast.workers[0].address)
    assert assignment is not None
    worker = town.worker(1, Offering(replace(assignment, index=1)), tmp_path)
    with pytest.raises(PeerError, match="must be of a task on this chain"):
        worker.step()


def test_worker__too_little_stake__says_what_to_deposit(
    town: Town, pool: Scheduler, tmp_path: Path
) -> None:
    town.deal(trust=3)
    pool.step()
    person = town.cast.workers[0]
    person.market.hub.withdraw(town.hub.account(person.address).stake - 1)
    with pytest.raises(UserInputError, match="stake = 1: the worker stakes 300000000 nRLC"):
        town.worker(1, pool_client(pool), tmp_path).step()


def test_worker__no_runtime_for_the_app__is_an_error_of_configuration(
    town: Town, pool: Scheduler, tmp_path: Path
) -> None:
    town.deal()
    pool.step()
    with pytest.raises(ConfigurationError, match="this worker runs no apps"):
        town.worker(1, pool_client(pool), tmp_path, runtimes={}).step()


def test_scheduler__worker_that_has_the_task__is_not_admitted_twice(
    town: Town, pool: Scheduler
) -> None:
    town.deal(trust=3)
    pool.step()
    first, second, third = (person.address for person in town.cast.workers)
    asked = [pool.ask(worker) is not None for worker in (first, first, second, third)]
    assert asked == [True, False, True, False]


def test_scheduler__admitted_worker_stays_away__another_is_admitted(
    town: Town, pool: Scheduler
) -> None:
    town.deal()
    pool.step()
    first, second, _ = (person.address for person in town.cast.workers)
    assert pool.ask(first) is not None
    assert pool.ask(second) is None
    travel(town.chain, 330)
    assert pool.ask(second) is not None


def test_scheduler__too_late_to_compute__admits_nobody(town: Town, pool: Scheduler) -> None:
    town.deal()
    pool.step()
    travel(town.chain, 6 * 300 + 1)
    assert pool.ask(town.cast.workers[0].address) is None


@pytest.fixture
def revealed(town: Town, tmp_path: Path) -> Iterator[tuple[Scheduler, TaskId, Worker]]:
    """A task that worker 1 has revealed, and whose archive is not uploaded yet."""
    make = town.scheduler(tmp_path / "store", policy=in_three_steps)
    with serve_scheduler(make) as running:
        _, taskid = town.deal()
        running.step()
        worker = town.worker(1, pool_client(running), tmp_path)
        worker.step()
        town.cast.workers[0].market.hub.reveal(taskid, worker.jobs[taskid].digest)
        yield running, taskid, worker


def upload(town: Town, running: Scheduler, taskid: TaskId, archive: Path, number: int) -> bytes:
    account = town.cast.workers[number - 1].account
    signature = sign_upload(account, taskid, hashlib.sha256(archive.read_bytes()).digest())
    return pool_client(running).upload(taskid, archive, signature)


def test_upload__of_a_stranger__is_refused(town: Town, revealed: Any) -> None:
    running, taskid, worker = revealed
    archive = worker.jobs[taskid].execution.archive
    with pytest.raises(PeerError, match="only a worker that was admitted"):
        upload(town, running, taskid, archive, 2)
    assert running.result(taskid) is None


def test_upload__of_another_result__is_refused(town: Town, revealed: Any, tmp_path: Path) -> None:
    running, taskid, _ = revealed
    output = tmp_path / "other"
    output.mkdir()
    (output / "a.txt").write_text("not what was revealed")
    (output / "computed.json").write_text('{"deterministic-output-path": "a.txt"}')
    appio.write_archive(appio.scan_output(output), tmp_path / "other.zip")
    with pytest.raises(PeerError, match="must have the revealed digest"):
        upload(town, running, taskid, tmp_path / "other.zip", 1)
    assert running.result(taskid) is None


def test_upload__of_an_unknown_task__is_refused(town: Town, revealed: Any) -> None:
    running, taskid, worker = revealed
    archive = worker.jobs[taskid].execution.archive
    with pytest.raises(PeerError, match="no such open task"):
        upload(town, running, TaskId(bytes(32)), archive, 1)


def test_finalize__without_archive__waits_for_it(town: Town, revealed: Any) -> None:
    running, taskid, worker = revealed
    assert running.step() == 0
    assert town.status(taskid) is TaskStatus.REVEALING
    worker.step()
    running.step()
    assert town.status(taskid) is TaskStatus.COMPLETED


def test_scheduler__started_anew__finishes_what_was_begun(
    town: Town, revealed: Any, tmp_path: Path
) -> None:
    _, taskid, worker = revealed
    upload(town, revealed[0], taskid, worker.jobs[taskid].execution.archive, 1)
    with serve_scheduler(town.scheduler(tmp_path / "store")) as again:
        again.step()
        assert town.status(taskid) is TaskStatus.COMPLETED
        market = town.cast.requester.market
        archive = collect_result(market, taskid, tmp_path / "results")
        assert archive.name == f"0x{taskid.hex()}.zip"


def test_scheduler__nobody_reveals__reopens_the_task_for_others(town: Town, tmp_path: Path) -> None:
    make = town.scheduler(tmp_path / "store", policy=in_three_steps)
    with serve_scheduler(make) as running:
        _, taskid = town.deal()
        running.step()
        town.worker(1, pool_client(running), tmp_path).step()
        assert town.status(taskid) is TaskStatus.REVEALING
        travel(town.chain, 2 * 300)
        running.step()
        assert town.status(taskid) is TaskStatus.ACTIVE
        second = town.worker(2, pool_client(running), tmp_path)
        second.step()
        second.step()
        running.step()
        assert town.status(taskid) is TaskStatus.COMPLETED


@pytest.mark.parametrize("opened", [True, False], ids=["initialized", "not initialized"])
def test_scheduler__final_deadline_passed__claims_by_itself(
    town: Town, pool: Scheduler, opened: bool
) -> None:
    _, taskid = town.deal()
    if opened:
        pool.step()
    travel(town.chain, 10 * 300)
    pool.step()
    assert town.status(taskid) is TaskStatus.FAILED
    assert town.hub.account(town.cast.requester.address).locked == 0


def test_app_that_fails__on_every_worker__becomes_an_error_result(
    town: Town, pool: Scheduler, tmp_path: Path
) -> None:
    deal, taskid = town.deal(trust=3, line="--column nonsense")
    pool.step()
    workers = [town.worker(number, pool_client(pool), tmp_path) for number in (1, 2)]
    for worker in [*workers, *workers]:
        worker.step()
    pool.step()
    market = town.cast.requester.market
    assert list(wait_for_tasks(market, deal, patience=0)) == [taskid]
    with zipfile.ZipFile(collect_result(market, taskid, tmp_path / "results")) as archive:
        assert archive.read("error.txt") == b"[IEXEC] COMPUTE_FAILED APP_COMPUTE_FAILED\n"


def test_requester__archive_of_another_result__is_not_believed(town: Town, tmp_path: Path) -> None:
    """At trust 1 a single cheat is believed by the chain, but its archive cannot prove it."""
    _, taskid = town.deal()
    with serve_scheduler(town.scheduler(tmp_path / "store")) as running:
        running.step()
        town.worker(1, pool_client(running), tmp_path, falsify=other_digest).step()
        assert town.status(taskid) is TaskStatus.COMPLETED
        with pytest.raises(PeerError, match="cannot be downloaded"):
            collect_result(town.cast.requester.market, taskid, tmp_path / "results")
    assert list((tmp_path / "results").iterdir()) == []


def test_wait__tasks_are_not_done__says_how_to_get_the_money_back(
    town: Town, pool: Scheduler
) -> None:
    deal, _ = town.deal()
    with pytest.raises(PeerError, match="claim your money back"):
        wait_for_tasks(town.cast.requester.market, deal, patience=0)


def test_buy__orders_do_not_match__names_every_rule(town: Town) -> None:
    requester = town.cast.requester
    request = sign_request(requester.market, requester.account, town.offer, "", trust=4)
    with pytest.raises(UserInputError, match=r"Match_TrustTooLow.*Match_"):
        buy(requester.market, town.offer, replace(request, appmaxprice=0))


class Offering:
    """A scheduler that offers one assignment, whatever it is worth."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment

    def ask(self, worker: object) -> Assignment:
        return self._assignment

    def has_result(self, taskid: TaskId) -> bool:
        return False

    def upload(self, taskid: TaskId, archive: Path, signature: bytes) -> bytes:
        raise AssertionError("nothing is to be uploaded")


def pool_client(scheduler: Scheduler) -> SchedulerClient:
    return SchedulerClient(scheduler.url)
