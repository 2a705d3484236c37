"""The call of a transaction, its arguments by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address

from poco.contracts.interface import Entry, Interface, codec
from poco.explain.wording import hexed, spoken
from poco.orders import (
    ZERO_ADDRESS,
    AppOrder,
    DatasetOrder,
    OrdersByKind,
    RequestOrder,
    WorkerpoolOrder,
)

__all__ = ["CallWords", "decode_call"]

_SHOWN_CHARACTERS = 600
_NOISE = ("salt", "sign")


@dataclass(frozen=True, slots=True)
class CallWords:
    """A call.

    Args:
        name: of the function.
        arguments: as decoded, by name, in the order of the ABI.
        lines: the arguments as names and texts, long ones cut; of a struct the fields that are
            not zero, without salt and signature.
    """

    name: str
    arguments: Mapping[str, Any]
    lines: tuple[tuple[str, str], ...]

    @property
    def orders(self) -> OrdersByKind | None:
        """The four orders of a match; None for other calls."""
        if not self.name.lower().endswith(("matchorders", "matchordersboost")):
            return None
        app, dataset, pool, request = self.arguments.values()
        return {
            "apporder": AppOrder.from_abi(app),
            "datasetorder": DatasetOrder.from_abi(dataset),
            "workerpoolorder": WorkerpoolOrder.from_abi(pool),
            "requestorder": RequestOrder.from_abi(request),
        }

    @property
    def is_sponsored(self) -> bool:
        """Whether the sender pays for the deal."""
        return self.name.startswith("sponsor")

    @property
    def values(self) -> dict[str, str]:
        """What commands are filled in with: ``taskid`` and ``dealid``."""
        values = {}
        for name, value in self.arguments.items():
            first = value[0] if isinstance(value, tuple) and value else value
            key = name.lower().removesuffix("s")
            if key in ("taskid", "dealid") and isinstance(first, bytes):
                values[key] = hexed(first)
        return values


def decode_call(interface: Interface, data: bytes) -> CallWords | None:
    """Return what a transaction calls; None when the contract has no such function."""
    for signature, entry in interface.functions.items():
        if "(" in signature and keccak(signature.encode())[:4] == data[:4]:
            types = [collapse_if_tuple(dict(given)) for given in entry["inputs"]]
            try:
                values = codec.decode(types, data[4:])
            except DecodingError:
                return None
            names = [given["name"].rstrip("_") for given in entry["inputs"]]
            lines = tuple(
                (name, _cut(_text(given, value)))
                for name, given, value in zip(names, entry["inputs"], values, strict=True)
            )
            return CallWords(entry["name"], dict(zip(names, values, strict=True)), lines)
    return None


def _text(parameter: Entry, value: Any) -> str:
    if parameter["type"] == "tuple":
        parts = zip(parameter["components"], value, strict=True)
        return ", ".join(
            f"{part['name']} {_text(part, inner)}" for part, inner in parts if _counts(part, inner)
        )
    return to_checksum_address(value) if parameter["type"] == "address" else spoken(value)


def _counts(parameter: Entry, value: Any) -> bool:
    is_zero = isinstance(value, bytes) and not any(value)
    return bool(value) and not is_zero and value != ZERO_ADDRESS and parameter["name"] not in _NOISE


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
