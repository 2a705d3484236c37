"""The client of the order book: with a real book, and with one that misbehaves."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from eth_account import Account

from poco.errors import PeerError
from poco.market.publishing import publish_order
from poco.orders import (
    TEE,
    ZERO_ADDRESS,
    AppOrder,
    Domain,
    OrderKind,
    RequestOrder,
    WorkerpoolOrder,
    order_hash,
    sign_order,
)
from poco.services.orderbook import (
    ANY,
    OrderbookClient,
    OrderbookRefusedError,
    OrdersFilter,
)
from poco.services.orderbook.challenges import challenge_document

if TYPE_CHECKING:
    from bazaar import Bazaar

DOMAIN = Domain(chain_id=31337, hub="0x" + "11" * 20)
ALICE = Account.from_key("0x" + "01" * 32)
ORDER = sign_order(AppOrder(app="0x" + "22" * 20, salt=bytes(32)), DOMAIN, ALICE)
REQUEST = RequestOrder(
    app=ORDER.app, requester=ALICE.address, beneficiary=ALICE.address, salt=bytes(32)
)


@pytest.fixture
def client(bazaar: Bazaar) -> Iterator[OrderbookClient]:
    found = OrderbookClient(str(bazaar.client.base_url), bazaar.stage.market.domain)
    yield found
    found.close()


# PUBLISHING


def test_publish__returns_the_record__which_is_found_again(
    bazaar: Bazaar, client: OrderbookClient
) -> None:
    order = bazaar.app(appprice=7, volume=3)
    published = client.publish(order, bazaar.stage.keys["app_owner"])
    assert published.order == order
    assert (published.hash, published.remaining) == (bazaar.hash(order), 3)
    assert published.signer == bazaar.stage.keys["app_owner"].address
    assert client.find(OrderKind.APP, published.hash) == published
    record = bazaar.get(f"/apporders/{published.hash}")
    assert published.to_json() | {"ok": True} == record


def test_publish__of_somebody_else_s_order__is_refused_in_the_book_s_words(
    bazaar: Bazaar, client: OrderbookClient
) -> None:
    owner = bazaar.stage.keys["app_owner"].address
    with pytest.raises(OrderbookRefusedError) as caught:
        client.publish(bazaar.app(), bazaar.stage.keys["stranger"])
    assert caught.value.status == 403
    assert caught.value.text == f"only order signer {owner} can publish an order"


def test_publish__when_another_command_used_up_the_challenge__logs_in_again(
    bazaar: Bazaar,
) -> None:
    raced = []

    class Racing(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and len(raced) < 2:
                raced.append(bazaar.publish(bazaar.app()))
            return super().handle_request(request)

    url = str(bazaar.client.base_url)
    client = OrderbookClient(url, bazaar.stage.market.domain, transport=Racing())
    order = bazaar.app()
    assert client.publish(order, bazaar.stage.keys["app_owner"]).order == order
    assert len(raced) == 2


def test_publish_order__before_the_book_has_seen_the_app__waits_for_it(bazaar: Bazaar) -> None:
    stage, owner = bazaar.stage, bazaar.stage.keys["app_owner"]
    app = stage.app_owner.apps.create(owner.address, "new", "WASM", b"x", bytes(32)).value
    order = bazaar.app(app=app)
    refused = []

    class Following(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if answer.status_code == 403:
                refused.append(answer.read())
                bazaar.follow()
            return answer

    url = str(bazaar.client.base_url)
    client = OrderbookClient(url, stage.market.domain, transport=Following())
    with pytest.raises(OrderbookRefusedError, match="Resource not deployed"):
        publish_order(client, order, owner, patience=0)
    other = stage.app_owner.apps.create(owner.address, "newer", "WASM", b"x", bytes(32)).value
    assert publish_order(client, bazaar.app(app=other), owner, pause=0).status == "open"
    assert len(refused) == 2


def test_publish_order__that_is_refused_for_good__is_not_tried_again(
    bazaar: Bazaar, client: OrderbookClient
) -> None:
    with pytest.raises(OrderbookRefusedError, match="only order signer"):
        publish_order(client, bazaar.app(), bazaar.stage.keys["stranger"], pause=3600)


def test_unpublish__by_hash__the_last__and_all(bazaar: Bazaar, client: OrderbookClient) -> None:
    first, second, third, fourth = bazaar.publish(*(bazaar.app(appprice=n) for n in range(4)))
    app, owner = bazaar.stage.app, bazaar.stage.keys["app_owner"]
    assert client.unpublish(OrderKind.APP, second, owner) == second
    assert client.find(OrderKind.APP, second) is None
    last = client.unpublish_last(OrderKind.APP, app, owner)
    rest = client.unpublish_all(OrderKind.APP, app, owner)
    assert {last, *rest} == {first, third, fourth}
    with pytest.raises(OrderbookRefusedError, match="no open apporder published by signer"):
        client.unpublish_all(OrderKind.APP, app, owner)


def test_unpublish__of_requests__goes_by_the_requester(
    bazaar: Bazaar, client: OrderbookClient
) -> None:
    _, published = bazaar.publish(bazaar.app(), bazaar.request())
    requester = bazaar.stage.keys["requester"]
    assert client.unpublish_all(OrderKind.REQUEST, requester.address, requester) == [published]


# READING


def test_orders__over_several_pages__are_counted_and_limited(
    bazaar: Bazaar, client: OrderbookClient
) -> None:
    hashes = bazaar.publish(*(bazaar.pool(category=n % 2) for n in range(21)))
    everything = client.orders(OrderKind.WORKERPOOL, limit=10)
    assert (everything.count, len(everything.orders)) == (21, 10)
    found = client.orders(OrderKind.WORKERPOOL, OrdersFilter(category=0), limit=1000)
    assert found.count == 11
    assert {order.hash for order in found.orders} == set(hashes[::2])
    assert len(client.orders(OrderKind.WORKERPOOL, limit=3).orders) == 3


def test_orders__up_to_a_limit__ask_for_no_page_beyond(bazaar: Bazaar) -> None:
    asked = []

    class Counting(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url.params["pageIndex"])
            return super().handle_request(request)

    bazaar.publish(*(bazaar.pool() for _ in range(12)))
    url = str(bazaar.client.base_url)
    client = OrderbookClient(url, bazaar.stage.market.domain, transport=Counting())
    assert len(client.orders(OrderKind.WORKERPOOL, limit=10).orders) == 10
    assert asked == ["0"]


def test_orders__with_every_filter__are_those_of_the_api(
    bazaar: Bazaar, client: OrderbookClient
) -> None:
    pool, owner = bazaar.stage.pool, bazaar.stage.keys["app_owner"].address
    free, tee, bound = bazaar.publish(
        bazaar.app(), bazaar.app(tag=TEE, volume=5), bazaar.app(workerpoolrestrict=pool)
    )

    def found(**wanted: Any) -> set[str]:
        return {it.hash for it in client.orders(OrderKind.APP, OrdersFilter(**wanted)).orders}

    app = bazaar.stage.app
    assert found(app=app) == {free, tee}
    assert found(owner=owner, workerpool=pool) == {free, tee, bound}
    assert found(app=app, workerpool=ANY) == {free, tee, bound}
    assert found(app=app, workerpool=pool, strict=frozenset({"workerpool"})) == {bound}
    assert found(app=app, min_tag=TEE) == {tee}
    assert found(app=app, max_tag=TEE - TEE) == {free}
    assert found(app=app, min_volume=2) == {tee}


def test_orders__without_an_asset__are_refused_in_the_book_s_words(
    client: OrderbookClient,
) -> None:
    with pytest.raises(OrderbookRefusedError, match="app or appOwner is required"):
        client.orders(OrderKind.APP)


def test_deals__of_an_order__are_listed(bazaar: Bazaar, client: OrderbookClient) -> None:
    stage = bazaar.stage
    orders = stage.orders(volume=2)
    dealid = stage.requester.hub.match_orders(*orders).value
    bazaar.follow()
    found = client.deals(requestorderHash=bazaar.hash(orders[3]))
    assert (found.count, [deal["dealid"] for deal in found.deals]) == (1, [f"0x{dealid.hex()}"])
    assert client.deals(app=stage.pool).deals == ()


def test_match__proposes_fills__and_tells_what_would_help(
    bazaar: Bazaar, client: OrderbookClient
) -> None:
    app, pool = bazaar.app(), bazaar.pool(workerpoolprice=8, volume=2)
    missing = client.match(bazaar.request())
    assert (missing.volume, missing.changes) == (0, ())
    assert missing.missing == (OrderKind.APP, OrderKind.WORKERPOOL)
    bazaar.publish(app, pool)
    dear = client.match(bazaar.request(workerpoolmaxprice=7))
    assert [str(change) for change in dear.changes] == ["requestorder.workerpoolmaxprice: 7 → 8"]
    request = bazaar.request(workerpoolmaxprice=8)
    proposal = client.match(request, 1)
    (fill,) = proposal.fills
    assert (proposal.volume, proposal.cost, proposal.in_sequence) == (1, 8, True)
    assert (fill.app, fill.workerpool, fill.request) == (app, pool, request)
    assert fill.dataset.is_null
    assert fill.to_json()["datasetorder"] is None


# BOOKS THAT MISBEHAVE


def talking(answer: Callable[[httpx.Request], httpx.Response]) -> OrderbookClient:
    return OrderbookClient("http://book", DOMAIN, transport=httpx.MockTransport(answer))


def answering(document: Any, status: int = 200) -> OrderbookClient:
    return talking(lambda _: httpx.Response(status, json=document))


def test_client__without_a_book__says_so() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = OrderbookClient(f"http://user:password@127.0.0.1:{port}", DOMAIN)
    with pytest.raises(PeerError, match="the order book does not answer") as caught:
        client.match(REQUEST)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_client__of_a_busy_book__passes_its_words_on(status: int) -> None:
    client = answering({"ok": False, "error": "Rate limit exceeded"}, status)
    with pytest.raises(PeerError, match=f"cannot answer now: {status} .*Rate limit exceeded"):
        client.orders(OrderKind.REQUEST)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"ok": True}),
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(200, text="[" * 10**5),
        httpx.Response(200, text='{"ok": true, "volume": 1e999}'),
    ],
)
def test_client__of_something_else__says_that_it_is_no_book(answer: httpx.Response) -> None:
    with pytest.raises(PeerError, match="none of an order book"):
        talking(lambda _: answer).match(REQUEST)


def test_client__of_a_book_without_end__stops_reading() -> None:
    def flood() -> Iterator[bytes]:
        while True:
            yield bytes(1024**2)

    client = talking(lambda _: httpx.Response(200, content=flood()))
    with pytest.raises(PeerError, match="more than 67108864 bytes"):
        client.find(OrderKind.APP, "0x" + "00" * 32)


def proposing(request: RequestOrder, **changes: Any) -> dict[str, Any]:
    """Return a proposal of one task for 5 nRLC, made of orders that a book has."""
    app = replace(ORDER, appprice=2)
    pool = WorkerpoolOrder(
        workerpool="0x" + "33" * 20, workerpoolprice=3, category=0, salt=bytes(32)
    )
    fill = {
        "volume": 1,
        "cost": 5,
        "apporder": app.to_json(),
        "datasetorder": None,
        "workerpoolorder": pool.to_json(),
        "requestorder": request.to_json(),
    }
    whole = {"ok": True, "volume": 1, "cost": 5, "inSequence": True}
    return {**whole, "matches": [fill | changes.pop("fill", {})], **changes}


def test_match__for_the_request__is_passed_on() -> None:
    assert answering(proposing(REQUEST)).match(REQUEST).fills[0].request == REQUEST


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"params": "steal"}, "not ask for"),
        ({"beneficiary": "0x" + "66" * 20}, "not ask for"),
        ({"appmaxprice": 10**9}, "not ask for"),
        ({"volume": 2}, "not ask for"),
        ({"sign": b"x"}, "not ask for"),
    ],
)
def test_match__when_the_book_changes_the_request__is_refused(
    change: dict[str, Any], why: str
) -> None:
    with pytest.raises(PeerError, match=why):
        answering(proposing(replace(REQUEST, **change))).match(REQUEST)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"fill": {"cost": 1}, "cost": 1}, "costs the prices"),
        ({"cost": 1}, "another price"),
        ({"fill": {"volume": 2, "cost": 10}, "volume": 2, "cost": 10}, "not ask for|more tasks"),
        ({"fill": {"volume": 0, "cost": 0}, "volume": 0, "cost": 0}, "costs the prices"),
    ],
)
def test_match__when_the_book_lies_about_price_or_volume__is_refused(
    changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(PeerError, match=why):
        answering(proposing(REQUEST, **changes)).match(REQUEST)


def test_match__for_fewer_tasks_than_an_unsigned_request_has__offers_only_these_for_signing() -> (
    None
):
    asked: list[Any] = []

    def book(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return httpx.Response(200, json=proposing(replace(REQUEST, volume=100)))

    with pytest.raises(PeerError, match="not ask for"):
        talking(book).match(replace(REQUEST, volume=100), 1)
    assert (asked[0]["order"]["volume"], asked[0]["volume"]) == ("1", 1)


def record(order: AppOrder, hashed: str) -> dict[str, Any]:
    return {
        "ok": True,
        "orderHash": hashed,
        "order": order.to_json(),
        "remaining": 1,
        "status": "open",
        "signer": ALICE.address,
        "publicationTimestamp": "2025-01-31T12:00:00.000Z",
    }


def test_find__when_the_book_changes_the_order__is_refused() -> None:
    wanted = "0x" + "00" * 32
    with pytest.raises(PeerError, match="not the one of its hash"):
        answering(record(ORDER, wanted)).find(OrderKind.APP, wanted)


def test_find__when_the_book_gives_another_order__is_refused() -> None:
    own = f"0x{order_hash(ORDER, DOMAIN).hex()}"
    assert answering(record(ORDER, own)).find(OrderKind.APP, own) is not None
    with pytest.raises(PeerError, match="another order was asked for"):
        answering(record(ORDER, own)).find(OrderKind.APP, "0x" + "00" * 32)


@pytest.mark.parametrize("part", ["primaryType", "domain"])
def test_login__when_the_book_wants_something_else_signed__signs_nothing(part: str) -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        challenge = challenge_document("Sign this", DOMAIN.chain_id) | {part: "AppOrder"}
        return httpx.Response(200, json={"ok": True, "data": challenge})

    with pytest.raises(PeerError, match="no challenge of this chain"):
        talking(answer).publish(ORDER, ALICE)
    assert sent == ["GET"]


def test_unpublish__when_nothing_was_removed__is_no_success() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            data = challenge_document("Sign this", DOMAIN.chain_id)
            return httpx.Response(200, content=json.dumps({"ok": True, "data": data}))
        return httpx.Response(200, json={"ok": True, "unpublished": []})

    with pytest.raises(PeerError, match="nothing was removed"):
        talking(answer).unpublish_last(OrderKind.APP, ZERO_ADDRESS, ALICE)
