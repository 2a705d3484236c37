"""What is measured: each scenario plays on a stage and returns gas by name, as in `reference`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from eth_utils.crypto import keccak

from benchmarks.stage import DIGEST, Actor, Party, Stage
from poco.contracts import EventReader, Receipt, Wallet
from poco.deployment import deploy
from poco.local_chain import local_chain, travel
from poco.orders import ZERO_ADDRESS, TaskId, task_id

__all__ = ["Gas", "measure"]

Gas = dict[str, int]

_LONG_PARAMS = "p" * 205
_RESULTS_90 = b"r" * 90
_LONG_MULTIADDR = b"m" * 400
_DAY = 86_400
_TRUST_OF = {1: 1, 2: 4, 3: 8, 4: 16, 5: 32}
"""Trust that takes this many agreeing newcomers (spec contracts §4.5)."""
_UNREACHABLE_TRUST = 1_000_000


def measure() -> Gas:
    """Play every scenario on a fresh chain; returns gas by name."""
    with local_chain() as chain:
        stage = Stage(chain)
        gas: Gas = {}
        for scenario in _SCENARIOS:
            gas |= scenario(stage)
        return gas


def _deployment(stage: Stage) -> Gas:
    """Deploy as ``ape run deploy`` does, with the standard categories."""
    wallet = Wallet(stage.chain, stage.key(), EventReader(()))
    return {"deployment": deploy(wallet).gas_used}


def _assets(stage: Stage) -> Gas:
    owner, collector, other = stage.actor(), stage.actor(), stage.actor()
    market = owner.market
    # The reference is a median: the owners hold assets already.
    for holder in (owner, collector):
        for create in (stage.create_app, stage.create_dataset, stage.create_workerpool):
            create(holder)
    app = stage.create_app(owner)
    workerpool = stage.create_workerpool(owner)
    transfer = market.apps.call("transferFrom", owner.address, other.address, int(app.value, 16))
    return {
        "createApp": app.gas_used,
        "createDataset": stage.create_dataset(owner).gas_used,
        "createWorkerpool": workerpool.gas_used,
        "createApp, 400 B multiaddr": stage.create_app(collector, _LONG_MULTIADDR).gas_used,
        "createDataset, 400 B multiaddr": stage.create_dataset(collector, _LONG_MULTIADDR).gas_used,
        "changePolicy": market.workerpools.change_policy(workerpool.value, 50, 5).gas_used,
        "asset transferFrom": market.apps.send(transfer).gas_used,
    }


def _escrow(stage: Stage) -> Gas:
    stage.party()  # the hub holds deposits of others
    first, second, third, fourth = (stage.actor() for _ in range(4))
    hub, token = first.market.hub, first.market.token
    for holder in (first, second):
        stage.fund(holder)

    def approved(amount: int = 1_000) -> int:
        token.approve(hub.address, amount)
        return amount

    gas = {
        "deposit, first": hub.deposit(approved()).gas_used,
        "deposit, again": hub.deposit(approved()).gas_used,
        "depositFor": hub.deposit_for(approved(), second.address).gas_used,
        "token.approveAndCall (deposit)": first.market.deposit(1_000).gas_used,
        "withdraw": hub.withdraw(100).gas_used,
        "withdrawTo": hub.withdraw_to(100, second.address).gas_used,
        "transfer": hub.transfer(third.address, 100).gas_used,
        "approve": hub.approve(second.address, 500).gas_used,
        "transferFrom": second.market.hub.transfer_from(
            first.address, fourth.address, 100
        ).gas_used,
    }
    token.transfer(hub.address, 1_000)
    return gas | {"recover": stage.owner.market.hub.recover().gas_used}


def _administration(stage: Stage) -> Gas:
    hub = stage.owner.market.hub
    before = hub.constants().callback_gas
    gas = {
        "createCategory": hub.create_category("XS", "test", 300).gas_used,
        "setCallbackGas": hub.set_callback_gas(before // 2).gas_used,
        "setTeeBroker": hub.set_tee_broker(stage.owner.address).gas_used,
    }
    hub.set_callback_gas(before)
    hub.set_tee_broker(ZERO_ADDRESS)
    return gas


def _presigned(stage: Stage) -> Gas:
    party = stage.party()
    app, dataset, workerpool, request = orders = stage.orders(party).unsigned()
    return {
        "manageAppOrder (SIGN)": party.app_owner.market.hub.presign(app).gas_used,
        "manageDatasetOrder (SIGN)": party.dataset_owner.market.hub.presign(dataset).gas_used,
        "manageWorkerpoolOrder (SIGN)": party.scheduler.market.hub.presign(workerpool).gas_used,
        "manageRequestOrder (SIGN)": party.requester.market.hub.presign(request).gas_used,
        "matchOrders, all presigned": party.requester.market.hub.match_orders(*orders).gas_used,
    }


def _matches(stage: Stage) -> Gas:
    party = stage.party()
    market = party.requester.market
    long = stage.match(
        party,
        params=_LONG_PARAMS,
        beneficiary=party.sponsor.address,
        callback=party.app_owner.address,
    )
    # The second match finds orders with volume left: the pool sells three tasks an order.
    many = stage.orders(party, volume=9)
    few, more = (stage.orders(party, volume=3).workerpool for _ in range(2))
    market.hub.match_orders(*many._replace(workerpool=few))
    price = sum((many.app.appprice, many.dataset.datasetprice, many.workerpool.workerpoolprice))
    return {
        "matchOrders": stage.match(party).gas_used,
        "matchOrders, 205 B params, beneficiary, callback": long.gas_used,
        "matchOrders, no dataset, no params": stage.match(party, dataset=False, params="").gas_used,
        "sponsorMatchOrders": party.sponsor.market.hub.sponsor_match_orders(
            *stage.orders(party)
        ).gas_used,
        "matchOrders, second match of the same orders": market.hub.match_orders(
            *many._replace(workerpool=more)
        ).gas_used,
        "token.approveAndCall (deposit and match)": market.deposit_and_match(
            price, *stage.orders(party)
        ).gas_used,
    }


def _tasks(stage: Stage) -> Gas:
    party = stage.party()
    scheduler = party.scheduler.market.hub
    worker, second = party.workers[:2]
    opened = stage.initialize(party, stage.match(party).value)
    task = opened.value
    gas = {
        "initialize": opened.gas_used,
        "contribute, trust 1": stage.contribute(party, worker, task).gas_used,
    }
    stage.reveal(worker, task)
    gas["finalize, 1 worker"] = stage.finalize(party, task).gas_used

    bag = stage.match(party, volume=2).value
    gas["initializeArray, 2 tasks"] = scheduler.initialize_all([(bag, 0), (bag, 1)]).gas_used

    task = stage.task(party)
    stage.contribute(party, worker, task)
    stage.reveal(worker, task)
    gas["finalize, 1 worker, 90 B results"] = stage.finalize(party, task, _RESULTS_90).gas_used

    task = stage.task(party, trust=_TRUST_OF[3])
    gas["contribute, first of several"] = stage.contribute(party, worker, task).gas_used

    task = stage.task(party, trust=_TRUST_OF[2])
    stage.contribute(party, worker, task)
    stage.contribute(party, second, task)
    gas["reveal, first"] = stage.reveal(worker, task).gas_used
    gas["reveal, next"] = stage.reveal(second, task).gas_used

    solo = stage.contribute_and_finalize(party, stage.task(party))
    longer = stage.contribute_and_finalize(party, stage.task(party), results=_RESULTS_90)
    gas["contributeAndFinalize"] = solo.gas_used
    gas["contributeAndFinalize, 90 B results"] = longer.gas_used

    task = stage.task(party, tag=1)
    gas["contribute, TEE, trust 1"] = stage.contribute(
        party, worker, task, enclave=stage.actor()
    ).gas_used
    return gas


def _dissent(stage: Stage) -> Gas:
    """Finalize a task with one dissenter and three winners: trust 3 and newcomers (spec §4.5)."""
    party = stage.party()
    task = stage.task(party, trust=3)
    *winners, loser = party.workers[:4]
    stage.contribute(party, loser, task, keccak(text="wrong"))
    for worker in winners:
        stage.contribute(party, worker, task)
    for worker in winners:
        stage.reveal(worker, task)
    spent = stage.finalize(party, task, _RESULTS_90).gas_used
    return {"finalize, 3 winners and 1 loser, 90 B results": spent}


def _failures(stage: Stage) -> Gas:
    party = stage.party()
    hub = party.requester.market.hub
    earlier, claimed, listed = (stage.task(party) for _ in range(3))
    unopened = stage.match(party).value
    reopened = stage.task(party, trust=_TRUST_OF[2])
    for worker in party.workers[:2]:
        stage.contribute(party, worker, reopened)
    travel(stage.chain, 601)
    gas = {"reopen, 2 contributors": party.scheduler.market.hub.reopen(reopened).gas_used}
    travel(stage.chain, _DAY)
    hub.claim(earlier)  # the kitty is no longer empty
    gas |= {
        "claim": hub.claim(claimed).gas_used,
        "claimArray, 1 task": hub.claim_all([listed]).gas_used,
        "initializeAndClaimArray, 1 task": hub.initialize_and_claim_all([(unopened, 0)]).gas_used,
    }
    _empty_kitty(stage, party)
    return gas


def _empty_kitty(stage: Stage, party: Party) -> None:
    """Complete tasks until the kitty is empty, so that it does not show in other scenarios."""
    while stage.owner.market.hub.kitty():
        stage.contribute_and_finalize(party, stage.task(party))


def _boost(stage: Stage) -> Gas:
    party = stage.party()
    hub, worker = party.requester.market.hub, party.workers[0]
    gas: Gas = {}
    for phase in ("cold", "warm"):
        matched = hub.match_orders_boost(*stage.orders(party))
        authorization = stage.authorization(party, worker, task_id(matched.value, 0))
        pushed = worker.market.hub.push_result_boost(
            matched.value, 0, b"<the results>", authorization
        )
        gas |= {
            "matchOrdersBoost": matched.gas_used,
            "pushResultBoost": pushed.gas_used,
            f"task, Boost: {phase}": matched.gas_used + pushed.gas_used,
        }
    late = hub.match_orders_boost(*stage.orders(party)).value
    travel(stage.chain, _DAY)
    gas["claimBoost"] = hub.claim_boost(late, 0).gas_used
    _empty_kitty(stage, party)
    return gas


Play = Callable[[Stage, Party], int]


def _sum(receipts: Iterable[Receipt[Any]]) -> int:
    return sum(receipt.gas_used for receipt in receipts)


def _complete(stage: Stage, party: Party, task: TaskId, workers: Iterable[Actor]) -> int:
    workers = tuple(workers)
    contributions = _sum([stage.contribute(party, worker, task) for worker in workers])
    reveals = _sum([stage.reveal(worker, task) for worker in workers])
    return contributions + reveals + stage.finalize(party, task).gas_used


def _replicated(number: int, *, sponsored: bool = False, **terms: Any) -> Play:
    """Return match, initialize, contribute and reveal by `number` workers, finalize."""

    def play(stage: Stage, party: Party) -> int:
        orders = stage.orders(party, trust=_TRUST_OF[number], **terms)
        if sponsored:
            matched = party.sponsor.market.hub.sponsor_match_orders(*orders)
        else:
            matched = party.requester.market.hub.match_orders(*orders)
        opened = stage.initialize(party, matched.value)
        completed = _complete(stage, party, opened.value, party.workers[:number])
        return matched.gas_used + opened.gas_used + completed

    return play


def _solo(*, enclave: bool = False, callback_data: bytes = b"", **terms: Any) -> Play:
    """Return match, initialize, contributeAndFinalize."""

    def play(stage: Stage, party: Party) -> int:
        if callback_data:
            terms["callback"] = stage.actor().address
        matched = stage.match(party, **terms)
        opened = stage.initialize(party, matched.value)
        completed = stage.contribute_and_finalize(
            party,
            opened.value,
            callback_data=callback_data,
            enclave=stage.actor() if enclave else None,
        )
        return _sum([matched, opened, completed])

    return play


def _bag(stage: Stage, party: Party) -> int:
    """Play a deal of five tasks with one worker each."""
    matched = stage.match(party, volume=5, trust=1)
    gas = matched.gas_used
    for index, worker in enumerate(party.workers):
        opened = stage.initialize(party, matched.value, index)
        gas += opened.gas_used + _complete(stage, party, opened.value, [worker])
    return gas


_WHOLE_TASKS: dict[str, Play] = {
    "task, 1 worker": _replicated(1),
    "task, 2 workers": _replicated(2),
    "task, 3 workers": _replicated(3),
    "task, 4 workers": _replicated(4),
    "task, 5 workers": _replicated(5),
    "task, 1 worker, no dataset": _replicated(1, dataset=False),
    "task, 1 worker, sponsored": _replicated(1, sponsored=True),
    "bag of 5 tasks, 1 worker each": _bag,
    "task, contributeAndFinalize": _solo(),
    "task, contributeAndFinalize, no dataset": _solo(dataset=False),
    "task, contributeAndFinalize, TEE": _solo(enclave=True, tag=1),
    "task, contributeAndFinalize, callback": _solo(callback_data=b"c" * 64),
}


def _whole_tasks(stage: Stage) -> Gas:
    """Play each task cold, warm and busy (spec gas-reference).

    Cold: the first deal of the accounts. Warm: the next one. Busy: while another deal of theirs is
    open in which every worker has a stake.
    """
    gas: Gas = {}
    for name, play in _WHOLE_TASKS.items():
        party = stage.party()
        gas[f"{name}: cold"] = play(stage, party)
        gas[f"{name}: warm"] = play(stage, party)
        other = stage.task(party, trust=_UNREACHABLE_TRUST)
        for worker in party.workers:
            stage.contribute(party, worker, other, keccak(DIGEST + worker.address.encode()))
        gas[f"{name}: busy"] = play(stage, party)
    return gas


_SCENARIOS: tuple[Callable[[Stage], Gas], ...] = (
    _deployment,
    _assets,
    _escrow,
    _administration,
    _presigned,
    _matches,
    _tasks,
    _dissent,
    _failures,
    _boost,
    _whole_tasks,
)
