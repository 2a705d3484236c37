"""A market as a library: in this process, or one that runs on this machine.

::

    with poco.Market() as m:
        app = m.app("apps/echo")
        print(m.run(app, "hello world").text)
        results = list(m.map(app, [f"--seed {seed}" for seed in range(10)]))
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eth_account import Account
from eth_account.signers.local import LocalAccount

from poco import contracts, local_chain
from poco.contracts import discover
from poco.errors import UserInputError
from poco.local import given
from poco.local.arrival import find_market, quick_settings
from poco.local.bringing import Terms, bring_app, bring_dataset
from poco.local.executor import AppExecutor
from poco.local.faucet import Gift, fund
from poco.local.goods import App, Dataset
from poco.local.info import StackInfo
from poco.local.shelf import open_shelf
from poco.local.stack import Stack
from poco.local.trading import Trader
from poco.local.venue import Venue
from poco.local.watching import TaskFuture
from poco.local.wishes import Wishes
from poco.orders import checked_address
from poco.services.orderbook import OrderbookClient
from poco.services.secrets import SecretsClient

__all__ = ["Market"]

_RLC = 10**9
_ALLOWANCE = 1000 * _RLC
_GAS_WEI = 100 * 10**18
_POLL_SECONDS = 0.05
_MOST_SECONDS = 100 * 366 * 86_400


class Market(AppExecutor):
    """A market to compute with: an executor of `concurrent.futures` whose functions are apps.

    It is open from ``with`` (or ``async with``) to the end of the block. All its methods may be
    called from several threads. Enclaves are simulated: they protect nothing.

    Args:
        workers: how many there are; the more, the higher the trust that can be had.
        slots: tasks that each of them computes at a time.
        block_seconds: time between blocks; 0 mines each transaction at once.
        price: of a task in the workerpool, nRLC.
        state: folder to keep the market in; None keeps nothing.
        account: buys, and owns what is registered; by default a new one. An account without ether
            gets ether and RLC.

    Raises:
        UserInputError: an argument is not what it should be.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        slots: int = 1,
        block_seconds: int = 0,
        price: int = 0,
        state: Path | str | None = None,
        account: LocalAccount | None = None,
    ) -> None:
        settings = quick_settings(
            workers=workers,
            slots=slots,
            block_seconds=block_seconds,
            price=price,
            state=None if state is None else given.path("state", state),
        )
        self._prepare(lambda stack: stack.enter_context(Stack(settings)).info, account, price)

    @classmethod
    def connect(
        cls,
        info: StackInfo | Path | str | None = None,
        *,
        account: LocalAccount | None = None,
        max_price: int = 0,
    ) -> Self:
        """Return a market that runs already, to be opened with ``with``.

        Args:
            info: what `poco up --info FILE` wrote, or the path of that file; None for the market
                that `poco up` has started on this machine.
            account: see the class.
            max_price: the most that a task may cost when nothing else is said, nRLC.

        Raises:
            UserInputError: an argument is not what it should be.
            ConfigurationError: no market runs, it has no order book, or the file is none of
                `poco up`.
        """
        market, found = cls.__new__(cls), find_market(info)
        market._prepare(lambda _: found, account, max_price)
        return market

    def _prepare(
        self,
        find: Callable[[ExitStack], StackInfo],
        account: LocalAccount | None,
        max_price: int,
    ) -> None:
        self._find = find
        self._given = None if account is None else given.account("account", account)
        self._max_price = given.whole("max_price", max_price)
        self._closing = threading.Lock()
        self._stack: ExitStack | None = None
        self._is_over = False

    # OPEN AND CLOSED

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            ConfigurationError: anvil is missing, or the folder is not usable.
            ChainError: the chain does not answer.
        """
        if self._stack is not None or self._is_over:
            raise UserInputError(
                "a market is opened once", field="market", remedy="make another one"
            )
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.shutdown()
        else:  # nobody will ask for what is not done yet
            self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take up no more work, and close the market when all is done.

        Args:
            wait: whether to return after that; otherwise it goes on in the background, and the
                program does not end before it.
            cancel_futures: whether to cancel what was not bought yet.
        """
        if self._stack is None:
            self._is_over = True
            return
        self._trader.refuse(cancel=cancel_futures)
        if wait:
            self._finish()
        else:
            threading.Thread(target=self._finish, name="market shutdown").start()

    def _finish(self) -> None:
        self._trader.wait()
        self.close()

    def close(self) -> None:
        """Close the market at once; what is not done fails."""
        with self._closing:
            stack, self._stack, self._is_over = self._stack, None, True
            if stack is not None:
                stack.close()

    def _open(self, stack: ExitStack) -> None:
        info = self.info = self._find(stack)
        chain = contracts.Chain.connect(info.rpc)
        self._bank = contracts.Market(
            chain, discover(chain, checked_address("hub", info.hub))
        ).acting_as(Account.from_key(info.fundingKey))
        self.account = self._given or Account.create()
        if chain.balance(self.account.address) == 0:
            fund(self._bank, self.account.address, Gift(_GAS_WEI, _ALLOWANCE))
        self.contracts = self._bank.acting_as(self.account)
        self._venue = Venue(
            market=self.contracts,
            account=self.account,
            orderbook=OrderbookClient(info.market, self.contracts.domain),
            secrets=SecretsClient(info.sms),
            gateway=info.ipfsGateway,
            scheduler=info.workerpool.apiUrl,
            node=info.ipfsNode,
        )
        stack.callback(self._venue.close)
        self._shelf = stack.enter_context(open_shelf())
        self._wishes = Wishes(self._venue, self._shelf, self._max_price)
        self._trader = Trader(self._venue, poll_seconds=_POLL_SECONDS)
        stack.callback(self._trader.close)  # the first that is called in the end

    # PEOPLE AND TIME

    def new_account(self, rlc: int = _ALLOWANCE) -> LocalAccount:
        """Return a new account with 100 ether.

        Args:
            rlc: what it has in its wallet, nRLC.

        Raises:
            UserInputError: that is no amount, or more than there is.
            ChainError: the node does not answer.
        """
        self._require_open()
        account: LocalAccount = Account.create()
        fund(self._bank, account.address, Gift(_GAS_WEI, given.whole("rlc", rlc)))
        return account

    def travel(self, seconds: int) -> None:
        """Let time pass on the chain; it never comes back.

        Raises:
            UserInputError: it is not forward, or more than a hundred years.
            ChainError: the node does not answer.
        """
        self._require_open()
        local_chain.travel(
            self.contracts.chain, given.whole("seconds", seconds, most=_MOST_SECONDS)
        )

    # GOODS

    def app(
        self,
        target: str | Path,
        *,
        price: int | None = None,
        requester: LocalAccount | str | None = None,
    ) -> App:
        """Return an app to run; one that is new is registered, and offered to everybody for free.

        Args:
            target: a WASM module; a folder with ``app.wasm``, or with a Makefile or Dockerfile that
                make an image; the reference of a container image; or the address of an entry.
            price: what others pay for a task, nRLC; whoever owns the app runs it for nothing. What
                was offered on other terms before is withdrawn.
            requester: the only account, or its address, that may buy it.

        Raises:
            UserInputError: there is no such app, its image cannot be built, or terms are given for
                an app of somebody else.
            ConfigurationError: it is an image, and no container engine answers.
            ChainError: the node does not answer.
        """
        self._require_open()
        terms = Terms.of(price, requester=requester)
        return bring_app(self._venue, target, self.run, terms)

    def dataset(
        self,
        source: str | Path | bytes,
        *,
        name: str = "",
        encrypt: bool = False,
        price: int | None = None,
        app: App | str | None = None,
        requester: LocalAccount | str | None = None,
    ) -> Dataset:
        """Return a dataset for tasks; one that is new is registered, and offered for free.

        Args:
            source: a file, its content, or the address of an entry.
            name: what apps see as its name; by default that of the file.
            encrypt: whether to encrypt it, so that only confidential tasks can read it.
            price: see `app`.
            app: the only app that may read it when others buy.
            requester: see `app`.

        Raises:
            UserInputError: there is no such file or entry, or terms are given for a dataset of
                somebody else.
            ChainError: the node does not answer.
        """
        self._require_open()
        terms = Terms.of(price, app=app, requester=requester)
        return bring_dataset(
            self._venue, source, self._shelf, name=name, encrypt=encrypt, terms=terms
        )

    def _order(
        self, app: App, calls: Sequence[Sequence[Any]], options: Mapping[str, Any]
    ) -> list[TaskFuture]:
        self._require_open()
        return self._trader.submit(self._wishes.works(app, calls, options))

    def _require_open(self) -> None:
        if self._is_over:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if self._stack is None:
            raise UserInputError(
                "the market is not open",
                field="market",
                remedy="with poco.Market() as market: …",
            )
