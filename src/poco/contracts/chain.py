"""One JSON-RPC endpoint: requests, batches, calls, logs and receipts.

A node that does not answer, or answers with an error, raises `ChainError`; a contract that reverts
raises `ContractError`. Neither is ever read as "no" (design decision 6).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import requests
from eth_typing import URI, ChecksumAddress
from web3 import HTTPProvider
from web3.exceptions import Web3Exception
from web3.providers import JSONBaseProvider
from web3.providers.auto import load_provider_from_uri
from web3.providers.rpc.utils import ExceptionRetryConfiguration

from poco.contracts.reverts import decode_revert
from poco.errors import ChainError, ConfigurationError

__all__ = ["Block", "Chain", "to_bytes", "to_int"]

Block: TypeAlias = int | str
"""A block number, or ``latest``, ``pending``, ``safe``, ``finalized``, ``earliest``."""

_TIMEOUT_SECONDS = 30.0
_FIRST_POLL_SECONDS = 0.005
_LAST_POLL_SECONDS = 1.0
_LOG_RANGE = 10_000
_BATCH = 100
# Reads, which do no harm when they are repeated.
_REPEATABLE = (
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_estimateGas",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getLogs",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
)

# How nodes word the failure of an execution, as opposed to their own.
_EXECUTION_FAILURES = (
    "revert",
    "out of gas",
    "outofgas",
    "opcode",
    "invalid jump",
    "invalidjump",
    "stack underflow",
    "stack overflow",
    "evm error",
    "vm exception",
    "vm execution error",
    "gas required exceeds",
    "always failing transaction",
)


def to_bytes(text: str) -> bytes:
    """Return the bytes of 0x-hex, as JSON-RPC writes them."""
    return bytes.fromhex(text[2:])


def to_int(text: str) -> int:
    """Return the integer of 0x-hex, as JSON-RPC writes it."""
    return int(text, 16)


def _quantity(block: Block) -> str:
    return hex(block) if isinstance(block, int) else block


class _RefusedError(ChainError):
    """The node answered a request with an error."""

    def __init__(self, method: str, url: str, error: Mapping[str, Any]) -> None:
        self.message = str(error.get("message", error))
        self.code = error.get("code")
        self.data = error.get("data")
        super().__init__(
            f"the node refused {method}: {self.message}",
            field="rpc_url",
            value=url,
            remedy="check what the node supports, or use another one",
        )

    def revert_data(self) -> bytes | None:
        """Return what the execution reverted with; None when it is the node that failed."""
        data = self.data.get("data") if isinstance(self.data, Mapping) else self.data
        if isinstance(data, str):
            text = data.removeprefix("Reverted ")
            if text.startswith("0x") and (len(text) > 2 or self._is_execution()):
                return to_bytes(text)
        return b"" if self._is_execution() else None

    def _is_execution(self) -> bool:
        message = self.message.lower()
        return self.code == 3 or any(failure in message for failure in _EXECUTION_FAILURES)


class Chain:
    """A connection to one node.

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
            url: HTTP(S) or WebSocket endpoint, or ``file://`` path of an IPC socket.
            timeout: longest wait for an answer, in seconds.

        Raises:
            ConfigurationError: the URL is of no known form.
            ChainError: nothing that speaks JSON-RPC answers there.
        """
        chain = cls(_provider(url, timeout), url, 0)
        chain.chain_id = to_int(chain.request("eth_chainId"))
        return chain

    def request(self, method: str, *params: Any) -> Any:
        """Send one JSON-RPC request and return its result.

        Raises:
            ChainError: the node does not answer, or answers with an error.
        """
        response = self._send(lambda: self._provider.make_request(method, list(params)))  # type: ignore[arg-type]
        return self._result(method, response)

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Send requests together and return their results in the same order.

        Raises:
            ChainError: the node does not answer, or answers one of them with an error.
        """
        results: list[Any] = []
        for begin in range(0, len(calls), _BATCH):
            part = calls[begin : begin + _BATCH]
            responses = self._send(
                lambda part=part: self._provider.make_batch_request(
                    [(method, list(params)) for method, params in part]
                )
            )
            if not isinstance(responses, list) or len(responses) != len(part):
                # A node without batches answers with one error object.
                results += [self.request(method, *params) for method, params in part]
                continue
            results += [
                self._result(method, response)
                for (method, _), response in zip(part, responses, strict=True)
            ]
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
        try:
            return [to_bytes(result) for result in self.batch(requests_)]
        except _RefusedError as error:
            raise _translated(error, "") from error

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

    def genesis_hash(self) -> str:
        """Return the hash of block 0, 0x-hex: it tells chains of one id apart."""
        found = self.request("eth_getBlockByNumber", "0x0", False)
        return str(self._present(found, "block", 0)["hash"])

    # TRANSACTIONS AND LOGS

    def broadcast(self, raw: bytes) -> str:
        """Send a signed transaction.

        Returns:
            Its hash, 0x-hex.

        Raises:
            ChainError: the node does not answer or does not take it.
        """
        return str(self._execute("eth_sendRawTransaction", f"0x{raw.hex()}", context="transaction"))

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
            except _RefusedError:
                if last == from_block:
                    raise
                span = max(1, (last - from_block + 1) // 2)
                continue
            yield from found
            from_block = last + 1

    # TRANSPORT

    def _execute(self, method: str, *params: Any, context: str) -> str:
        try:
            return str(self.request(method, *params))
        except _RefusedError as error:
            raise _translated(error, context) from error

    def _send(self, send: Any) -> Any:
        try:
            return send()
        except (Web3Exception, requests.RequestException, OSError, ValueError) as error:
            raise ChainError(
                f"the node does not answer ({_first_line(error)})",
                field="rpc_url",
                value=self.url,
                remedy="start the node, or set the URL of one that runs",
            ) from error

    def _result(self, method: str, response: Mapping[str, Any]) -> Any:
        error = response.get("error")
        if error is not None:
            raise _RefusedError(
                method, self.url, error if isinstance(error, Mapping) else {"message": error}
            )
        if "result" not in response:
            raise ChainError(
                "the answer is no JSON-RPC",
                field="rpc_url",
                value=self.url,
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


def _translated(error: _RefusedError, context: str) -> ChainError:
    """Tell a revert from a fault of the node."""
    data = error.revert_data()
    return error if data is None else decode_revert(data, context=context)


def _provider(url: str, timeout: float) -> JSONBaseProvider:
    if url.startswith(("http://", "https://")):
        retry = ExceptionRetryConfiguration(
            errors=(requests.ConnectionError, requests.Timeout),
            retries=3,
            backoff_factor=0.1,
            method_allowlist=_REPEATABLE,
        )
        return HTTPProvider(
            url, request_kwargs={"timeout": timeout}, exception_retry_configuration=retry
        )
    try:
        return load_provider_from_uri(URI(url))
    except (NotImplementedError, ValueError, Web3Exception) as error:
        raise ConfigurationError(
            "a node's URL begins with http://, https://, ws://, wss:// or file://",
            field="rpc_url",
            value=url,
            remedy="for example http://127.0.0.1:8545",
        ) from error


def _first_line(error: Exception) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
