"""The market API over HTTP, as the official client speaks it (spec sdk §3)."""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from poco import __version__
from poco.errors import ChainError, ConfigurationError, PocoError, UserInputError
from poco.orders import MAX_JSON_INTEGER, OrderKind, RequestOrder, checked_address
from poco.services.orderbook.batching import Publisher
from poco.services.orderbook.book import Orderbook
from poco.services.orderbook.judgement import NAMES
from poco.services.orderbook.metrics import metrics_text
from poco.services.orderbook.proposals import Proposals
from poco.services.orderbook.publishing import read_order
from poco.services.orderbook.queries import (
    DealsQuery,
    OrdersQuery,
    Page,
    PagedQuery,
    address,
    bytes32,
    number,
)
from poco.services.orderbook.refusals import RefusedError, invalid
from poco.web import AsciiResponse, HttpError, application
from poco.web_limits import RateLimit

__all__ = ["orderbook_application"]

_log = logging.getLogger(__name__)
_MAX_SILENCE_SECONDS = 60.0
_TARGETS = ("unpublish_orderHash", "unpublish_last", "unpublish_all")
_RETRY = "Something went wrong, you should retry later."


def orderbook_application(book: Orderbook, *, every: float = 1.0) -> FastAPI:
    """Make the application; while it runs it follows the chain.

    It needs an origin of its own: the official client drops the path of the URL.

    Args:
        book: what it serves.
        every: pause between looks at the chain, seconds.
    """

    def healthy() -> Mapping[str, object]:
        if book.follower.silence > _MAX_SILENCE_SECONDS:
            raise HttpError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"the chain was not seen for {book.follower.silence:.0f} s",
            )
        return {"block": book.counts()["lastBlock"]}

    app = application(
        "poco market", description=__doc__ or "", healthy=healthy, max_body=book.limits.body
    )
    # The API has JSON where other services have text.
    common = [route for route in app.router.routes if getattr(route, "path", "") != "/version"]
    app.router.routes.clear()
    app.router.lifespan_context = _following(book, every)
    _add_errors(app)
    routes = _Routes(book)
    app.router.route_class = _counting(routes.count)
    routes.add(app.router)
    for kind in OrderKind:
        routes.add_collection(app.router, kind)
    app.router.routes.extend(common)  # they are asked for least
    return app


