"""The reference model against the numbers of the specification (contracts §4.5, §4.8, §12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_model import (
    Deal,
    Ledger,
    Task,
    TaskStatus,
    kitty_share,
    log_weight,
    weight_of_score,
)

RLC = 10**9


def deal(trust: int = 1, price: int = RLC, stake: int = 3 * 10**8, ratio: int = 1) -> Deal:
    return Deal(
        "sponsor",
        "scheduler",
        "app owner",
        "dataset owner",
        price=price,
        stake=stake,
        reward_ratio=ratio,
        trust=trust,
    )


def rich(*names: str) -> Ledger:
    ledger = Ledger()
    for name in ("sponsor", "scheduler", *names):
        ledger.free[name] = 100 * RLC
    return ledger


def votes_until_consensus(trust: int, *dissenters: str) -> int:
    """How many newcomers must agree when each of `dissenters` said something else first."""
    ledger, task = rich(), Task(deal(trust, stake=0))
    for name in dissenters:
        task.contribute(ledger, name, f"value of {name}")
    count = 0
    while task.status is TaskStatus.ACTIVE:
        count += 1
        task.contribute(ledger, f"worker {count}", "value")
    return count


@pytest.mark.parametrize(
    ("scores", "weight", "log"),
    [
        (range(12), 2, 1),
        (range(12, 15), 3, 1),
        (range(15, 18), 4, 2),
        (range(27, 30), 8, 3),
        (range(51, 54), 16, 4),
        (range(99, 102), 32, 5),
    ],
)
def test_weight__by_score__as_in_the_table(scores: range, weight: int, log: int) -> None:
    assert {weight_of_score(score) for score in scores} == {weight}
    assert log_weight(weight) == log


@pytest.mark.parametrize(
    ("trust", "needed"),
    [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 3), (8, 3), (9, 4), (16, 4), (17, 5)],
)
def test_consensus__newcomers_without_dissent__need_log2_of_trust(trust: int, needed: int) -> None:
    assert votes_until_consensus(trust) == needed


def test_consensus__trust_3_and_one_dissenter__needs_three() -> None:
    assert votes_until_consensus(3, "mallory") == 3


@pytest.mark.parametrize(
    ("kitty", "share"),
    [
        (0, 0),
        (10_000_000_010, 1_000_000_001),
        (10**9, 10**9),
        (999_999_999, 999_999_999),
        (10**9 + 1, 10**9),
        (10 * RLC, RLC),
    ],
)
def test_kitty__share__is_a_tenth_of_at_least_one_rlc(kitty: int, share: int) -> None:
    assert kitty_share(kitty) == share


def test_finalize__three_winners_and_a_loser__shares_price_and_stake() -> None:
    names = ("alice", "bob", "carol", "mallory")
    ledger, task = rich(*names), Task(deal(trust=3))
    task.deal.open(ledger, 1)
    before = dict(ledger.free)
    for name in ("mallory", "alice", "bob", "carol"):
        task.contribute(ledger, name, name == "mallory")
    for name in ("alice", "bob", "carol"):
        task.reveal(name)
    task.finalize(ledger)
    gains = {name: ledger.free[name] - before[name] for name in (*names, "scheduler")}
    assert gains == {
        "alice": 429_000_000,
        "bob": 429_000_000,
        "carol": 429_000_000,
        "mallory": -300_000_000,
        "scheduler": 13_000_000 + 300_000_000,
    }


def test_contribute_and_finalize__one_rlc__pays_99_percent_to_the_worker() -> None:
    ledger, task = rich(), Task(deal())
    task.deal.open(ledger, 1)
    task.contribute_and_finalize(ledger, "alice")
    assert ledger.free["alice"] == 990_000_000
    assert ledger.free["scheduler"] == 100 * RLC + 10_000_000


@given(
    trust=st.integers(1, 40),
    price=st.integers(0, 10**12),
    stake=st.integers(0, 10**10),
    ratio=st.integers(0, 100),
    votes=st.lists(st.integers(0, 2), min_size=1, max_size=8),
    scores=st.lists(st.integers(0, 300), min_size=8, max_size=8),
    silent=st.integers(0, 255),
    kitty=st.integers(0, 10**11),
)
def test_any_history__money__is_neither_made_nor_lost(
    trust: int,
    price: int,
    stake: int,
    ratio: int,
    votes: list[int],
    scores: list[int],
    silent: int,
    kitty: int,
) -> None:
    ledger, task = Ledger(kitty=kitty), Task(deal(trust, price, stake, ratio))
    for name in ("sponsor", "scheduler", *range(8)):
        ledger.free[name] = 10**13
    ledger.scores.update(dict(enumerate(scores)))
    supply = ledger.supply
    task.deal.open(ledger, 1)
    for worker, vote in enumerate(votes):
        if task.status is TaskStatus.ACTIVE:
            task.contribute(ledger, worker, vote)
    revealers = [c.worker for c in task.contributions if c.value == task.consensus]
    for worker in revealers:
        if not silent >> int(str(worker)) & 1:
            task.reveal(worker)
    if task.revealed:
        task.finalize(ledger)
    else:
        task.claim(ledger)
    assert ledger.supply == supply
    assert all(amount >= 0 for amount in ledger.free.values())
    assert not any(ledger.frozen.values())
