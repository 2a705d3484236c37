"""The transport: one node or several behind one provider, and what their answers mean.

Reads go to the node that answered last. When it fails, is busy (429, 5xx) or lacks a block, the
next one is asked; when none is left, all of them again after a pause. What changes the chain is
sent once: whoever sends it knows what a lost answer means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from eth_typing import URI
from urllib3.exceptions import HTTPError
from web3.exceptions import Web3Exception
from web3.providers import JSONBaseProvider
from web3.providers.auto import load_provider_from_uri

from poco.contracts.http_node import HttpNode
from poco.contracts.reverts import decode_revert
from poco.errors import ChainError, ConfigurationError

__all__ = ["NodeLaggingError", "NodePool", "RefusedError", "provider_of", "shown_url"]

TRANSPORT_ERRORS = (Web3Exception, requests.RequestException, HTTPError, OSError, ValueError)
"""What a provider raises when its node does not answer, or not in JSON."""

_ROUNDS = 4
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
# Reads, which do no harm when they are repeated.
_REPEATABLE = frozenset(
    {
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
    }
)
# How nodes word the failure of an execution, as opposed to their own.
_EXECUTION_FAILURES = (
    "revert",
    "out of gas",
    "outofgas",
    "opcode",
    "invalid jump",
    "invalidjump",
    "stack underflow",
    "stack overflow",
    "evm error",
    "vm exception",
    "vm execution error",
    "gas required exceeds",
    "always failing transaction",
)
# How they word that a block is not there, or not any more.
_BEHIND = ("header not found", "unknown block", "block not found", "missing trie", "outofrange")
_BUSY = ("rate limit", "too many requests", "request limit", "capacity exceeded")
_BUSY_CODES = (429, -32029)


class NodeLaggingError(ChainError):
    """No node has reached the block that an answer must be based on, or its blocks are old."""


class RefusedError(ChainError):
    """The node answered a request with an error."""

    def __init__(self, method: str, url: str, error: Any) -> None:
        known = error if isinstance(error, Mapping) else {"message": error}
        self.message = str(known.get("message", known))
        self.code = known.get("code")
        self.data = known.get("data")
        super().__init__(
            f"the node refused {method}: {self.message}",
            field="rpc_url",
            value=shown_url(url),
            remedy="check what the node supports, or use another one",
        )

    def translated(self, context: str) -> ChainError:
        """Tell a revert from a fault of the node: return a `ContractError`, or this one."""
        data = self._revert_data()
        return self if data is None else decode_revert(data, context=context)

    def _revert_data(self) -> bytes | None:
        data = self.data.get("data") if isinstance(self.data, Mapping) else self.data
        if isinstance(data, str):
            text = data.removeprefix("Reverted ")
            if text.startswith("0x") and (len(text) > 2 or self._is_execution()):
                return bytes.fromhex(text[2:])
        return b"" if self._is_execution() else None

    def _is_execution(self) -> bool:
        message = self.message.lower()
        return self.code == 3 or any(failure in message for failure in _EXECUTION_FAILURES)


class NodePool(JSONBaseProvider):
    """Several nodes of one chain, used as one. Safe to use from several threads.

    Args:
        nodes: the transports, the preferred one first.
        pause: what waits, given seconds.
    """

    def __init__(
        self, nodes: Sequence[JSONBaseProvider], *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__()
        self._nodes = tuple(nodes)
        self._pause = pause
        self._current = 0

    def __len__(self) -> int:
        return len(self._nodes)

    def rotate(self) -> None:
        """Ask the next node from now on."""
        self._current = (self._current + 1) % len(self._nodes)

    def make_request(self, method: Any, params: Any) -> Any:
        """Send a request; see `JSONBaseProvider`."""
        return self._send([method], lambda node: node.make_request(method, params))

    def make_batch_request(self, batch_requests: Any) -> Any:
        """Send requests together; see `JSONBaseProvider`."""
        methods = [method for method, _ in batch_requests]
        return self._send(methods, lambda node: node.make_batch_request(batch_requests))

    def _send(self, methods: Sequence[str], send: Callable[[JSONBaseProvider], Any]) -> Any:
        repeatable = _REPEATABLE.issuperset(methods)
        pause = _FIRST_PAUSE_SECONDS
        for turn in range(_ROUNDS):
            asked_for = 0.0
            behind = 0
            for position in range(len(self._nodes)):
                last = turn == _ROUNDS - 1 and position == len(self._nodes) - 1
                try:
                    answer = send(self._nodes[self._current])
                except TRANSPORT_ERRORS as error:
                    self.rotate()
                    if last or not repeatable:
                        raise
                    asked_for = max(asked_for, _retry_after(error))
                    continue
                if last or not repeatable or not _is_unhelpful(answer):
                    return answer
                self.rotate()
                behind += not _has_error(answer, _is_busy)
            if behind == len(self._nodes):
                return answer
            self._pause(min(max(pause, asked_for), _LONGEST_PAUSE_SECONDS))
            pause *= 2
        raise AssertionError("the last turn returns or raises")


def provider_of(url: str, timeout: float) -> JSONBaseProvider:
    """Return the transport for a URL, or for several HTTP URLs with commas between.

    Raises:
        ConfigurationError: one of them is of no known form.
    """
    urls = [part.strip() for part in url.split(",")]
    if all(part.startswith(("http://", "https://")) for part in urls):
        return NodePool([HttpNode(part, timeout) for part in urls])
    try:
        if len(urls) > 1:
            raise ValueError("several URLs are for HTTP")
        return load_provider_from_uri(URI(url))
    except (NotImplementedError, ValueError, Web3Exception) as error:
        raise ConfigurationError(
            "a node's URL begins with http://, https://, ws://, wss:// or file://",
            field="rpc_url",
            value=shown_url(url),
            remedy="for example http://127.0.0.1:8545; several http ones with commas between",
        ) from error


def shown_url(url: str) -> str:
    """Return a URL, or several, without user names and passwords, for messages."""
    return ",".join(_without_password(part) for part in url.split(","))


def _without_password(url: str) -> str:
    try:
        authority = urlsplit(url).netloc
    except ValueError:
        return "(malformed URL)"
    return url.replace(authority, authority.rpartition("@")[2], 1) if "@" in authority else url


def _retry_after(error: Exception) -> float:
    """Return the pause that a busy node asks for, in seconds."""
    response = getattr(error, "response", None)
    asked: str = "" if response is None else response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0


def _is_unhelpful(answer: Any) -> bool:
    return _has_error(answer, _is_busy) or _has_error(answer, _is_behind)


def _has_error(answer: Any, matches: Callable[[RefusedError], bool]) -> bool:
    answers = answer if isinstance(answer, list) else [answer]
    return any(
        matches(RefusedError("", "", one["error"]))
        for one in answers
        if isinstance(one, Mapping) and one.get("error") is not None
    )


def _is_busy(error: RefusedError) -> bool:
    return error.code in _BUSY_CODES or any(word in error.message.lower() for word in _BUSY)


def _is_behind(error: RefusedError) -> bool:
    return any(word in error.message.lower() for word in _BEHIND)
