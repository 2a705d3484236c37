"""The market's arithmetic in plain Python: what the contracts must compute, rule by rule.

Amounts are nRLC as integers, accounts are names (any hashable value). Nothing here knows a chain:
`Ledger` keeps balances, frozen amounts and scores; `Deal` and `Task` move them as spec contracts §4
says. The tests play the same history on the contracts and compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

__all__ = [
    "KITTY_MIN",
    "Contribution",
    "ContributionStatus",
    "Deal",
    "Ledger",
    "Task",
    "TaskStatus",
    "kitty_share",
    "log_weight",
    "scheduler_stake",
    "weight_of_score",
]

Account: TypeAlias = Hashable

KITTY_MIN = 10**9
KITTY_PERCENT = 10
SCHEDULER_STAKE_PERCENT = 30
CONTRIBUTION_RATIO, REVEAL_RATIO, FINAL_RATIO = 7, 2, 10
"""Deadlines in clocks of the category, from the deal on (reveal: from consensus on)."""


class TaskStatus(IntEnum):
    """States of a task (spec contracts §4.1)."""

    UNSET = 0
    ACTIVE = 1
    REVEALING = 2
    COMPLETED = 3
    FAILED = 4


class ContributionStatus(IntEnum):
    """States of a contribution (spec contracts §4.1)."""

    UNSET = 0
    CONTRIBUTED = 1
    PROVED = 2
    REJECTED = 3


def weight_of_score(score: int) -> int:
    """Return what a worker's vote weighs, at least 2 (spec contracts §4.5)."""
    return max(score // 3, 3) - 1


def log_weight(weight: int) -> int:
    """Return floor(log2(weight)): a winner's share in the reward."""
    return weight.bit_length() - 1


def scheduler_stake(price: int) -> int:
    """Return the scheduler's stake for one task of a workerpool price (spec contracts §3.7)."""
    return price * SCHEDULER_STAKE_PERCENT // 100


def kitty_share(kitty: int) -> int:
    """Return what a completed task takes from the kitty (spec contracts §4.8)."""
    return min(max(kitty * KITTY_PERCENT // 100, KITTY_MIN), kitty)


@dataclass
class Ledger:
    """Who owns what: free and frozen nRLC, the kitty, and the scores of workers.

    The hub's own balance is not kept: it is always the sum of what is frozen, kitty included.
    """

    free: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))
    frozen: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))
    scores: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))
    kitty: int = 0

    @property
    def supply(self) -> int:
        """All nRLC of the hub."""
        return sum(self.free.values()) + sum(self.frozen.values()) + self.kitty

    def lock(self, account: Account, amount: int) -> None:
        """Freeze a part of a free balance, which must suffice."""
        assert self.free[account] >= amount
        self.free[account] -= amount
        self.frozen[account] += amount

    def unlock(self, account: Account, amount: int) -> None:
        """Give a frozen amount back."""
        self.seize(account, amount)
        self.free[account] += amount

    def seize(self, account: Account, amount: int) -> None:
        """Take a frozen amount away."""
        assert self.frozen[account] >= amount
        self.frozen[account] -= amount


@dataclass(frozen=True)
class Deal:
    """The terms of the tasks of a deal.

    Args:
        sponsor, scheduler, app_owner, dataset_owner: the parties.
        app_price, dataset_price, price: nRLC per task; `price` is the workerpool's.
        stake: nRLC that a worker stakes per contribution.
        reward_ratio: percent of the reward that the scheduler keeps.
        trust: at least 1.
    """

    sponsor: Account
    scheduler: Account
    app_owner: Account
    dataset_owner: Account
    app_price: int = 0
    dataset_price: int = 0
    price: int = 0
    stake: int = 0
    reward_ratio: int = 1
    trust: int = 1

    @property
    def cost(self) -> int:
        """What one task costs its sponsor."""
        return self.app_price + self.dataset_price + self.price

    def open(self, ledger: Ledger, volume: int) -> None:
        """Lock the price and the scheduler's stake of every task."""
        ledger.lock(self.sponsor, self.cost * volume)
        ledger.lock(self.scheduler, scheduler_stake(self.price) * volume)


@dataclass
class Contribution:
    """One worker's vote for a value."""

    worker: Account
    value: Hashable
    weight: int
    status: ContributionStatus = ContributionStatus.CONTRIBUTED


