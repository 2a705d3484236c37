"""Lists of orders (spec sdk §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from poco.orders import GPU, TDX, TEE, OrderKind, Tag

if TYPE_CHECKING:
    from bazaar import Bazaar


def test_list__sorts_by_price_then_age(any_bazaar: Bazaar) -> None:
    dear, old, new = any_bazaar.publish(
        any_bazaar.app(appprice=2), any_bazaar.app(appprice=1), any_bazaar.app(appprice=1)
    )
    assert any_bazaar.listed(OrderKind.APP, app=any_bazaar.stage.app) == [old, new, dear]


def test_list__of_requests__has_the_highest_price_first(bazaar: Bazaar) -> None:
    bazaar.publish(bazaar.app())
    low, high = bazaar.publish(
        bazaar.request(workerpoolmaxprice=1), bazaar.request(workerpoolmaxprice=2)
    )
    assert bazaar.listed(OrderKind.REQUEST) == [high, low]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["free"]),
        ({"requester": "any"}, ["free", "mine", "other"]),
        ({"requester": "{requester}"}, ["free", "mine"]),
        ({"requester": "{requester}", "isRequesterStrict": "true"}, ["mine"]),
        ({"requester": "{requester}", "isRequesterStrict": "false"}, ["free", "mine"]),
    ],
)
def test_list__restriction__admits(
    bazaar: Bazaar, query: dict[str, str], expected: list[str]
) -> None:
    keys = bazaar.stage.keys
    hashes = bazaar.publish(
        bazaar.app(appprice=1),
        bazaar.app(appprice=2, requesterrestrict=keys["requester"].address),
        bazaar.app(appprice=3, requesterrestrict=keys["stranger"].address),
    )
    names = dict(zip(hashes, ("free", "mine", "other"), strict=True))
    filled = {
        name: text.format(requester=keys["requester"].address) for name, text in query.items()
    }
    found = bazaar.listed(OrderKind.APP, app=bazaar.stage.app, **filled)
    assert [names[hashed] for hashed in found] == expected


HIGH = Tag(1 << 63 | 1 << 255)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"minTag": Tag(0)}, [Tag(0), TEE, TEE | TDX | GPU, HIGH]),
        ({"minTag": TEE}, [TEE, TEE | TDX | GPU]),
        ({"minTag": TEE | GPU}, [TEE | TDX | GPU]),
        ({"minTag": Tag(1 << 255)}, [HIGH]),
        ({"maxTag": Tag(0)}, [Tag(0)]),
        ({"maxTag": TEE | TDX}, [Tag(0), TEE]),
        ({"maxTag": HIGH}, [Tag(0), HIGH]),
        ({"minTag": TEE, "maxTag": TEE | TDX}, [TEE]),
    ],
)
def test_list__tags__are_sets_of_flags(
    any_bazaar: Bazaar, query: dict[str, Tag], expected: list[Tag]
) -> None:
    tags = [Tag(0), TEE, TEE | TDX | GPU, HIGH]
    any_bazaar.publish(*(any_bazaar.pool(tag=tag) for tag in tags))
    asked = {name: tag.to_hex() for name, tag in query.items()}
    found = any_bazaar.get("/workerpoolorders", **asked)["orders"]
    assert [record["order"]["tag"] for record in found] == [tag.to_hex() for tag in expected]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"category": 1}, [1]),
        ({"minTrust": 0}, [0, 1, 2]),
        ({"minTrust": 5}, [2]),
        ({"minVolume": 3}, [1, 2]),
        ({"workerpool": "{pool}"}, [0, 1, 2]),
        ({"workerpool": "{app}"}, []),
        ({"workerpoolOwner": "{scheduler}"}, [0, 1, 2]),
        ({"workerpoolOwner": "{app}"}, []),
    ],
)
def test_list__of_workerpool_orders__filters(
    bazaar: Bazaar, query: dict[str, Any], expected: list[int]
) -> None:
    hashes = bazaar.publish(
        bazaar.pool(),
        bazaar.pool(category=1, volume=3),
        bazaar.pool(trust=5, volume=4),
    )
    stage = bazaar.stage
    names = {
        "pool": stage.pool,
        "app": stage.app,
        "scheduler": stage.keys["scheduler"].address,
    }
    asked = {name: str(value).format(**names) for name, value in query.items()}
    found = bazaar.listed(OrderKind.WORKERPOOL, **asked)
    assert found == [hashes[place] for place in expected]


def test_list__of_requests__filters(bazaar: Bazaar) -> None:
    stage = bazaar.stage
    bazaar.publish(bazaar.app())
    free, bound, trusting = bazaar.publish(
        bazaar.request(),
        bazaar.request(workerpool=stage.pool),
        bazaar.request(trust=3, category=1),
    )
    assert bazaar.listed(OrderKind.REQUEST) == [free, trusting]
    assert bazaar.listed(OrderKind.REQUEST, workerpool=stage.pool, maxTrust=0) == [free, bound]
    assert bazaar.listed(OrderKind.REQUEST, category=1) == [trusting]
    beneficiary = stage.keys["stranger"].address
    assert bazaar.listed(OrderKind.REQUEST, beneficiary=beneficiary) == []


def test_list__bulk_only__wants_free_and_endless_dataset_orders(bazaar: Bazaar) -> None:
    bulk, *_ = bazaar.publish(
        bazaar.dataset(volume=2**53 - 2),
        bazaar.dataset(volume=2**53 - 3),
        bazaar.dataset(volume=2**53 - 1, datasetprice=1),
    )
    dataset = bazaar.stage.dataset
    assert bazaar.listed(OrderKind.DATASET, dataset=dataset, bulkOnly="true") == [bulk]


def test_list__pages__until_one_is_not_full(bazaar: Bazaar) -> None:
    hashes = bazaar.publish(*(bazaar.app(appprice=price) for price in range(12)))
    asked = {"app": bazaar.stage.app, "pageSize": 10}
    first = bazaar.get("/apporders", **asked)
    assert (first["count"], first["nextPage"], len(first["orders"])) == (12, 10, 10)
    second = bazaar.get("/apporders", **asked, pageIndex=1)
    assert "nextPage" not in second
    assert [record["orderHash"] for record in second["orders"]] == hashes[10:]
    legacy = bazaar.listed(OrderKind.APP, app=bazaar.stage.app, page=11)
    assert legacy == hashes[11:]


@pytest.mark.parametrize(
    ("path", "query", "text"),
    [
        ("/apporders", {"chainId": None}, "chainId is a required field"),
        ("/apporders", {"chainId": "1"}, "chainId 1 is not supported"),
        ("/apporders", {}, "app or appOwner is required"),
        ("/datasetorders", {}, "dataset or datasetOwner is required"),
        ("/workerpoolorders", {"pageSize": 9}, "pageSize must be greater than or equal to 10"),
        ("/workerpoolorders", {"pageSize": 1001}, "pageSize must be less than or equal to 1000"),
        ("/workerpoolorders", {"pageIndex": "x"}, "pageIndex must be a whole number"),
        ("/challenge", {"address": "x"}, "x is not a valid ethereum address"),
        ("/challenge", {}, "address is a required field"),
        ("/apporders", {"app": "x"}, 'x is neither "any" nor a valid ethereum address'),
        ("/workerpoolorders", {"app": "x"}, 'x is neither "any" nor a valid ethereum address'),
        ("/workerpoolorders", {"minTag": "0x1"}, "0x1 must be a bytes32 hexstring"),
        ("/apporders/0x1", {}, "0x1 must be a bytes32 hexstring"),
        ("/deals/0x1", {}, "0x1 must be a bytes32 hexstring"),
        ("/ohlc", {}, "category is a required field"),
        ("/events", {"topic": "x"}, "topic must be one of orders, deals"),
    ],
)
def test_query__malformed__says_what_is_wrong(
    bazaar: Bazaar, path: str, query: dict[str, Any], text: str
) -> None:
    asked = {"chainId": bazaar.chain_id} | query
    params = {name: value for name, value in asked.items() if value is not None}
    answer = bazaar.client.get(path, params=params)
    assert answer.status_code == 400
    assert answer.json() == {"ok": False, "error": text}


@pytest.mark.parametrize("path", ["/deals/", *(f"/{kind}s/" for kind in OrderKind)])
def test_find__unknown__is_not_found(bazaar: Bazaar, path: str) -> None:
    what = path.strip("/").removesuffix("s")
    assert bazaar.refusal(path + "0x" + "00" * 32) == (404, f"{what} not found")


def test_metrics__count_open_orders(bazaar: Bazaar) -> None:
    bazaar.publish(bazaar.app(), bazaar.app(), bazaar.pool())
    found = bazaar.get("/metrics")
    assert found["lastBlock"] == bazaar.stage.market.chain.block_number()
    assert (found["apporders"], found["workerpoolorders"], found["requestorders"]) == (2, 1, 0)
    text = bazaar.client.get("/metrics").text
    assert 'poco_market_open_orders{kind="apporder"} 2.0' in text


def test_service__says_version_health_and_what_it_can(bazaar: Bazaar) -> None:
    assert set(bazaar.get("/version")) == {"ok", "version"}
    health = bazaar.client.get("/health").json()
    assert health == {"status": "ok", "block": bazaar.stage.market.chain.block_number()}
    paths = bazaar.client.get("/openapi.json").json()["paths"]
    assert set(paths["/apporders"]) == {"get", "post", "put"}
    assert bazaar.client.get("/nothing").json() == {"ok": False, "error": "Not Found"}
