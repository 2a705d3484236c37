"""The app to try a market with: ``apps/echo`` writes all that it is given into ``result.txt``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from poco.appio.kind import DOCKER
from poco.local.info import ExampleApp

__all__ = ["MODULE", "MODULE_PATH", "example_app"]

MODULE = Path(__file__).with_name("echo.wasm")
MODULE_PATH = f"/apps/{MODULE.name}"


def example_app(gateway: str) -> ExampleApp:
    """Return what to register so that the official client can, which knows one type only.

    Args:
        gateway: URL of what serves the module.
    """
    checksum = hashlib.sha256(MODULE.read_bytes()).hexdigest()
    return ExampleApp(DOCKER, f"{gateway}{MODULE_PATH}", f"0x{checksum}")
