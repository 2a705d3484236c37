"""What all HTTP services share: errors as JSON, bounded bodies, health, metrics, start and end.

A service is a FastAPI application made by `application`; `serving` runs it in a thread of this
process, `run` in the foreground until a signal ends it. Its OpenAPI page is at ``/docs``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import MappingProxyType

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poco import __version__
from poco.errors import (
    AppError,
    ChainError,
    ConfigurationError,
    ContractError,
    InternalError,
    PeerError,
    PocoError,
    UserInputError,
)

__all__ = [
    "AsciiResponse",
    "HttpError",
    "application",
    "listen",
    "run",
    "server_of",
    "serving",
    "status_of",
    "told",
    "url_of",
    "wait_for_start",
]

MAX_BODY_BYTES = 1024 * 1024
_START_SECONDS = 20.0
_KEEP_ALIVE_SECONDS = 60
"""Longer than clients keep idle connections, else a request may meet the end of its connection."""
_DEEPEST = 12_288
"""Ape's packages lift Python's limit so far that nested JSON of a stranger overflows the stack."""

_REFUSAL = {
    "description": "Refused; the body says why.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"error": {"type": "string"}}}
        }
    },
}
"""What may come of every request, for the OpenAPI page."""

_OPERATORS = (ChainError, ConfigurationError, InternalError)
_log = logging.getLogger(__name__)
_STATUS: Mapping[type[PocoError], HTTPStatus] = {
    UserInputError: HTTPStatus.BAD_REQUEST,
    PeerError: HTTPStatus.BAD_REQUEST,
    AppError: HTTPStatus.BAD_REQUEST,
    ChainError: HTTPStatus.SERVICE_UNAVAILABLE,
    ConfigurationError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class HttpError(PeerError):
    """A request that is refused with a certain status.

    Args:
        status: HTTP status to answer with.
        rule: see `PocoError`.
        field: see there.
        value: see there; never a secret.
        remedy: see there.
        headers: further headers of the answer, for example ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        rule: str,
        *,
        field: str = "",
        value: object = None,
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = HTTPStatus(status)
        self.headers = headers
        super().__init__(rule, field=field, value=value, remedy=remedy)


class AsciiResponse(JSONResponse):
    """JSON that repeats words of a stranger, in ASCII: half a surrogate pair has no UTF-8."""

    def render(self, content: object) -> bytes:
        """Return the body."""
        return json.dumps(content).encode()


def status_of(error: PocoError) -> HTTPStatus:
    """Return the HTTP status that stands for an error."""
    if isinstance(error, HttpError):
        return error.status
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def application(
    title: str,
    *,
    description: str = "",
    version: str = __version__,
    registry: CollectorRegistry | None = None,
    figures: Callable[[], Mapping[str, object]] = dict,
    healthy: Callable[[], Mapping[str, object]] = dict,
    max_body: int = MAX_BODY_BYTES,
    larger: Mapping[str, int] = MappingProxyType({}),
    unbounded: tuple[str, ...] = (),
) -> FastAPI:
    """Make an application with ``/health``, ``/version``, ``/metrics`` and errors as JSON.

    Args:
        title: name of the service.
        description: what it is, for the OpenAPI page.
        version: what ``/version`` answers.
        registry: metrics to show at ``/metrics`` in the format of Prometheus; None: no such page.
        figures: the same as the original's JSON, for those who accept ``application/json``.
        healthy: details for ``/health``; what it raises makes the answer 503.
        max_body: largest body of a request, bytes.
        larger: the same for paths that take larger ones.
        unbounded: prefixes of paths whose handlers bound the body by themselves.
    """
    app = FastAPI(
        title=title, description=description, version=__version__, responses={"default": _REFUSAL}
    )
    app.add_middleware(_BoundedBody, limit=max_body, larger=larger, unbounded=unbounded)
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
    )

    @app.exception_handler(PocoError)
    async def _poco_error(_: Request, error: PocoError) -> Response:
        headers = error.headers if isinstance(error, HttpError) else None
        return AsciiResponse({"error": told(error)}, status_of(error), headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        return AsciiResponse({"error": faults}, HTTPStatus.BAD_REQUEST)

    @app.exception_handler(HTTPException)
    async def _refused(_: Request, error: HTTPException) -> Response:
        return AsciiResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def _gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # for nobody

    @app.get("/version", response_class=PlainTextResponse)
    def version_page() -> str:
        """Return the version of poco."""
        return version

    @app.get("/health")
    def health() -> Mapping[str, object]:
        """Return 200 when the service can do its work."""
        try:
            return {"status": "ok", **healthy()}
        except HttpError:
            raise
        except PocoError as error:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, told(error)) from error

    if registry is not None:

        @app.get("/metrics", response_class=PlainTextResponse)
        def metrics(request: Request) -> Response:
            """Return metrics in the text format of Prometheus, or as JSON if that is asked for."""
            if "application/json" in request.headers.get("accept", "") and (shown := figures()):
                return JSONResponse(shown)
            return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    return app


