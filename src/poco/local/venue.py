"""Where somebody trades: the services of a running market, and the account that uses them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount

from poco.contracts import Category, Market
from poco.errors import ContractError, PeerError, UserInputError
from poco.market.money import deposit
from poco.orders import TaskId
from poco.peers import json_object, peer_client
from poco.services.orderbook import OrderbookClient
from poco.services.secrets import SecretsClient

__all__ = ["Venue"]

_TIMEOUT_SECONDS = 5.0
_MAX_ANSWER_BYTES = 1024**2
_GIVEN_UP = "RUNNING_FAILED"
_LATE_SECONDS = 5.0
_NAP_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Venue:
    """A market as one account uses it.

    Args:
        market: acting as the account.
        account: buys, and owns apps and datasets.
        orderbook: where offers are.
        secrets: where secrets are kept.
        gateway: URL where results are.
        scheduler: URL of the pool's scheduler.
        node: URL of the IPFS node.
    """

    market: Market
    account: LocalAccount
    orderbook: OrderbookClient
    secrets: SecretsClient
    gateway: str
    scheduler: str
    node: str
    _http: httpx.Client = field(
        default_factory=lambda: peer_client(
            _MAX_ANSWER_BYTES, timeout=_TIMEOUT_SECONDS, trust_env=False
        ),
        repr=False,
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _categories: dict[int, Category] = field(default_factory=dict, repr=False)

    def category(self, category: int) -> Category:
        """Return a category; it never changes.

        Raises:
            UserInputError: there is none of this id.
        """
        with self._lock:
            if category not in self._categories:
                try:
                    self._categories[category] = self.market.hub.category(category)
                except ContractError as error:
                    raise UserInputError(
                        "there is no category of this id",
                        field="category",
                        value=category,
                        remedy="ids run from 0 to "
                        f"{self.market.hub.category_count() - 1}, see market.contracts.hub",
                    ) from error
            return self._categories[category]

    def pay_in(self, amount: int) -> None:
        """Have a free stake of at least some nRLC, taken from the account's wallet.

        Raises:
            UserInputError: the wallet has not so much.
            ChainError: the node does not answer.
        """
        with self._lock:
            missing = amount - self.market.hub.account(self.account.address).stake
            if missing > 0:
                deposit(self.market, missing)

    def exit_code(self, taskid: TaskId) -> int | None:
        """Return the exit code of a task's app; None when the scheduler does not tell it.

        A result may be there before its worker has told the scheduler of it: it is waited for.
        """
        end = time.monotonic() + _LATE_SECONDS
        while True:
            told = self._told(taskid).get("replicates")
            parts = told if isinstance(told, list) else []
            codes = [part.get("appExitCode") for part in parts if isinstance(part, dict)]
            found = next((code for code in codes if isinstance(code, int)), None)
            if found is not None or time.monotonic() > end:
                return found
            time.sleep(_NAP_SECONDS)

    def why_given_up(self, taskid: TaskId) -> str:
        """Return why the scheduler does no more for a task; empty when it has not given up."""
        told = self._told(taskid)
        return str(told.get("blockedReason")) if told.get("currentStatus") == _GIVEN_UP else ""

    def publish(self, content: bytes) -> str:
        """Add a file to the IPFS node, and return its content id.

        Raises:
            PeerError: the node does not take it.
        """
        try:
            answer = self._http.post(f"{self.node}/api/v0/add", files={"file": content})
            answer.raise_for_status()
            return str(json_object(answer)["Hash"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise PeerError(
                f"the IPFS node does not take a file: {error}",
                field="ipfsNode",
                value=self.node,
                remedy="look whether the market still runs",
            ) from error

    def _told(self, taskid: TaskId) -> dict[str, Any]:
        """Return what the scheduler says of a task; empty when it says nothing."""
        try:
            answer = self._http.get(f"{self.scheduler}/tasks/0x{taskid.hex()}")
            return json_object(answer)
        except (httpx.HTTPError, ValueError):
            return {}

    def close(self) -> None:
        """Close all connections."""
        self.orderbook.close()
        self.secrets.close()
        self._http.close()
