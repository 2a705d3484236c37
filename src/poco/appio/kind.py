"""Tell what runs an app: a container engine, or a WASM sandbox.

The official client registers apps of the type ``DOCKER`` only. What its address names decides: an
image reference is neither a URL nor an IPFS path, so an app at one of those is a WASM module.
"""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["DOCKER", "WASM", "runtime_of"]

DOCKER = "DOCKER"
WASM = "WASM"
_IPFS = ("/ipfs/", "/p2p/", "ipfs://")
_MODULE = ".wasm"


def runtime_of(app_type: str, multiaddr: str) -> str:
    """Return the type of the runtime that an app needs.

    Args:
        app_type: of its registry entry.
        multiaddr: of its registry entry, as text.

    Returns:
        ``WASM`` for an app of type ``DOCKER`` whose address is an IPFS path, or a web URL whose
        path ends in ``.wasm``; else the type of the entry.
    """
    if app_type == DOCKER and (multiaddr.startswith(_IPFS) or _is_module_url(multiaddr)):
        return WASM
    return app_type


def _is_module_url(multiaddr: str) -> bool:
    try:
        parts = urlsplit(multiaddr)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.path.endswith(_MODULE)
