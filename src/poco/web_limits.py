"""How often somebody may ask: a token bucket per caller, in memory."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import Depends, Request

from poco.web import HttpError

__all__ = ["RateLimit", "per_peer"]

_MAX_CALLERS = 100_000


class RateLimit:
    """At most so many requests per minute for each caller, with short bursts. Thread-safe.

    Args:
        per_minute: requests per minute and caller; a caller may save up as many.
        clock: seconds, never going back.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one request.

        Args:
            caller: address or IP address; IPv6 addresses of one /64, which is what a host gets at
                least, are one caller.

        Raises:
            HttpError: 429 with ``Retry-After``: the caller asks too often.
        """
        caller = _one_host(caller)
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.pop(caller, (self._capacity, now))
            tokens = min(self._capacity, tokens + (now - since) * self._per_second)
            granted = tokens >= 1
            self._buckets[caller] = (tokens - 1 if granted else tokens, now)
            if len(self._buckets) > _MAX_CALLERS:
                self._buckets.popitem(last=False)
        if not granted:
            wait = math.ceil((1 - tokens) / self._per_second)
            raise HttpError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._capacity:g} requests per minute are allowed",
                field="caller",
                value=caller,
                remedy=f"wait {wait} s",
                headers={"Retry-After": str(wait)},
            )


def _one_host(caller: str) -> str:
    """Return what all addresses of one host have in common."""
    try:
        address = ipaddress.IPv6Address(caller.partition("%")[0])
    except ValueError:
        return caller
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def per_peer(per_minute: int) -> Any:
    """Return a dependency of routes that lets one IP address ask so often."""
    limit = RateLimit(per_minute)

    async def take(request: Request) -> None:  # not worth a thread
        limit.take(request.client.host if request.client else "")

    return Depends(take)
