"""Winners prove that they knew the result (spec contracts §4.6)."""

from __future__ import annotations

from market import Market, reverts, travel_to
from tasks import (
    DIGEST,
    OTHER,
    Status,
    Vote,
    block_time,
    contribute_raw,
    hash_of,
    open_task,
    seal_of,
    workers_of,
)

from poco.orders import result_hash


def test_reveal__first_winner__shows_the_digest(each_market: Market) -> None:
    market = each_market
    one, two = workers = workers_of(market, 2)
    task = open_task(market, trust=3).agree(workers, reveal=False)
    receipt = task.reveal(two)
    assert receipt.events == [market.hub.TaskReveal(taskid=task.id, worker=two, digest=DIGEST)]
    view = task.view()
    assert (view.status, view.consensusValue, view.resultDigest) == (2, hash_of(task), DIGEST)
    assert (view.revealCounter, view.winnerCounter) == (1, 2)
    assert (task.vote(one).status, task.vote(two).status) == (Vote.CONTRIBUTED, Vote.PROVED)
    for worker in workers:
        vote = task.vote(worker)
        assert (vote.resultHash, vote.resultSeal) == (hash_of(task), seal_of(task, worker))


def test_reveal__last_second__is_taken(market: Market) -> None:
    (worker,) = workers_of(market, 1)
    task = open_task(market).agree([worker], reveal=False)
    deadline = task.reveal_deadline
    travel_to(deadline - 1)
    task.reveal(worker)
    assert block_time() == deadline - 1


def test_reveal__at_the_deadline__reverts(market: Market) -> None:
    (worker,) = workers_of(market, 1)
    task = open_task(market).agree([worker], reveal=False)
    deadline = task.reveal_deadline
    travel_to(deadline)
    with reverts(market.hub, "Task_RevealClosed", deadline, deadline):
        task.reveal(worker)


def test_reveal__before_consensus__reverts(market: Market) -> None:
    task, (worker,) = open_task(market, trust=3), workers_of(market, 1)
    task.contribute(worker)
    with reverts(market.hub, "Task_WrongStatus", Status.REVEALING, Status.ACTIVE):
        task.reveal(worker)


def test_reveal__without_a_contribution__reverts(market: Market) -> None:
    task = open_task(market).agree(workers_of(market, 1), reveal=False)
    with reverts(market.hub, "Task_WrongContributionStatus", Vote.CONTRIBUTED, Vote.UNSET):
        task.reveal(market.cast["stranger"])


def test_reveal__twice__reverts(market: Market) -> None:
    workers = workers_of(market, 2)
    task = open_task(market, trust=3).agree(workers, reveal=False)
    task.reveal(workers[0])
    with reverts(market.hub, "Task_WrongContributionStatus", Vote.CONTRIBUTED, Vote.PROVED):
        task.reveal(workers[0])


def test_reveal__loser__reverts_before_and_after_the_first_reveal(market: Market) -> None:
    task, (loser, *honest) = open_task(market, trust=3), workers_of(market, 4)
    task.contribute(loser, OTHER)
    task.agree(honest, reveal=False)
    error = ("Task_NotInConsensus", hash_of(task), hash_of(task, OTHER))
    with reverts(market.hub, *error):
        task.reveal(loser, OTHER)
    task.reveal(honest[0])
    with reverts(market.hub, *error):
        task.reveal(loser, DIGEST)
    vote = task.vote(loser)
    assert (vote.status, vote.resultHash) == (Vote.CONTRIBUTED, hash_of(task, OTHER))
    assert vote.resultSeal == seal_of(task, loser, OTHER)


def test_reveal__wrong_digest__reverts_before_and_after_the_first_reveal(market: Market) -> None:
    one, two = workers_of(market, 2)
    task = open_task(market, trust=3).agree([one, two], reveal=False)
    error = ("Task_DigestMismatch", hash_of(task), result_hash(task.id, OTHER))
    with reverts(market.hub, *error):
        task.reveal(one, OTHER)
    task.reveal(one)
    with reverts(market.hub, *error):
        task.reveal(two, OTHER)


def test_reveal__copied_hash_with_a_seal_of_that_hash__never_proves(market: Market) -> None:
    """The copier knows the result hash of another, so it seals that as if it were the digest."""
    task, (honest, copier) = open_task(market, trust=3), workers_of(market, 2)
    task.contribute(honest)
    copied = hash_of(task)
    own_seal = seal_of(task, copier, copied)
    contribute_raw(task, copier, copied, own_seal)
    with reverts(market.hub, "Task_DigestMismatch", copied, result_hash(task.id, copied)):
        task.reveal(copier, copied)
    task.reveal(honest)
    with reverts(market.hub, "Task_DigestMismatch", copied, result_hash(task.id, copied)):
        task.reveal(copier, copied)
    with reverts(market.hub, "Task_SealMismatch", own_seal, seal_of(task, copier)):
        task.reveal(copier, DIGEST)


def test_reveal__stolen_seal__never_proves(market: Market) -> None:
    task, (honest, thief) = open_task(market, trust=3), workers_of(market, 2)
    task.contribute(honest)
    stolen = seal_of(task, honest)
    contribute_raw(task, thief, hash_of(task), stolen)
    task.reveal(honest)
    with reverts(market.hub, "Task_SealMismatch", stolen, seal_of(task, thief)):
        task.reveal(thief)
    assert task.vote(thief).resultSeal == stolen


def test_reveal__seal_wrong_in_its_last_bit__reverts(market: Market) -> None:
    """The low bits of a seal are kept apart from the rest: they count too."""
    task, (worker,) = open_task(market), workers_of(market, 1)
    seal = seal_of(task, worker)
    near = seal[:-1] + bytes([seal[-1] ^ 1])
    contribute_raw(task, worker, hash_of(task), near)
    assert task.vote(worker).resultSeal == near
    with reverts(market.hub, "Task_SealMismatch", near, seal):
        task.reveal(worker)


def test_reveal__winner_that_copied__loses_its_stake_to_the_honest(market: Market) -> None:
    task, (honest, copier) = open_task(market, trust=3), workers_of(market, 2)
    task.contribute(honest)
    contribute_raw(task, copier, hash_of(task), seal_of(task, copier, hash_of(task)))
    task.reveal(honest)
    travel_to(task.reveal_deadline)
    before = market.balances()
    task.finalize()
    after = market.balances()
    assert after["worker_2"] == (before["worker_2"][0], before["worker_2"][1] - 300_000_000)
    assert after["worker_1"][0] - before["worker_1"][0] == 300_000_000 + 1_287_000_000
