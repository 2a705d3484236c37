"""What a section of iexec.json says of places, before it is registered."""

from __future__ import annotations

import pytest

from poco.market.descriptions import refused_place


@pytest.mark.parametrize(
    ("app_type", "multiaddr", "option"),
    [
        ("WASM", "/home/alice/app.wasm", "--allow-files"),
        ("WASM", "http://127.0.0.1:8000/app.wasm", "--allow-network"),
        ("WASM", "http://localhost/app.wasm", "--allow-network"),
        ("DOCKER", "http://192.168.1.2/app.wasm", "--allow-network"),
        (None, "http://[::1]/data.csv", "--allow-network"),
    ],
)
def test_place__only_special_workers_fetch_from__names_their_option(
    app_type: str | None, multiaddr: str, option: str
) -> None:
    refused = refused_place({"type": app_type, "multiaddr": multiaddr})
    assert refused is not None
    assert option in refused


@pytest.mark.parametrize(
    ("app_type", "multiaddr"),
    [
        ("WASM", "https://example.com/app.wasm"),
        ("WASM", "/ipfs/QmRUEjoqHFjBc6xNVkHrycNVufTqiQNd3zhnEqbmWkWRec"),
        ("WASM", "ipfs://QmRUEjoqHFjBc6xNVkHrycNVufTqiQNd3zhnEqbmWkWRec/app.wasm"),
        ("WASM", "http://8.8.8.8/app.wasm"),
        ("DOCKER", "localhost:5000/app:1"),
        ("DOCKER", "XWDOCKERIMAGE=org/app:1"),
        (None, "https://example.com/data.csv"),
    ],
)
def test_place__all_workers_may_fetch_from__is_not_doubted(
    app_type: str | None, multiaddr: str
) -> None:
    assert refused_place({"type": app_type, "multiaddr": multiaddr}) is None
