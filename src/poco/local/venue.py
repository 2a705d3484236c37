"""Where somebody trades: the services of a running market, and the account that uses them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import httpx
from eth_account.signers.local import LocalAccount

from poco.contracts import Category, Market
from poco.errors import ContractError, UserInputError
from poco.orders import TaskId
from poco.services.orderbook import OrderbookClient
from poco.services.secrets import SecretsClient

__all__ = ["Venue"]

_TIMEOUT_SECONDS = 5.0


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
    """

    market: Market
    account: LocalAccount
    orderbook: OrderbookClient
    secrets: SecretsClient
    gateway: str
    scheduler: str
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
            ContractError: the wallet has not so much.
            ChainError: the node does not answer.
        """
        with self._lock:
            missing = amount - self.market.hub.account(self.account.address).stake
            if missing > 0:
                self.market.deposit(missing)

    def exit_code(self, taskid: TaskId) -> int | None:
        """Return the exit code of a task's app; None when the scheduler does not tell it."""
        url = f"{self.scheduler}/tasks/0x{taskid.hex()}"
        try:
            answer = httpx.get(url, timeout=_TIMEOUT_SECONDS, trust_env=False).json()
            codes = [part.get("appExitCode") for part in answer["replicates"]]
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            ValueError,
            LookupError,
            AttributeError,
            TypeError,
        ):
            return None
        return next((code for code in codes if isinstance(code, int)), None)

    def close(self) -> None:
        """Close all connections."""
        self.orderbook.close()
        self.secrets.close()
