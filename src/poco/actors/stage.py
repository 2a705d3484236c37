"""Where a role stands: the market on a running node, its account, the folder of orders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
from eth_account.signers.local import LocalAccount

from poco.chain_ids import is_development_chain
from poco.contracts import AddressBook, Market, Mode
from poco.errors import PeerError, UserInputError
from poco.market import MarketFolder, Role, development_account, load_account
from poco.orders import AppOrder, DatasetOrder, WorkerpoolOrder

__all__ = ["Stage", "on_stage", "say"]


T = TypeVar("T")
_PAUSE_SECONDS = 0.2


def say(text: str) -> None:
    """Tell the terminal; the line is there at once, also in a file."""
    click.echo(text)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a role needs.

    Args:
        market: acting as the role's account.
        account: its key.
        folder: where orders are left.
    """

    market: Market
    account: LocalAccount
    folder: MarketFolder

    @property
    def chain_id(self) -> int:
        """EIP-155 id of the chain."""
        return self.market.chain.chain_id

    @property
    def is_development(self) -> bool:
        """Whether the chain is one of somebody's own."""
        return is_development_chain(self.chain_id)

    def ensure_stake(self, amount: int) -> None:
        """Deposit what is missing to a free stake.

        On a development chain whose market belongs to the first test account, that account gives
        what the role's wallet has not.

        Args:
            amount: free stake to have, nRLC.

        Raises:
            UserInputError: the wallet has not enough.
            ChainError: the node does not answer.
        """
        market = self.market
        missing = amount - market.hub.account(self.account.address).stake
        if missing <= 0:
            return
        if market.mode is Mode.TOKEN:
            self._ensure_tokens(missing)
        market.deposit(missing)
        say(f"deposited {missing} nRLC")

    def _ensure_tokens(self, amount: int) -> None:
        token = self.market.token
        missing = amount - token.balance_of(self.account.address)
        if missing <= 0:
            return
        treasurer = development_account(Role.DEPLOYER)
        if not self.is_development or self.market.book.owner != treasurer.address:
            raise UserInputError(
                f"the wallet lacks {missing} nRLC",
                field="account",
                value=self.account.address,
                remedy="send it tokens, or choose another with --account",
            )
        self.market.acting_as(treasurer).token.transfer(self.account.address, missing)
        say(f"got {missing} nRLC from the deployer of this test market")

    def app_order(self, patience: float) -> AppOrder:
        """Return the published app order; see `wait`."""
        return self.wait(
            "app order", lambda: self.folder.orders(self.chain_id).get("apporder"), patience
        )

    def dataset_order(self, patience: float) -> DatasetOrder:
        """Return the published dataset order; see `wait`."""
        return self.wait(
            "dataset order", lambda: self.folder.orders(self.chain_id).get("datasetorder"), patience
        )

    def workerpool_order(self, patience: float) -> WorkerpoolOrder:
        """Return the published workerpool order; see `wait`."""
        return self.wait(
            "workerpool order",
            lambda: self.folder.orders(self.chain_id).get("workerpoolorder"),
            patience,
        )

    def wait(self, what: str, look: Callable[[], T | None], patience: float) -> T:
        """Wait until somebody has published something.

        Args:
            what: its name.
            look: returns it once it is there.
            patience: longest wait, in seconds.

        Raises:
            PeerError: it does not come.
        """
        end = time.monotonic() + patience
        told = False
        while (found := look()) is None:
            if time.monotonic() >= end:
                raise PeerError(
                    f"nobody has published a {what} within {patience:g} s",
                    field="market",
                    value=str(self.folder.path),
                    remedy="start that role, or name the folder it writes to with --market",
                )
            if not told:
                say(f"waiting for a {what} in {self.folder.path}")
                told = True
            time.sleep(_PAUSE_SECONDS)
        return found


@contextmanager
def on_stage(network: str | None, alias: str, folder: Path) -> Iterator[Stage]:
    """Connect a role to the market on a running node.

    Args:
        network: Ape's name of the network; None is the default of ape-config.yaml.
        alias: who signs.
        folder: where orders are left.

    Raises:
        UserInputError: there is no such network or account.
        ConfigurationError: there is no market on this chain.
        ChainError: the node does not answer.
    """
    from poco.deployment.ape_network import connected

    account = load_account(alias, _ask)
    with connected(network) as chain:
        book = AddressBook.load(chain_id=chain.chain_id)
        book.require_on(chain)
        market = Market(chain, book).acting_as(account)
        say(f"{account.address} on chain {chain.chain_id}, hub {book.hub}")
        yield Stage(market, account, MarketFolder(folder))


def _ask(alias: str) -> str:
    return str(click.prompt(f"Passphrase of {alias}", hide_input=True, err=True))
