"""The client of an order book: publish, remove and find orders, find deals, ask for a fill.

It speaks the market API of iExec (spec sdk §3), so it works with the books of others, too; only
`OrderbookClient.match` is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts.nodes import shown_url
from poco.errors import PeerError, UserInputError
from poco.orders import AnyOrder, Domain, OrderKind, RequestOrder, sign_digest
from poco.peers import json_object, peer_client
from poco.services.orderbook.answers import (
    Deals,
    OrdersFilter,
    Proposal,
    PublishedOrder,
    PublishedOrders,
)
from poco.services.orderbook.challenges import challenge_digest, challenge_document

__all__ = ["OrderbookClient", "OrderbookRefusedError"]

_TIMEOUT_SECONDS = 30.0
_MAX_ANSWER_BYTES = 64 * 1024**2
_MAX_WORDS = 500
_MIN_PAGE, _MAX_PAGE = 10, 1000
_LOGINS = 3
"""Another command of the same account may use up the challenge meanwhile."""
_LOGIN_LOST = "invalid authorization"
_MALFORMED = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)


class OrderbookRefusedError(UserInputError):
    """The order book answered with a refusal; to ask again will not help.

    Args:
        status: HTTP status.
        text: its words.
    """

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(f"the order book refuses: {text}")


class OrderbookClient:
    """An order book. Safe to use from several threads.

    Args:
        url: root of the book.
        domain: the EIP-712 domain of the market (`Market.domain`); its chain id names the market.
        transport: how to reach it; by default over the network.
    """

    def __init__(
        self, url: str, domain: Domain, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._domain = domain
        self._http = peer_client(_MAX_ANSWER_BYTES, timeout=_TIMEOUT_SECONDS, transport=transport)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # SIGNERS

    def publish(self, order: AnyOrder, account: LocalAccount) -> PublishedOrder:
        """Publish an order.

        Args:
            order: signed.
            account: the owner of what is sold, or the requester.

        Raises:
            OrderbookRefusedError: the book does not take it, and says why.
            PeerError: the book does not answer.
        """
        answer = self._change("POST", order.kind, {"order": order.to_json()}, account)
        with self._understood():
            return PublishedOrder.from_json(order.kind, answer["published"], self._domain)

    def unpublish(self, kind: OrderKind, order_hash: str, account: LocalAccount) -> str:
        """Remove an order of the account; its signature stays valid.

        Args:
            kind: of the order.
            order_hash: 0x-hex.
            account: its signer.

        Returns:
            The hash.

        Raises:
            OrderbookRefusedError: there is none, or it is somebody else's.
            PeerError: the book does not answer.
        """
        return self._remove("unpublish_orderHash", kind, order_hash, account)[0]

    def unpublish_last(self, kind: OrderKind, asset: ChecksumAddress, account: LocalAccount) -> str:
        """Remove the newest open order for an asset (for requests: of a requester).

        Raises:
            OrderbookRefusedError: there is none.
            PeerError: the book does not answer.
        """
        return self._remove("unpublish_last", kind, asset, account)[0]

    def unpublish_all(
        self, kind: OrderKind, asset: ChecksumAddress, account: LocalAccount
    ) -> list[str]:
        """Remove all open orders for an asset (for requests: of a requester), the newest first.

        Raises:
            OrderbookRefusedError: there are none.
            PeerError: the book does not answer.
        """
        return self._remove("unpublish_all", kind, asset, account)

    # READERS

    def find(self, kind: OrderKind, order_hash: str) -> PublishedOrder | None:
        """Return an order of the book, whatever its status; None when the book has it not.

        Raises:
            OrderbookRefusedError: the hash is malformed.
            PeerError: the book does not answer, or with another order.
        """
        try:
            answer = self._ask("GET", f"/{kind}s/{order_hash}")
        except OrderbookRefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        with self._understood():
            found = PublishedOrder.from_json(kind, answer, self._domain)
        if found.hash != order_hash.lower():
            raise self._misunderstood("another order was asked for")
        return found

    def orders(
        self, kind: OrderKind, wanted: OrdersFilter | None = None, *, limit: int = 100
    ) -> PublishedOrders:
        """Return open orders, the best price first.

        Args:
            kind: the collection.
            wanted: which orders; the book asks for an asset or an owner (not for pools, requests).
            limit: most orders.

        Raises:
            OrderbookRefusedError: the filter is malformed.
            PeerError: the book does not answer.
        """
        query = {} if wanted is None else wanted.query(kind)
        count, rows = self._pages(f"/{kind}s", "orders", query, limit)
        with self._understood():
            found = [PublishedOrder.from_json(kind, row, self._domain) for row in rows]
        return PublishedOrders(count, tuple({order.hash: order for order in found}.values()))

    def deals(self, *, limit: int = 100, **filters: str) -> Deals:
        """Return deals, the newest first.

        Args:
            limit: most deals.
            filters: names of the API: ``requester``, ``app``, ``requestorderHash`` …

        Raises:
            OrderbookRefusedError: a filter is malformed.
            PeerError: the book does not answer.
        """
        count, rows = self._pages("/deals", "deals", filters, limit)
        return Deals(count, tuple(rows))

    def match(self, request: RequestOrder, volume: int | None = None) -> Proposal:
        """Ask for the cheapest fill of a request, paid from the requester's stake.

        Args:
            request: the request, signed or not.
            volume: tasks that are wanted; by default what is left of the request.

        Raises:
            OrderbookRefusedError: the request is malformed.
            PeerError: the book does not answer, or proposes what it was not asked for.
        """
        wanted = request.volume if volume is None else min(volume, request.volume)
        if not request.sign:  # then no deal can take more
            request = replace(request, volume=wanted)
        body: dict[str, Any] = {"order": request.to_json()}
        if volume is not None:
            body["volume"] = volume
        answer = self._ask("POST", "/match", body=body)
        with self._understood():
            proposal = Proposal.from_json(answer)
            _check_proposal(proposal, request, wanted)
        return proposal

    # TRANSPORT

    def _remove(self, target: str, kind: OrderKind, which: str, account: LocalAccount) -> list[str]:
        asset = "requester" if kind is OrderKind.REQUEST else kind.removesuffix("order")
        name = "orderHash" if target == "unpublish_orderHash" else asset
        answer = self._change("PUT", kind, {"target": target, name: which}, account)
        with self._understood():
            removed = [str(hashed) for hashed in answer["unpublished"]]
            if not removed:
                raise ValueError("nothing was removed")
        return removed

    def _change(
        self, method: str, kind: OrderKind, body: Mapping[str, Any], account: LocalAccount
    ) -> dict[str, Any]:
        for _ in range(_LOGINS - 1):
            try:
                return self._ask(method, f"/{kind}s", body=body, login=self._login(account))
            except OrderbookRefusedError as error:
                if error.text != _LOGIN_LOST:
                    raise
        return self._ask(method, f"/{kind}s", body=body, login=self._login(account))

    def _login(self, account: LocalAccount) -> str:
        """Answer a challenge; nothing but a challenge is signed."""
        answer = self._ask("GET", "/challenge", {"address": account.address})
        chain_id = self._domain.chain_id
        with self._understood():
            offered = answer["data"]
            text = str(offered["message"]["challenge"])
            plain = challenge_document(text, chain_id)
            if any(offered[part] != plain[part] for part in ("primaryType", "domain", "message")):
                raise ValueError("what it wants signed is no challenge of this chain")
        digest = challenge_digest(text, chain_id)
        return f"0x{digest.hex()}_0x{sign_digest(account, digest).hex()}_{account.address}"

    def _pages(
        self, path: str, name: str, query: Mapping[str, str], limit: int
    ) -> tuple[int, list[dict[str, Any]]]:
        rows: list[dict[str, Any]] = []
        size = min(max(limit, _MIN_PAGE), _MAX_PAGE)
        page = 0
        while True:
            paging = {"pageIndex": str(page), "pageSize": str(size)}
            answer = self._ask("GET", path, {**query, **paging})
            with self._understood():
                count, found = int(answer["count"]), list(answer[name])
                rows += [dict(row) for row in found]
            page += 1
            if len(rows) >= limit or len(found) < size:
                return count, rows[:limit]

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        login: str = "",
    ) -> dict[str, Any]:
        headers = {"authorization": login} if login else {}
        params = {"chainId": str(self._domain.chain_id), **(query or {})}
        try:
            url = self.url + path
            answer = self._http.request(method, url, params=params, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise PeerError(
                f"the order book does not answer ({error or type(error).__name__})",
                field="iexecGateway",
                value=shown_url(self.url),
                remedy="start it, or check the URL",
            ) from error
        if answer.is_server_error or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            words = answer.content[:_MAX_WORDS].decode(errors="replace")
            raise PeerError(
                f"the order book cannot answer now: {answer.status_code} {words}",
                field="iexecGateway",
                value=shown_url(self.url),
                remedy="ask again later",
            )
        with self._understood():
            document = json_object(answer)
            if answer.is_success and document["ok"] is True:
                return document
            raise OrderbookRefusedError(answer.status_code, str(document["error"])[:_MAX_WORDS])

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Translate an answer that is none of an order book."""
        try:
            yield
        except OrderbookRefusedError:
            raise
        except (*_MALFORMED, UserInputError) as error:
            raise self._misunderstood(f"{type(error).__name__}: {error}") from error

    def _misunderstood(self, why: str) -> PeerError:
        return PeerError(
            f"the answer is none of an order book of this market ({why})",
            field="iexecGateway",
            value=shown_url(self.url),
            remedy="check the URL, and that the book is of this market",
        )


def _check_proposal(proposal: Proposal, request: RequestOrder, wanted: int) -> None:
    """Check that a proposal is for a request, for its buyer will sign what it holds.

    Raises:
        ValueError: it is for another request, for too many tasks, or says another price.
    """
    for fill in proposal.fills:
        own = replace(request, volume=fill.volume, salt=fill.request.salt, sign=b"")
        if fill.request not in (request, own):
            raise ValueError("it proposes what the request does not ask for")
        price = fill.app.appprice + fill.dataset.datasetprice + fill.workerpool.workerpoolprice
        if fill.volume < 1 or fill.cost != fill.volume * price:
            raise ValueError("a fill costs the prices of its orders")
    if proposal.volume != sum(fill.volume for fill in proposal.fills) or proposal.volume > wanted:
        raise ValueError("it proposes more tasks than are wanted")
    if proposal.cost != sum(fill.cost for fill in proposal.fills):
        raise ValueError("it proposes another price than that of its fills")
