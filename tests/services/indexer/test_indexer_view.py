"""The view against the chain: whatever the contracts can be asked, the indexer knows as well."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from indexer_views import ask

from poco.contracts import Call, ContributionStatus, EventReader
from poco.contracts.events import PolicyUpdate
from poco.database import Database
from poco.orders import DealId, TaskId, checked_address, order_hash, task_id
from poco.services.indexer import TABLES, Follower, Indexer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer_views import MakeIndexer
    from market_day import Day


def rlc(nrlc: int) -> str:
    return format((Decimal(nrlc) / 10**9).normalize(), "f")


def dealid_of(document: Any) -> DealId:
    return DealId(bytes.fromhex(document["id"][2:]))


@pytest.fixture(scope="module")
def lived(lived_day: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexer]:
    """An indexer of a market in which everything has happened."""
    path = tmp_path_factory.mktemp("view") / "indexer.sqlite"
    database = Database(f"sqlite:///{path}", TABLES)
    follower = Follower(database, lived_day.market)
    follower.follow()
    yield Indexer(follower)
    database.close()


def test_accounts__after_a_whole_day__have_the_money_that_the_hub_says(
    lived_day: Day, lived: Indexer
) -> None:
    found = ask(
        lived, '{accounts(first: 1000) {id balance frozen score} protocol(id: "iExec") {tvl}}'
    )
    addresses = [account["id"] for account in found["accounts"]]
    hub = lived_day.market.hub
    for account, truth in zip(found["accounts"], hub.accounts(addresses), strict=True):
        assert (account["balance"], account["frozen"]) == (rlc(truth.stake), rlc(truth.locked))
        assert account["score"] == str(hub.score(account["id"]))
    assert found["protocol"]["tvl"] == rlc(hub.total_supply())
    assert hub.kitty() > 0
    assert {account["score"] for account in found["accounts"]} == {"0", "2"}


def test_deals__after_a_whole_day__have_the_terms_that_the_hub_says(
    lived_day: Day, lived: Indexer
) -> None:
    found = ask(
        lived,
        """{deals {id app {id} appOwner {id} appPrice dataset {id} datasetOwner {id} datasetPrice
        workerpool {id} workerpoolOwner {id} workerpoolPrice trust category {id} tag requester {id}
        beneficiary {id} callback {id} params startTime botFirst botSize workerStake
        schedulerRewardRatio sponsor {id} completedTasksCount claimedTasksCount}}""",
    )["deals"]
    classic = [deal for deal in found if dealid_of(deal) in lived_day.deals]
    assert len(classic) == len(lived_day.deals)
    for deal in classic:
        truth = lived_day.market.hub.deal(dealid_of(deal))
        assert truth is not None
        assert deal["app"]["id"] == truth.app.pointer.lower()
        assert deal["appPrice"] == rlc(truth.app.price)
        without = int(truth.dataset.pointer, 16) == 0
        assert deal["dataset"] == (None if without else {"id": truth.dataset.pointer.lower()})
        assert deal["workerpoolOwner"]["id"] == truth.scheduler.lower()
        assert deal["workerpoolPrice"] == rlc(truth.workerpool.price)
        assert deal["requester"]["id"] == deal["sponsor"]["id"] == truth.requester.lower()
        assert deal["callback"]["id"] == f"0x{0:040x}"
        numbers = (truth.trust, truth.category, truth.start_time, truth.bot_first, truth.bot_size)
        names = ("trust", "startTime", "botFirst", "botSize")
        assert (deal["trust"], deal["category"]["id"]) == (str(truth.trust), str(truth.category))
        assert [deal[name] for name in names] == [str(numbers[place]) for place in (0, 2, 3, 4)]
        assert (deal["params"], deal["tag"]) == (truth.params, truth.tag.to_hex())
        assert deal["workerStake"] == str(truth.worker_stake)
        assert deal["schedulerRewardRatio"] == str(truth.scheduler_reward_ratio)


def test_tasks__after_a_whole_day__are_what_the_hub_says(lived_day: Day, lived: Indexer) -> None:
    tasks = ask(
        lived,
        """{tasks {id status deal {id} index consensus resultDigest results contributionDeadline
        revealDeadline finalDeadline contributions(orderBy: timestamp) {
        id status worker {id} hash seal challenge}}}""",
    )["tasks"]
    classic = [task for task in tasks if dealid_of(task["deal"]) in lived_day.deals]
    assert {task["status"] for task in classic} == {"COMPLETED", "FAILED"}
    for task in classic:
        truth = lived_day.market.hub.task(TaskId(bytes.fromhex(task["id"][2:])))
        assert task["status"] == truth.status.name
        assert task["index"] == str(truth.index)
        assert task["contributionDeadline"] == str(truth.contribution_deadline)
        assert int(task["revealDeadline"] or 0) == truth.reveal_deadline
        assert task["finalDeadline"] == str(truth.final_deadline)
        assert int(task["consensus"] or "0x0", 16) == int.from_bytes(truth.consensus)
        assert int(task["resultDigest"] or "0x0", 16) == int.from_bytes(truth.digest)
        assert (task["results"] or "0x") == f"0x{truth.results.hex()}"
        workers = [contribution["worker"]["id"] for contribution in task["contributions"]]
        assert sorted(workers) == sorted(worker.lower() for worker in truth.contributors)
        for contribution in task["contributions"]:
            worker = contribution["worker"]["id"]
            made = lived_day.market.hub.contribution(TaskId(bytes.fromhex(task["id"][2:])), worker)
            assert contribution["id"] == f"{task['id']}-{worker}"
            assert contribution["status"] == made.status.name
            assert contribution["hash"] == f"0x{made.result_hash.hex()}"
            assert contribution["seal"] == f"0x{made.seal.hex()}"
    made = [contribution for task in classic for contribution in task["contributions"]]
    assert {contribution["status"] for contribution in made} == {
        ContributionStatus.CONTRIBUTED.name,
        ContributionStatus.PROVED.name,
        ContributionStatus.REJECTED.name,
    }


def test_boost_deal__has_all_its_tasks(lived_day: Day, lived: Indexer) -> None:
    (dealid,) = lived_day.boosts
    deal = ask(
        lived,
        """query ($id: ID!) {deal(id: $id) {botSize trust params dataset {id} requester {id}
        completedTasksCount claimedTasksCount events {__typename}
        tasks(orderBy: index) {id status results}}}""",
        id=f"0x{dealid.hex()}",
    )["deal"]
    assert deal["tasks"] == [
        {"id": f"0x{task_id(dealid, 0).hex()}", "status": "UNSET", "results": None},
        {
            "id": f"0x{task_id(dealid, 1).hex()}",
            "status": "COMPLETED",
            "results": f"0x{b'result'.hex()}",
        },
        {"id": f"0x{task_id(dealid, 2).hex()}", "status": "FAILED", "results": None},
    ]
    assert (deal["botSize"], deal["completedTasksCount"], deal["claimedTasksCount"]) == (
        "3",
        "1",
        "1",
    )
    assert deal["requester"]["id"] == lived_day.address("requester").lower()
    assert deal["events"] == [{"__typename": "OrdersMatched"}]


def test_entries__after_they_were_sold__have_their_owner_and_fields(
    lived_day: Day, lived: Indexer
) -> None:
    found = ask(
        lived,
        """{apps {id owner {id} name type multiaddr checksum mrenclave usageCount
        transfers(orderBy: timestamp) {from {id} to {id}}}
        datasets {id name multiaddr} workerpools {id description workerStakeRatio
        schedulerRewardRatio usageCount events {__typename ... on PolicyUpdate {
        oldWorkerStakeRatio newWorkerStakeRatio newSchedulerRewardRatio}}}
        categories(where: {name: "XXL"}) {id workClockTimeRef}
        protocol(id: "iExec") {appsCount datasetsCount workerpoolsCount categoriesCount dealsCount
        tasksCount completedTasksCount claimedTasksCount}}""",
    )
    (app,) = found["apps"]
    truth = lived_day.market.apps.view(lived_day.app)
    assert app["owner"]["id"] == truth.owner.lower() == lived_day.address("seller").lower()
    assert (app["name"], app["type"], app["mrenclave"]) == ("app", "WASM", "0x")
    assert app["multiaddr"] == f"0x{b'multiaddr'.hex()}"
    assert app["checksum"] == f"0x{truth.checksum.hex()}"
    assert len(app["transfers"]) == 3
    assert found["datasets"][0]["name"] == "data"
    (pool,) = found["workerpools"]
    assert (pool["workerStakeRatio"], pool["schedulerRewardRatio"]) == ("20", "5")
    assert app["usageCount"] == pool["usageCount"] == "8"
    policies = [event for event in pool["events"] if event["__typename"] == "PolicyUpdate"]
    assert policies == [
        {
            "__typename": "PolicyUpdate",
            "oldWorkerStakeRatio": "30",
            "newWorkerStakeRatio": "20",
            "newSchedulerRewardRatio": "5",
        }
    ]
    count = lived_day.market.hub.category_count()
    assert found["categories"] == [{"id": str(count - 1), "workClockTimeRef": "1000000"}]
    assert found["protocol"] == {
        "appsCount": "1",
        "datasetsCount": "1",
        "workerpoolsCount": "1",
        "categoriesCount": str(count),
        "dealsCount": "5",
        "tasksCount": "8",
        "completedTasksCount": "4",
        "claimedTasksCount": "2",
    }


def test_orders__of_a_deal__are_known_by_their_hashes(day: Day, indexer: Indexer) -> None:
    orders = day.orders()
    day.roles["requester"].hub.match_orders(*orders)
    indexer.follower.follow()
    app, dataset, pool, request = (
        f"0x{order_hash(order, day.market.domain).hex()}" for order in orders
    )
    (deal,) = ask(
        indexer,
        """query ($hash: String!) {deals(where: {requestorder: $hash}) {
        apporder {id appprice app {id}} datasetorder {id datasetprice} workerpoolorder {id}
        requestorder {id requester {id} deals {id}}}}""",
        hash=request,
    )["deals"]
    assert deal["apporder"] == {"id": app, "appprice": "0.000001", "app": {"id": day.app.lower()}}
    assert deal["datasetorder"] == {"id": dataset, "datasetprice": "0.000002"}
    assert deal["workerpoolorder"] == {"id": pool}
    assert deal["requestorder"]["id"] == request
    assert len(deal["requestorder"]["deals"]) == 1


def test_transaction__of_an_event__is_told_with_the_gas_that_it_used(
    day: Day, indexer: Indexer
) -> None:
    receipt = day.roles["requester"].hub.transfer(day.address("worker_1"), 5)
    indexer.follower.follow()
    found = ask(
        indexer,
        """query ($id: ID!, $key: String!) {
        transaction(id: $id) {from {id} to {id} gasUsed gasPrice blockNumber}
        transfers(where: {transaction: $key}) {id value from {id} to {id}}}""",
        id=receipt.transaction_hash,
        key=receipt.transaction_hash,
    )
    assert found["transaction"] == {
        "from": {"id": day.address("requester").lower()},
        "to": {"id": day.market.book.hub.lower()},
        "gasUsed": str(receipt.gas_used),
        "gasPrice": str(receipt.gas_price),
        "blockNumber": str(receipt.block_number),
    }
    (moved,) = found["transfers"]
    assert moved["value"] == "0.000000005"
    assert moved["id"].startswith(f"{receipt.block_number}-")


def test_entry_names__that_are_no_utf_8__do_not_stop_the_indexer(
    day: Day, make_indexer: MakeIndexer, postgresql: str
) -> None:
    indexer = make_indexer(postgresql)
    owner = day.roles["owner"]
    good = owner.apps.call(
        "createApp", day.address("seller"), "bad-name", "WASM", b"", bytes(32), b""
    )
    spoilt = good.data.replace(b"bad-name", b"b\xffd\x00nam\xfe")
    assert owner.wallet is not None
    owner.wallet.execute(type(good)(good.name, good.to, spoilt, good.result))
    indexer.follower.follow()
    names = [app["name"] for app in ask(indexer, "{apps {name}}")["apps"]]
    assert sorted(names) == ["app", "b\ufffdd\ufffdnam\ufffd"]


def test_policy__announced_by_a_stranger__is_not_believed(day: Day, indexer: Indexer) -> None:
    (topic,) = EventReader.topics([PolicyUpdate])
    liar = day.address("worker_3")[:-4] + "0000"
    # PUSH32 topic, PUSH1 128 bytes, PUSH1 from 0, LOG1
    day.chain.request("anvil_setCode", liar, f"0x7f{topic[2:]}60806000a1")
    wallet = day.roles["worker_1"].wallet
    assert wallet is not None
    wallet.execute(Call("lie", checked_address("liar", liar.lower()), b"", lambda _: None))
    indexer.follower.follow()
    assert ask(indexer, "{policyUpdates {id} workerpools {workerStakeRatio}}") == {
        "policyUpdates": [],
        "workerpools": [{"workerStakeRatio": "30"}],
    }
