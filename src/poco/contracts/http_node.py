"""A node behind HTTP(S): JSON-RPC over connections that are kept."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from web3.providers import JSONBaseProvider

__all__ = ["HttpNode"]

_CONNECTIONS = 64
"""Threads that may ask a node at the same time over connections that are kept."""
_FIRST_FAULT = 300


class HttpNode(JSONBaseProvider):
    """A transport for one URL. Safe to use from several threads.

    A proxy (not for this machine), certificates and a password are looked for in the environment,
    once. What all requests have in common is prepared once, too: that takes longer than an answer
    of a node nearby.

    Args:
        url: of the node.
        timeout: longest wait for an answer, seconds.
    """

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__()
        session = requests.Session()
        settings = session.merge_environment_settings(url, {}, None, None, None)
        proxies = {} if _is_here(url) else settings["proxies"]
        content = {"Content-Type": "application/json"}
        request = session.prepare_request(requests.Request("POST", url, headers=content))
        request.headers.pop("Content-Length", None)
        self._adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
        pool = self._adapter.get_connection_with_tls_context(
            request, settings["verify"], proxies, settings["cert"]
        )
        self._pool = cast(HTTPConnectionPool, pool)
        self._target = self._adapter.request_url(request, proxies)
        self._headers = dict(request.headers)
        self._timeout = timeout

    def make_request(self, method: Any, params: Any) -> Any:
        """Send a request; see `JSONBaseProvider`."""
        return self._post(_question(0, method, params))

    def make_batch_request(self, batch_requests: Sequence[tuple[Any, Any]]) -> Any:
        """Send requests together; see `JSONBaseProvider`."""
        answers = self._post([_question(number, *one) for number, one in enumerate(batch_requests)])
        if isinstance(answers, list) and all(map(_is_numbered, answers)):
            answers.sort(key=lambda answer: int(answer["id"]))
        return answers

    def _post(self, content: object) -> Any:
        """Return what the node answers.

        Raises:
            requests.HTTPError: with another status than success.
            urllib3.exceptions.HTTPError: not at all.
            ValueError: not in JSON.
        """
        answer = self._pool.urlopen(
            "POST",
            self._target,
            body=json.dumps(content).encode(),
            headers=self._headers,
            timeout=self._timeout,
            retries=False,
            redirect=False,
        )
        if answer.status >= _FIRST_FAULT:
            fault = requests.Response()
            fault.status_code = answer.status
            fault.headers.update(answer.headers)
            raise requests.HTTPError(f"HTTP status {answer.status}", response=fault)
        return json.loads(answer.data)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _question(number: int, method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def _is_numbered(answer: object) -> bool:
    return isinstance(answer, Mapping) and isinstance(answer.get("id"), int)
