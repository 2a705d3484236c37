"""The four orders as immutable values, with the fields of the ABI in order (spec contracts §3.9).

Amounts are nRLC per task, volumes count tasks. A restriction of address zero admits everybody.
"""

# Field annotations are evaluated: they carry the ABI type of each field.
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar, get_args, get_type_hints

from poco.errors import UserInputError
from poco.orders._abi import (
    ZERO_ADDRESS,
    AbiType,
    Address,
    Bytes32,
    ByteString,
    TagWord,
    Text,
    Uint256,
    checked_bytes,
)
from poco.orders.tags import Tag

__all__ = [
    "MAX_JSON_INTEGER",
    "NULL_DATASET_ORDER",
    "ORDER_CLASSES",
    "AnyOrder",
    "AppOrder",
    "DatasetOrder",
    "OrderAction",
    "OrderKind",
    "OrderOperation",
    "OrderT",
    "RequestOrder",
    "WorkerpoolOrder",
    "abi_fields",
    "random_salt",
]

MAX_JSON_INTEGER = 2**53 - 1
"""The largest integer every JSON reader keeps exact; also the volume of bulk dataset orders."""

_NO_TAG = Tag(0)


class OrderKind(StrEnum):
    """The name of an order's kind, as in orders.json."""

    APP = "apporder"
    DATASET = "datasetorder"
    WORKERPOOL = "workerpoolorder"
    REQUEST = "requestorder"


class OrderAction(IntEnum):
    """What an operation does with its order: record a presignature, or consume the whole volume."""

    SIGN = 0
    CLOSE = 1


_ABI_FIELDS: dict[type[Any], tuple[tuple[str, AbiType], ...]] = {}


def abi_fields(order_class: type[Any]) -> tuple[tuple[str, AbiType], ...]:
    """Return name and ABI type of each field of an order class, `sign` last."""
    if order_class not in _ABI_FIELDS:
        hints = get_type_hints(order_class, include_extras=True)
        names = [field.name for field in fields(order_class)]
        _ABI_FIELDS[order_class] = tuple((name, get_args(hints[name])[1]) for name in names)
    return _ABI_FIELDS[order_class]


