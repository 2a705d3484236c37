"""Compiled contracts as the package ships them, and the encoding of calls, answers and logs.

An `Interface` is one ABI or the union of several: a hub answers with three code parts on one
address. Addresses come out in EIP-55 form, tuples as tuples in the order of the ABI.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder, UnsignedIntegerDecoder
from eth_abi.encoding import UnsignedIntegerEncoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import BaseEquals, registry
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from poco.errors import ConfigurationError, UserInputError

__all__ = ["Artifact", "Interface", "artifact", "codec", "hub_interface", "interface"]

Entry = Mapping[str, Any]


def _strict_codec() -> ABICodec:
    # Where Ape is loaded too, it has changed the shared registry to read missing data as zero.
    own = registry.copy()  # type: ignore[no-untyped-call]
    own.unregister("uint")
    own.register(
        BaseEquals("uint"),  # type: ignore[no-untyped-call]
        UnsignedIntegerEncoder,
        UnsignedIntegerDecoder,
        label="uint",
    )
    # Anybody can put bytes that are no UTF-8 into a deal or an entry.
    own.unregister_decoder("string")
    own.register_decoder(
        BaseEquals("string", with_sub=False),  # type: ignore[no-untyped-call]
        StringDecoder(handle_string_errors="replace"),  # type: ignore[no-untyped-call]
        label="string",
    )
    return ABICodec(own)


codec = _strict_codec()
"""Encodes and decodes ABI values; missing data is an error, a text in bad UTF-8 is not."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract, as `poco.toolchain.export` writes it.

    Args:
        name: Solidity name.
        source: path of its source in the checkout.
        abi: JSON ABI.
        bytecode: creation code without constructor arguments, 0x-hex.
        runtime_size: length of the runtime code, bytes.
        runtime_hash: Keccak-256 of the runtime code with immutables zero, 0x-hex.
        immutables: offsets of the 32-byte immutable values in the runtime code.
    """

    name: str
    source: str
    abi: list[dict[str, Any]]
    bytecode: str
    runtime_size: int
    runtime_hash: str
    immutables: list[int]


@cache
def artifact(name: str) -> Artifact:
    """Load a compiled contract from the package.

    Raises:
        ConfigurationError: the package was installed without its compiled contracts.
    """
    file = resources.files("poco.contracts") / "artifacts" / f"{name}.json"
    try:
        return Artifact(**json.loads(file.read_text()))
    except FileNotFoundError as error:
        raise ConfigurationError(
            "the compiled contract is missing from the package",
            field="artifact",
            value=name,
            remedy="run `make build` in the checkout",
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"the compiled contract is of another version: {error}",
            field="artifact",
            value=name,
            remedy="run `make build` in the checkout",
        ) from error


@cache
def interface(*names: str) -> Interface:
    """Return the interface of a compiled contract, or the union of several."""
    return Interface(entry for name in names for entry in artifact(name).abi)


def hub_interface(mode: str) -> Interface:
    """Return the interface of a hub: the union of its three code parts (design decision 4).

    Args:
        mode: ``token`` or ``native``.
    """
    core = "PocoHub" if mode == "token" else "PocoHubNative"
    return interface(core, "PocoHubExtension", "PocoHubBoost")


def _types(parameters: Iterable[Entry]) -> list[str]:
    return [
        _collapsed(parameter) if "components" in parameter else parameter["type"]
        for parameter in parameters
    ]


def _collapsed(parameter: Entry) -> str:
    """Return the type of a struct, ``(uint256,…)``."""
    inner = ",".join(_types(parameter["components"]))
    return f"({inner}){parameter['type'].removeprefix('tuple')}"


def _signature(entry: Entry) -> str:
    return f"{entry['name']}({','.join(_types(entry['inputs']))})"


def _plain(parameter: Entry, value: Any) -> Any:
    """Give a decoded value its public form: checksummed addresses, inside tuples and arrays too."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return tuple(_plain(element, item) for item in value)
    if kind == "tuple":
        return tuple(
            _plain(part, item) for part, item in zip(parameter["components"], value, strict=True)
        )
    return _checksum(value) if kind == "address" else value


_checksum = lru_cache(maxsize=4096)(to_checksum_address)


