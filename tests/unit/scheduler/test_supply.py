"""Whether a task needs one more worker: the arithmetic of consensus, against the rule itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.scheduler.supply import Vote, needs_worker, weight

A, B = bytes([1]) * 32, bytes([2]) * 32


@pytest.mark.parametrize(
    ("score", "expected"), [(0, 2), (11, 2), (12, 3), (15, 4), (27, 8), (51, 16), (99, 32)]
)
def test_weight__of_a_score__is_that_of_the_contract(score: int, expected: int) -> None:
    assert weight(score) == expected


@pytest.mark.parametrize(("trust", "newcomers"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3)])
def test_needs_worker__newcomers_only__wants_as_many_as_consensus_takes(
    trust: int, newcomers: int
) -> None:
    asked = [needs_worker(trust, [], [2] * pending) for pending in range(newcomers + 1)]
    assert asked == [True] * newcomers + [False]


def test_needs_worker__dissent_at_trust_3__wants_two_reputed_or_three_new() -> None:
    cheat = Vote(A, 2)
    assert needs_worker(3, [cheat, Vote(B, 2)], [2])
    assert not needs_worker(3, [cheat, Vote(B, 2), Vote(B, 2)], [2])
    assert not needs_worker(3, [cheat, Vote(B, 3)], [3])


@given(
    trust=st.integers(1, 20),
    votes=st.lists(st.tuples(st.sampled_from([A, B]), st.integers(2, 9)), max_size=4),
    pending=st.lists(st.integers(2, 9), max_size=4),
)
def test_needs_worker__all_pending_join_the_leader__is_whether_the_chain_has_no_consensus(
    trust: int, votes: list[tuple[bytes, int]], pending: list[int]
) -> None:
    groups = {value: [w for found, w in votes if found == value] for value in (A, B)}
    leader = max(groups, key=lambda value: math.prod(groups[value]) if groups[value] else 0)
    groups[leader] += pending
    weights = [math.prod(group) for group in groups.values() if group]
    best = math.prod(groups[leader]) if groups[leader] else 0
    consensus = best * trust > (1 + sum(weights)) * (trust - 1)
    assert needs_worker(trust, [Vote(*vote) for vote in votes], pending) is not consensus