class _Order:
    """What all orders share; each field is checked and normalised when an order is made."""

    __slots__ = ()

    kind: ClassVar[OrderKind]

    def __post_init__(self) -> None:
        for name, abi in abi_fields(type(self)):
            value = abi.check(f"{self.kind}.{name}", getattr(self, name))
            object.__setattr__(self, name, value)

    @classmethod
    def from_json(cls, document: object, *, salt: bytes | None = None) -> Self:
        """Read an order in the form of the iExec SDK, signed or not (spec sdk §1.1, §3.5).

        Args:
            document: the JSON object. Numbers are decimal texts or integers, prices may carry a
                unit, the tag is hex or names. A missing ``sign`` means unsigned.
            salt: the 32 bytes to use when the document has none.

        Raises:
            UserInputError: the document is no object, or a field is missing, unknown or malformed.
        """
        if not isinstance(document, Mapping):
            raise UserInputError(
                "an order is a JSON object", field=cls.kind, value=document, remedy="give an object"
            )
        known = dict(abi_fields(cls))
        for name in document:
            if name not in known:
                raise UserInputError(
                    f"{cls.__name__} has no such field",
                    field=f"{cls.kind}.{name}",
                    value=document[name],
                    remedy=f"its fields are {', '.join(known)}",
                )
        values: dict[str, Any] = {}
        for name, abi in known.items():
            if name in document:
                values[name] = abi.parse(f"{cls.kind}.{name}", document[name])
            elif name == "salt" and salt is not None:
                values[name] = salt
            elif name != "sign":
                raise UserInputError(
                    "the field is missing",
                    field=f"{cls.kind}.{name}",
                    remedy="pass a salt" if name == "salt" else "add it; zero means no restriction",
                )
        return cls(**values)

    def to_json(self, *, numbers: bool = False) -> dict[str, str | int]:
        """Write the order in the form of the iExec SDK.

        Args:
            numbers: write integers as JSON numbers, as the market API returns them, instead of
                decimal texts.

        Raises:
            UserInputError: `numbers`, and an integer exceeds 2^53 - 1.
        """
        document: dict[str, str | int] = {}
        for name, abi in abi_fields(type(self)):
            value = getattr(self, name)
            if not numbers or abi.name != "uint256":
                document[name] = abi.dump(value)
            elif value > MAX_JSON_INTEGER:
                raise UserInputError(
                    "a JSON number is at most 2^53 - 1",
                    field=f"{self.kind}.{name}",
                    value=value,
                    remedy="write decimal texts instead",
                )
            else:
                document[name] = value
        return document

    def to_abi(self) -> tuple[Any, ...]:
        """Return the fields as the tuple that ABI encoders and web3 take."""
        return tuple(abi.encode(getattr(self, name)) for name, abi in abi_fields(type(self)))

    @classmethod
    def from_abi(cls, values: tuple[Any, ...]) -> Self:
        """Read the tuple that ABI decoders and web3 return.

        Raises:
            UserInputError: a field is malformed.
        """
        named = {name: value for (name, _), value in zip(abi_fields(cls), values, strict=True)}
        return cls(**named | {"tag": Tag.parse(named["tag"], field=f"{cls.kind}.tag")})


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOrder(_Order):
    """The app owner sells executions of the app. Signed by the owner of `app`.

    Raises:
        UserInputError: a field is malformed; field, value and rule are named.
    """

    kind: ClassVar[OrderKind] = OrderKind.APP

    app: Address
    appprice: Uint256 = 0
    volume: Uint256 = 1
    tag: TagWord = _NO_TAG
    datasetrestrict: Address = ZERO_ADDRESS
    workerpoolrestrict: Address = ZERO_ADDRESS
    requesterrestrict: Address = ZERO_ADDRESS
    salt: Bytes32
    sign: ByteString = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOrder(_Order):
    """The dataset owner sells uses of the dataset. Signed by the owner of `dataset`.

    Raises:
        UserInputError: a field is malformed; field, value and rule are named.
    """

    kind: ClassVar[OrderKind] = OrderKind.DATASET

    dataset: Address
    datasetprice: Uint256 = 0
    volume: Uint256 = 1
    tag: TagWord = _NO_TAG
    apprestrict: Address = ZERO_ADDRESS
    workerpoolrestrict: Address = ZERO_ADDRESS
    requesterrestrict: Address = ZERO_ADDRESS
    salt: Bytes32
    sign: ByteString = b""

    @property
    def is_null(self) -> bool:
        """Whether the order stands for "no dataset" (spec contracts §3.3)."""
        return self.dataset == ZERO_ADDRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerpoolOrder(_Order):
    """The scheduler sells executions of one category. Signed by the owner of `workerpool`.

    Raises:
        UserInputError: a field is malformed; field, value and rule are named.
    """

    kind: ClassVar[OrderKind] = OrderKind.WORKERPOOL

    workerpool: Address
    workerpoolprice: Uint256 = 0
    volume: Uint256 = 1
    tag: TagWord = _NO_TAG
    category: Uint256 = 0
    trust: Uint256 = 0
    apprestrict: Address = ZERO_ADDRESS
    datasetrestrict: Address = ZERO_ADDRESS
    requesterrestrict: Address = ZERO_ADDRESS
    salt: Bytes32
    sign: ByteString = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOrder(_Order):
    """The requester buys `volume` tasks. Signed by `requester`.

    `workerpool` is a restriction: zero, a workerpool or a group of them. `params` is hashed as the
    exact text.

    Raises:
        UserInputError: a field is malformed; field, value and rule are named.
    """

    kind: ClassVar[OrderKind] = OrderKind.REQUEST

    app: Address
    appmaxprice: Uint256 = 0
    dataset: Address = ZERO_ADDRESS
    datasetmaxprice: Uint256 = 0
    workerpool: Address = ZERO_ADDRESS
    workerpoolmaxprice: Uint256 = 0
    requester: Address
    volume: Uint256 = 1
    tag: TagWord = _NO_TAG
    category: Uint256 = 0
    trust: Uint256 = 0
    beneficiary: Address
    callback: Address = ZERO_ADDRESS
    params: Text = ""
    salt: Bytes32
    sign: ByteString = b""


AnyOrder: TypeAlias = AppOrder | DatasetOrder | WorkerpoolOrder | RequestOrder
OrderT = TypeVar("OrderT", AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder)

ORDER_CLASSES: Mapping[OrderKind, type[AnyOrder]] = {
    OrderKind.APP: AppOrder,
    OrderKind.DATASET: DatasetOrder,
    OrderKind.WORKERPOOL: WorkerpoolOrder,
    OrderKind.REQUEST: RequestOrder,
}

NULL_DATASET_ORDER = DatasetOrder(dataset=ZERO_ADDRESS, volume=0, salt=bytes(32))
"""Stands in the place of the dataset order when a deal uses none."""


@dataclass(frozen=True, slots=True)
class OrderOperation(Generic[OrderT]):
    """An order to be presigned or closed on chain (spec contracts §1.8).

    Args:
        order: the order; its own `sign` does not matter.
        operation: what to do with it.
        sign: signature of the operation by the order's authority; empty when the authority itself
            sends it.

    Raises:
        UserInputError: `operation` is unknown or `sign` is not bytes.
    """

    order: OrderT
    operation: OrderAction
    sign: bytes = b""

    def __post_init__(self) -> None:
        try:
            action = OrderAction(self.operation)
        except ValueError as error:
            raise UserInputError(
                "an operation is SIGN (0) or CLOSE (1)",
                field="operation",
                value=self.operation,
                remedy="use OrderAction",
            ) from error
        object.__setattr__(self, "operation", action)
        object.__setattr__(self, "sign", checked_bytes("operation.sign", self.sign))

    def to_abi(self) -> tuple[tuple[Any, ...], int, bytes]:
        """Return the tuple that ABI encoders and web3 take."""
        return self.order.to_abi(), int(self.operation), self.sign


def random_salt() -> bytes:
    """Draw 32 bytes that make an order differ from all others with the same terms."""
    return secrets.token_bytes(32)
