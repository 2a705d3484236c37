"""Check what somebody gives to the library, before anything is done with it. Pure."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import checked_address

__all__ = ["account", "address", "file_name", "flag", "is_address", "path", "whole"]

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_MOST_SHOWN = 80
_MOST_NAME_BYTES = 200


def whole(field: str, value: object, *, most: int | None = None) -> int:
    """Return a whole number of 0 or more.

    Args:
        field: what it is, for the message.
        value: what was given.
        most: the greatest that makes sense.

    Raises:
        UserInputError: it is none, or greater.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _refused("a whole number of 0 or more is needed", field, value, "give one")
    if most is not None and value > most:
        raise _refused(f"it is at most {most}", field, value, "give a smaller number")
    return value


def flag(field: str, value: object) -> bool:
    """Return a truth value.

    Raises:
        UserInputError: it is none.
    """
    if not isinstance(value, bool):
        raise _refused("True or False is needed", field, value, "give one of them")
    return value


def file_name(field: str, value: object) -> str:
    """Return what apps see as the name of a file.

    Raises:
        UserInputError: no file can have it.
    """
    if (
        not isinstance(value, str)
        or not 0 < len(value.encode(errors="replace")) <= _MOST_NAME_BYTES
        or not value.strip(".")
        or not value.isprintable()
        or "/" in value
    ):
        rule = f"the name of a file is needed: up to {_MOST_NAME_BYTES} bytes, without a slash"
        raise _refused(rule, field, value, 'give one like "prices.csv"')
    return value


def path(field: str, value: object) -> Path:
    """Return a path; ``~`` is the user's home.

    Raises:
        UserInputError: it is none.
    """
    if not isinstance(value, str | os.PathLike) or not str(value) or "\0" in str(value):
        raise _refused("a path is needed", field, value, 'give a text, or pathlib.Path("…")')
    given = Path(value)
    try:
        return given.expanduser()
    except RuntimeError:
        return given


def account(field: str, value: object) -> LocalAccount:
    """Return an account that signs.

    Raises:
        UserInputError: it is none.
    """
    if not isinstance(value, LocalAccount):
        shown = type(value).__name__  # perhaps a private key
        remedy = "take market.new_account(), or eth_account.Account.from_key(…)"
        raise _refused("an account of eth_account is needed", field, shown, remedy)
    return value


def address(field: str, value: object) -> ChecksumAddress:
    """Return an address, given as text, or of something that has one: an app, an account.

    Raises:
        UserInputError: it is none.
    """
    found: Any = value if isinstance(value, str) else getattr(value, "address", value)
    return checked_address(field, found)


def is_address(value: object) -> bool:
    """Return whether a text looks like an address."""
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def _refused(rule: str, field: str, value: object, remedy: str) -> UserInputError:
    shown = value if isinstance(value, int | float) else str(value)[:_MOST_SHOWN]
    return UserInputError(rule, field=field, value=shown, remedy=remedy)
