"""Bulk deals: their datasets are named by files in IPFS, which may come late or never."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from indexer_views import ask
from support.ipfs_gateway import Gateway, open_gateway

from poco.errors import ConfigurationError
from poco.fetching import Fetcher, FetchPolicy
from poco.orders import DatasetOrder, DealId, random_salt, task_id
from poco.services.bulk import BulkFiles
from poco.services.indexer import Bulks

if TYPE_CHECKING:
    from market_day import Day

    from poco.services.indexer import Indexer

BULKS = """{deals {tasks {taskId: id bulkSlice {id index datasets {id name}}}
bulk {id hash slices(orderBy: index) {id hash index task {id} datasets {id}
datasetOrders(orderBy: id) {id datasetprice volume tag dataset {id}}}}}}"""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with open_gateway() as made:
        yield made


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def bulks(indexer: Indexer, gateway: Gateway, clock: list[float]) -> Bulks:
    fetcher = Fetcher(FetchPolicy(gateways=(gateway.url,), retries=0))
    return Bulks(indexer.follower.database, fetcher, clock=lambda: clock[0])


def order(day: Day) -> dict[str, Any]:
    made = DatasetOrder(
        dataset=day.dataset, volume=2**53 - 1, salt=random_salt(), sign=b"\x01" * 65
    )
    return made.to_json()


def bulk_deal(day: Day, cid: str, volume: int = 2) -> DealId:
    params = json.dumps({"bulk_cid": cid})
    return day.deal(with_dataset=False, volume=volume, params=params)


def test_bulk__whose_files_are_there__has_its_datasets(
    day: Day, gateway: Gateway, indexer: Indexer, bulks: Bulks
) -> None:
    slices = [gateway.put([order(day), order(day)]), gateway.put([order(day), {"dataset": "x"}, 7])]
    cid = gateway.put(slices)
    dealid = bulk_deal(day, cid)
    taskid = day.task(dealid, 1)
    indexer.follower.follow()
    assert bulks.fetch() == 1
    assert bulks.fetch() == 0
    (deal,) = ask(indexer, BULKS)["deals"]
    key, dataset = f"0x{dealid.hex()}", day.dataset.lower()
    assert deal["tasks"] == [
        {
            "taskId": f"0x{taskid.hex()}",
            "bulkSlice": {
                "id": f"{key}-1",
                "index": "1",
                "datasets": [{"id": dataset, "name": "data"}],
            },
        }
    ]
    assert (deal["bulk"]["id"], deal["bulk"]["hash"]) == (key, cid)
    first, second = deal["bulk"]["slices"]
    assert (first["hash"], first["task"], len(first["datasetOrders"])) == (slices[0], None, 2)
    assert second["task"] == {"id": f"0x{taskid.hex()}"}
    assert second["datasetOrders"] == [
        {
            "id": f"0x{task_id(dealid, 1).hex()}-0",
            "datasetprice": "0",
            "volume": str(2**53 - 1),
            "tag": f"0x{0:064x}",
            "dataset": {"id": dataset},
        }
    ]
    usages = ask(indexer, "{datasets {bulkUsages {index}} bulkSlices(where: {datasets_: {}}) {id}}")
    assert [usage["index"] for usage in usages["datasets"][0]["bulkUsages"]] == ["0", "1"]
    assert len(usages["bulkSlices"]) == 2


def test_bulk__whose_files_come_late__is_completed_then(
    day: Day, gateway: Gateway, indexer: Indexer, bulks: Bulks, clock: list[float]
) -> None:
    late = json.dumps([order(day)]).encode()
    cid = gateway.put([gateway.put([order(day)]), gateway.put(late, now=False)])
    bulk_deal(day, cid)
    indexer.follower.follow()
    bulks.fetch()
    (deal,) = ask(indexer, BULKS)["deals"]
    assert [part["index"] for part in deal["bulk"]["slices"]] == ["0"]
    gateway.put(late)
    assert bulks.fetch() == 1  # it is not due yet
    assert len(ask(indexer, BULKS)["deals"][0]["bulk"]["slices"]) == 1
    clock[0] += 31
    bulks.fetch()
    assert len(ask(indexer, BULKS)["deals"][0]["bulk"]["slices"]) == 2
    assert bulks.fetch() == 0


def test_bulk__that_cannot_be_fetched__is_tried_less_and_less_often(
    day: Day, gateway: Gateway, indexer: Indexer, bulks: Bulks, clock: list[float]
) -> None:
    bulk_deal(day, gateway.put(b"[]", now=False))
    indexer.follower.follow()
    asked = []
    for now in range(0, 240, 10):
        clock[0] = now
        before = gateway.asked
        assert bulks.fetch() == 1
        asked += [now] * (gateway.asked - before)
    assert asked == [0, 30, 90, 210]
    assert ask(indexer, BULKS)["deals"][0]["bulk"] is None


@pytest.mark.parametrize(
    "content", [b"no JSON", b"{}", b"[" * 100_000, b"\xff", b"[1, null]"], ids=range(5)
)
def test_bulk__whose_file_is_something_else__has_no_slices(
    day: Day, gateway: Gateway, indexer: Indexer, bulks: Bulks, content: bytes
) -> None:
    bulk_deal(day, gateway.put(content))
    indexer.follower.follow()
    bulks.fetch()
    assert ask(indexer, BULKS)["deals"][0]["bulk"]["slices"] == []
    assert bulks.fetch() == 0


@pytest.mark.parametrize("params", ['{"bulk_cid": 7}', "{", '{"bulk_cid": null}', "words"])
def test_deal__without_a_bulk__waits_for_none(
    day: Day, indexer: Indexer, bulks: Bulks, params: str
) -> None:
    day.deal(with_dataset=False, params=params)
    indexer.follower.follow()
    assert bulks.fetch() == 0


def test_bulk__of_a_deal_that_vanished_meanwhile__is_dropped(
    day: Day, gateway: Gateway, indexer: Indexer, bulks: Bulks, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = day.chain.request("evm_snapshot")
    bulk_deal(day, gateway.put([gateway.put([order(day)])]), volume=1)
    indexer.follower.follow()
    original = BulkFiles.orders

    def interrupted(self: BulkFiles, cid: str) -> Any:
        day.chain.request("evm_revert", snapshot)
        day.chain.request("anvil_mine", "0x20")
        indexer.follower.follow()
        return original(self, cid)

    monkeypatch.setattr(BulkFiles, "orders", interrupted)
    bulks.fetch()
    assert ask(indexer, "{bulks {id} bulkSlices {id} datasetOrders {id}}") == {
        "bulks": [],
        "bulkSlices": [],
        "datasetOrders": [],
    }


def test_run__database_that_does_not_answer__is_reported(
    bulks: Bulks, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, told = threading.Event(), []

    def fail() -> int:
        stop.set()
        raise ConfigurationError("the database must answer")

    monkeypatch.setattr(bulks, "fetch", fail)
    bulks.run(stop, 0.001, told.append)
    assert told == ["the database must answer"]
