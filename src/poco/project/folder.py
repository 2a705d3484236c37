"""One project folder and its four JSON files (spec sdk §1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import AnyOrder, OrdersByKind, checked_address, read_orders, with_orders
from poco.project import chains, legacy, literals, templates
from poco.project.chains import ChainEntry, choose_chain
from poco.project.files import read_json, read_text, update_json, write_json

__all__ = ["Kind", "Project"]

Kind: TypeAlias = Literal["app", "dataset", "workerpool"]
"""What can be deployed."""

_IEXEC, _OLD_IEXEC = "iexec.json", "iexec.js"
_ORDERS, _DEPLOYED = "orders.json", "deployed.json"
_KINDS = ("app", "dataset", "workerpool")


class Project:
    """A project folder. Files are read when they are asked for, and written whole or not at all.

    Args:
        folder: where the files are.
        notice: is told, in one sentence each, what was converted from older shapes.
    """

    def __init__(self, folder: Path, notice: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self._notice = notice
        self._noticed: set[str] = set()

    # CHAIN.JSON

    def chain(self, name: str | None = None) -> ChainEntry:
        """Return a chain of chain.json, by default its default one.

        Raises:
            UserInputError: there is no such file or no such chain.
            ConfigurationError: the file breaks a rule of the official client.
        """
        document = read_json(self.folder / chains.FILE)
        if document is None:
            raise _missing(chains.FILE, "poco init")
        entry = choose_chain(document, name)
        if name is not None and name not in (entry.name, str(entry.id)):
            self._notice(f"the network {name} is no more: {entry.name} stands in for it")
        return entry

    def write_chains(self, *entries: ChainEntry) -> Path:
        """Write chain.json anew; the first entry is the default. Returns its path."""
        path = self.folder / chains.FILE
        write_json(path, chains.chains_document(*entries))
        return path

    # IEXEC.JSON

    def read_iexec(self) -> dict[str, Any]:
        """Return iexec.json, or a literal iexec.js; older shapes are converted and noticed.

        Raises:
            UserInputError: there is neither, or it cannot be read.
        """
        document = read_json(self.folder / _IEXEC)
        if document is None:
            old = self.folder / _OLD_IEXEC
            if not old.is_file():
                raise _missing(_IEXEC, "poco init --skip-wallet")
            document = literals.read_literal(read_text(old), _OLD_IEXEC)
        content, notes = legacy.modernised(_object(document, _IEXEC))
        for note in notes:
            if note not in self._noticed:  # a command may read the file several times
                self._noticed.add(note)
                self._notice(note)
        return content

    def section(self, path: str) -> dict[str, Any]:
        """Return a section of iexec.json, ``app`` or ``order.apporder`` for example.

        Raises:
            UserInputError: the file does not have it; see also `read_iexec`.
        """
        found: Any = self.read_iexec()
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            noun, _, kind = path.partition(".")
            command = f"order init --{kind.removesuffix('order')}" if kind else f"{noun} init"
            raise UserInputError(
                f'missing "{path}" in "{_IEXEC}"', remedy=f"write it with `poco {command}`"
            )
        return dict(found)

    def update_iexec(self, path: str, value: Any) -> None:
        """Set a value in iexec.json, ``app`` or ``order.apporder`` for example.

        A file of an older shape is written in the new one.

        Raises:
            UserInputError: the file is missing or cannot be read.
            ConfigurationError: it cannot be written.
        """

        def change(_: Any) -> dict[str, Any]:
            content = self.read_iexec()
            *parents, last = path.split(".")
            place = content
            for name in parents:
                if not isinstance(place.get(name), dict):
                    place[name] = {}
                place = place[name]
            place[last] = value
            return content

        update_json(self.folder / _IEXEC, change)

    def write_iexec(self) -> Path:
        """Write the description that a new project begins with. Returns its path."""
        path = self.folder / _IEXEC
        write_json(path, templates.description())
        return path

    def has(self, name: str) -> bool:
        """Tell whether the folder has a file of this name."""
        return (self.folder / name).is_file()

    # ORDERS.JSON

    def orders(self, chain_id: int) -> OrdersByKind:
        """Return the last signed order of each kind; none when there is no file.

        Raises:
            UserInputError: the file is malformed.
        """
        document = read_json(self.folder / _ORDERS)
        return read_orders({} if document is None else document, chain_id)

    def save_order(self, chain_id: int, *orders: AnyOrder) -> None:
        """Put signed orders into orders.json, in place of those of their kind and chain.

        Raises:
            UserInputError: the file is malformed.
            ConfigurationError: it cannot be written.
        """
        update_json(
            self.folder / _ORDERS,
            lambda document: with_orders({} if document is None else document, chain_id, *orders),
        )

    # DEPLOYED.JSON

    def deployed(self, kind: Kind, chain_id: int) -> ChecksumAddress | None:
        """Return what was last deployed from this folder; None when nothing was.

        Raises:
            UserInputError: the file is malformed.
        """
        address = _deployed(read_json(self.folder / _DEPLOYED)).get(kind, {}).get(str(chain_id))
        return None if address is None else checked_address(f"{_DEPLOYED}.{kind}", address)

    def save_deployed(self, kind: Kind, chain_id: int, address: ChecksumAddress) -> None:
        """Record what was deployed.

        Raises:
            UserInputError: the file is malformed.
            ConfigurationError: it cannot be written.
        """

        def change(document: Any) -> dict[str, Any]:
            content = _deployed(document)
            return content | {kind: content.get(kind, {}) | {str(chain_id): address}}

        update_json(self.folder / _DEPLOYED, change)


def _deployed(document: Any) -> dict[str, dict[str, Any]]:
    content = _object({} if document is None else document, _DEPLOYED)
    for kind, addresses in content.items():
        if kind not in _KINDS:
            raise UserInputError(
                f'unknown key "{kind}" in {_DEPLOYED}',
                field=_DEPLOYED,
                value=kind,
                remedy=f"remove it; keys are {', '.join(_KINDS)}",
            )
        _object(addresses, f"{_DEPLOYED}.{kind}")
    return content


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserInputError(
            "a JSON object is needed", field=field, value=value, remedy="see docs/project-files.md"
        )
    return value


def _missing(name: str, command: str) -> UserInputError:
    return UserInputError(
        f'missing "{name}" in this folder', field="file", value=name, remedy=f"run `{command}`"
    )
