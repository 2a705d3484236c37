"""Which market a new project is for: the one of this machine, or one that a file tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from poco.contracts import AddressBook, default_path
from poco.errors import UserInputError
from poco.local.info import StackInfo
from poco.project.chains import ChainEntry, choose_chain
from poco.project.files import read_json

__all__ = ["chain_of_book", "chain_of_info", "local_chain"]

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


def chain_of_book(path: Path) -> ChainEntry:
    """Return the chain of an address book, which tells its id and the hub.

    Nodes and services are in no address book: those of this machine are where they usually are,
    those of other chains are left out.

    Raises:
        ConfigurationError: there is no such file, or it is malformed.
    """
    book = AddressBook.load(path)
    if book.chain_id == _LOCAL_ID:
        return replace(_USUAL, hub=book.hub)
    return ChainEntry(name="market", id=book.chain_id, hub=book.hub)


def chain_of_info(path: Path) -> ChainEntry:
    """Return the chain of the document that `poco up --info` or `poco status --info` wrote.

    Raises:
        UserInputError: there is no such file, or it is no JSON.
        ConfigurationError: it is malformed.
    """
    document = read_json(path)
    if document is None:
        raise UserInputError(
            "there is no such file",
            field="--info",
            value=str(path),
            remedy="write it with `poco status --info FILE`, where the market runs",
        )
    return choose_chain(StackInfo.from_json(document).chain_json(), None)
