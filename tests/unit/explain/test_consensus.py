"""The arithmetic of consensus against the rule of the contracts, played vote by vote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poco.contracts import Contribution, ContributionStatus
from poco.explain.consensus import NEWCOMER, Vote, is_consensus, tally, wanted, weight_of
from poco.orders import ZERO_ADDRESS

TRUST = st.integers(1, 2**20)


def vote(result: int, *, weight: int, score: int = 0, rejected: bool = False) -> Vote:
    status = ContributionStatus.REJECTED if rejected else ContributionStatus.CONTRIBUTED
    given_ = Contribution(status, result.to_bytes(32), bytes(32), ZERO_ADDRESS, weight)
    return Vote(ZERO_ADDRESS, given_, score)


def played(groups: dict[bytes, int], trust: int, agreeing: int) -> bool:
    """Let newcomers join the heaviest group; return whether that wins (spec §4.5)."""
    weights = list(groups.values()) or [0]
    total = 1 + sum(weights)
    group = weights[0]
    for _ in range(agreeing):
        after = max(group, 1) * NEWCOMER
        total += after - group
        group = after
    return group * trust > total * (trust - 1)


@given(st.lists(st.integers(1, 2**40), max_size=4), TRUST)
def test_wanted__any_groups__is_the_least_number_that_wins(weights: list[int], trust: int) -> None:
    ordered = sorted(weights, reverse=True)
    groups = {number.to_bytes(32): weight for number, weight in enumerate(ordered)}
    count = wanted(groups, trust)
    assert count >= 1
    assert played(groups, trust, count)
    assert count == 1 or not played(groups, trust, count - 1)


def test_wanted__nobody_dissents__is_the_table_of_the_specification() -> None:
    assert [wanted({}, trust) for trust in (1, 2, 3, 4, 5, 8)] == [1, 1, 2, 2, 3, 3]


def test_wanted__trust_beyond_all_workers__is_more_than_a_task_takes() -> None:
    assert wanted({}, 2**300) == 256


def test_weight_of__scores__is_the_table_of_the_specification() -> None:
    assert [weight_of(score) for score in (0, 11, 12, 15, 27, 51, 99)] == [2, 2, 3, 4, 8, 16, 32]


def test_vote__score_changed_since__weighs_at_least_what_the_chain_keeps() -> None:
    assert vote(1, weight=1, score=12).weight == 3
    assert vote(1, weight=1, score=99).weight == 2


def test_tally__rejected_votes__do_not_count() -> None:
    votes = [vote(1, weight=1), vote(1, weight=1), vote(2, weight=1, rejected=True)]
    assert tally(votes) == {(1).to_bytes(32): 4}


def test_is_consensus__on_the_edge__needs_more_than_equality() -> None:
    assert not is_consensus(3, 0, 4)
    assert is_consensus(4, 0, 4)
