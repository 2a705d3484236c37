"""Publishing and unpublishing (spec sdk §3.6, §3.7)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from poco.orders import NULL_DATASET_ORDER, TEE, OrderKind, random_salt
from poco.services.orderbook import Limits, orderbook_application

if TYPE_CHECKING:
    from bazaar import Bazaar


def test_publish__valid_app_order__answers_its_record(any_bazaar: Bazaar) -> None:
    order = any_bazaar.app(appprice=100, volume=10)
    record = any_bazaar.send(order).json()["published"]
    stamp = record.pop("publicationTimestamp")
    assert stamp.endswith("Z")
    assert record == {
        "orderHash": any_bazaar.hash(order),
        "chainId": any_bazaar.chain_id,
        "order": order.to_json(numbers=True),
        "signer": any_bazaar.stage.keys["app_owner"].address,
        "remaining": 10,
        "status": "open",
    }


def test_publish__dataset_for_bulk__says_so(bazaar: Bazaar) -> None:
    order = bazaar.dataset(volume=2**53 - 1)
    assert bazaar.send(order).json()["published"]["bulk"] is True


def test_publish__request__keeps_params_byte_for_byte(bazaar: Bazaar) -> None:
    params = '{ "iexec_args" :"ä \\u0000"}'
    order = bazaar.request(params=params)
    bazaar.publish(bazaar.app(), order)
    found = bazaar.get(f"/requestorders/{bazaar.hash(order)}")
    assert found["order"]["params"] == params
    assert found["chainId"] == str(bazaar.chain_id)


def test_publish__again__is_refused(bazaar: Bazaar) -> None:
    order = bazaar.app()
    bazaar.publish(order)
    assert bazaar.refused(order) == "order already published"


def test_publish__twice_in_one_batch__is_refused_once(bazaar: Bazaar) -> None:
    submission = bazaar.book.submission(bazaar.app(), bazaar.stage.keys["app_owner"].address)
    record, refusal = bazaar.book.publish([submission, submission])
    assert isinstance(record, dict)
    assert "order already published" in str(refusal)


def test_publish__unknown_app__is_refused(bazaar: Bazaar) -> None:
    assert bazaar.refused(bazaar.app(app=bazaar.stage.pool)) == "Resource not deployed"


def test_publish__by_somebody_else__is_refused(bazaar: Bazaar) -> None:
    owner = bazaar.stage.keys["app_owner"].address
    text = f"only order signer {owner} can publish an order"
    assert bazaar.refused(bazaar.app(), "stranger") == text


def test_publish__request_of_somebody_else__is_refused(bazaar: Bazaar) -> None:
    requester = bazaar.stage.keys["requester"].address
    text = f"only order signer {requester} can publish an order"
    assert bazaar.refused(bazaar.request(), "stranger") == text


def test_publish__signature_of_another_order__is_refused(bazaar: Bazaar) -> None:
    order = replace(bazaar.app(), salt=random_salt())
    assert bazaar.refused(order) == "invalid sign"


def test_publish__presigned_order__needs_no_signature(bazaar: Bazaar) -> None:
    order = replace(bazaar.app(), sign=b"")
    bazaar.stage.app_owner.hub.presign(order)
    bazaar.publish(order)
    assert bazaar.status(order) == "open"


def test_publish__closed_order__is_refused(bazaar: Bazaar) -> None:
    order = bazaar.app()
    bazaar.stage.app_owner.hub.close(order)
    bazaar.follow()
    assert bazaar.refused(order) == "order already consumed"


def test_publish__partly_consumed_order__offers_the_rest(bazaar: Bazaar) -> None:
    app, pool, request = bazaar.app(volume=5), bazaar.pool(volume=2), bazaar.request(volume=9)
    bazaar.stage.requester.hub.match_orders(app, NULL_DATASET_ORDER, pool, request)
    bazaar.follow()
    bazaar.publish(app)
    assert bazaar.remaining(app) == 3


@pytest.mark.parametrize("limits", [Limits(requests_per_minute=1000, open_orders=2)])
def test_publish__too_many_open_orders__is_refused(bazaar: Bazaar, limits: Limits) -> None:
    bazaar.publish(bazaar.app(), bazaar.app())
    owner = bazaar.stage.keys["app_owner"].address
    text = f"maximum of 2 published open apporder has been reached for wallet {owner}"
    assert bazaar.refused(bazaar.app()) == text


def test_publish__pool_without_stake__is_refused(bazaar: Bazaar) -> None:
    price = bazaar.stage.market.hub.account(bazaar.stage.keys["scheduler"].address).stake * 10 // 3
    assert bazaar.refused(bazaar.pool(workerpoolprice=price + 4)) == (
        "workerpool owner's stake is too low to cover required workerpool lock"
    )
    bazaar.publish(bazaar.pool(workerpoolprice=price))


def test_publish__request_beyond_the_stake__tells_what_is_needed(bazaar: Bazaar) -> None:
    stake = bazaar.stage.market.hub.account(bazaar.stage.keys["requester"].address).stake
    order = bazaar.request(appmaxprice=1, workerpoolmaxprice=stake)
    assert bazaar.refused(order) == (
        "requester stake is too low to cover requestorder payment, minimum stake required is "
        f"{stake + 1} nRLC"
    )


def test_publish__request_without_app_order__is_refused(bazaar: Bazaar) -> None:
    text = f"No apporder published for app {bazaar.stage.app}"
    assert bazaar.refused(bazaar.request()) == text


def test_publish__tee_request_without_tee_app__is_refused(bazaar: Bazaar) -> None:
    bazaar.publish(bazaar.app())
    text = f"No tee enabled apporder published for app {bazaar.stage.app}"
    assert bazaar.refused(bazaar.request(tag=TEE)) == text


def test_publish__request_below_the_best_price__tells_the_price(bazaar: Bazaar) -> None:
    bazaar.publish(bazaar.app(appprice=7), bazaar.app(appprice=9))
    assert bazaar.refused(bazaar.request(appmaxprice=6)) == (
        f"appmaxprice for app {bazaar.stage.app} is too low, actual best price is 7 nRLC"
    )


def test_publish__request_with_dataset__needs_a_dataset_order(bazaar: Bazaar) -> None:
    bazaar.publish(bazaar.app())
    order = bazaar.request(dataset=bazaar.stage.dataset, datasetmaxprice=1)
    text = f"No datasetorder published for dataset {bazaar.stage.dataset}"
    assert bazaar.refused(order) == text
    bazaar.publish(bazaar.dataset(datasetprice=2))
    assert bazaar.refused(order) == (
        f"datasetmaxprice for dataset {bazaar.stage.dataset} is too low, actual best price is "
        "2 nRLC"
    )
    bazaar.publish(bazaar.dataset(datasetprice=1), order)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"volume": "0"}, "order.volume must be greater than or equal to 1"),
        ({"volume": str(2**53)}, "a JSON number is at most 2^53 - 1"),
        ({"salt": "0x12"}, "32 bytes are needed"),
        ({"app": "0x12"}, "an address is 0x and 40 hex digits"),
        ({"surprise": 1}, "AppOrder has no such field"),
    ],
)
def test_publish__malformed_order__is_a_bad_request(
    bazaar: Bazaar, fields: dict[str, object], text: str
) -> None:
    answer = bazaar.client.post(
        "/apporders",
        params={"chainId": bazaar.chain_id},
        json={"order": bazaar.app().to_json() | fields},
        headers=bazaar.login("app_owner"),
    )
    assert answer.status_code == 400
    assert text in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"order": null}',
        '{"order": []}',
        "[]",
        "no json",
        '{"order": {"app": NaN}}',
        '{"order": {"\\ud800": 1}}',
        '{"order": ' + "9" * 5000 + "}",
        '{"order": ' + "[" * 20_000 + "]" * 20_000 + "}",
    ],
    ids=range(9),
)
def test_publish__no_order__is_a_bad_request(bazaar: Bazaar, body: str) -> None:
    answer = bazaar.client.post(
        "/apporders",
        params={"chainId": bazaar.chain_id},
        content=body,
        headers=bazaar.login("app_owner") | {"content-type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["ok"] is False


def test_unpublish__by_hash__removes_the_order(any_bazaar: Bazaar) -> None:
    order = any_bazaar.app()
    (hashed,) = any_bazaar.publish(order)
    answer = any_bazaar.unpublish(OrderKind.APP, orderHash=hashed)
    assert answer.json() == {"ok": True, "unpublished": [hashed]}
    assert any_bazaar.refusal(f"/apporders/{hashed}") == (404, "apporder not found")


def test_unpublish__last__removes_the_newest(bazaar: Bazaar) -> None:
    first, second = bazaar.publish(bazaar.app(), bazaar.app())
    answer = bazaar.unpublish(OrderKind.APP, target="unpublish_last", app=bazaar.stage.app)
    assert answer.json()["unpublished"] == [second]
    assert bazaar.listed(OrderKind.APP, app="any") == [first]


def test_unpublish__all__removes_the_newest_first(bazaar: Bazaar) -> None:
    hashes = bazaar.publish(bazaar.app(), bazaar.app(), bazaar.app())
    answer = bazaar.unpublish(OrderKind.APP, target="unpublish_all", app=bazaar.stage.app.lower())
    assert answer.json()["unpublished"] == hashes[::-1]


def test_unpublish__somebody_elses__is_refused(bazaar: Bazaar) -> None:
    (hashed,) = bazaar.publish(bazaar.app())
    answer = bazaar.unpublish(OrderKind.APP, "stranger", orderHash=hashed)
    owner = bazaar.stage.keys["app_owner"].address
    assert answer.status_code == 403
    assert answer.json()["error"] == f"only order signer {owner} can unpublish an order"


def test_unpublish__nothing_there__is_refused(bazaar: Bazaar) -> None:
    hashed = "0x" + "12" * 32
    answer = bazaar.unpublish(OrderKind.APP, orderHash=hashed)
    assert answer.json()["error"] == f"apporder with orderHash {hashed} is not published"
    app, owner = bazaar.stage.app, bazaar.stage.keys["app_owner"].address
    answer = bazaar.unpublish(OrderKind.APP, target="unpublish_all", app=app)
    text = f"no open apporder published by signer {owner} for app {app}"
    assert answer.json()["error"] == text


def test_unpublish__unknown_target__is_a_bad_request(bazaar: Bazaar) -> None:
    assert bazaar.unpublish(OrderKind.APP, target="everything").status_code == 400
    assert bazaar.unpublish(OrderKind.APP).json()["error"] == "orderHash is a required field"


def test_unpublish__last_app_order__kills_requests_that_need_it(bazaar: Bazaar) -> None:
    request = bazaar.request()
    (hashed, _) = bazaar.publish(bazaar.app(), request)
    bazaar.unpublish(OrderKind.APP, orderHash=hashed)
    assert bazaar.status(request) == "dead"
    bazaar.publish(bazaar.app(), request)
    assert bazaar.status(request) == "open"


def test_login__used_twice__is_refused(bazaar: Bazaar) -> None:
    header = bazaar.login("app_owner")
    for status in (200, 403):
        answer = bazaar.client.post(
            "/apporders",
            params={"chainId": bazaar.chain_id},
            json={"order": bazaar.app().to_json()},
            headers=header,
        )
        assert answer.status_code == status
    assert answer.json() == {"ok": False, "error": "invalid authorization"}


def test_login__asked_twice__is_the_same_challenge(bazaar: Bazaar) -> None:
    account = bazaar.stage.keys["app_owner"].address
    first, second = (bazaar.get("/challenge", address=account) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("header", [None, "", "0x_0x_0x", "a_b_c", "0x12_0x34_{stranger}"])
def test_login__malformed__is_refused(bazaar: Bazaar, header: str | None) -> None:
    stranger = bazaar.stage.keys["stranger"].address
    answer = bazaar.client.put(
        "/apporders",
        params={"chainId": bazaar.chain_id},
        json={"orderHash": "0x"},
        headers={} if header is None else {"authorization": header.format(stranger=stranger)},
    )
    assert answer.status_code == 403
    assert answer.json()["error"] == "invalid authorization"


@pytest.mark.parametrize("limits", [Limits(requests_per_minute=3)])
def test_requests__of_one_account_too_many__are_refused_for_a_while(
    bazaar: Bazaar, limits: Limits
) -> None:
    bazaar.publish(*(bazaar.app() for _ in range(3)))
    answer = bazaar.send(bazaar.app())
    bazaar.publish(bazaar.dataset())
    assert answer.status_code == 429
    assert answer.json() == {"ok": False, "error": "Rate limit exceeded"}
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("limits", [Limits(requests_per_minute=3)])
def test_requests__from_another_host_too_many__are_refused(bazaar: Bazaar, limits: Limits) -> None:
    async def statuses(host: str) -> list[int]:
        app = orderbook_application(bazaar.book)
        transport = httpx.ASGITransport(app, client=(host, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://market") as client:
            return [(await client.get("/version")).status_code for _ in range(4)]

    assert asyncio.run(statuses("10.1.2.3")) == [200, 200, 200, 429]
    assert asyncio.run(statuses("127.0.0.1")) == [200] * 4


@pytest.mark.parametrize("limits", [Limits(requests_per_minute=1000, body=2000)])
def test_requests__too_large__are_refused(bazaar: Bazaar, limits: Limits) -> None:
    answer = bazaar.client.post("/apporders", content=json.dumps({"order": "x" * 3000}))
    assert answer.status_code == 413
