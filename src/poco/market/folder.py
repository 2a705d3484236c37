"""The market folder: where people on one machine leave their signed orders for each other.

``orders.json`` has the form of the iExec SDK (spec sdk §1.1); ``schedulers.json`` says at which URL
the scheduler of a workerpool answers. A lock keeps writers of several processes apart, and no
reader sees half a file.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts.book import write_json
from poco.errors import ConfigurationError, PeerError, UserInputError
from poco.orders import AnyOrder, OrdersByKind, read_orders, with_orders

__all__ = ["MarketFolder"]

_ORDERS = "orders.json"
_SCHEDULERS = "schedulers.json"


class MarketFolder:
    """A folder that all roles can write to.

    Args:
        path: the folder; made when the first order is published.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def publish(self, chain_id: int, *orders: AnyOrder) -> None:
        """Put orders in the place of those of their kind.

        Args:
            chain_id: EIP-155 id of the chain they are signed for.
            orders: signed orders.

        Raises:
            ConfigurationError: the folder cannot be written.
            UserInputError: what is there is no orders.json.
        """
        self._update(_ORDERS, lambda document: with_orders(document, chain_id, *orders))

    def orders(self, chain_id: int) -> OrdersByKind:
        """Return the orders published for a chain.

        Raises:
            UserInputError: what is there is no orders.json.
        """
        return read_orders(self._read(_ORDERS), chain_id)

    def announce(self, workerpool: ChecksumAddress, url: str) -> None:
        """Say where the scheduler of a workerpool answers.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        self._update(_SCHEDULERS, lambda document: document | {workerpool: url})

    def scheduler(self, workerpool: ChecksumAddress) -> str:
        """Return the URL of a workerpool's scheduler.

        Raises:
            PeerError: it has not announced itself.
        """
        url = self._read(_SCHEDULERS).get(workerpool)
        if not isinstance(url, str):
            raise PeerError(
                f"the workerpool's scheduler has not announced itself in {self.path}",
                field="workerpool",
                value=workerpool,
                remedy="start it with `ape run workerpool`, or name its URL with --scheduler",
            )
        return url

    def _read(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            document = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserInputError(
                f"the file cannot be read: {error}",
                field="market",
                value=str(path),
                remedy="mend or remove it",
            ) from error
        if not isinstance(document, dict):
            raise UserInputError(
                "a JSON object is needed", field="market", value=str(path), remedy="remove it"
            )
        return document

    def _update(self, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with self._lock():
            write_json(self.path / name, change(self._read(name)))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise ConfigurationError(
                f"the market folder cannot be written: {error.strerror}",
                field="market",
                value=str(self.path),
                remedy="choose a folder that you may write to",
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
