"""Packages whose names are imported when they are used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = [
    "poco.market",
    "poco.services.orderbook",
    "poco.services.results",
    "poco.services.secrets",
]
SERVERS = {"fastapi", "starlette", "sqlalchemy", "minio"}


@pytest.mark.parametrize("name", PACKAGES)
def test_package__each_of_its_names__is_there(name: str) -> None:
    package = importlib.import_module(name)
    for public in package.__all__:
        assert getattr(package, public) is not None


def test_package__unknown_name__is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        importlib.import_module("poco.market").nothing  # noqa: B018


def test_commands_of_a_client__load_no_server() -> None:
    modules = ("running", "following", "claiming", "reports", "preflight", "sealing", "results")
    imports = "; ".join(f"import poco.market.{module}" for module in modules)
    script = f"import sys; {imports}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not SERVERS & set(loaded.stdout.split())
