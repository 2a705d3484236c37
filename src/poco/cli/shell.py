"""What every command of the market's people shares: options, answers, errors, and who signs.

::

    @command.command(epilog="Example: poco account deposit 5 RLC")
    @click.argument("amount")
    @wallet_options
    @chain_options
    @tx_options
    @output_options
    def deposit(shell: Shell, amount: str) -> None:
        with shell.progress("depositing"):
            receipt = shell.market.deposit(parse_token(amount))
        shell.done({"txHash": receipt.transaction_hash}, "deposited")

`output_options` makes the `Shell` and hands it to the function first; it is needed by all, and the
others only where their options mean something. People read standard error while a command works,
and its answer on standard output; with ``--raw`` there is one line of JSON and nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from poco.cli.conversation import Conversation
from poco.cli.options import (
    PASSPHRASES,
    chain_options,
    given_options,
    password_option,
    shared_option,
    tx_options,
    wallet_options,
)
from poco.cli.rendering import failure_document, rendered
from poco.errors import UserInputError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from eth_typing import ChecksumAddress

    from poco.contracts import Market
    from poco.project import ChainEntry, Project, Wallet
    from poco.secret import Secret
    from poco.services.orderbook.client import OrderbookClient
    from poco.services.secrets import SecretsClient

__all__ = [
    "Shell",
    "chain_options",
    "failure_document",
    "output_options",
    "password_option",
    "rendered",
    "tx_options",
    "wallet_options",
]

P = ParamSpec("P")

_PASSPHRASE_ELSE = f"set {PASSPHRASES[0]}"


class Shell(Conversation):
    """One run of one command.

    Args:
        ctx: click's context of the command.
        options: values of the shared options by name.
    """

    def __init__(self, ctx: click.Context, options: Mapping[str, Any]) -> None:
        super().__init__(
            ctx.command_path, raw=options.get("raw", False), quiet=options.get("quiet", False)
        )
        self._ctx = ctx
        self._options = options

    # THE FOLDER

    @cached_property
    def project(self) -> Project:
        """The project of the current folder."""
        from poco.project import Project

        return Project(Path.cwd(), self.warn)

    @cached_property
    def chain(self) -> ChainEntry:
        """The chain of chain.json that --chain names.

        Raises:
            UserInputError: there is no such chain, or no file.
            ConfigurationError: the file is malformed.
        """
        entry = self.project.chain(self._options.get("chain"))
        self.say(f"using chain {entry.name} [chainId: {entry.id}]")
        return entry

    # WHO SIGNS

    @cached_property
    def wallet(self) -> Wallet:
        """The wallet that the options name, locked.

        Raises:
            UserInputError: there is none.
        """
        from poco.project import WalletChoice, find_wallet

        options = self._options
        alias = options.get("account")
        choice = WalletChoice(
            file=f"ape:{alias}" if alias else options.get("wallet_file"),
            address=options.get("wallet_address"),
            keystore=options.get("keystoredir") or "global",
        )
        return find_wallet(choice, self.project.folder)

    @property
    def address(self) -> ChecksumAddress:
        """Whose wallet it is; asks for no passphrase."""
        return self.wallet.address

    @cached_property
    def account(self) -> LocalAccount:
        """The account that signs; its passphrase is asked for once.

        Raises:
            UserInputError: there is no wallet, or the passphrase is wrong.
        """
        self.say(f"using wallet {self.wallet.place}")
        return self.wallet.unlock(self._passphrase)

    def new_passphrase(self) -> Secret:
        """Return the passphrase of a new wallet: --password, its variable, or what is typed twice.

        Raises:
            UserInputError: there is none, or it is empty.
        """
        from poco.secret import Secret

        given = self._options.get("password")
        text = (
            self.ask_secret("passphrase of the new wallet", _PASSPHRASE_ELSE, twice=True)
            if given is None
            else given
        )
        if not text:
            raise UserInputError(
                "a passphrase has at least one character",
                remedy="give one, or --unencrypted for a wallet in the clear",
            )
        return Secret(text)

    def _passphrase(self, place: str) -> str:
        given = self._options.get("password")
        return (
            self.ask_secret(f"passphrase of {place}", _PASSPHRASE_ELSE)
            if given is None
            else str(given)
        )

    # THE MARKET

    @cached_property
    def reader(self) -> Market:
        """The market, for reading; needs no wallet.

        Raises:
            ConfigurationError: chain.json has no host or hub, or they are wrong.
            ChainError: the node does not answer.
        """
        from poco.contracts import Chain, Market, discover

        host, hub = self.chain.require("host"), self.chain.require_hub()
        chain = Chain.connect(host)
        return Market(chain, discover(chain, hub, chain_id=self.chain.id))

    @cached_property
    def market(self) -> Market:
        """The market acting as the account; transactions wait for --confirms blocks."""
        confirmations = int(self._options.get("confirms") or 1)
        return self.reader.acting_as(self.account, confirmations=confirmations)

    # SERVICES

    @cached_property
    def orderbook(self) -> OrderbookClient:
        """The order book of the chain (``iexecGateway``); closed when the command ends."""
        from poco.orders import Domain
        from poco.services.orderbook.client import OrderbookClient

        url, hub = self.chain.require("iexecGateway"), self.chain.require_hub()
        client = OrderbookClient(url, Domain(self.chain.id, hub))
        self._ctx.call_on_close(client.close)
        return client

    @cached_property
    def secrets(self) -> SecretsClient:
        """The secret service of the chain (``sms``); closed when the command ends."""
        from poco.services.secrets import SecretsClient

        client = SecretsClient(self.secrets_url)
        self._ctx.call_on_close(client.close)
        return client

    @property
    def secrets_url(self) -> str:
        """URL of the secret service (``sms``)."""
        return self.chain.require("sms")

    @property
    def gateway(self) -> str:
        """URL where results are downloaded (``ipfsGateway``)."""
        return self.chain.require("ipfsGateway")

    @property
    def compass(self) -> str | None:
        """URL of what tells the schedulers of workerpools; None without one."""
        return self.chain.compass


def output_options(
    function: Callable[Concatenate[Shell, P], None],
) -> Callable[P, None]:
    """Add --raw and --quiet, and hand the command its `Shell`."""

    @shared_option("--raw", is_flag=True, help="Answer with one line of JSON.")
    @shared_option("--quiet", is_flag=True, help="Say nothing but the answer.")
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        ctx = click.get_current_context()
        shell = Shell(ctx, given_options(ctx))
        with shell.reporting():
            function(shell, *args, **kwargs)

    return run
