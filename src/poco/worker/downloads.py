"""Fetch datasets and input files, whose addresses strangers chose (spec offchain §1.6)."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from poco.appio import Cause, ExecutionError

__all__ = ["Downloads"]

_CONNECT_SECONDS = 10.0
_STALL_SECONDS = 60.0
_GONE = (403, 404, 410)


@dataclass(frozen=True, slots=True)
class Downloads:
    """Downloads over HTTP without redirects.

    Args:
        allow_local: whether addresses that are not public may be reached; for markets on one
            machine only, because the requester chooses the address.
        max_bytes: longest file.
        seconds: longest time for one file.
    """

    allow_local: bool = False
    max_bytes: int = 1024**3
    seconds: float = 1800.0

    def fetch(self, url: str, target: Path, cause: Cause) -> bytes:
        """Download a file.

        Args:
            url: ``http`` or ``https``.
            target: where to put it.
            cause: what to call a failure.

        Returns:
            Its SHA-256, 32 bytes.

        Raises:
            ExecutionError: it cannot be had; permanent when every worker would fail alike.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _failure(cause, url, "addresses begin with http:// or https://", permanent=True)
        self._check_host(parts.hostname, url, cause)
        timeout = httpx.Timeout(_STALL_SECONDS, connect=_CONNECT_SECONDS)
        try:
            with httpx.stream("GET", url, timeout=timeout, trust_env=False) as answer:
                self._check_peer(answer, url, cause)
                if answer.status_code != httpx.codes.OK:
                    raise _failure(
                        cause,
                        url,
                        f"the server answers with status {answer.status_code}",
                        permanent=answer.status_code in _GONE,
                    )
                return self._write(answer, target, url, cause)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failure(cause, url, f"it cannot be downloaded: {error}") from error

    def _write(self, answer: httpx.Response, target: Path, url: str, cause: Cause) -> bytes:
        end = time.monotonic() + self.seconds
        digest = hashlib.sha256()
        size = 0
        with target.open("wb") as file:
            for chunk in answer.iter_bytes():
                size += len(chunk)
                if size > self.max_bytes:
                    rule = f"a file may have {self.max_bytes} bytes"
                    raise _failure(cause, url, rule, permanent=True)
                if time.monotonic() > end:
                    raise _failure(cause, url, f"a file must come within {self.seconds:g} s")
                digest.update(chunk)
                file.write(chunk)
        return digest.digest()

    def _check_host(self, host: str, url: str, cause: Cause) -> None:
        if self.allow_local:
            return
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise _failure(cause, url, f"its host cannot be found: {error}") from error
        for address in {str(entry[4][0]) for entry in found}:
            self._check_address(address, url, cause)

    def _check_peer(self, answer: httpx.Response, url: str, cause: Cause) -> None:
        """Look at the address that was really reached: a name may change its mind in between."""
        if self.allow_local:
            return
        try:
            peer = answer.extensions["network_stream"].get_extra_info("server_addr")
        except OSError as error:
            raise _failure(cause, url, f"the connection was lost: {error}") from error
        self._check_address(str(peer[0]), url, cause)

    def _check_address(self, address: str, url: str, cause: Cause) -> None:
        try:
            is_public = ipaddress.ip_address(address.partition("%")[0]).is_global
        except ValueError:
            is_public = False
        if not is_public:
            raise _failure(cause, url, "its host must have a public address", permanent=True)


def _failure(cause: Cause, url: str, rule: str, *, permanent: bool = False) -> ExecutionError:
    return ExecutionError(
        cause,
        rule,
        field="url",
        value=url,
        remedy="publish the file where every worker can fetch it",
        permanent=permanent,
    )
