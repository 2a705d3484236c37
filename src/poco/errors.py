"""The one exception tree of poco, split by who can mend the fault.

PocoError
├── UserInputError      the caller's argument, file or order          exit 2
├── ConfigurationError  a setting, a missing tool, an address book    exit 3
├── ChainError          the node, or a transaction it refused         exit 4
│   └── ContractError   a revert, decoded to the rule it names        exit 4
├── PeerError           another service or party                      exit 5
├── AppError            the application that was executed             exit 6
└── InternalError       a defect of poco itself                       exit 70
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AppError",
    "ChainError",
    "ConfigurationError",
    "ContractError",
    "InternalError",
    "PeerError",
    "PocoError",
    "UserInputError",
]


class PocoError(Exception):
    """A fault that names the field, its value, the rule it breaks and the remedy.

    Args:
        rule: what must hold, as a sentence.
        field: dotted name of the offending field, empty when there is none.
        value: the offending value; never a secret.
        remedy: what to do, if possible the command to type.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, rule: str, *, field: str = "", value: Any = None, remedy: str = "") -> None:
        self.rule = rule
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(self._message())

    def _message(self) -> str:
        value = "" if self.value is None else f" = {self.value!r}"
        subject = f"{self.field}{value}: " if self.field else ""
        advice = f" ({self.remedy})" if self.remedy else ""
        return f"{subject}{self.rule}{advice}"


class UserInputError(PocoError):
    """An argument, a file or an order that the caller can correct."""

    exit_code = 2


class ConfigurationError(PocoError):
    """A setting, a missing tool or a stale address book that the operator can correct."""

    exit_code = 3


class ChainError(PocoError):
    """The node did not answer, or did not accept a transaction."""

    exit_code = 4


class ContractError(ChainError):
    """A contract reverted with a custom error.

    Args:
        name: the error's Solidity name, for example ``Match_AppPriceTooHigh``.
        arguments: its arguments by name.
    """

    def __init__(self, name: str, arguments: dict[str, Any], *, remedy: str = "") -> None:
        self.name = name
        self.arguments = arguments
        listed = ", ".join(f"{key}={value}" for key, value in arguments.items())
        super().__init__(f"the contract refused with {name}({listed})", remedy=remedy)


class PeerError(PocoError):
    """Another service or party did not do what the protocol asks of it."""

    exit_code = 5


class AppError(PocoError):
    """The application failed, or broke the app contract."""

    exit_code = 6


class InternalError(PocoError):
    """A defect of poco; please report it."""

    exit_code = 70
