"""A chain behind JSON-RPC: requests, batches, calls, logs and receipts.

A node that does not answer, or answers with an error, raises `ChainError`; a contract that reverts
raises `ContractError`. Neither is ever read as "no" (design decision 6).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress
from web3.providers import JSONBaseProvider

from poco.contracts.nodes import (
    TRANSPORT_ERRORS,
    NodeLaggingError,
    NodePool,
    RefusedError,
    provider_of,
    shown_url,
)
from poco.errors import ChainError

__all__ = ["Block", "Chain", "to_bytes", "to_int"]

Block: TypeAlias = int | str
"""A block number, or ``latest``, ``pending``, ``safe``, ``finalized``, ``earliest``."""

_TIMEOUT_SECONDS = 30.0
_FIRST_POLL_SECONDS = 0.005
_LAST_POLL_SECONDS = 1.0
_BLOCK_POLL_SECONDS = 0.2
_LOG_RANGE = 10_000
_BATCH = 100
_KNOWN = ("already known", "already imported", "known transaction")


def to_bytes(text: str) -> bytes:
    """Return the bytes of 0x-hex, as JSON-RPC writes them."""
    return bytes.fromhex(text[2:])


def to_int(text: str) -> int:
    """Return the integer of 0x-hex, as JSON-RPC writes it."""
    return int(text, 16)


def _quantity(block: Block) -> str:
    return hex(block) if isinstance(block, int) else block


class Chain:
    """A connection to one node, or to several of one chain.

    Args:
        provider: web3's transport.
        url: what error messages call the node.
        chain_id: EIP-155 id that the node reported.
    """

    def __init__(self, provider: JSONBaseProvider, url: str, chain_id: int) -> None:
        self._provider = provider
        self.url = url
        self.chain_id = chain_id

    @classmethod
    def connect(cls, url: str, *, timeout: float = _TIMEOUT_SECONDS) -> Chain:
        """Connect to a node and ask for its chain id.

        Args:
            url: HTTP(S) or WebSocket endpoint, or ``file://`` path of an IPC socket; or several
                HTTP(S) endpoints of one chain with commas between, see `poco.contracts.nodes`.
            timeout: longest wait for an answer, in seconds.

        Raises:
            ConfigurationError: the URL is of no known form.
            ChainError: nothing that speaks JSON-RPC answers there.
        """
        chain = cls(provider_of(url, timeout), url, 0)
        chain.chain_id = to_int(chain.request("eth_chainId"))
        return chain

    def request(self, method: str, *params: Any) -> Any:
        """Send one JSON-RPC request and return its result.

        Raises:
            ChainError: the node does not answer, or answers with an error.
        """
        return self._result(method, self._response(method, params))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Send requests together and return their results in the same order.

        Raises:
            ChainError: the node does not answer, or answers one of them with an error.
        """
        results = self.outcomes(calls)
        for result in results:
            if isinstance(result, ChainError):
                raise result
        return results

    def outcomes(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Send requests together; return the result of each in order, or the error it met.

        Returns:
            Results; a `ContractError` where an execution reverted, another `ChainError` where the
            node answered with an error.

        Raises:
            ChainError: the node does not answer at all.
        """
        results: list[Any] = []
        for begin in range(0, len(calls), _BATCH):
            part = calls[begin : begin + _BATCH]
            requests: list[Any] = [(method, list(params)) for method, params in part]
            responses = self._send(partial(self._provider.make_batch_request, requests))
            if not isinstance(responses, list) or len(responses) != len(part):
                # A node without batches answers with one error object.
                responses = [self._response(method, params) for method, params in part]
            for (method, _), response in zip(part, responses, strict=True):
                try:
                    results.append(self._result(method, response))
                except RefusedError as error:
                    results.append(error.translated(""))
        return results

    # STATE

    def call(
        self,
        to: ChecksumAddress,
        data: bytes,
        *,
        sender: ChecksumAddress | None = None,
        value: int = 0,
        block: Block = "latest",
        context: str = "",
    ) -> bytes:
        """Execute a call without a transaction.

        Args:
            to: the contract.
            data: call data.
            sender: as whom; address zero by default.
            value: wei to send along.
            block: the state to run on.
            context: name of the function, for the message.

        Raises:
            ContractError: the contract reverted.
            ChainError: the node does not answer.
        """
        request: dict[str, Any] = {"to": to, "data": f"0x{data.hex()}"}
        if sender is not None:
            request["from"] = sender
        if value:
            request["value"] = hex(value)
        return to_bytes(self._execute("eth_call", request, _quantity(block), context=context))

    def calls(
        self, calls: Sequence[tuple[ChecksumAddress, bytes]], *, block: Block = "latest"
    ) -> list[bytes]:
        """Execute several calls in one request to the node; see `call`."""
        quantity = _quantity(block)
        requests_ = [
            ("eth_call", ({"to": to, "data": f"0x{data.hex()}"}, quantity)) for to, data in calls
        ]
        return [to_bytes(result) for result in self.batch(requests_)]

    def estimate_gas(self, transaction: Mapping[str, Any], *, context: str = "") -> int:
        """Return the gas a transaction needs on top of what is pending.

        Raises:
            ContractError: the contract would revert.
            ChainError: the node does not answer.
        """
        estimate = self._execute("eth_estimateGas", dict(transaction), "pending", context=context)
        return to_int(estimate)

    def code(self, address: ChecksumAddress, *, block: Block = "latest") -> bytes:
        """Return the runtime code at an address; empty when there is none."""
        return to_bytes(self.request("eth_getCode", address, _quantity(block)))

    def balance(self, address: ChecksumAddress, *, block: Block = "latest") -> int:
        """Return the balance of an account in wei."""
        return to_int(self.request("eth_getBalance", address, _quantity(block)))

    def block_number(self) -> int:
        """Return the number of the latest block."""
        return to_int(self.request("eth_blockNumber"))

    def timestamp(self, *, block: Block = "latest") -> int:
        """Return the time of a block, in seconds since 1970.

        Raises:
            ChainError: there is no such block.
        """
        found = self.request("eth_getBlockByNumber", _quantity(block), False)
        return to_int(self._present(found, "block", block)["timestamp"])

    def newest(self) -> tuple[int, int]:
        """Return number and time of the latest block, the time in seconds since 1970."""
        found = self.request("eth_getBlockByNumber", "latest", False)
        block = self._present(found, "block", "latest")
        return to_int(block["number"]), to_int(block["timestamp"])

    def genesis_hash(self) -> str:
        """Return the hash of block 0, 0x-hex: it tells chains of one id apart."""
        found = self.request("eth_getBlockByNumber", "0x0", False)
        return str(self._present(found, "block", 0)["hash"])

    def require_block(self, number: int) -> int:
        """Go on with a node that has reached a block, so that its "no" can be believed.

        Returns:
            The number of its latest block.

        Raises:
            NodeLaggingError: no node has reached it yet.
            ChainError: no node answers.
        """
        return self._require(
            self.block_number,
            lambda head: head >= number,
            f"block {number} must have been reached",
        )

    def require_fresh(
        self, max_age_seconds: float, *, clock: Callable[[], float] = time.time
    ) -> int:
        """Go on with a node whose latest block is recent.

        Returns:
            The time of that block, in seconds since 1970.

        Raises:
            NodeLaggingError: the latest block of every node is older.
            ChainError: no node answers.
        """
        return self._require(
            self.timestamp,
            lambda found: clock() - found <= max_age_seconds,
            f"the latest block must be younger than {max_age_seconds:g} s",
        )

    # TRANSACTIONS AND LOGS

    def broadcast(self, raw: bytes) -> str:
        """Send a signed transaction.

        Returns:
            Its hash, 0x-hex.

        Raises:
            ChainError: the node does not answer or does not take it.
        """
        try:
            self.request("eth_sendRawTransaction", f"0x{raw.hex()}")
        except RefusedError as error:
            if not any(word in error.message.lower() for word in _KNOWN):
                raise error.translated("transaction") from error
        return f"0x{keccak(raw).hex()}"

    def receipt(self, transaction_hash: str) -> dict[str, Any] | None:
        """Return the receipt of a transaction in its JSON form; None while it is not mined."""
        found = self.request("eth_getTransactionReceipt", transaction_hash)
        return None if found is None else dict(found)

    def wait(self, transaction_hash: str, *, timeout: float = 120.0) -> dict[str, Any]:
        """Wait until a transaction is mined.

        The node is asked at once, then after 5 ms and in doubling steps up to one second.

        Args:
            transaction_hash: 0x-hex.
            timeout: longest wait, in seconds.

        Returns:
            The receipt in its JSON form.

        Raises:
            ChainError: it is not mined in time, or the node does not answer.
        """
        deadline = time.monotonic() + timeout
        pause = _FIRST_POLL_SECONDS
        while (found := self.receipt(transaction_hash)) is None:
            if time.monotonic() >= deadline:
                raise ChainError(
                    f"the transaction was not mined within {timeout:g} s",
                    field="transaction",
                    value=transaction_hash,
                    remedy="it may still be: look it up before you send another one",
                )
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(2 * pause, _LAST_POLL_SECONDS)
        return found

    def wait_for_block(self, number: int, *, timeout: float = 120.0) -> None:
        """Wait until the chain has a block of that number.

        Args:
            number: the block.
            timeout: longest wait, in seconds.

        Raises:
            ChainError: it is not mined in time, or the node does not answer.
        """
        deadline = time.monotonic() + timeout
        while (head := self.block_number()) < number:
            if time.monotonic() >= deadline:
                raise ChainError(
                    f"the block was not mined within {timeout:g} s, the latest is {head}",
                    field="block",
                    value=number,
                    remedy="ask for fewer confirmations, or look whether the chain still grows",
                )
            time.sleep(_BLOCK_POLL_SECONDS)

    def logs(
        self,
        addresses: Sequence[ChecksumAddress],
        topics: Sequence[Any],
        from_block: int,
        to_block: int,
    ) -> Iterator[dict[str, Any]]:
        """Read logs in ranges of blocks, smaller ones when the node refuses a range.

        Args:
            addresses: emitters.
            topics: filter of eth_getLogs.
            from_block: first block.
            to_block: last block, included.

        Yields:
            Logs in their JSON form, in the order of the chain.

        Raises:
            ChainError: the node refuses even one block, or does not answer.
        """
        span = _LOG_RANGE
        while from_block <= to_block:
            last = min(from_block + span - 1, to_block)
            query = {
                "address": list(addresses),
                "topics": list(topics),
                "fromBlock": hex(from_block),
                "toBlock": hex(last),
            }
            try:
                found = self.request("eth_getLogs", query)
            except RefusedError:
                if last == from_block:
                    raise
                span = max(1, (last - from_block + 1) // 2)
                continue
            yield from found
            from_block = last + 1

    # TRANSPORT

    def _require(self, read: Callable[[], int], holds: Callable[[int], bool], rule: str) -> int:
        """Ask node after node until one answers with what is required."""
        best = 0
        for _ in range(len(self._provider) if isinstance(self._provider, NodePool) else 1):
            if holds(found := read()):
                return found
            best = max(best, found)
            if isinstance(self._provider, NodePool):
                self._provider.rotate()
        raise NodeLaggingError(
            f"{rule}, the most recent node is at {best}",
            field="rpc_url",
            value=shown_url(self.url),
            remedy="wait until the node has caught up, or add the URL of another one",
        )

    def _execute(self, method: str, *params: Any, context: str) -> str:
        try:
            return str(self.request(method, *params))
        except RefusedError as error:
            raise error.translated(context) from error

    def _response(self, method: str, params: Sequence[Any]) -> Any:
        return self._send(lambda: self._provider.make_request(method, list(params)))  # type: ignore[arg-type]

    def _send(self, send: Callable[[], Any]) -> Any:
        try:
            return send()
        except TRANSPORT_ERRORS as error:
            raise ChainError(
                f"the node does not answer ({_first_line(error)})",
                field="rpc_url",
                value=shown_url(self.url),
                remedy="start the node (`poco up` starts one with a market), or set the URL of one "
                "that runs",
            ) from error

    def _result(self, method: str, response: Mapping[str, Any]) -> Any:
        error = response.get("error")
        if error is not None:
            raise RefusedError(method, self.url, error)
        if "result" not in response:
            raise ChainError(
                "the answer is no JSON-RPC",
                field="rpc_url",
                value=shown_url(self.url),
                remedy="check that the URL is that of a node",
            )
        return response["result"]

    def _present(self, found: Any, field: str, value: Any) -> Mapping[str, Any]:
        if found is None:
            raise ChainError(
                "the node does not have it",
                field=field,
                value=value,
                remedy="wait until the node has caught up, or use an archive node",
            )
        return dict(found)


def _first_line(error: Exception) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
