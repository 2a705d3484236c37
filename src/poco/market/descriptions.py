"""Sections of iexec.json that describe what is registered (spec sdk §1.1). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poco.appio import parse_app
from poco.appio.kind import DOCKER, WASM
from poco.errors import UserInputError
from poco.fetching import FetchPolicy, ForbiddenAddressError, locate
from poco.orders import Asset

__all__ = ["checked_description", "read_checksum", "refused_place"]

_FIELDS = {
    Asset.APP: ("owner", "name", "type", "multiaddr", "checksum"),
    Asset.DATASET: ("owner", "name", "multiaddr", "checksum"),
    Asset.WORKERPOOL: ("owner", "description"),
}
_APP_TYPES = (DOCKER, WASM)


def checked_description(asset: Asset, description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a section that go into the registry; all are texts.

    Raises:
        UserInputError: one is missing, is none of the asset, or has a value that cannot be.
    """
    names = _FIELDS[asset]
    for name in names:
        if not isinstance(description.get(name), str):
            raise UserInputError(
                "a text is needed",
                field=f"{asset}.{name}",
                value=description.get(name),
                remedy=f"write it into iexec.json; fields are {', '.join(names)}",
            )
    for name, value in description.items():
        if name not in names and value:  # older files have an empty mrenclave
            raise UserInputError(
                f"{asset}s have no such field",
                field=f"{asset}.{name}",
                value=value,
                remedy=f"remove it from iexec.json; fields are {', '.join(names)}",
            )
    if asset is Asset.APP and description["type"] not in _APP_TYPES:
        raise UserInputError(
            f"types are {' and '.join(_APP_TYPES)}",
            field="app.type",
            value=description["type"],
            remedy="choose one of them in iexec.json",
        )
    if asset is Asset.APP and description["type"] == WASM:
        _require_place(parse_app(description["multiaddr"]).reference)
    return {name: description[name] for name in names}


def read_checksum(asset: Asset, text: str) -> bytes:
    """Return a checksum that a section writes in hex, 32 bytes.

    Raises:
        UserInputError: it is something else.
    """
    try:
        checksum = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        checksum = b""
    if len(checksum) != 32:
        raise UserInputError(
            "a checksum has 32 bytes in hex",
            field=f"{asset}.checksum",
            value=text,
            remedy="correct it in iexec.json, or let it be computed with --checksum",
        )
    return checksum


def refused_place(description: Mapping[str, Any]) -> str | None:
    """Say why workers with the usual options will not fetch what a section names.

    Args:
        description: of an app or dataset, checked.

    Returns:
        None when they may: names of hosts are not looked up.
    """
    place = parse_app(description["multiaddr"]).reference
    on_disk = place.startswith("/") and not place.startswith(("/ipfs/", "/p2p/"))
    if on_disk and description.get("type") == WASM:
        return "only workers with --allow-files run a module of their own disk"
    try:
        hosts = [url.host for url in locate(place, ()).urls]
    except ForbiddenAddressError:
        return None  # an image
    if any(map(_is_private, hosts)):
        return "only workers with --allow-network or --allow-private-network fetch from there"
    return None


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not FetchPolicy().permits(host)
    except ValueError:  # a name
        return False


def _require_place(multiaddr: str) -> None:
    """Check that workers can find a module."""
    if not multiaddr.startswith(("http://", "https://", "/", "ipfs://")):
        raise UserInputError(
            "workers find a module by URL, IPFS path, or absolute path on their host",
            field="app.multiaddr",
            value=multiaddr,
            remedy=f"write {Path(multiaddr).absolute()} if the workers are on this host",
        )
