"""Transactions: signed locally by one account, numbered by the client, awaited without delay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from eth_typing import ChecksumAddress

from poco.contracts.chain import Chain, to_int
from poco.contracts.events import Events
from poco.contracts.logs import EventReader
from poco.contracts.reverts import NO_REASON, decode_revert
from poco.errors import ChainError, ContractError

__all__ = [
    "PRICE_QUESTIONS",
    "Call",
    "Pending",
    "Receipt",
    "Signed",
    "Signer",
    "Wallet",
    "gas_price",
    "nothing",
    "price_fields",
    "sign_call",
    "why_reverted",
]

T = TypeVar("T")

PRICE_QUESTIONS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("eth_getBlockByNumber", ("latest", False)),
    ("eth_maxPriorityFeePerGas", ()),
    ("eth_gasPrice", ()),
)
"""What `price_fields` is made of; the first answer is the latest block."""

_GAS_MARGIN_PERCENT = 25


class Signer(Protocol):
    """What signs transactions: eth_account's `LocalAccount`, or anything of that shape."""

    @property
    def address(self) -> ChecksumAddress:
        """The account."""
        ...

    def sign_transaction(self, transaction_dict: Any, /) -> Any:
        """Sign a transaction; the answer has `raw_transaction` and `hash`, both bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A transaction to be sent.

    Args:
        name: what it does, for messages.
        to: the contract; None creates one.
        data: call data.
        result: reads what it achieved from its events.
        value: wei to send along.
        gas: gas limit; None asks the node and adds a quarter.
    """

    name: str
    to: ChecksumAddress | None
    data: bytes
    result: Callable[[Events], T]
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt(Generic[T]):
    """What a transaction achieved.

    Args:
        value: its result: the id of a deal, the address of an entry, None for most.
        transaction_hash: 0x-hex.
        block_number: where it was mined.
        gas_used: gas.
        gas_price: what a unit of gas cost, wei.
        events: everything that the market's contracts emitted, in order.
    """

    value: T
    transaction_hash: str
    block_number: int
    gas_used: int
    gas_price: int
    events: Events


@dataclass(frozen=True, slots=True)
class Signed(Generic[T]):
    """A transaction ready to be broadcast, and to be kept until it is mined.

    Args:
        call: what it does.
        raw: the signed bytes.
        transaction_hash: 0x-hex.
        nonce: its number in the sequence of the account.
    """

    call: Call[T]
    raw: bytes
    transaction_hash: str
    nonce: int


class Pending(Generic[T]):
    """A transaction that was broadcast."""

    def __init__(self, wallet: Wallet, signed: Signed[T]) -> None:
        self._wallet = wallet
        self._signed = signed

    @property
    def transaction_hash(self) -> str:
        """The hash of the transaction, 0x-hex."""
        return self._signed.transaction_hash

    def wait(self, *, timeout: float = 120.0) -> Receipt[T]:
        """Wait until the transaction is mined.

        Args:
            timeout: longest wait, in seconds.

        Raises:
            ContractError: it was mined but reverted.
            ChainError: it was not mined in time, or the node does not answer.
        """
        return self._wallet.wait(self._signed, timeout=timeout)


