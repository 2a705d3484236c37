"""The base token of a market in token mode: RLC, or any ERC-20 with `approveAndCall`."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from poco.contracts.chain import Chain
from poco.contracts.contract import Contract
from poco.contracts.interface import interface
from poco.contracts.wallet import Receipt, Wallet

__all__ = ["Token"]


class Token(Contract):
    """The base token. Amounts are nRLC.

    Args:
        chain: where it lives.
        address: its address.
        wallet: who sends transactions; None for reading only.
    """

    def __init__(
        self, chain: Chain, address: ChecksumAddress, wallet: Wallet | None = None
    ) -> None:
        super().__init__(chain, address, interface("RLC"), wallet)

    def balance_of(self, account: ChecksumAddress) -> int:
        """Return the balance of an account."""
        return int(self.read("balanceOf", account))

    def allowance(self, owner: ChecksumAddress, spender: ChecksumAddress) -> int:
        """Return what a spender may still take."""
        return int(self.read("allowance", owner, spender))

    def total_supply(self) -> int:
        """Return the supply."""
        return int(self.read("totalSupply"))

    def transfer(self, target: ChecksumAddress, amount: int) -> Receipt[None]:
        """Send tokens."""
        return self.send(self.call("transfer", target, amount))

    def approve(self, spender: ChecksumAddress, amount: int) -> Receipt[None]:
        """Let a spender take up to an amount."""
        return self.send(self.call("approve", spender, amount))

    def approve_and_call(
        self, spender: ChecksumAddress, amount: int, data: bytes = b""
    ) -> Receipt[None]:
        """Approve a contract and call its `receiveApproval` in one transaction."""
        return self.send(self.call("approveAndCall", spender, amount, data))
