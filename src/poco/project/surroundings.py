"""Which market a new project is for: the one of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from poco.contracts import AddressBook, default_path
from poco.project.chains import ChainEntry, choose_chain

__all__ = ["local_chain"]

_LOCAL_ID = 31337
_USUAL = ChainEntry(
    name="local",
    id=_LOCAL_ID,
    host="http://127.0.0.1:8545",
    sms="http://127.0.0.1:13300",
    iexec_gateway="http://127.0.0.1:3000",
    ipfs_gateway="http://127.0.0.1:8080",
    compass="http://127.0.0.1:8069",
    poco_subgraph="http://127.0.0.1:8000/subgraphs/name/poco",
)
"""Where `poco up` listens when nothing else is said."""


def local_chain(announced: Mapping[str, Any] | None, folder: Path) -> ChainEntry:
    """Return the chain of this machine's market.

    Args:
        announced: the chain.json of the market that runs; None without one.
        folder: the project; without a running market its address book tells the hub.

    Raises:
        ConfigurationError: the address book is malformed.
    """
    if announced is not None:
        return choose_chain(announced, None)
    path = folder / default_path(_LOCAL_ID)
    hub = AddressBook.load(path).hub if path.is_file() else None
    return replace(_USUAL, hub=hub)
