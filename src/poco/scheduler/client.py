"""A scheduler at a URL, as a worker sees it: logs in by itself, and registers again when needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount

from poco.contracts.nodes import shown_url
from poco.errors import PeerError
from poco.orders import sign_digest
from poco.peers import json_object, peer_client
from poco.scheduler.protocol import (
    LONGEST_WAIT_SECONDS,
    Capability,
    Orders,
    Report,
    login_digest,
)

__all__ = ["SchedulerClient"]

_TIMEOUT = httpx.Timeout(30.0, read=30.0 + LONGEST_WAIT_SECONDS)
_MAX_ANSWER_BYTES = 16 * 1024**2


class SchedulerClient:
    """See `SchedulerPort`. Safe to use from several threads.

    Args:
        url: root URL, or what tells it anew for each request.
        account: the worker's key; signs the login.
    """

    def __init__(self, url: str | Callable[[], str], account: LocalAccount) -> None:
        self._locate: Callable[[], str] = (lambda: url) if isinstance(url, str) else url
        self._account = account
        self._token = ""
        self._capability: Capability | None = None
        self._lock = threading.Lock()
        # No proxy of the environment: schedulers are reached directly.
        self._client = peer_client(_MAX_ANSWER_BYTES, timeout=_TIMEOUT, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def register(self, capability: Capability) -> None:
        """Say what the worker can do; see `SchedulerPort.register`."""
        self._authorized("/workers/register", capability.to_json())
        self._capability = capability

    def sync(self, report: Report, wait: float = 0.0) -> Orders:
        """Report all tasks, and hear what to do; see `SchedulerPort.sync`."""
        document = report.to_json()
        answer = self._authorized("/v2/sync", document, wait=wait, accept=HTTPStatus.CONFLICT)
        if answer.status_code == HTTPStatus.CONFLICT and self._capability is not None:
            self.register(self._capability)  # the scheduler has lost its database
            answer = self._authorized("/v2/sync", document, wait=wait)
        try:
            return Orders.from_json(json_object(self._accepted(answer)))
        except ValueError as error:
            raise self._fault("the scheduler must answer in JSON") from error

    def _authorized(
        self,
        path: str,
        document: dict[str, Any],
        *,
        wait: float | None = None,
        accept: HTTPStatus | None = None,
    ) -> httpx.Response:
        params = {} if wait is None else {"wait": str(min(wait, LONGEST_WAIT_SECONDS))}
        for is_last in (False, True):
            token = self._token or self._login(self._token)
            headers = {"Authorization": f"Bearer {token}"}
            answer = self._send("POST", path, params=params, headers=headers, json=document)
            if answer.status_code != HTTPStatus.UNAUTHORIZED or is_last:
                break
            self._login(token)
        return answer if answer.status_code == accept else self._accepted(answer)

    def _login(self, stale: str) -> str:
        """Return a new token, or the one that another thread has got meanwhile."""
        with self._lock:
            if self._token == stale:
                params = {"walletAddress": self._account.address}
                asked = self._accepted(self._send("GET", "/workers/challenge", params=params))
                body = {"signature": self._signature(_member(asked, "challenge"))}
                answer = self._send("POST", "/workers/login", params=params, json=body)
                self._token = _member(self._accepted(answer), "token")
            return self._token

    def _signature(self, challenge: str) -> str:
        try:
            digest = login_digest(bytes.fromhex(challenge.removeprefix("0x")))
        except ValueError as error:
            raise self._fault("the scheduler must send a challenge of 32 bytes") from error
        return f"0x{sign_digest(self._account, digest).hex()}"

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, self._locate().rstrip("/") + path, **options)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise self._fault(f"the scheduler does not answer: {reason}") from error

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        reason = _member(answer, "error") or f"HTTP status {answer.status_code}"
        raise self._fault(f"the scheduler refuses: {reason}")

    def _fault(self, rule: str) -> PeerError:
        return PeerError(
            rule,
            field="scheduler",
            value=shown_url(self._locate()),
            remedy="start it with `poco scheduler`, or name its URL",
        )


def _member(answer: httpx.Response, name: str) -> str:
    try:
        return str(json_object(answer)[name])
    except (ValueError, KeyError):
        return ""