@dataclass
class Task:
    """The life of one task; methods assume that the caller may and that it is time."""

    deal: Deal
    status: TaskStatus = TaskStatus.ACTIVE
    contributions: list[Contribution] = field(default_factory=list)
    consensus: Hashable | None = None

    # ---- consensus: spec contracts §4.5

    def group_weight(self, value: Hashable) -> int:
        """Return the product of the weights of those who say `value` and are not rejected."""
        product = 1
        members = [
            c
            for c in self.contributions
            if c.value == value and c.status is not ContributionStatus.REJECTED
        ]
        for member in members:
            product *= member.weight
        return product if members else 0

    def total_weight(self) -> int:
        """Return one more than the sum of the weights of all groups."""
        return 1 + sum(self.group_weight(value) for value in {c.value for c in self.contributions})

    def agrees_on(self, value: Hashable) -> bool:
        """Whether `value` outweighs the rest by the trust of the deal."""
        trust = self.deal.trust
        return self.group_weight(value) * trust > self.total_weight() * (trust - 1)

    def of(self, status: ContributionStatus) -> list[Contribution]:
        """Return the contributions to the consensus that are in `status`."""
        return [c for c in self.contributions if c.value == self.consensus and c.status is status]

    @property
    def revealed(self) -> int:
        """How many winners have revealed."""
        return len(self.of(ContributionStatus.PROVED))

    @property
    def winners(self) -> int:
        """How many contributions won, revealed or not."""
        return self.revealed + len(self.of(ContributionStatus.CONTRIBUTED))

    # ---- moves

    def contribute(self, ledger: Ledger, worker: Account, value: Hashable) -> None:
        """Stake and vote; the task starts revealing when `value` has won."""
        assert worker not in {c.worker for c in self.contributions}
        ledger.lock(worker, self.deal.stake)
        weight = weight_of_score(ledger.scores[worker])
        self.contributions.append(Contribution(worker, value, weight))
        if self.agrees_on(value):
            self.status, self.consensus = TaskStatus.REVEALING, value

    def reveal(self, worker: Account) -> None:
        """Prove the vote of a winner."""
        (own,) = (c for c in self.of(ContributionStatus.CONTRIBUTED) if c.worker == worker)
        own.status = ContributionStatus.PROVED

    def reopen(self) -> None:
        """Reject the winners, none of whom revealed."""
        for contribution in self.of(ContributionStatus.CONTRIBUTED):
            contribution.status = ContributionStatus.REJECTED
        self.status, self.consensus = TaskStatus.ACTIVE, None

    # ---- ends: spec contracts §4.8, §4.10

    def finalize(self, ledger: Ledger) -> None:
        """Pay the parties and share price and lost stakes among those who proved the result."""
        deal = self.deal
        self._settle(ledger)
        proved = [c for c in self.contributions if c.status is ContributionStatus.PROVED]
        reward = deal.price + deal.stake * (len(self.contributions) - len(proved))
        workers_reward = reward * (100 - deal.reward_ratio) // 100
        shares = sum(log_weight(c.weight) for c in proved)
        for contribution in self.contributions:
            worker = contribution.worker
            if contribution.status is ContributionStatus.PROVED:
                share = workers_reward * log_weight(contribution.weight) // shares
                reward -= share
                ledger.unlock(worker, deal.stake)
                ledger.free[worker] += share
                if len(self.contributions) > 1:
                    ledger.scores[worker] += 1
            else:
                ledger.seize(worker, deal.stake)
                ledger.scores[worker] = ledger.scores[worker] * 2 // 3
        ledger.free[deal.scheduler] += reward

    def contribute_and_finalize(self, ledger: Ledger, worker: Account) -> None:
        """Complete the task at once: no stake, no score (spec contracts §4.4)."""
        self._settle(ledger)
        share = self.deal.price * (100 - self.deal.reward_ratio) // 100
        ledger.free[worker] += share
        ledger.free[self.deal.scheduler] += self.deal.price - share

    def claim(self, ledger: Ledger) -> None:
        """Refund everybody but the scheduler, whose stake goes to the kitty."""
        stake = scheduler_stake(self.deal.price)
        self.status = TaskStatus.FAILED
        ledger.unlock(self.deal.sponsor, self.deal.cost)
        ledger.seize(self.deal.scheduler, stake)
        ledger.kitty += stake
        for contribution in self.contributions:
            ledger.unlock(contribution.worker, self.deal.stake)

    def _settle(self, ledger: Ledger) -> None:
        """Take the price, pay the owners, return the scheduler's stake with its kitty share."""
        deal = self.deal
        self.status = TaskStatus.COMPLETED
        ledger.seize(deal.sponsor, deal.cost)
        ledger.free[deal.app_owner] += deal.app_price
        ledger.free[deal.dataset_owner] += deal.dataset_price
        ledger.unlock(deal.scheduler, scheduler_stake(deal.price))
        share = kitty_share(ledger.kitty)
        ledger.kitty -= share
        ledger.free[deal.scheduler] += share
