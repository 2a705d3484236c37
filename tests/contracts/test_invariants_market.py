"""Random market histories on the contracts and on the reference model, compared after every step.

The numbered invariants are listed in `README.md` next to this file. `POCO_EXAMPLES` plays more
histories than the few of an ordinary run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ape
import pytest
import reference_model as reference
from eth_utils import keccak
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from market import KITTY, WEI_PER_NRLC, DealMade, Market, fund, reverts, travel_to
from reference_model import ContributionStatus, TaskStatus
from tasks import CLOCK

from poco.orders import ZERO_ADDRESS, deal_id, task_id

EXAMPLES = int(os.environ.get("POCO_EXAMPLES", "2"))
WORKERS = tuple(f"worker_{i}" for i in range(1, 6))
PAYERS = ("requester", "sponsor")
POOL_POLICY = (30, 1)
VALUES = tuple(keccak(text=f"value {i}") for i in range(3))

pick = st.integers(0, 2**16)


@dataclass
class Bag:
    """A deal, on chain and in the model, with its unopened tasks."""

    made: DealMade
    model: reference.Deal
    start: int
    boost: bool
    unopened: list[int]


@dataclass
class Item:
    """A task, on chain and in the model."""

    id: bytes
    bag: Bag
    index: int
    model: reference.Task
    reveal_deadline: int = 0
    votes: dict[str, bytes] = field(default_factory=dict)

    @property
    def closes(self) -> int:
        """The contribution deadline."""
        return self.bag.start + 7 * CLOCK

    @property
    def ends(self) -> int:
        """When the task can be claimed."""
        return self.bag.start + (7 if self.bag.boost else 10) * CLOCK


class MarketHistory(RuleBasedStateMachine):
    """Everybody acts at random; the model predicts what is accepted and who owns what."""

    def __init__(self, market: Market) -> None:
        super().__init__()
        self.market, self.cast = market, market.cast
        self.snapshot = ape.chain.snapshot()
        # Far ahead of the clock on the wall, which the chain would follow otherwise.
        self.time = ape.chain.blocks.head.timestamp + 1_000_000
        self.ledger = reference.Ledger()
        for name in self.cast:
            free, frozen = market.hub.viewAccountABILegacy(self.cast[name])
            self.ledger.free[name], self.ledger.frozen[name] = free, frozen
        self.checked: dict[str, tuple[int, int]] = {}
        self.bags: list[Bag] = []
        self.items: list[Item] = []

    def teardown(self) -> None:
        """Compare every account once more, then give the chain back as it was."""
        try:
            self.checked.clear()
            self.everybody_owns_what_the_model_says()
        finally:
            ape.chain.restore(self.snapshot)

    # ---- helpers

    def act(self, accepted: bool, method: Any, *arguments: Any, sender: str, **options: Any) -> Any:
        """Send a transaction that must be accepted or refused as predicted."""
        self.time += 1
        travel_to(self.time)
        account = self.cast[sender]
        if accepted:
            return method(*arguments, sender=account, **options)
        with pytest.raises(ape.exceptions.ContractLogicError):
            method(*arguments, sender=account, **options)
        return None

    def some(self, number: int, wanted: Callable[[Item], bool]) -> Item:
        """Return one of the tasks that are wanted."""
        found = [item for item in self.items if wanted(item)]
        return found[number % len(found)]

    def any_in(self, status: TaskStatus, *, boost: bool = False) -> bool:
        """Whether a task is in `status`."""
        return any(i.model.status is status and i.bag.boost is boost for i in self.items)

    # ---- free balances

    @rule(name=st.sampled_from(("requester", "worker_1")), amount=st.integers(0, 10**9))
    def deposit(self, name: str, amount: int) -> None:
        """Deposit out of the owner's purse."""
        fund(self.market, [self.cast[name]], amount)
        self.time = max(self.time, ape.chain.blocks.head.timestamp)
        self.ledger.free[name] += amount

    @rule(name=st.sampled_from(("requester", *WORKERS)), percent=st.integers(0, 101))
    def withdraw(self, name: str, percent: int) -> None:
        """Withdraw a part of a balance, or more than all of it."""
        amount = self.ledger.free[name] * percent // 100
        accepted = amount <= self.ledger.free[name]
        self.act(accepted, self.market.hub.withdraw, amount, sender=name)
        if accepted:
            self.ledger.free[name] -= amount

    @rule(source=st.sampled_from(WORKERS), receiver=st.sampled_from(WORKERS), percent=pick)
    def transfer(self, source: str, receiver: str, percent: int) -> None:
        """Move a part of a balance to somebody, perhaps to oneself."""
        amount = self.ledger.free[source] * (percent % 101) // 100
        self.act(True, self.market.hub.transfer, self.cast[receiver], amount, sender=source)
        self.ledger.free[source] -= amount
        self.ledger.free[receiver] += amount

    # ---- deals

    @rule(
        price=st.integers(0, 3 * 10**9),
        asset_prices=st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)),
        trust=st.sampled_from((0, 1, 1, 2, 3, 5)),
        volume=st.integers(1, 3),
        with_dataset=st.booleans(),
        payer=st.sampled_from(PAYERS),
        boost=st.sampled_from((False, False, True)),
    )
    def match(
        self,
        price: int,
        asset_prices: tuple[int, int],
        trust: int,
        volume: int,
        with_dataset: bool,
        payer: str,
        boost: bool,
    ) -> None:
        """Make a deal of either kind and open its first task."""
        market, (app_price, dataset_price) = self.market, asset_prices
        trust = min(trust, 1) if boost else trust
        orders = market.orders(
            app={"appprice": app_price},
            dataset={"datasetprice": dataset_price} if with_dataset else False,
            workerpool={"workerpoolprice": price},
            request={
                "trust": trust,
                "volume": volume,
                "appmaxprice": app_price,
                "datasetmaxprice": dataset_price,
                "workerpoolmaxprice": price,
            },
        )
        model = reference.Deal(
            sponsor=payer,
            scheduler="pool_owner",
            app_owner="app_owner",
            dataset_owner="dataset_owner",
            app_price=app_price,
            dataset_price=dataset_price if with_dataset else 0,
            price=price,
            stake=price * POOL_POLICY[0] // 100,
            reward_ratio=POOL_POLICY[1],
            trust=max(trust, 1),
        )
        stake = reference.scheduler_stake(price)
        free = self.ledger.free
        accepted = free[payer] >= model.cost * volume and free["pool_owner"] >= stake * volume
        name = "matchOrders" if payer == "requester" else "sponsorMatchOrders"
        method = getattr(market.hub, name + ("Boost" if boost else ""))
        sender = "stranger" if payer == "requester" else payer
        receipt = self.act(accepted, method, *orders.to_abi(), sender=sender)
        if not accepted:
            return
        model.open(self.ledger, volume)
        made = DealMade(deal_id(market.hash(orders.request), 0), orders, 0, volume, receipt)
        self.bags.append(Bag(made, model, self.time, boost, list(range(volume))))
        self.open_task(len(self.bags) - 1)

    @rule()
    def match_closed_request(self) -> None:
        """A closed request makes no deal."""
        orders = self.market.orders()
        hub, close = self.market.hub, (orders.request.to_abi(), 1, b"")
        self.act(True, hub.manageRequestOrder, close, sender="requester")
        self.time += 1
        travel_to(self.time)
        error = ("Match_OrderConsumed", self.market.hash(orders.request), 1, 1)
        with reverts(hub, *error):
            hub.matchOrders(*orders.to_abi(), sender=self.cast["stranger"])

    @precondition(lambda self: any(bag.unopened for bag in self.bags))
    @rule(number=pick)
    def open_task(self, number: int) -> None:
        """Initialize a task; a Boost task needs no transaction."""
        bags = [bag for bag in self.bags if bag.unopened]
        bag = bags[number % len(bags)]
        index = bag.unopened.pop(0)
        if not bag.boost:
            arguments = (bag.made.dealid, index)
            self.act(True, self.market.hub.initialize, *arguments, sender="stranger")
        taskid = task_id(bag.made.dealid, index)
        self.items.append(Item(taskid, bag, index, reference.Task(bag.model)))

    # ---- tasks

    @precondition(lambda self: self.any_in(TaskStatus.ACTIVE))
    @rule(number=pick, worker=st.sampled_from(WORKERS), value=st.sampled_from((0, 0, 0, 1, 2)))
    def contribute(self, number: int, worker: str, value: int) -> None:
        """Contribute one of three values."""
        item = self.some(number, lambda i: i.model.status is TaskStatus.ACTIVE and not i.bag.boost)
        stake = item.bag.model.stake
        accepted = (
            self.time + 1 < item.closes
            and worker not in item.votes
            and self.ledger.free[worker] >= stake
        )
        self.act(
            accepted,
            lambda *_, sender: self.market.contribute(sender, item.id, VALUES[value]),
            sender=worker,
        )
        if not accepted:
            return
        item.votes[worker] = VALUES[value]
        item.model.contribute(self.ledger, worker, VALUES[value])
        if item.model.status is TaskStatus.REVEALING:
            item.reveal_deadline = self.time + 2 * CLOCK

    @precondition(lambda self: self.any_in(TaskStatus.REVEALING))
    @rule(number=pick, how_many=st.integers(0, 5))
    def reveal(self, number: int, how_many: int) -> None:
        """Let some of the winners reveal."""
        item = self.some(number, lambda i: i.model.status is TaskStatus.REVEALING)
        for contribution in item.model.of(ContributionStatus.CONTRIBUTED)[:how_many]:
            name = str(contribution.worker)
            accepted = self.time + 1 < item.reveal_deadline
            arguments = (item.id, item.votes[name])
            self.act(accepted, self.market.hub.reveal, *arguments, sender=name)
            if accepted:
                item.model.reveal(name)

    @precondition(lambda self: self.any_in(TaskStatus.REVEALING))
    @rule(number=pick)
    def finalize(self, number: int) -> None:
        """Finalize, if enough is revealed in time."""
        item = self.some(number, lambda i: i.model.status is TaskStatus.REVEALING)
        revealed, winners, time = item.model.revealed, item.model.winners, self.time + 1
        in_time = time < item.ends
        complete = revealed == winners or time >= item.reveal_deadline
        accepted = in_time and revealed > 0 and complete
        arguments = (item.id, b"results", b"")
        self.act(accepted, self.market.hub.finalize, *arguments, sender="pool_owner")
        if accepted:
            item.model.finalize(self.ledger)

    @precondition(lambda self: self.any_in(TaskStatus.REVEALING))
    @rule(number=pick)
    def reopen(self, number: int) -> None:
        """Reopen, when nobody revealed in time."""
        item = self.some(number, lambda i: i.model.status is TaskStatus.REVEALING)
        time = self.time + 1
        accepted = item.reveal_deadline <= time < item.ends and item.model.revealed == 0
        self.act(accepted, self.market.hub.reopen, item.id, sender="pool_owner")
        if accepted:
            item.model.reopen()

    @precondition(lambda self: self.any_in(TaskStatus.ACTIVE))
    @rule(number=pick, worker=st.sampled_from(WORKERS))
    def contribute_and_finalize(self, number: int, worker: str) -> None:
        """Complete a task at once, if it is of trust 1 and untouched."""
        item = self.some(number, lambda i: i.model.status is TaskStatus.ACTIVE and not i.bag.boost)
        accepted = (
            self.time + 1 < item.closes
            and not item.model.contributions
            and item.bag.model.trust == 1
        )
        self.act(
            accepted,
            lambda *_, sender: self.market.contribute_and_finalize(sender, item.id, VALUES[0]),
            sender=worker,
        )
        if accepted:
            item.model.contribute_and_finalize(self.ledger, worker)

    @precondition(lambda self: self.any_in(TaskStatus.ACTIVE, boost=True))
    @rule(number=pick, worker=st.sampled_from(WORKERS))
    def push(self, number: int, worker: str) -> None:
        """Push the result of a Boost task."""
        item = self.some(number, lambda i: i.model.status is TaskStatus.ACTIVE and i.bag.boost)
        accepted = self.time + 1 < item.closes
        authorization = self.market.authorize(self.cast[worker], item.id)
        arguments = (item.bag.made.dealid, item.index, b"", b"", authorization, ZERO_ADDRESS, b"")
        self.act(accepted, self.market.hub.pushResultBoost, *arguments, sender=worker)
        if accepted:
            item.model.contribute_and_finalize(self.ledger, worker)

    @precondition(lambda self: bool(self.items))
    @rule(number=pick)
    def claim(self, number: int) -> None:
        """Claim any task, however it ended."""
        item = self.some(number, lambda i: True)
        open_ = item.model.status in (TaskStatus.ACTIVE, TaskStatus.REVEALING)
        accepted = open_ and self.time + 1 >= item.ends
        if item.bag.boost:
            arguments: tuple[Any, ...] = (item.bag.made.dealid, item.index)
            self.act(accepted, self.market.hub.claimBoost, *arguments, sender="stranger")
        else:
            self.act(accepted, self.market.hub.claim, item.id, sender="stranger")
        if accepted:
            item.model.claim(self.ledger)

    @rule(clocks=st.sampled_from((1, 2, 2, 4, 7, 10)))
    def wait(self, clocks: int) -> None:
        """Let time pass."""
        self.time += clocks * CLOCK

    # ---- invariants, by their number in README.md

    @invariant()
    def everybody_owns_what_the_model_says(self) -> None:
        """M1 to M3; of the accounts only those that the last step changed, to save time."""
        hub, ledger = self.market.hub, self.ledger
        for name, account in self.cast.items():
            expected = (ledger.free[name], ledger.frozen[name])
            if self.checked.get(name) != expected:
                assert tuple(hub.viewAccountABILegacy(account)) == expected, name
                self.checked[name] = expected
        assert hub.frozenOf(KITTY) == ledger.kitty
        assert hub.balanceOf(hub) == sum(ledger.frozen.values()) + ledger.kitty
        assert hub.totalSupply() == ledger.supply
        if self.market.token is None:
            assert self.market.hub.balance == ledger.supply * WEI_PER_NRLC
        else:
            assert self.market.token.balanceOf(hub) == ledger.supply

    @invariant()
    def views_show_the_model(self) -> None:
        """M7: the task last opened, and the scores of its workers."""
        for item in self.items[-1:]:
            view, model = self.market.hub.viewTask(item.id), item.model
            if item.bag.boost:
                boosted = {TaskStatus.ACTIVE: TaskStatus.UNSET}
                assert view.status == boosted.get(model.status, model.status)
                continue
            assert view.status == model.status
            if model.contributions:
                workers = [self.cast[str(c.worker)] for c in model.contributions]
                assert view.contributors == workers
                assert (view.winnerCounter, view.revealCounter) == (model.winners, model.revealed)
            for contribution in model.contributions:
                account = self.cast[str(contribution.worker)]
                vote = self.market.hub.viewContribution(item.id, account)
                assert vote.status == contribution.status
                assert vote.weight == reference.log_weight(contribution.weight)
                score = self.ledger.scores[contribution.worker]
                assert self.market.hub.viewScore(account) == score


def test_market__random_history__is_what_the_model_says(each_market: Market) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: MarketHistory(each_market),
        settings=settings(
            max_examples=EXAMPLES if each_market.mode == "token" else -(-EXAMPLES // 2),
            stateful_step_count=24,
            phases=[Phase.generate],  # a history is short enough to read as it is
            suppress_health_check=list(HealthCheck),
        ),
    )