class Interface:
    """What can be called on a contract, what it emits and what it reverts with.

    Args:
        entries: JSON ABI; repeated entries count once.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.functions: dict[str, Entry] = {}
        self.events: dict[tuple[bytes, int], Entry] = {}
        self.errors: dict[bytes, Entry] = {}
        self.constructor: Entry = {"inputs": []}
        for entry in entries:
            kind = entry["type"]
            if kind == "function":
                # By name for the first of that name, by signature for each.
                self.functions.setdefault(entry["name"], entry)
                self.functions[_signature(entry)] = entry
            elif kind == "event":
                topics = 1 + sum(parameter["indexed"] for parameter in entry["inputs"])
                self.events[keccak(_signature(entry).encode()), topics] = entry
            elif kind == "error":
                self.errors[keccak(_signature(entry).encode())[:4]] = entry
            elif kind == "constructor":
                self.constructor = entry

    def has(self, function: str) -> bool:
        """Return whether there is a function of that name or signature."""
        return function in self.functions

    def encode_call(self, function: str, *arguments: Any) -> bytes:
        """Encode the call data of a function.

        Args:
            function: its name, or its signature when the name is overloaded.
            arguments: values; addresses as 0x-hex, bytes as bytes, structs as tuples.

        Raises:
            UserInputError: number, type or range of an argument does not fit.
        """
        entry = self._function(function)
        return keccak(_signature(entry).encode())[:4] + _encode(function, entry, arguments)

    def encode_constructor(self, *arguments: Any) -> bytes:
        """Encode constructor arguments, to be put behind the creation code.

        Raises:
            UserInputError: number, type or range of an argument does not fit.
        """
        return _encode("constructor", self.constructor, arguments)

    def decode_answer(self, function: str, data: bytes) -> Any:
        """Decode what a function returned: the value itself when it is only one, else a tuple.

        Raises:
            ConfigurationError: the data does not fit, so the contract is another one.
        """
        outputs = self._function(function)["outputs"]
        values = _decode(function, outputs, data)
        return values[0] if len(values) == 1 else values

    def decode_error(self, data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Decode revert data into name and arguments of a custom error; None if it is unknown."""
        entry = self.errors.get(data[:4])
        if entry is None:
            return None
        try:
            values = codec.decode(_types(entry["inputs"]), data[4:])
        except DecodingError:
            return None
        return entry["name"], {
            parameter["name"] or f"argument{index}": _plain(parameter, value)
            for index, (parameter, value) in enumerate(zip(entry["inputs"], values, strict=True))
        }

    def decode_log(self, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Decode a log into name and arguments of an event, in the order of the ABI."""
        entry = self.events.get((topics[0], len(topics))) if topics else None
        if entry is None:
            return None
        inputs = entry["inputs"]
        indexed = [parameter for parameter in inputs if parameter["indexed"]]
        others = [parameter for parameter in inputs if not parameter["indexed"]]
        try:
            values = {
                parameter["name"]: codec.decode([parameter["type"]], topic)[0]
                for parameter, topic in zip(indexed, topics[1:], strict=True)
            }
            unindexed = codec.decode(_types(others), data)
        except DecodingError:
            return None
        values |= {
            parameter["name"]: value for parameter, value in zip(others, unindexed, strict=True)
        }
        return entry["name"], {
            parameter["name"]: _plain(parameter, values[parameter["name"]]) for parameter in inputs
        }

    def topic(self, event: str) -> bytes:
        """Return topic 0 of an event by name.

        Raises:
            ConfigurationError: there is no such event.
        """
        for (topic, _), entry in self.events.items():
            if entry["name"] == event:
                return topic
        raise ConfigurationError(
            "the contract emits no such event",
            field="event",
            value=event,
            remedy="run `make build` if the contracts changed",
        )

    def _function(self, function: str) -> Entry:
        if function not in self.functions:
            raise ConfigurationError(
                "the contract has no such function in this mode",
                field="function",
                value=function,
                remedy="check the mode of the market, or run `make build` if the contracts changed",
            )
        return self.functions[function]


def _encode(function: str, entry: Entry, arguments: Sequence[Any]) -> bytes:
    types = _types(entry["inputs"])
    if len(types) != len(arguments):
        raise UserInputError(
            f"{len(types)} arguments are needed: {', '.join(types)}",
            field=function,
            value=len(arguments),
            remedy="give exactly these",
        )
    try:
        return codec.encode(types, arguments)
    except (EncodingError, TypeError, ValueError) as error:
        raise UserInputError(
            f"an argument does not fit its type: {error}",
            field=function,
            value=tuple(arguments),
            remedy=f"give {', '.join(types)}",
        ) from error


def _decode(function: str, parameters: Sequence[Entry], data: bytes) -> tuple[Any, ...]:
    try:
        values = codec.decode(_types(parameters), data)
    except DecodingError as error:
        raise ConfigurationError(
            f"the answer does not fit the interface: {error}",
            field=function,
            value=f"0x{data.hex()}",
            remedy="the address is of another contract, or of another version: check it",
        ) from error
    return tuple(
        _plain(parameter, value) for parameter, value in zip(parameters, values, strict=True)
    )
