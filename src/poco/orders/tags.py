"""Tags: flags that say what an execution demands or a workerpool offers (spec contracts §3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

from poco.errors import UserInputError

__all__ = ["FRAMEWORKS", "GPU", "GRAMINE", "SCONE", "TDX", "TEE", "Tag"]

_BITS = 256
_BY_NAME = {"tee": 1 << 0, "scone": 1 << 1, "gramine": 1 << 2, "tdx": 1 << 3, "gpu": 1 << 8}


class Tag(int):
    """A set of flags in 32 bytes, with the set operators ``|``, ``&``, ``^`` and ``-``.

    Args:
        value: the flags as an integer, at least 0 and below 2^256.

    Raises:
        UserInputError: the value needs more than 256 flags or is negative.
    """

    __slots__ = ()

    def __new__(cls, value: int = 0) -> Self:  # noqa: D102
        if not 0 <= value < 1 << _BITS:
            raise UserInputError(
                "a tag has 256 flags", field="tag", value=int(value), remedy="give 32 bytes"
            )
        return super().__new__(cls, value)

    @classmethod
    def parse(cls, value: object, *, field: str = "tag") -> Self:
        """Read a tag from any form the iExec tools write.

        Args:
            value: 32 bytes, their hex text, a list of names, or names separated by commas.
            field: what the error message calls the value.

        Raises:
            UserInputError: the value is none of these.
        """
        match value:
            case bytes() if len(value) == _BITS // 8:
                return cls(int.from_bytes(value))
            case str() if re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
                return cls(int(value, 16))
            case str() if not value.startswith("0x"):
                return cls._of_names(filter(None, value.split(",")), field)
            case list() | tuple():
                return cls._of_names(value, field)
            case _:
                raise UserInputError(
                    "a tag is 32 bytes in hex or a list of names",
                    field=field,
                    value=value,
                    remedy=f"names are {', '.join(_BY_NAME)}",
                )

    @classmethod
    def _of_names(cls, names: Iterable[object], field: str) -> Self:
        flags = 0
        for name in names:
            bit = _BY_NAME.get(name.strip().lower()) if isinstance(name, str) else None
            if bit is None:
                raise UserInputError(
                    "no flag has this name",
                    field=field,
                    value=name,
                    remedy=f"names are {', '.join(_BY_NAME)}",
                )
            flags |= bit
        return cls(flags)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the flags that are set and have one, lowest bit first."""
        return tuple(name for name, bit in _BY_NAME.items() if self & bit)

    @property
    def is_tee(self) -> bool:
        """Whether a trusted execution environment is demanded (bit 0)."""
        return bool(self & 1)

    def to_bytes32(self) -> bytes:
        """Return the 32 bytes of the ABI."""
        return int(self).to_bytes(32)

    def to_hex(self) -> str:
        """Return the bytes32 as lower-case hex text, as orders carry it in JSON."""
        return f"0x{int(self):064x}"

    def __or__(self, other: int) -> Tag:
        return Tag(int(self) | other)

    def __and__(self, other: int) -> Tag:
        return Tag(int(self) & other)

    def __xor__(self, other: int) -> Tag:
        return Tag(int(self) ^ other)

    def __sub__(self, other: int) -> Tag:
        """Return the flags that are set here and not in `other`."""
        return Tag(int(self) & ~other)

    def __str__(self) -> str:
        named = sum(_BY_NAME[name] for name in self.names)
        return ",".join(self.names) or "none" if named == self else self.to_hex()

    def __repr__(self) -> str:
        return f"Tag({self})"


TEE = Tag(_BY_NAME["tee"])
SCONE = Tag(_BY_NAME["scone"])
GRAMINE = Tag(_BY_NAME["gramine"])
TDX = Tag(_BY_NAME["tdx"])
GPU = Tag(_BY_NAME["gpu"])
FRAMEWORKS = SCONE | GRAMINE | TDX
"""The flags of a dataset's tag that do not enter the deal's tag (spec contracts §3.1)."""
