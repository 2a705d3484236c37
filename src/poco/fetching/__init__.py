"""Fetch files whose addresses strangers chose: input files, datasets and WASM modules.

`Fetcher` downloads one file, or the input files of a task, under a `FetchPolicy`; `multiaddr_text`
reads the address in a registry entry, `multiaddr_bytes` writes it; `locate` tells whether an
address can be fetched at all. What may be fetched is told in ``docs/inputs-and-datasets.md``.
"""

from poco.fetching.addresses import (
    ForbiddenAddressError,
    locate,
    multiaddr_bytes,
    multiaddr_text,
)
from poco.fetching.fetcher import FetchedFile, Fetcher, Progress
from poco.fetching.policy import PUBLIC_GATEWAYS, FetchPolicy

__all__ = [
    "PUBLIC_GATEWAYS",
    "FetchPolicy",
    "FetchedFile",
    "Fetcher",
    "ForbiddenAddressError",
    "Progress",
    "locate",
    "multiaddr_bytes",
    "multiaddr_text",
]
