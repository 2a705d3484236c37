"""Which connections an operator's list admits."""

from __future__ import annotations

import ipaddress

import pytest

from poco.runtimes.allowlist import AllowList

PUBLIC = ipaddress.ip_address("93.184.216.34")
PRIVATE = ipaddress.ip_address("10.1.2.3")
ALLOWED = AllowList.parse(["example.org:443", "*.example.com:443", "10.0.0.0/8:5432", "[::1]:80"])


@pytest.mark.parametrize("host", ["example.org", "EXAMPLE.org", "example.org.", "a.b.example.com"])
def test_admits__listed_name_at_a_public_address__connects(host: str) -> None:
    assert ALLOWED.admits(PUBLIC, host, 443)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.org", 80),
        ("www.example.org", 443),
        ("example.com", 443),
        ("notexample.com", 443),
        ("example.org.evil.net", 443),
    ],
)
def test_admits__other_name_or_port__does_not(host: str, port: int) -> None:
    assert not ALLOWED.admits(PUBLIC, host, port)


def test_admits__listed_name_at_a_private_address__does_not() -> None:
    assert not ALLOWED.admits(PRIVATE, "example.org", 443)


def test_admits__listed_network__connects_by_any_name() -> None:
    assert ALLOWED.admits(PRIVATE, "", 5432)
    assert not ALLOWED.admits(PRIVATE, "", 5433)
    assert ALLOWED.admits(ipaddress.ip_address("::1"), "", 80)


def test_list__empty__is_false() -> None:
    assert not AllowList.parse([])
    assert ALLOWED
