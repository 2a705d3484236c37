"""What runs an app follows from its registry entry, and is the same for everybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.appio import runtime_of

MODULES = (
    "http://127.0.0.1:8080/apps/echo.wasm",
    "https://host.example/a/b.wasm?version=2",
    "/ipfs/QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
    "/p2p/QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
    "ipfs://bafkreicrgauo66hue3raa6twjqvt3rhlqmzgj4gv32idiv45q64rsephyy",
)
IMAGES = (
    "registry.hub.docker.com/org/app:1.0",
    "org/app.wasm",
    "localhost:5000/org/app@sha256:0011",
    "https://host.example/app.tar",
    "http://[/app.wasm",
    '{"type": "DOCKER", "envvars": "XWDOCKERIMAGE=org/app"}',
    "",
)


@pytest.mark.parametrize("multiaddr", MODULES)
def test_runtime__docker_app_at_an_address__is_a_module(multiaddr: str) -> None:
    assert runtime_of("DOCKER", multiaddr) == "WASM"


@pytest.mark.parametrize("multiaddr", IMAGES)
def test_runtime__docker_app_with_an_image__is_docker(multiaddr: str) -> None:
    assert runtime_of("DOCKER", multiaddr) == "DOCKER"


@given(st.sampled_from(["WASM", "docker", "SINGULARITY", ""]), st.text())
def test_runtime__any_other_type__is_what_the_entry_says(app_type: str, multiaddr: str) -> None:
    assert runtime_of(app_type, multiaddr) == app_type


@given(st.text())
def test_runtime__any_text__is_one_of_the_two(multiaddr: str) -> None:
    assert runtime_of("DOCKER", multiaddr) in ("DOCKER", "WASM")
