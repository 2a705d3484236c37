"""Workers stake and commit, until one value outweighs the rest (spec contracts §4.3, §4.5)."""

from __future__ import annotations

import pytest
from market import Market, fund, reverts, sign_digest, travel_to
from reference_model import Deal, Ledger, Task, TaskStatus
from tasks import (
    CLOCK,
    DIGEST,
    OTHER,
    WORKER_STAKE,
    Status,
    Vote,
    block_time,
    contribute_raw,
    gains,
    hash_of,
    open_task,
    seal_of,
    workers_of,
)

from poco.orders import ZERO_ADDRESS, authorization_digest, personal_digest


def test_contribute__trust_1__stakes_and_reaches_consensus(each_market: Market) -> None:
    market = each_market
    task, worker, before = open_task(market), market.cast["worker_1"], market.balances()
    receipt = task.contribute(worker)
    assert receipt.events == [
        *market.locked(worker, WORKER_STAKE),
        market.hub.TaskContribute(taskid=task.id, worker=worker, hash=hash_of(task)),
        market.hub.TaskConsensus(taskid=task.id, consensus=hash_of(task)),
    ]
    assert gains(before, market.balances()) == {
        "worker_1": (-WORKER_STAKE, WORKER_STAKE),
        "hub": (WORKER_STAKE, 0),
    }
    view = task.view()
    assert (view.status, view.consensusValue) == (Status.REVEALING, hash_of(task))
    assert view.revealDeadline == block_time() + 2 * CLOCK
    assert (view.winnerCounter, view.revealCounter, view.resultDigest) == (1, 0, bytes(32))
    assert view.contributors == [worker]


def test_contribute__below_the_trust__stays_active(market: Market) -> None:
    task, worker = open_task(market, trust=3), market.cast["worker_1"]
    receipt = task.contribute(worker)
    assert receipt.events == [
        *market.locked(worker, WORKER_STAKE),
        market.hub.TaskContribute(taskid=task.id, worker=worker, hash=hash_of(task)),
    ]
    view = task.view()
    assert (view.status, view.consensusValue, view.winnerCounter) == (Status.ACTIVE, bytes(32), 0)
    assert tuple(task.vote(worker)) == (
        Vote.CONTRIBUTED,
        hash_of(task),
        seal_of(task, worker),
        ZERO_ADDRESS,
        1,
    )


@pytest.mark.parametrize(
    ("trust", "needed"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (9, 4), (17, 5)]
)
def test_contribute__newcomers__consensus_after_log2_of_trust(
    market: Market, trust: int, needed: int
) -> None:
    task, workers = open_task(market, trust=trust), workers_of(market)
    for worker in workers[: needed - 1]:
        task.contribute(worker)
        assert task.view().status == Status.ACTIVE
    task.contribute(workers[needed - 1])
    view = task.view()
    assert (view.status, view.winnerCounter) == (Status.REVEALING, needed)


def test_contribute__trust_3_and_one_dissenter__needs_three(market: Market) -> None:
    task, (mallory, *honest) = open_task(market, trust=3), workers_of(market, 4)
    task.contribute(mallory, OTHER)
    for worker in honest[:2]:
        task.contribute(worker)
        assert task.view().status == Status.ACTIVE
    task.contribute(honest[2])
    view = task.view()
    assert (view.status, view.winnerCounter) == (Status.REVEALING, 3)
    assert view.contributors == [mallory, *honest]


@pytest.mark.parametrize("trust", [2**64 - 1, 2**63])
def test_contribute__enormous_trust__never_overflows(market: Market, trust: int) -> None:
    orders = market.orders(workerpool={"trust": trust}, request={"trust": trust})
    deal = market.match(orders)
    taskid = market.initialize(deal)
    for worker in workers_of(market, 3):
        market.contribute(worker, taskid, DIGEST)
    assert market.hub.viewTask(taskid).status == Status.ACTIVE


def test_contribute__hash_of_zero__is_a_value_like_any_other(market: Market) -> None:
    task, (one, two, three) = open_task(market, trust=4), workers_of(market, 3)
    contribute_raw(task, one, bytes(32), b"\1" * 32)
    task.contribute(two)
    contribute_raw(task, three, bytes(32), bytes(32))
    view = task.view()
    assert (view.status, len(view.contributors)) == (Status.ACTIVE, 3)
    assert task.vote(three).resultSeal == bytes(32)
    assert task.vote(one).resultSeal == b"\1" * 32


