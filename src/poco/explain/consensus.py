"""The arithmetic of consensus in words (spec contracts §4.5).

The weights of workers with one result multiply to the weight of their group. A group wins when
``weight · trust > total · (trust - 1)``, where the total is 1 plus the weights of all groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from eth_typing import ChecksumAddress

from poco.contracts import Contribution, ContributionStatus

__all__ = ["MAX_CONTRIBUTORS", "NEWCOMER", "Vote", "is_consensus", "tally", "wanted", "weight_of"]

NEWCOMER = 2
"""The least weight of a worker: one with a score below 12."""
MAX_CONTRIBUTORS = 255


@dataclass(frozen=True, slots=True)
class Vote:
    """One worker's contribution with its weight.

    Args:
        worker: who.
        contribution: what.
        score: the worker's score now; its weight was made of the one at the contribution.
    """

    worker: ChecksumAddress
    contribution: Contribution
    score: int

    @property
    def weight(self) -> int:
        """What the vote weighs; where the score has changed since, the least it can weigh."""
        now = weight_of(self.score)
        logarithm = self.contribution.weight
        return now if now.bit_length() - 1 == logarithm else 1 << logarithm


def weight_of(score: int) -> int:
    """Return what a contribution of a worker with this score weighs."""
    return max(score // 3, 3) - 1


def tally(votes: Iterable[Vote]) -> dict[bytes, int]:
    """Return the weight of each result hash, the heaviest first; rejected votes do not count."""
    groups: dict[bytes, list[int]] = {}
    for vote in votes:
        if vote.contribution.status is not ContributionStatus.REJECTED:
            groups.setdefault(vote.contribution.result_hash, []).append(vote.weight)
    weights = {result: prod(members) for result, members in groups.items()}
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def is_consensus(weight: int, others: int, trust: int) -> bool:
    """Return whether a group wins.

    Args:
        weight: of the group.
        others: weight of all other groups together.
        trust: of the deal.
    """
    return weight * trust > (1 + weight + others) * (trust - 1)


def wanted(groups: dict[bytes, int], trust: int) -> int:
    """Return how many more newcomers must agree with the heaviest group; at least 1.

    Consensus is looked for at each contribution, so one more is needed even where the weights
    would do after a round was opened again.
    """
    weights = list(groups.values()) or [1]
    leader, others = weights[0], sum(weights[1:])
    for count in range(1, MAX_CONTRIBUTORS + 1):
        if is_consensus(leader * NEWCOMER**count, others, trust):
            return count
    return MAX_CONTRIBUTORS + 1
