"""The ABI types of order fields: how each is checked, read from JSON, written and hashed.

A field's type is an annotation (``Address``, ``Uint256``, ...) that carries its `AbiType`, so that
an order class is nothing but its list of fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from poco.errors import UserInputError
from poco.orders.tags import Tag

__all__ = [
    "UINT256_MAX",
    "ZERO_ADDRESS",
    "AbiType",
    "Address",
    "ByteString",
    "Bytes32",
    "TagWord",
    "Text",
    "Uint256",
    "checked_address",
    "checked_bytes",
    "parse_amount",
]

UINT256_MAX = 2**256 - 1
ZERO_ADDRESS = ChecksumAddress("0x0000000000000000000000000000000000000000")  # type: ignore[arg-type]

_NRLC_PER_UNIT = {"rlc": 10**9, "nrlc": 1}


def checked_address(field: str, value: object) -> ChecksumAddress:
    """Return an address in EIP-55 form.

    Args:
        field: what the error message calls the value.
        value: 0x and 40 hex digits, either of one case or with the right EIP-55 checksum.

    Raises:
        UserInputError: the value is not such a text.
    """
    address = _checksummed(value) if isinstance(value, str) else None
    if address is None:
        raise UserInputError(
            "an address is 0x and 40 hex digits",
            field=field,
            value=value,
            remedy="give the address of a contract or wallet",
        )
    digits = str(value)[2:]
    if value != address and digits != digits.lower() and digits != digits.upper():
        raise UserInputError(
            f"mixed case must be the EIP-55 checksum {address}",
            field=field,
            value=value,
            remedy="look for a typing error, or write the address in lower case",
        )
    return address


@lru_cache(maxsize=16_384)
def _checksummed(text: str) -> ChecksumAddress | None:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        return None
    return to_checksum_address(text)


def checked_uint256(field: str, value: object) -> int:
    """Return an unsigned integer of 256 bits, or raise UserInputError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= UINT256_MAX:
        raise UserInputError(
            "an unsigned integer of 256 bits is needed",
            field=field,
            value=value,
            remedy="give a whole number from 0 to 2^256 - 1",
        )
    return int(value)


def checked_bytes(field: str, value: object, *, length: int | None = None) -> bytes:
    """Return `value` as plain bytes of `length` (any when None), or raise UserInputError."""
    if not isinstance(value, bytes) or length not in (None, len(value)):
        kind = "bytes" if length is None else f"{length} bytes"
        raise UserInputError(f"{kind} are needed", field=field, value=value, remedy=f"give {kind}")
    return bytes(value)


def parse_amount(value: object, *, field: str = "amount") -> int:
    """Read an amount of money as nRLC (1 RLC = 10^9 nRLC).

    Args:
        value: an integer, its decimal text, or a text with unit: "1.5 RLC", "100 nRLC".
        field: what the error message calls the value.

    Raises:
        UserInputError: the value is none of these, negative, or finer than 1 nRLC.
    """
    if isinstance(value, str):
        found = re.fullmatch(r"([0-9]{1,78})(?:\.([0-9]{1,9}))? *(RLC|nRLC)", value.strip(), re.I)
        if found:
            whole, fraction, unit = found[1], found[2] or "", found[3].lower()
            if unit == "rlc" or not fraction:
                scaled = int(whole) * _NRLC_PER_UNIT[unit] + int(fraction.ljust(9, "0"))
                return checked_uint256(field, scaled)
    return _parse_uint256(field, value)


def _parse_uint256(field: str, value: object) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,78}", value):
            raise UserInputError(
                "a whole number in decimal digits is needed",
                field=field,
                value=value,
                remedy="prices may carry a unit, as in '1 RLC' or '100 nRLC'",
            )
        value = int(value)
    return checked_uint256(field, value)


def _parse_bytes(field: str, value: object, *, length: int | None = None) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", value):
        raise UserInputError(
            "bytes are written as 0x and pairs of hex digits",
            field=field,
            value=value,
            remedy="write 0x for no bytes",
        )
    data = bytes.fromhex(value[2:])
    if length not in (None, len(data)):
        raise UserInputError(
            f"{length} bytes are needed",
            field=field,
            value=value,
            remedy=f"write 0x and {length} pairs of hex digits",
        )
    return data


def _checked_tag(field: str, value: object) -> Tag:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserInputError(
            "a Tag is needed", field=field, value=value, remedy="read other forms with Tag.parse"
        )
    return value if isinstance(value, Tag) else Tag(value)


def _checked_text(field: str, value: object) -> str:
    try:
        if isinstance(value, str) and value.encode() is not None:
            return value
    except UnicodeEncodeError:
        pass
    raise UserInputError(
        "a text that UTF-8 can encode is needed",
        field=field,
        value=value,
        remedy="give the parameters as JSON text",
    )


def _parse_text(field: str, value: object) -> str:
    # Unsigned orders of iexec.json hold the parameters as an object; signed ones as the exact text.
    if isinstance(value, Mapping):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _checked_text(field, value)


@dataclass(frozen=True, slots=True)
class AbiType:
    """One ABI type.

    Args:
        name: as in type strings, for example ``uint256``.
        check: takes field name and Python value; returns it normalised or raises UserInputError.
        parse: the same for the JSON value.
        dump: turns the Python value into JSON.
        encode: turns the Python value into what ABI encoders take.
        word: the 32 bytes that EIP-712 hashes for the value.
    """

    name: str
    check: Callable[[str, object], Any]
    parse: Callable[[str, object], Any]
    dump: Callable[[Any], Any]
    encode: Callable[[Any], Any]
    word: Callable[[Any], bytes]


def _same(value: Any) -> Any:
    return value


_PAD = bytes(12)

Address: TypeAlias = Annotated[
    ChecksumAddress,
    AbiType(
        "address",
        check=checked_address,
        parse=checked_address,
        dump=str,
        encode=_same,
        word=lambda address: _PAD + bytes.fromhex(address[2:]),
    ),
]
Uint256: TypeAlias = Annotated[
    int,
    AbiType(
        "uint256",
        check=checked_uint256,
        parse=lambda field, value: (
            parse_amount(value, field=field)
            if field.endswith("price")
            else _parse_uint256(field, value)
        ),
        dump=str,
        encode=_same,
        word=lambda number: number.to_bytes(32),
    ),
]
TagWord: TypeAlias = Annotated[
    Tag,
    AbiType(
        "bytes32",
        check=_checked_tag,
        parse=lambda field, value: Tag.parse(value, field=field),
        dump=Tag.to_hex,
        encode=Tag.to_bytes32,
        word=Tag.to_bytes32,
    ),
]
Bytes32: TypeAlias = Annotated[
    bytes,
    AbiType(
        "bytes32",
        check=lambda field, value: checked_bytes(field, value, length=32),
        parse=lambda field, value: _parse_bytes(field, value, length=32),
        dump=lambda data: f"0x{data.hex()}",
        encode=_same,
        word=_same,
    ),
]
Text: TypeAlias = Annotated[
    str,
    AbiType(
        "string",
        check=_checked_text,
        parse=_parse_text,
        dump=_same,
        encode=_same,
        word=lambda text: keccak(text.encode()),
    ),
]
ByteString: TypeAlias = Annotated[
    bytes,
    AbiType(
        "bytes",
        check=checked_bytes,
        parse=_parse_bytes,
        dump=lambda data: f"0x{data.hex()}",
        encode=_same,
        word=keccak,
    ),
]
