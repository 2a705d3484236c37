"""Does a task need one more worker? Pure arithmetic of spec offchain §3.4 and contracts §4.5."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Vote", "needs_worker", "weight"]

_SCORE_PER_WEIGHT = 3
_LEAST_SHARE = 3


def weight(score: int) -> int:
    """Return the weight of a worker's contribution, 2 for a newcomer.

    Args:
        score: its reputation on chain.
    """
    return max(score // _SCORE_PER_WEIGHT, _LEAST_SHARE) - 1


@dataclass(frozen=True, slots=True)
class Vote:
    """A contribution that is on chain and was not rejected.

    Args:
        result_hash: what the worker committed to.
        weight: its weight, see `weight`.
    """

    result_hash: bytes
    weight: int


def needs_worker(trust: int, votes: Sequence[Vote], pending: Sequence[int]) -> bool:
    """Return whether consensus is out of reach even if all pending workers join the leading value.

    A value wins when ``group * trust > total * (trust - 1)``; a group weighs the product of its
    members, the total is one more than the sum of the groups.

    Args:
        trust: of the deal, at least 1.
        votes: the contributions so far.
        pending: weights of the workers that are at work.
    """
    groups = _groups(votes)
    leading = max(groups.values(), default=0)
    others = sum(groups.values()) - leading
    best = max(leading, 1) * math.prod(pending) if leading or pending else 0
    return best * trust <= (1 + others + best) * (trust - 1)


def _groups(votes: Sequence[Vote]) -> Mapping[bytes, int]:
    groups: dict[bytes, int] = {}
    for vote in votes:
        groups[vote.result_hash] = groups.get(vote.result_hash, 1) * vote.weight
    return groups
