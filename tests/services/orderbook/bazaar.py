"""People who trade over an order book."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import httpx
from eth_account.messages import encode_typed_data
from support.client_stage import Stage

from poco.orders import (
    AnyOrder,
    AppOrder,
    DatasetOrder,
    OrderKind,
    RequestOrder,
    WorkerpoolOrder,
    order_hash,
    random_salt,
    sign_order,
)
from poco.services.orderbook import Orderbook

SIGNERS = {
    OrderKind.APP: "app_owner",
    OrderKind.DATASET: "dataset_owner",
    OrderKind.WORKERPOOL: "scheduler",
    OrderKind.REQUEST: "requester",
}


@dataclass
class Bazaar:
    """A market, its order book, and a client of its API."""

    stage: Stage
    book: Orderbook
    client: httpx.Client

    @property
    def chain_id(self) -> int:
        return self.stage.market.book.chain_id

    def follow(self) -> None:
        self.book.follower.follow()

    # ORDERS

    def app(self, **fields: Any) -> AppOrder:
        return self._signed(AppOrder(app=self.stage.app, salt=random_salt()), fields)

    def dataset(self, **fields: Any) -> DatasetOrder:
        return self._signed(DatasetOrder(dataset=self.stage.dataset, salt=random_salt()), fields)

    def pool(self, **fields: Any) -> WorkerpoolOrder:
        return self._signed(WorkerpoolOrder(workerpool=self.stage.pool, salt=random_salt()), fields)

    def request(self, **fields: Any) -> RequestOrder:
        requester = self.stage.keys["requester"].address
        order = RequestOrder(
            app=self.stage.app, requester=requester, beneficiary=requester, salt=random_salt()
        )
        return self._signed(order, fields)

    def hash(self, order: AnyOrder) -> str:
        return f"0x{order_hash(order, self.stage.market.domain).hex()}"

    def _signed(self, order: Any, fields: dict[str, Any]) -> Any:
        key = self.stage.keys[SIGNERS[order.kind]]
        return sign_order(replace(order, **fields), self.stage.market.domain, key)

    # API

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a query, which must succeed."""
        answer = self.client.get(path, params={"chainId": self.chain_id} | query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["ok"] is True
        return answer.json()

    def refusal(self, path: str, **query: Any) -> tuple[int, str]:
        """Status and text of a query that fails."""
        answer = self.client.get(path, params={"chainId": self.chain_id} | query)
        assert answer.json()["ok"] is False
        return answer.status_code, answer.json()["error"]

    def login(self, role: str) -> dict[str, str]:
        """The header that the official client sends."""
        key = self.stage.keys[role]
        data = self.get("/challenge", address=key.address)["data"]
        signed = key.sign_message(encode_typed_data(full_message=data))
        words = (f"0x{signed.message_hash.hex()}", f"0x{signed.signature.hex()}", key.address)
        return {"authorization": "_".join(words)}

    def send(self, order: AnyOrder, role: str | None = None) -> Any:
        """The answer to publishing."""
        return self.client.post(
            f"/{order.kind}s",
            params={"chainId": self.chain_id},
            json={"order": order.to_json()},
            headers=self.login(role or SIGNERS[order.kind]),
        )

    def publish(self, *orders: AnyOrder) -> list[str]:
        """Publish orders; their hashes."""
        hashes = []
        for order in orders:
            answer = self.send(order)
            assert answer.status_code == 200, answer.text
            hashes.append(answer.json()["published"]["orderHash"])
        return hashes

    def refused(self, order: AnyOrder, role: str | None = None) -> str:
        """Why an order is not published."""
        answer = self.send(order, role)
        assert answer.status_code == 403, answer.text
        assert answer.json()["ok"] is False
        return answer.json()["error"]

    def unpublish(self, kind: OrderKind, role: str | None = None, **body: Any) -> Any:
        """The answer to unpublishing."""
        return self.client.put(
            f"/{kind}s",
            params={"chainId": self.chain_id},
            json=body,
            headers=self.login(role or SIGNERS[kind]),
        )

    def status(self, order: AnyOrder) -> str:
        """What has become of a published order."""
        return self.get(f"/{order.kind}s/{self.hash(order)}")["status"]

    def remaining(self, order: AnyOrder) -> int:
        return self.get(f"/{order.kind}s/{self.hash(order)}")["remaining"]

    def listed(self, kind: OrderKind, **query: Any) -> list[str]:
        """The hashes of a list."""
        return [found["orderHash"] for found in self.get(f"/{kind}s", **query)["orders"]]

    def propose(self, request: RequestOrder, **body: Any) -> Any:
        """The proposal for a request."""
        answer = self.client.post(
            "/match",
            params={"chainId": self.chain_id},
            json={"order": request.to_json(), **body},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()