@pytest.mark.parametrize("trust", [3, 5])
def test_contribute__every_order_of_votes__ends_as_the_reference_says(
    market: Market, trust: int
) -> None:
    votes = [OTHER, DIGEST, DIGEST, OTHER, DIGEST]
    ledger = Ledger()
    model = Task(Deal("sponsor", "scheduler", "app", "data", trust=trust))
    task = open_task(market, trust=trust)
    for worker, vote in zip(workers_of(market), votes, strict=True):
        if model.status is not TaskStatus.ACTIVE:
            break
        model.contribute(ledger, worker, vote)
        task.contribute(worker, vote)
        assert task.view().status == model.status


# ---- refused


def test_contribute__not_initialized__reverts(market: Market) -> None:
    deal = market.match()
    with reverts(market.hub, "Task_WrongStatus", Status.ACTIVE, Status.UNSET):
        market.contribute(market.cast["worker_1"], deal.task(), DIGEST)


def test_contribute__after_consensus__reverts(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1), reveal=False)
    with reverts(market.hub, "Task_WrongStatus", Status.ACTIVE, Status.REVEALING):
        task.contribute(market.cast["worker_2"])


def test_contribute__last_second__is_taken(market: Market) -> None:
    task = open_task(market)
    travel_to(task.contribution_deadline - 1)
    task.contribute(market.cast["worker_1"])
    assert block_time() == task.contribution_deadline - 1


def test_contribute__at_the_deadline__reverts(market: Market) -> None:
    task = open_task(market)
    deadline = task.contribution_deadline
    travel_to(deadline)
    with reverts(market.hub, "Task_ContributionClosed", deadline, deadline):
        task.contribute(market.cast["worker_1"])


def test_contribute__twice__reverts(market: Market) -> None:
    task, worker = open_task(market, trust=5), market.cast["worker_1"]
    task.contribute(worker)
    with reverts(market.hub, "Task_AlreadyContributed", task.id, worker):
        task.contribute(worker, OTHER)


def test_contribute__stake_not_covered__reverts(market: Market) -> None:
    task, poor = open_task(market), market.cast["stranger"]
    fund(market, [poor], WORKER_STAKE - 1)
    with reverts(market.hub, "Escrow_BalanceTooLow", poor, WORKER_STAKE - 1, WORKER_STAKE):
        task.contribute(poor)


@pytest.mark.parametrize("signer", ["worker_1", "requester", "owner"])
def test_contribute__not_authorized_by_the_scheduler__reverts(market: Market, signer: str) -> None:
    task, worker = open_task(market), market.cast["worker_1"]
    digest = authorization_digest(worker.address, task.id, ZERO_ADDRESS)
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        task.contribute(worker, signer=signer)


def test_contribute__with_anothers_authorization__reverts(market: Market) -> None:
    task, (one, two) = open_task(market), workers_of(market, 2)
    digest = authorization_digest(two.address, task.id, ZERO_ADDRESS)
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        task.contribute(two, authorization=market.authorize(one, task.id))


def test_contribute__with_the_authorization_of_another_task__reverts(market: Market) -> None:
    task, other, worker = open_task(market), open_task(market), market.cast["worker_1"]
    digest = authorization_digest(worker.address, task.id, ZERO_ADDRESS)
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        task.contribute(worker, authorization=market.authorize(worker, other.id))


@pytest.mark.parametrize("size", [0, 1, 63, 66])
def test_contribute__signature_of_another_length__reverts(market: Market, size: int) -> None:
    task = open_task(market)
    with reverts(market.hub, "Signature_BadLength", size):
        task.contribute(market.cast["worker_1"], authorization=b"\1" * size)


def test_contribute__unprefixed_authorization__reverts(market: Market) -> None:
    task, worker = open_task(market), market.cast["worker_1"]
    digest = authorization_digest(worker.address, task.id, ZERO_ADDRESS)
    twice = sign_digest(market.cast["pool_owner"], personal_digest(digest))
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        task.contribute(worker, authorization=twice)


def test_contribute__pool_sold_after_the_deal__old_owner_still_authorizes(market: Market) -> None:
    task, pool = open_task(market), int(market.workerpool, 16)
    seller = market.cast["pool_owner"]
    market.registries["workerpool"].transferFrom(
        seller, market.cast["stranger"], pool, sender=seller
    )
    task.contribute(market.cast["worker_1"])
    assert task.view().status == Status.REVEALING
