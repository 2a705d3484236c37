"""How often somebody may ask."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from poco.web import HttpError
from poco.web_limits import RateLimit


def test_rate_limit__burst_then_steady__waits_as_told() -> None:
    now = [0.0]
    limit = RateLimit(2, clock=lambda: now[0])
    limit.take("a")
    limit.take("a")
    with pytest.raises(HttpError, match="2 requests per minute") as caught:
        limit.take("a")
    assert caught.value.headers == {"Retry-After": "30"}
    limit.take("b")
    now[0] = 30.0
    limit.take("a")


def test_rate_limit__many_callers__forgets_the_oldest() -> None:
    limit = RateLimit(1, clock=lambda: 0.0)
    for number in range(100_001):
        limit.take(str(number))
    limit.take("0")
    with pytest.raises(HttpError):
        limit.take("100000")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::2:3:4:5", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_rate_limit__addresses_of_one_host__are_one_caller(
    one: str, other: str, is_same: bool
) -> None:
    limit = RateLimit(1, clock=lambda: 0.0)
    limit.take(one)
    with pytest.raises(HttpError) if is_same else nullcontext():
        limit.take(other)
