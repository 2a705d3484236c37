"""EIP-712: the domain of a hub, the hashes of orders and operations (spec contracts §2.1, §2.2).

An order's hash is the full digest, not the bare struct hash: it is what is signed, and the key of
everything that the hub and the market know about the order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NewType

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.orders._abi import checked_address, checked_uint256
from poco.orders.model import ORDER_CLASSES, AnyOrder, OrderOperation, abi_fields

__all__ = [
    "DOMAIN_NAME",
    "DOMAIN_VERSION",
    "Domain",
    "OrderHash",
    "operation_hash",
    "operation_struct_hash",
    "operation_typed_data",
    "order_hash",
    "order_typed_data",
    "struct_hash",
    "type_string",
]

DOMAIN_NAME = "iExecODB"
DOMAIN_VERSION = "5.0.0"

OrderHash = NewType("OrderHash", bytes)
"""The EIP-712 digest of an order, 32 bytes."""

_DOMAIN_FIELDS = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)


def _declaration(name: str, members: tuple[tuple[str, str], ...]) -> str:
    return f"{name}({','.join(f'{abi} {member}' for member, abi in members)})"


@dataclass(frozen=True, slots=True)
class Domain:
    """The hub that orders are meant for: a signature is good on this chain and for this hub only.

    Args:
        chain_id: EIP-155 id of the chain.
        hub: address of the hub.

    Raises:
        UserInputError: the id or the address is malformed.
    """

    chain_id: int
    hub: ChecksumAddress
    separator: bytes = field(init=False, repr=False, compare=False)
    """The domain separator, 32 bytes."""

    def __post_init__(self) -> None:
        chain_id = checked_uint256("domain.chain_id", self.chain_id)
        hub = checked_address("domain.hub", self.hub)
        separator = keccak(
            keccak(_declaration("EIP712Domain", _DOMAIN_FIELDS).encode())
            + keccak(DOMAIN_NAME.encode())
            + keccak(DOMAIN_VERSION.encode())
            + chain_id.to_bytes(32)
            + bytes.fromhex(hub[2:]).rjust(32, b"\0")
        )
        object.__setattr__(self, "hub", hub)
        object.__setattr__(self, "separator", separator)

    def to_json(self) -> dict[str, str | int]:
        """Return the domain object of eth_signTypedData_v4."""
        return {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": self.chain_id,
            "verifyingContract": self.hub,
        }


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How one order class is hashed, worked out once: type hash, field reader, word writers."""

    typehash: bytes
    operation_typehash: bytes
    values: Callable[[AnyOrder], tuple[Any, ...]]
    words: tuple[Callable[[Any], bytes], ...]


def _members(order_class: type[AnyOrder]) -> tuple[tuple[str, str], ...]:
    return tuple((name, abi.name) for name, abi in abi_fields(order_class) if name != "sign")


def _operation_members(order_class: type[AnyOrder]) -> tuple[tuple[str, str], ...]:
    return (("order", order_class.__name__), ("operation", "uint256"))


def type_string(order_class: type[AnyOrder]) -> str:
    """Return the EIP-712 type string of an order class; `sign` is no part of it."""
    return _declaration(order_class.__name__, _members(order_class))


def _encoding(order_class: type[AnyOrder]) -> _Encoding:
    hashed = [(name, abi.word) for name, abi in abi_fields(order_class) if name != "sign"]
    declaration = type_string(order_class)
    operation = _declaration(f"{order_class.__name__}Operation", _operation_members(order_class))
    return _Encoding(
        typehash=keccak(declaration.encode()),
        operation_typehash=keccak((operation + declaration).encode()),
        values=attrgetter(*(name for name, _ in hashed)),
        words=tuple(word for _, word in hashed),
    )


_ENCODINGS: dict[type[Any], _Encoding] = {kind: _encoding(kind) for kind in ORDER_CLASSES.values()}


def struct_hash(order: AnyOrder) -> bytes:
    """Hash an order without a domain (EIP-712 hashStruct), 32 bytes."""
    encoding = _ENCODINGS[type(order)]
    words = [
        word(value) for word, value in zip(encoding.words, encoding.values(order), strict=True)
    ]
    return keccak(encoding.typehash + b"".join(words))


def order_hash(order: AnyOrder, domain: Domain) -> OrderHash:
    """Hash an order for a hub: what its authority signs."""
    return OrderHash(_digest(domain, struct_hash(order)))


def operation_struct_hash(operation: OrderOperation[Any]) -> bytes:
    """Hash an operation without a domain, 32 bytes; the typed data has the operation as uint256."""
    return keccak(
        _ENCODINGS[type(operation.order)].operation_typehash
        + struct_hash(operation.order)
        + int(operation.operation).to_bytes(32)
    )


def operation_hash(operation: OrderOperation[Any], domain: Domain) -> bytes:
    """Hash an operation for a hub: what the authority signs when another account sends it."""
    return _digest(domain, operation_struct_hash(operation))


def _digest(domain: Domain, hashed: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain.separator + hashed)


def order_typed_data(order: AnyOrder, domain: Domain) -> dict[str, Any]:
    """Return the message of eth_signTypedData_v4 for an order, which wallets can show."""
    order_class = type(order)
    types = {order_class.__name__: _members(order_class)}
    return _typed_data(order_class.__name__, types, _message(order), domain)


def operation_typed_data(operation: OrderOperation[Any], domain: Domain) -> dict[str, Any]:
    """Return the message of eth_signTypedData_v4 for an operation."""
    order_class = type(operation.order)
    name = f"{order_class.__name__}Operation"
    types = {name: _operation_members(order_class), order_class.__name__: _members(order_class)}
    message = {"order": _message(operation.order), "operation": int(operation.operation)}
    return _typed_data(name, types, message, domain)


def _message(order: AnyOrder) -> dict[str, Any]:
    document: dict[str, Any] = order.to_json()
    del document["sign"]
    return document | {
        name: getattr(order, name) for name, abi in abi_fields(type(order)) if abi.name == "uint256"
    }


def _typed_data(
    primary: str,
    types: dict[str, tuple[tuple[str, str], ...]],
    message: dict[str, Any],
    domain: Domain,
) -> dict[str, Any]:
    declared = {"EIP712Domain": _DOMAIN_FIELDS} | types
    return {
        "types": {
            name: [{"name": member, "type": abi} for member, abi in members]
            for name, members in declared.items()
        },
        "primaryType": primary,
        "domain": domain.to_json(),
        "message": message,
    }
