"""Two schedulers on one PostgreSQL database: all serve, one acts, nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scheduler_stage import Hand, Pool, opened, pack, purchase
from support.postgresql import start_postgresql
from worker_stage import Town, founded

from poco.contracts import TaskStatus
from poco.market import Role, development_account
from poco.orders import (
    NULL_DATASET_ORDER,
    AppOrder,
    RequestOrder,
    WorkerpoolOrder,
    random_salt,
    sign_order,
    task_id,
)
from poco.scheduler.protocol import ReplicateStatus
from poco.scheduler.statuses import Stage

S = ReplicateStatus
TASKS = 20


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture(scope="module")
def pools(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pool, Pool]]:
    folder = tmp_path_factory.mktemp("pool")
    with (
        start_postgresql() as url,
        opened(town, folder, url, one_step=False) as first,
        opened(town, folder, url, one_step=False) as second,
    ):
        first.scheduler.step()
        yield first, second


def test_task__on_postgresql__is_completed(
    town: Town, pools: tuple[Pool, Pool], tmp_path: Path
) -> None:
    first, _ = pools
    _, taskid = purchase(town)
    first.scheduler.settle()
    hand = first.hand()
    hand.sync()
    archive, digest = pack(tmp_path)
    hand.contribute(taskid, digest)
    hand.say(taskid, S.CONTRIBUTED)
    first.scheduler.settle()
    hand.market.hub.reveal(taskid, digest)
    hand.upload(taskid, archive, digest)
    first.scheduler.settle()
    assert town.status(taskid) is TaskStatus.COMPLETED
    assert first.stage(taskid) == Stage.COMPLETED
    hand.sync(free=0)


def test_deal__whose_names_and_numbers_no_database_takes__is_worked_on(
    town: Town, pools: tuple[Pool, Pool]
) -> None:
    """Anybody can buy from a pool: what stands in a deal must not stop the scheduler."""
    first, _ = pools
    seller, buyer = development_account(Role.APP_OWNER), development_account(Role.REQUESTER)
    domain, owner = town.market.domain, town.pool_owner
    app = owner.apps.create(seller.address, "odd\x00", "ODD\x00" + "x" * 100, b"\x00\xff").value
    free = owner.workerpools.create(town.owner.address, "free").value
    offers = [
        WorkerpoolOrder(workerpool=pool, volume=volume, trust=1, salt=random_salt())
        for pool, volume in ((free, 2**63), (town.offer.workerpool.workerpool, 1))
    ]
    sold = sign_order(AppOrder(app=app, volume=2**64, salt=random_salt()), domain, seller)
    request = RequestOrder(
        app=app,
        requester=buyer.address,
        beneficiary=buyer.address,
        volume=2**63 + 1,
        trust=1,
        params="\x00\ud800".encode(errors="surrogatepass").decode(errors="replace"),
        salt=random_salt(),
    )
    asked = sign_order(request, domain, buyer)
    deals = [
        town.requester.hub.match_orders(
            sold, NULL_DATASET_ORDER, sign_order(offer, domain, town.owner), asked
        ).value
        for offer in offers
    ]
    first.scheduler.settle()
    assert town.status(task_id(deals[1], 2**63)) is TaskStatus.ACTIVE
    shown = first.scheduler.views.task(task_id(deals[1], 2**63), "")
    assert (shown.index, shown.dapp_type[:4]) == (2**63, "ODD\ufffd")
    assert first.scheduler.census.late() == []
    assert first.scheduler.census.to_json()["dealsCount"] >= 1
    hand = first.hand(2, name="odd\x00")
    assert not [one for one in hand.sync().assignments if one.dealid == deals[1]]


def test_workers__at_both_at_the_same_moment__share_the_tasks_exactly(
    town: Town, pools: tuple[Pool, Pool]
) -> None:
    """Also while the acting scheduler writes the same rows; nobody waits for anybody for ever."""
    deal, _ = purchase(town, volume=TASKS)
    pools[0].scheduler.settle()
    hands = [pools[number % 2].hand(number) for number in range(3)]
    failures: list[BaseException] = []

    def take(hand: Hand) -> None:
        try:
            for _ in range(TASKS):
                for leave in hand.sync(free=1).assignments:
                    hand.say(leave.taskid, S.STARTED)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=take, args=(hand,)) for hand in hands]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        pools[0].scheduler.step()
    for thread in threads:
        thread.join()
    assert failures == []
    taken = [taskid for hand in hands for taskid in hand.leaves]
    tasks = {task_id(deal.dealid, index) for index in range(TASKS)}
    assert len(taken) == len(set(taken))
    assert tasks <= set(taken)


def test_scheduler__the_other_one_ends__takes_over(town: Town, pools: tuple[Pool, Pool]) -> None:
    first, second = pools
    _, taskid = purchase(town)
    assert second.scheduler.step() == 0
    assert town.status(taskid) is TaskStatus.UNSET
    first.scheduler.close()
    second.scheduler.settle()
    assert town.status(taskid) is TaskStatus.ACTIVE
