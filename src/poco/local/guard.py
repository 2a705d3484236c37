"""Keep web pages of strangers out: what listens on this machine is open to its user's browser.

A page from anywhere can send requests to 127.0.0.1, and CORS does not hold back WebSockets. The
keys of a local market are published and its tasks are free, so a page that reached the chain could
run apps here. Browsers say where a page is from, and programs say nothing: that decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from poco.local.origins import admitted

__all__ = ["PageGuard"]

_HERE = b"http://localhost"


class PageGuard:
    """Refuse pages from elsewhere, before anything else looks at what they ask for.

    Args:
        app: the application.
        origins: see `admitted`.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._admitted = admitted(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        origin = dict(scope.get("headers", ())).get(b"origin", _HERE).decode("latin-1")
        if self._admitted.fullmatch(origin):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            rule = f"pages of {origin} are not let in: see --allow-origin of poco up\n"
            await PlainTextResponse(rule, HTTPStatus.FORBIDDEN)(scope, receive, send)