class Wallet:
    """One account on one chain. Safe to use from several threads; one wallet per account.

    Args:
        chain: where to send transactions.
        account: the key; it never leaves the process.
        reader: decodes the events of receipts.
        confirmations: blocks to wait for each transaction; its own is the first.
    """

    def __init__(
        self, chain: Chain, account: Signer, reader: EventReader, *, confirmations: int = 1
    ) -> None:
        self.chain = chain
        self._confirmations = confirmations
        self.account = account
        self._reader = reader
        self._lock = Lock()
        self._next_nonce = 0
        self._outstanding: set[int] = set()

    @property
    def address(self) -> ChecksumAddress:
        """The account's address."""
        return self.account.address

    def execute(self, call: Call[T]) -> Receipt[T]:
        """Send a transaction and wait until it is mined.

        Raises:
            ContractError: the contract refuses; nothing was sent unless the state changed since.
            ChainError: the account has no funds for gas, or the node does not answer.
        """
        return self.submit(call).wait()

    def submit(self, call: Call[T]) -> Pending[T]:
        """Send a transaction without waiting; see `execute`."""
        terms = self._terms(call)
        with self._lock:
            signed = self._sign(call, terms)
            try:
                self.chain.broadcast(signed.raw)
            except ContractError:
                raise
            except ChainError as error:
                # Somebody else uses the account: follow the chain's count once.
                if "nonce too low" not in str(error).lower():
                    raise self._explained(error) from error
                self._outstanding.clear()
                signed = self._sign(call, terms)
                self.chain.broadcast(signed.raw)
            self._next_nonce = signed.nonce + 1
            self._outstanding.add(signed.nonce)
        return Pending(self, signed)

    def sign(self, call: Call[T]) -> Signed[T]:
        """Sign a transaction with the next nonce, to be stored first and broadcast later."""
        terms = self._terms(call)
        with self._lock:
            signed = self._sign(call, terms)
            self._next_nonce = signed.nonce + 1
            self._outstanding.add(signed.nonce)
        return signed

    def wait(self, signed: Signed[T], *, timeout: float = 120.0) -> Receipt[T]:
        """Wait until a signed transaction is mined; see `Pending.wait`."""
        try:
            found = self.chain.wait(signed.transaction_hash, timeout=timeout)
        finally:
            with self._lock:
                self._outstanding.discard(signed.nonce)
        if to_int(found["status"]) != 1:
            raise why_reverted(self.chain, self.address, signed.call, found)
        if self._confirmations > 1:
            last = to_int(found["blockNumber"]) + self._confirmations - 1
            self.chain.wait_for_block(last, timeout=timeout)
        events = self._reader.decode(found["logs"], also=signed.call.to)
        return Receipt(
            value=signed.call.result(events),
            transaction_hash=str(found["transactionHash"]),
            block_number=to_int(found["blockNumber"]),
            gas_used=to_int(found["gasUsed"]),
            gas_price=to_int(found.get("effectiveGasPrice", "0x0")),
            events=events,
        )

    def _terms(self, call: Call[Any]) -> dict[str, Any]:
        """Work out gas limit and prices of a transaction (EIP-1559 where the chain has it)."""
        request: dict[str, Any] = {"from": self.address, "data": f"0x{call.data.hex()}"}
        if call.to is not None:
            request["to"] = call.to
        if call.value:
            request["value"] = hex(call.value)
        if call.gas is None:
            try:
                estimate = self.chain.estimate_gas(request, context=call.name)
            except ContractError:
                raise
            except ChainError as error:
                raise self._explained(error) from error
            gas = estimate + estimate * _GAS_MARGIN_PERCENT // 100
        else:
            gas = call.gas
        return {"gas": gas} | gas_price(self.chain)

    def _sign(self, call: Call[T], terms: Mapping[str, Any]) -> Signed[T]:
        counted = to_int(self.chain.request("eth_getTransactionCount", self.address, "pending"))
        # With nothing under way the chain's count holds, also after it was reset.
        nonce = max(counted, self._next_nonce) if self._outstanding else counted
        return sign_call(self.account, self.chain.chain_id, call, nonce, terms)

    def _explained(self, error: ChainError) -> ChainError:
        if "insufficient funds" not in str(error).lower():
            return error
        return ChainError(
            "the account cannot pay for the transaction",
            field="account",
            value=self.address,
            remedy="send it some of the chain's currency for gas; `poco wallet fund` does so where "
            "`poco up` runs the market",
        )


def sign_call(
    account: Signer, chain_id: int, call: Call[T], nonce: int, terms: Mapping[str, Any]
) -> Signed[T]:
    """Sign a transaction.

    Args:
        account: who sends it.
        chain_id: EIP-155 id of the chain it is for.
        call: what it does.
        nonce: its number in the sequence of the account.
        terms: gas limit and price fields, under their names in a transaction.
    """
    transaction = {
        "chainId": chain_id,
        "nonce": nonce,
        "value": call.value,
        "data": call.data,
        **terms,
    }
    if call.to is not None:
        transaction["to"] = call.to
    signed = account.sign_transaction(transaction)
    return Signed(call, bytes(signed.raw_transaction), f"0x{bytes(signed.hash).hex()}", nonce)


def why_reverted(
    chain: Chain, sender: ChecksumAddress, call: Call[Any], receipt: Mapping[str, Any]
) -> ContractError:
    """Find out why a mined transaction reverted, by running it again on the state before.

    Args:
        chain: where it was mined.
        sender: who sent it.
        call: what it was to do.
        receipt: in its JSON form.

    Returns:
        The error, to be raised; without a reason when it succeeds on that state.

    Raises:
        ChainError: the node does not answer.
    """
    before = to_int(receipt["blockNumber"]) - 1
    try:
        if call.to is not None:
            chain.call(
                call.to,
                call.data,
                sender=sender,
                value=call.value,
                block=before,
                context=call.name,
            )
    except ContractError as error:
        return error
    return ContractError(
        NO_REASON,
        {"transaction": receipt["transactionHash"], "gasUsed": to_int(receipt["gasUsed"])},
        remedy=decode_revert(b"", context=call.name).remedy,
    )


def gas_price(chain: Chain) -> dict[str, int]:
    """Return the price fields of a transaction: EIP-1559 when blocks have a base fee, else legacy.

    Raises:
        ChainError: the node does not answer.
    """
    return price_fields(*chain.outcomes(PRICE_QUESTIONS))


def price_fields(block: Any, tip: Any, price: Any) -> dict[str, int]:
    """Return the price fields that follow from a node's answers to `PRICE_QUESTIONS`.

    The limit is twice the base fee plus the tip the node suggests, in wei per gas.

    Raises:
        ChainError: it did not answer one that is needed.
    """
    if isinstance(block, ChainError):
        raise block
    base = block.get("baseFeePerGas")
    if base is None or isinstance(tip, ChainError):
        if isinstance(price, ChainError):
            raise price
        if base is None:
            return {"gasPrice": to_int(price)}
        # Not every node suggests a tip; the gas price is base fee plus tip.
        tip = hex(max(0, to_int(price) - to_int(base)))
    return {"maxFeePerGas": 2 * to_int(base) + to_int(tip), "maxPriorityFeePerGas": to_int(tip)}


def nothing(_: Events) -> None:
    """Return None: the result of a transaction that has none."""
