"""Is the market that runs well? Each service is asked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from poco.local.info import SERVICES
from poco.local.runfile import Running

__all__ = ["Health", "look"]

_OPTIONS: dict[str, Any] = {"timeout": 3.0, "trust_env": False}  # no proxy lies between
_LONGEST = 42  # an address fits


@dataclass(frozen=True, slots=True)
class Health:
    """How a service is.

    Args:
        name: of the service.
        url: where it answers.
        ok: whether it can do its work.
        detail: what it says of itself, or why it does not answer.
    """

    name: str
    url: str
    ok: bool
    detail: str


def look(running: Running) -> list[Health]:
    """Ask all services of a market at once.

    Args:
        running: the market.
    """
    info = running.info
    urls = {name: info[name] for name in SERVICES if info[name]}
    urls["scheduler"] = info["workerpool"]["apiUrl"]
    with ThreadPoolExecutor(len(urls)) as pool:
        return list(pool.map(_ask, urls, urls.values()))


def _ask(name: str, url: str) -> Health:
    try:
        if name == "rpc":
            question = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
            answer = httpx.post(url, json=question, **_OPTIONS)
            return Health(name, url, True, f"block {int(answer.json()['result'], 16)}")
        parts = urlsplit(url)
        answer = httpx.get(f"{parts.scheme}://{parts.netloc}/health", **_OPTIONS)
        document = answer.json()
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return Health(name, url, False, f"does not answer: {error}")
    return Health(name, url, answer.is_success, _told(document))


def _told(document: Any) -> str:
    if not isinstance(document, Mapping):
        return str(document)
    told = {key: str(value) for key, value in document.items() if key != "status"}
    return ", ".join(f"{key} {text}" for key, text in told.items() if len(text) <= _LONGEST)