def told(error: PocoError) -> str:
    """Return what a caller may read; URLs of nodes and databases may hold keys."""
    if not isinstance(error, _OPERATORS) or isinstance(error, ContractError):
        return str(error)
    _log.error("%s", error)
    return "the service is not able to work: its operator finds the reason in its log"


class _BoundedBody:
    """Refuse bodies over a limit, whether or not the request says how long it is."""

    def __init__(
        self, app: ASGIApp, limit: int, larger: Mapping[str, int], unbounded: tuple[str, ...]
    ) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger
        self._unbounded = unbounded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (
            self._unbounded and str(scope["path"]).startswith(self._unbounded)
        ):
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._limit)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            refusal = JSONResponse({"error": _too_long(limit)}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._counted(receive, limit), send)

    @staticmethod
    def _counted(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
        taken = 0

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_long(limit))
            return message

        return counting


def _too_long(limit: int) -> str:
    return f"a body may have {limit} bytes"


@contextmanager
def serving(
    app: FastAPI | Callable[[str], FastAPI], *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve an application in a thread until the block ends; yield its root URL.

    Args:
        app: the application, or what makes it, given the URL.
        host: interface to listen on.
        port: TCP port; 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    listener = listen(host, port)
    url = url_of(host, listener)
    with contextlib.closing(listener):
        server = server_of(app(url) if not isinstance(app, FastAPI) else app)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name=f"http {url}", daemon=True
        )
        thread.start()
        try:
            wait_for_start(server, thread)
            yield url
        finally:
            server.should_exit = True
            thread.join()


def run(
    app: FastAPI,
    *,
    host: str,
    port: int,
    announce: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve an application until SIGINT or SIGTERM.

    Args:
        app: the application.
        host: interface to listen on.
        port: TCP port; 0 takes a free one.
        announce: called with the root URL once it can be connected to.

    Raises:
        ConfigurationError: the port is taken.
    """
    with (
        contextlib.closing(listen(host, port)) as listener,
        contextlib.suppress(KeyboardInterrupt),  # uvicorn raises the signal again when it is done
    ):
        announce(url_of(host, listener))
        server_of(app).run(sockets=[listener])


def server_of(app: FastAPI) -> uvicorn.Server:
    """Return a server that can be run once."""
    sys.setrecursionlimit(min(sys.getrecursionlimit(), _DEEPEST))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config)


def wait_for_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    """Wait until a server answers.

    Args:
        server: which is being run.
        thread: that runs it.

    Raises:
        InternalError: it does not start.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise InternalError("the HTTP server did not start", remedy="please report this")
        time.sleep(0.002)


def url_of(host: str, listener: socket.socket) -> str:
    """Return the root URL of what is served on a socket."""
    return f"http://{host}:{listener.getsockname()[1]}"


def listen(host: str, port: int) -> socket.socket:
    """Take a TCP port, for the caller to close; 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    try:
        return socket.create_server((host, port), backlog=512)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"the address must be free to listen on: {error}",
            field="port",
            value=f"{host}:{port}",
            remedy="choose another port, or stop what uses this one",
        ) from error
