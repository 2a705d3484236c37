"""Connect to the address that was checked, and to no other, until the deadline at the latest."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

from poco.fetching.addresses import ForbiddenAddressError

__all__ = ["Clock", "Connector", "Resolve", "resolve"]

Clock = Callable[[], float]
Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses of a host as text, best first.

    Raises:
        OSError: there is none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Connector(httpcore.NetworkBackend):
    """Open connections to permitted addresses only.

    A name is resolved once; all its addresses must be permitted, and the connection goes to one of
    them, so that the name cannot change its mind after the check. TLS still verifies the name.

    Args:
        permits: whether an IP address may be reached.
        resolve: finds the addresses of a host.
        clock: seconds of a clock that only goes forward.
        deadline: when all connections end, on that clock.
    """

    def __init__(
        self, permits: Callable[[str], bool], resolve: Resolve, clock: Clock, deadline: float
    ) -> None:
        self._permits = permits
        self._resolve = resolve
        self._clock = clock
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a host.

        Raises:
            ForbiddenAddressError: one of its addresses is not permitted.
            httpcore.ConnectError: it has no address, or none that answers.
        """
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"its host cannot be found: {error}") from error
        for address in addresses:
            if not self._permits(address):
                raise ForbiddenAddressError(f"its host must have a public address, not {address}")
        failure: Exception = httpcore.ConnectError("its host has no address")
        for address in addresses:
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    address, port, self._clipped(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._clipped)
        raise failure

    def _clipped(self, timeout: float | None) -> float:
        left = self._deadline - self._clock()
        if left <= 0:
            raise httpcore.TimeoutException("time is over")
        return left if timeout is None else min(timeout, left)


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every operation ends by the deadline, however slowly the bytes drip."""

    def __init__(
        self, stream: httpcore.NetworkStream, clipped: Callable[[float | None], float]
    ) -> None:
        self._stream = stream
        self._clipped = clipped

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clipped(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clipped(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._clipped(timeout))
        return _TimedStream(secured, self._clipped)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
