"""The chain's port as others see it: what is asked there is handed to the node behind it.

The node itself would answer any page that a browser shows, over WebSockets at least.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import urllib3
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from poco.web import HttpError, application

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["gate_app"]

_CONNECTIONS = 64
_PATIENCE_SECONDS = 300.0
_MAX_BODY_BYTES = 2 * 1024**2
"""What anvil takes at most."""


def gate_app(node: str) -> FastAPI:
    """Make the application in front of a node.

    Args:
        node: its HTTP URL.
    """
    app = application(
        "poco chain", description="The node of a local market.", max_body=_MAX_BODY_BYTES
    )
    pool = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False, timeout=_PATIENCE_SECONDS)

    @app.post("/")
    async def ask(request: Request) -> Response:
        """Hand on a JSON-RPC request, and its answer."""
        body, kind = await request.body(), request.headers.get("content-type", "")
        headers = {"Content-Type": kind}
        try:
            answer = await run_in_threadpool(pool.request, "POST", node, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise HttpError(HTTPStatus.BAD_GATEWAY, "the chain does not answer") from error
        return Response(answer.data, answer.status, media_type=answer.headers.get("content-type"))

    @app.websocket("/")
    async def converse(visitor: WebSocket) -> None:
        """Hand on messages in both directions, until one side has gone."""
        from websockets.asyncio.client import connect

        try:
            behind = await connect(node.replace("http", "ws", 1), proxy=None, max_size=None)
        except OSError:
            await visitor.close()
            return
        await visitor.accept()
        async with behind:
            back = asyncio.create_task(_to_visitor(behind, visitor))
            await _to_node(visitor, behind)
            back.cancel()

    return app


async def _to_node(visitor: WebSocket, node: ClientConnection) -> None:
    from websockets.exceptions import ConnectionClosed

    with suppress(ConnectionClosed):
        while (message := await visitor.receive())["type"] == "websocket.receive":
            text = message.get("text")
            await node.send(message["bytes"] if text is None else text)


async def _to_visitor(node: ClientConnection, visitor: WebSocket) -> None:
    from websockets.exceptions import ConnectionClosed

    with suppress(ConnectionClosed, WebSocketDisconnect):
        async for message in node:
            await visitor.send_text(message if isinstance(message, str) else message.decode())
    with suppress(RuntimeError):  # the visitor was quicker
        await visitor.close()
