"""What a local market may be like, and what others are told of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from poco.errors import ConfigurationError, UserInputError
from poco.local import Ports, StackInfo, StackSettings
from poco.local.background import arguments_of
from poco.local.example import MODULE, example_app
from poco.local.info import SERVICES, ExampleApp, Pool

ROOT = Path(__file__).parents[3]


def info(**urls: str) -> StackInfo:
    every = {name: f"http://127.0.0.1:1/{name}" for name in SERVICES} | urls
    pool = Pool("0x01", "0x02", "http://127.0.0.1:1")
    app = ExampleApp("DOCKER", "http://127.0.0.1:8080/apps/echo.wasm", "0x03")
    keys = {"fundingKey": "0x04", "hubOwnerKey": "0x05", "workerpool": pool, "e2e": {"app": app}}
    return StackInfo(chainId=31337, hub="0x06", token="0x07", **every, **keys)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [("block_seconds", -1), ("workers", 11), ("slots", 0), ("price", -1)],
)
def test_settings__number_out_of_range__is_named(field: str, value: int) -> None:
    with pytest.raises(UserInputError, match=f"{field} = {value}: must lie in"):
        StackSettings(**{field: value})  # type: ignore[arg-type]


def test_settings__service_that_is_needed__cannot_be_left_out() -> None:
    with pytest.raises(UserInputError, match="without = 'sms': only market, compass, subgraph"):
        StackSettings(without=frozenset({"sms"}))


def test_ports__number_too_high__is_named() -> None:
    with pytest.raises(UserInputError, match=r"port\.market = 65536"):
        Ports(market=65536)


@pytest.mark.parametrize(("workers", "trust"), [(0, 1), (1, 2), (2, 4), (3, 8)])
def test_trust__of_newcomers__is_what_all_of_them_can_reach(workers: int, trust: int) -> None:
    """A value wins when group * trust > total * (trust - 1); here all agree."""
    assert StackSettings(workers=workers).trust == trust
    group = 2**workers
    assert group * trust > (1 + group) * (trust - 1) or not workers
    assert group * (trust + 1) <= (1 + group) * trust


def test_info__read_again__is_the_same() -> None:
    assert StackInfo.from_json(info().to_json()) == info()


@pytest.mark.parametrize("change", [{"e2e": 7}, {"workerpool": {}}, {"more": 1}])
def test_info__malformed__is_refused_in_a_line(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="poco up --info"):
        StackInfo.from_json(info().to_json() | change)


def test_chain_json__service_left_out__is_no_key_of_it() -> None:
    """The official client refuses what it does not know, and empty URLs."""
    chain = info(compass="").chain_json()["chains"]["local"]
    assert chain["id"] == "31337"
    known = {"id", "host", "hub", "sms", "iexecGateway", "ipfsGateway", "pocoSubgraph"}
    assert set(chain) == known


def test_example__is_the_app_of_the_repository() -> None:
    app = ROOT / "apps" / "echo" / "app.wasm"
    assert MODULE.read_bytes() == app.read_bytes()
    checksum = hashlib.sha256(app.read_bytes()).hexdigest()
    url = "http://127.0.0.1:8080"
    expected = ExampleApp("DOCKER", f"{url}/apps/echo.wasm", f"0x{checksum}")
    assert example_app(url) == expected


def test_arguments__of_settings__say_the_same_to_the_command() -> None:
    settings = StackSettings(
        Ports(market=0), price=7, state=Path("state"), without=frozenset({"compass"})
    )
    words = arguments_of(settings, Path("info.json"))
    assert {"--port=market=0", "--port=rpc=8545", "--price=7", "--without=compass"} < set(words)
    assert words[-2:] == ["--state=state", "--info=info.json"]