def _counting(count: Callable[[Request], None]) -> type[APIRoute]:
    """Return the class of routes that count their requests before anything is read."""

    class Counting(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def counted(request: Request) -> Response:
                count(request)
                return await handle(request)

            return counted

    return Counting


def _following(book: Orderbook, every: float) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(book.follower.follow)
        stop = threading.Event()
        arguments = (stop, every, _log.warning)
        thread = threading.Thread(target=book.follower.run, args=arguments, daemon=True)
        thread.start()
        yield
        stop.set()
        await run_in_threadpool(thread.join)

    return lifespan


def _add_errors(app: FastAPI) -> None:
    def answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
        return AsciiResponse({"ok": False, "error": text}, status, headers)

    @app.exception_handler(PocoError)
    async def _poco_error(_: Request, error: PocoError) -> Response:
        if isinstance(error, HttpError):
            if error.status == HTTPStatus.TOO_MANY_REQUESTS:
                return answer(error.status, "Rate limit exceeded", error.headers)
            return answer(error.status, error.rule, error.headers)
        if isinstance(error, UserInputError):
            return answer(HTTPStatus.BAD_REQUEST, str(error))
        _log.error("%s", error)
        trouble = isinstance(error, ChainError | ConfigurationError)
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, _RETRY if trouble else "Internal error")

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        fault = error.errors()[0]
        return answer(HTTPStatus.BAD_REQUEST, f"{fault['loc'][-1]}: {fault['msg']}")

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        return answer(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def _defect(_: Request, error: Exception) -> Response:
        _log.error("a defect", exc_info=error)
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error")


class _Routes:
    """The handlers of one application.

    Args:
        book: what they serve.
    """

    def __init__(self, book: Orderbook) -> None:
        self._book = book
        self._publisher = Publisher(book)
        self._proposals = Proposals(book)
        self._per_peer = RateLimit(book.limits.requests_per_minute)
        self._per_account = RateLimit(book.limits.requests_per_minute)

    def count(self, request: Request) -> None:
        """Count a request; those of this host are not limited."""
        peer = request.client.host if request.client else ""
        if not _is_local(peer):
            self._per_peer.take(peer)

    def add(self, router: APIRouter) -> None:
        """Add what is not of one kind of orders."""
        book = self._book

        @router.get("/version")
        async def version() -> dict[str, Any]:
            """Return the version of poco."""
            return {"ok": True, "version": __version__}

        @router.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
        def metrics(chainId: str | None = None) -> Response:  # noqa: N803
            """Return the state of the book as JSON; without `chainId`, for Prometheus."""
            if chainId is None:
                return Response(metrics_text(book), media_type="text/plain; version=0.0.4")
            self._require_chain(chainId)
            return JSONResponse({"ok": True, **book.counts()})

        @router.get("/challenge")
        async def challenge(
            chainId: str | None = None,  # noqa: N803
            account: Annotated[str | None, Query(alias="address")] = None,
        ) -> dict[str, Any]:
            """Return what to sign for the next request that changes something."""
            self._require_chain(chainId)
            signer = checked_address("address", address("address", account))
            return {"ok": True, "data": book.logins.challenge(signer)}

        @router.get("/categories")
        def categories(
            query: Annotated[PagedQuery, Query()],
            minWorkClockTimeRef: str = "0",  # noqa: N803
            maxWorkClockTimeRef: str = str(MAX_JSON_INTEGER),  # noqa: N803
        ) -> dict[str, Any]:
            """Return categories, the shortest first."""
            self._require_chain(query.chainId)
            bounds = (
                number("minWorkClockTimeRef", minWorkClockTimeRef),
                number("maxWorkClockTimeRef", maxWorkClockTimeRef),
            )
            return {"ok": True, **book.categories(Page(query), *bounds)}

        @router.get("/categories/{catid}")
        def category(catid: str, chainId: str | None = None) -> dict[str, Any]:  # noqa: N803
            """Return a category."""
            self._require_chain(chainId)
            return {"ok": True, **book.category(number("catid", catid))}

        @router.get("/deals")
        def deals(query: Annotated[DealsQuery, Query()]) -> dict[str, Any]:
            """Return deals, the newest first."""
            self._require_chain(query.chainId)
            return {"ok": True, **book.deals(query)}

        @router.get("/deals/{dealid}")
        def deal(dealid: str, chainId: str | None = None) -> dict[str, Any]:  # noqa: N803
            """Return a deal."""
            self._require_chain(chainId)
            return {"ok": True, **book.deal(bytes32(dealid)), "chainId": chainId}

        @router.get("/ohlc")
        def ohlc(
            chainId: str | None = None,  # noqa: N803
            category: str | None = None,
        ) -> dict[str, Any]:
            """Return prices and volumes of the newest deals of a category."""
            self._require_chain(chainId)
            if category is None:
                raise invalid("category is a required field")
            return {"ok": True, "ohlc": book.candles(number("category", category))}

        @router.get("/events")
        async def events(
            chainId: str | None = None,  # noqa: N803
            topic: str = "orders",
        ) -> Response:
            """Tell what changes, as server-sent events; topics are `orders` and `deals`."""
            self._require_chain(chainId)
            if topic not in ("orders", "deals"):
                raise invalid("topic must be one of orders, deals")
            if not book.feed.has_room():
                raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "too many listeners")
            headers = {"Cache-Control": "no-cache"}
            return StreamingResponse(
                book.feed.listen(topic), media_type="text/event-stream", headers=headers
            )

        @router.post("/match")
        def match(
            body: Annotated[dict[str, Any], Body()],
            chainId: str | None = None,  # noqa: N803
        ) -> dict[str, Any]:
            """Propose the cheapest fill of a request over all open orders.

            The body is `{"order": <request order, signed or not>, "volume": <tasks, optional>}`.
            When nothing fits, `changes` is the smallest set of changes of the request that helps.
            """
            self._require_chain(chainId)
            order = read_order(OrderKind.REQUEST, body.get("order"))
            assert isinstance(order, RequestOrder)
            volume = body.get("volume")
            wanted = None if volume is None else number("volume", str(volume))
            return {"ok": True, **self._proposals.propose(order, wanted)}

    def add_collection(self, router: APIRouter, kind: OrderKind) -> None:
        """Add what the four collections have in common."""
        book, path = self._book, f"/{kind}s"

        @router.get(path, name=f"list {kind}s")
        def listing(query: Annotated[OrdersQuery, Query()]) -> dict[str, Any]:
            """Return open orders, the best price first."""
            self._require_chain(query.chainId)
            return {"ok": True, **book.orders(kind, query)}

        @router.get(f"{path}/{{orderHash}}", name=f"find {kind}")
        def find(orderHash: str, chainId: str | None = None) -> dict[str, Any]:  # noqa: N803
            """Return an order, whatever its status."""
            self._require_chain(chainId)
            return {"ok": True, **book.order(kind, bytes32(orderHash)), "chainId": chainId}

        @router.post(path, name=f"publish {kind}")
        async def publish(
            body: Annotated[dict[str, Any], Body()],
            chainId: str | None = None,  # noqa: N803
            authorization: Annotated[str | None, Header()] = None,
        ) -> dict[str, Any]:
            """Publish an order, as its signer."""
            author = await self._authorized(chainId, authorization)
            order = read_order(kind, body.get("order"))
            submission = book.submission_at_once(order, author)
            if submission is None:
                submission = await run_in_threadpool(book.submission, order, author)
            return {"ok": True, "published": await self._publisher.publish(submission)}

        @router.put(path, name=f"unpublish {kind}s")
        async def unpublish(
            body: Annotated[dict[str, Any], Body()],
            chainId: str | None = None,  # noqa: N803
            authorization: Annotated[str | None, Header()] = None,
        ) -> dict[str, Any]:
            """Remove orders, as their signer."""
            author = await self._authorized(chainId, authorization)
            wanted = _removal(kind, body)
            removed = await run_in_threadpool(book.unpublish, kind, wanted, author)
            return {"ok": True, "unpublished": removed}

    async def _authorized(self, chain_id: str | None, header: str | None) -> Any:
        self._require_chain(chain_id)
        author = self._book.logins.check_at_once(header)
        if author is None:
            author = await run_in_threadpool(self._book.logins.check, header)
        self._per_account.take(author)
        return author

    def _require_chain(self, given: str | None) -> None:
        if given is None:
            raise invalid("chainId is a required field")
        if given != str(self._book.chain_id):
            raise invalid(f"chainId {given} is not supported")


def _removal(kind: OrderKind, body: Mapping[str, Any]) -> dict[str, Any]:
    """Check what is to be removed, and write addresses and hashes the way they are stored."""
    target = body.get("target", _TARGETS[0])
    if target not in _TARGETS:
        raise invalid(f"target must be one of {', '.join(_TARGETS)}")
    name = "orderHash" if target == _TARGETS[0] else NAMES[kind]
    value = body.get(name)
    if not isinstance(value, str):
        raise invalid(f"{name} is a required field")
    read: Callable[[str], str] = bytes32 if name == "orderHash" else lambda it: address(name, it)
    return {"target": target, name: read(value)}


def _is_local(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
