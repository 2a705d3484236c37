"""The market on one chain: hub, registries and token, seen by one account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.contracts.book import AddressBook, Mode
from poco.contracts.chain import Chain
from poco.contracts.events import Event
from poco.contracts.hub import Hub
from poco.contracts.logs import EventReader
from poco.contracts.registries import AppRegistry, DatasetRegistry, WorkerpoolRegistry
from poco.contracts.token import Token
from poco.contracts.view import MarketView
from poco.contracts.wallet import Receipt, Signer, Wallet
from poco.errors import UserInputError
from poco.orders import (
    AppOrder,
    DatasetOrder,
    DealId,
    Domain,
    RequestOrder,
    WorkerpoolOrder,
)

__all__ = ["Market"]


class Market:
    """One market. Use `Market.connect`; `acting_as` gives the same market to another account.

    Args:
        chain: the connection.
        book: where the contracts are.
        wallet: who sends transactions; None for reading only.
    """

    def __init__(self, chain: Chain, book: AddressBook, wallet: Wallet | None = None) -> None:
        self.chain = chain
        self.book = book
        self.wallet = wallet
        self.hub = Hub(chain, book.hub, book.mode, wallet)
        self.apps = AppRegistry(chain, book.app_registry, wallet)
        self.datasets = DatasetRegistry(chain, book.dataset_registry, wallet)
        self.workerpools = WorkerpoolRegistry(chain, book.workerpool_registry, wallet)
        self._token = None if book.token is None else Token(chain, book.token, wallet)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        book: AddressBook | Path | str | None = None,
        account: Signer | None = None,
    ) -> Market:
        """Connect to a market and check that it is there.

        Args:
            url: a node's URL.
            book: an address book or its path; by default POCO_DEPLOYMENT, else
                ``deployments/<chainId>.json``.
            account: who sends transactions; None for reading only.

        Raises:
            ChainError: the node does not answer.
            ConfigurationError: there is no book, or it is of another chain.
        """
        chain = Chain.connect(url)
        if not isinstance(book, AddressBook):
            book = AddressBook.load(book, chain_id=chain.chain_id)
        book.require_on(chain)
        market = cls(chain, book)
        return market if account is None else market.acting_as(account)

    def acting_as(self, account: Signer, *, confirmations: int = 1) -> Market:
        """Return the same market for another account; keep it, its wallet counts nonces.

        Args:
            account: who sends transactions.
            confirmations: blocks to wait for each of them; its own is the first.
        """
        reader = EventReader(self.addresses)
        wallet = Wallet(self.chain, account, reader, confirmations=confirmations)
        return Market(self.chain, self.book, wallet)

    @property
    def mode(self) -> Mode:
        """Token or native."""
        return self.book.mode

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain that orders for this market are signed in."""
        return self.hub.domain

    @property
    def addresses(self) -> tuple[ChecksumAddress, ...]:
        """The contracts whose events count."""
        book = self.book
        registries = (book.app_registry, book.dataset_registry, book.workerpool_registry)
        return (book.hub, *registries, *([] if book.token is None else [book.token]))

    @property
    def token(self) -> Token:
        """The base token.

        Raises:
            UserInputError: the market is in native mode.
        """
        if self._token is None:
            raise UserInputError(
                "a market in native mode has no token",
                field="mode",
                value=str(self.mode),
                remedy="use the chain's currency: 1 nRLC is 1e9 wei",
            )
        return self._token

    @property
    def account(self) -> ChecksumAddress:
        """The account that sends transactions.

        Raises:
            UserInputError: there is none.
        """
        if self.wallet is None:
            raise UserInputError(
                "an account is needed",
                field="account",
                value=None,
                remedy="connect with an account, or use market.acting_as(account)",
            )
        return self.wallet.address

    def deposit(self, amount: int) -> Receipt[None]:
        """Deposit from the account's own funds, in one transaction and in either mode.

        Args:
            amount: nRLC.

        Raises:
            ContractError: the account has not so much.
            ChainError: the node does not answer.
        """
        if self.mode is Mode.NATIVE:
            return self.hub.deposit(amount)
        return self.token.approve_and_call(self.hub.address, amount)

    def deposit_and_match(
        self,
        amount: int,
        app: AppOrder,
        dataset: DatasetOrder,
        workerpool: WorkerpoolOrder,
        request: RequestOrder,
    ) -> Receipt[DealId]:
        """Deposit and make a deal in one transaction, as the requester (token mode, §1.5).

        Args:
            amount: what to deposit, nRLC; more may lie in the hub already.
            app: see `Hub.match_orders`.
            dataset: see there.
            workerpool: see there.
            request: see there.

        Returns:
            The receipt; its value is the id of the deal.
        """
        match = self.hub.match_call(app, dataset, workerpool, request)
        arguments = (self.hub.address, amount, match.data)
        return self.token.send(self.token.call_for(match.result, "approveAndCall", *arguments))

    def events(
        self,
        from_block: int | None = None,
        to_block: int | None = None,
        *,
        kinds: Sequence[type[Event]] = (),
    ) -> Iterator[Event]:
        """Read events of the market's contracts.

        Args:
            from_block: first block; by default that of the deployment.
            to_block: last block, included; by default the latest.
            kinds: only events of these classes; all by default.

        Yields:
            The events in the order of the chain, each with its position.

        Raises:
            ChainError: the node does not answer.
        """
        first = self.book.deploy_block if from_block is None else from_block
        last = self.chain.block_number() if to_block is None else to_block
        reader = EventReader(self.addresses)
        topics = [reader.topics(kinds)] if kinds else []
        for log in self.chain.logs(self.addresses, topics, first, last):
            for event in reader.decode([log]):
                if not kinds or isinstance(event, tuple(kinds)):
                    yield event

    def view(self, block: int | None = None) -> MarketView:
        """Return what `poco.orders.why_not_match` needs, after a block (the latest by default)."""
        return MarketView(self, self.chain.block_number() if block is None else block)
