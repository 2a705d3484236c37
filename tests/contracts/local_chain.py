"""What tests do with the local chain beside transactions: keys, signatures, time and reverts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import ape
import pytest
from eth_abi import decode
from eth_account import Account
from eth_utils import keccak, to_checksum_address


def address_of(account: Any) -> str:
    """Return the address of an account, a contract or an address."""
    return to_checksum_address(getattr(account, "address", account))


def local(account: Any) -> Any:
    """Return the eth-account signer behind one of Ape's test accounts."""
    key = getattr(account, "private_key", None)
    return account if key is None else Account.from_key(key)


def sign_digest(account: Any, digest: bytes) -> bytes:
    """Sign 32 bytes with the key of an account, 65 bytes."""
    return bytes(local(account).unsafe_sign_hash(digest).signature)


def travel_to(timestamp: int) -> None:
    """Make `timestamp` (seconds) the time of the next transaction."""
    ape.chain.pending_timestamp = timestamp


@contextmanager
def undone() -> Iterator[None]:
    """Undo on the chain what the block does.

    Not Ape's `chain.isolate()`: that swallows exceptions, failed assertions too, and sets the clock
    back afterwards, which spoils the pending block when a second has passed meanwhile.
    """
    snapshot = ape.chain.snapshot()
    try:
        yield
    finally:
        ape.chain.restore(snapshot)


# ---- reverts


class Revert(NamedTuple):
    """What a call reverted with, by name and arguments."""

    name: str
    arguments: tuple[Any, ...]


EMPTY = Revert("", ())
"""A revert without data."""


@contextmanager
def reverts(source: Any, name: str, *arguments: Any) -> Iterator[None]:
    """Expect a revert with exactly this error and these arguments.

    Args:
        source: the contract (instance or container) whose ABI has the error.
        name: its name; "" for a revert without data.
        arguments: accounts and contracts stand for their addresses.
    """
    expected = tuple(
        address_of(value) if hasattr(value, "address") else value for value in arguments
    )
    with pytest.raises(ape.exceptions.ContractLogicError) as caught:
        yield
    assert _decoded(source, caught.value) == Revert(name, expected)


def _decoded(source: Any, error: ape.exceptions.ContractLogicError) -> Revert:
    if isinstance(error, ape.exceptions.CustomError):  # Ape knew the contract
        return Revert(error.name, tuple(error.inputs.values()))
    return decode_revert(source, revert_data(error))


def revert_of(call: Any, *arguments: Any, source: Any = None, **options: Any) -> Revert | None:
    """Call a method statically and return its revert, None when it succeeds."""
    try:
        call.call(*arguments, **options)
    except ape.exceptions.ContractLogicError as error:
        return _decoded(source or call.contract, error)
    return None


def revert_data(error: BaseException) -> bytes:
    """Return the data of a revert, from whatever layer of the local chain reported it."""
    seen: BaseException | None = error
    layers: list[BaseException] = []
    while seen is not None and seen not in layers:
        layers.append(seen)
        data = getattr(seen, "data", None)
        if isinstance(data, str) and data.startswith("0x"):
            return bytes.fromhex(data[2:])
        if isinstance(data, bytes):
            return data
        for argument in seen.args:
            text = (
                argument.removeprefix("execution reverted: ") if isinstance(argument, str) else ""
            )
            if text.startswith(("b'", 'b"')):
                return bytes(ast.literal_eval(text))
            if text.startswith("0x"):
                return bytes.fromhex(text[2:])
        seen = getattr(seen, "base_err", None) or seen.__cause__
    raise AssertionError(f"no revert data in {layers!r}")


def decode_revert(source: Any, data: bytes) -> Revert:
    """Decode revert data with the errors of a contract's ABI."""
    if not data:
        return EMPTY
    types = {"08c379a0": ("Error", ["string"]), "4e487b71": ("Panic", ["uint256"])}
    for error in source.contract_type.errors:
        inputs = [item.canonical_type for item in error.inputs]
        types[keccak(text=f"{error.name}({','.join(inputs)})")[:4].hex()] = (error.name, inputs)
    name, inputs = types[data[:4].hex()]
    values = decode(inputs, data[4:])
    return Revert(
        name,
        tuple(
            to_checksum_address(value) if kind == "address" else value
            for kind, value in zip(inputs, values, strict=True)
        ),
    )
