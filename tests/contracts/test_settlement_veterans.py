"""Scores grow, weigh, and are lost: histories on chain against the reference model (spec §4.5)."""

from __future__ import annotations

from typing import Any

import pytest
from market import Market, travel_to
from reference_model import Deal, Ledger, Task, TaskStatus
from tasks import DIGEST, OTHER, PRICE, WORKER_STAKE, open_task, workers_of

ROUNDS = 15


@pytest.fixture(scope="module")
def veterans(market: Market) -> list[Any]:
    """The first two workers have agreed in 15 tasks: their votes weigh 4."""
    pair = workers_of(market, 2)
    deal = market.match(
        market.orders(
            dataset=False,
            app={"appprice": 0},
            workerpool={"workerpoolprice": 0},
            request={"trust": 4, "volume": ROUNDS},
        )
    )
    for position in range(ROUNDS):
        market.complete(deal, pair, position=position)
    assert [market.hub.viewScore(worker) for worker in pair] == [ROUNDS] * 2
    return pair


@pytest.mark.parametrize(
    ("trust", "votes", "silent"),
    [
        pytest.param(5, "ab", "", id="two veterans outweigh trust 5"),
        pytest.param(4, "a", "", id="one veteran at trust 4"),
        pytest.param(3, "Xac", "c", id="a silent newcomer and a dissenter pay the veteran"),
        pytest.param(5, "cabd", "b", id="a silent veteran loses a third of its score"),
        pytest.param(6, "Aabcd", "", id="unequal shares leave dust to the scheduler"),
    ],
)
def test_history__with_veterans__is_what_the_model_says(
    market: Market, veterans: list[Any], trust: int, votes: str, silent: str
) -> None:
    """Letters name workers, a and b the veterans; X and A are dissenting votes of d and c."""
    one, two, three, four, _ = workers_of(market)
    people = {"a": one, "b": two, "c": three, "d": four, "X": four, "A": three}
    ledger, task = Ledger(), open_task(market, trust=trust)
    model = Task(Deal("payer", "scheduler", "app", "data", 0, 0, PRICE, WORKER_STAKE, 1, trust))
    for name in ("payer", "scheduler", *people.values()):
        ledger.free[name] = 10 * PRICE
    ledger.scores.update(dict.fromkeys(veterans, ROUNDS))
    model.deal.open(ledger, 1)
    before = {w: market.hub.balanceOf(w) - ledger.free[w] for w in (one, two, three, four)}
    for letter in votes:
        if model.status is not TaskStatus.ACTIVE or people[letter] in {
            c.worker for c in model.contributions
        }:
            continue
        value = OTHER if letter.isupper() else DIGEST
        model.contribute(ledger, people[letter], value)
        task.contribute(people[letter], value)
        assert task.view().status == model.status
    assert model.status is TaskStatus.REVEALING
    quiet = {people[letter] for letter in silent}
    for contribution in list(model.contributions):
        if contribution.value == model.consensus and contribution.worker not in quiet:
            model.reveal(contribution.worker)
            task.reveal(contribution.worker, model.consensus)
    travel_to(task.reveal_deadline)
    model.finalize(ledger)
    task.finalize()
    for worker, offset in before.items():
        assert market.hub.balanceOf(worker) - offset == ledger.free[worker]
        assert market.hub.viewScore(worker) == ledger.scores[worker]


def test_score__fault__loses_a_third_rounded_down(market: Market, veterans: list[Any]) -> None:
    """15 becomes 10, 10 becomes 6."""
    liar, *honest = workers_of(market)
    assert liar in veterans
    for score in (10, 6):
        task, revealers = open_task(market, trust=5), []
        task.contribute(liar, OTHER)
        while task.view().status == TaskStatus.ACTIVE:
            revealers.append(honest[len(revealers)])
            task.contribute(revealers[-1])
        for worker in revealers:
            task.reveal(worker)
        task.finalize()
        assert market.hub.viewScore(liar) == score
