"""A contract at an address: what hub, registries, entries and token are built on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, Self, TypeVar

from eth_typing import ChecksumAddress

from poco.contracts.chain import Block, Chain
from poco.contracts.events import Events
from poco.contracts.interface import Interface
from poco.contracts.wallet import Call, Receipt, Wallet, nothing
from poco.errors import UserInputError

__all__ = ["Contract"]

T = TypeVar("T")


class Contract:
    """Reads a contract, and writes to it when a wallet is given.

    Args:
        chain: where it lives.
        address: its address.
        interface: its ABI.
        wallet: who sends transactions; None for reading only.
    """

    def __init__(
        self,
        chain: Chain,
        address: ChecksumAddress,
        interface: Interface,
        wallet: Wallet | None = None,
    ) -> None:
        self.chain = chain
        self.address = address
        self.interface = interface
        self.wallet = wallet
        self.block: Block = "latest"

    def at(self, block: Block) -> Self:
        """Return the same contract whose views read the state after a block."""
        pinned = copy(self)
        pinned.block = block
        return pinned

    def read(self, function: str, *arguments: Any) -> Any:
        """Call a view by name and return what it answers, addresses in EIP-55 form.

        Raises:
            ContractError: the view reverts.
            ChainError: the node does not answer.
        """
        data = self.interface.encode_call(function, *arguments)
        answer = self.chain.call(self.address, data, block=self.block, context=function)
        return self.interface.decode_answer(function, answer)

    def read_all(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Call several views in one request; see `read`."""
        encoded = [
            (self.address, self.interface.encode_call(function, *arguments))
            for function, arguments in calls
        ]
        answers = self.chain.calls(encoded, block=self.block)
        return [
            self.interface.decode_answer(function, answer)
            for (function, _), answer in zip(calls, answers, strict=True)
        ]

    def call(self, function: str, *arguments: Any, value: int = 0) -> Call[None]:
        """Prepare a transaction, to be sent with a `Wallet`."""
        return self.call_for(nothing, function, *arguments, value=value)

    def call_for(
        self, result: Callable[[Events], T], function: str, *arguments: Any, value: int = 0
    ) -> Call[T]:
        """Prepare a transaction whose result is read from its events."""
        data = self.interface.encode_call(function, *arguments)
        return Call(function, self.address, data, result, value)

    def send(self, call: Call[T]) -> Receipt[T]:
        """Send a transaction and wait until it is mined.

        Raises:
            UserInputError: no account was given to sign with.
            ContractError: the contract refuses.
            ChainError: the account has no funds for gas, or the node does not answer.
        """
        if self.wallet is None:
            raise UserInputError(
                "an account must sign the transaction",
                field="account",
                value=None,
                remedy="connect the market with an account, or use market.acting_as(account)",
            )
        return self.wallet.execute(call)
