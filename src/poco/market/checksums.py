"""Work out the checksum that an app or dataset is registered with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poco.appio import ExecutionError, parse_app
from poco.errors import UserInputError
from poco.market.assets import file_checksum
from poco.orders import Asset
from poco.runtimes import DockerRuntime, WasmRuntime

__all__ = ["AUTO", "compute_checksum"]

AUTO = "auto"


def compute_checksum(asset: Asset, description: Mapping[str, Any], source: str = AUTO) -> bytes:
    """Return the checksum of what a section of iexec.json names, 32 bytes.

    Args:
        asset: ``app`` or ``dataset``.
        description: the section.
        source: the path of the file that is registered, or ``auto``: the image on this host, or
            what a WASM app's or dataset's ``multiaddr`` names.

    Raises:
        UserInputError: there is no such file or image.
        ConfigurationError: no container engine answers.
    """
    if source != AUTO:
        return file_checksum(Path(source), "--checksum")
    multiaddr = parse_app(str(description.get("multiaddr", ""))).reference
    if asset is Asset.APP and description.get("type") == DockerRuntime.app_type:
        digest = DockerRuntime().checksum(multiaddr)
        if digest is None:
            raise UserInputError(
                "this host has no such image",
                field="app.multiaddr",
                value=multiaddr,
                remedy=f"build it, or `docker pull {multiaddr}`",
            )
        return digest
    try:
        name = WasmRuntime(allow_files=True).fetch(multiaddr, bytes(32))
    except ExecutionError as error:
        raise UserInputError(
            f"what is registered cannot be had: {error.rule}",
            field=f"{asset}.multiaddr",
            value=multiaddr,
            remedy="name your own copy of the file with --checksum FILE",
        ) from error
    return bytes.fromhex(name.removeprefix("sha256:"))
