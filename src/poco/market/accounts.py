"""Keys of the people in a market: test accounts, and the keyfiles that Ape keeps."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.orders import checked_address

__all__ = ["Role", "account_address", "development_account", "load_account"]

_TEST = "TEST::"
_TEST_ACCOUNTS = 20
# Published in the documentation of every development chain: it protects nothing.
_TEST_MNEMONIC = "test test test test test test test test test test test junk"


class Role(IntEnum):
    """Who is who by default; the value is the index of the test account."""

    DEPLOYER = 0
    APP_OWNER = 1
    DATASET_OWNER = 2
    WORKERPOOL = 3
    REQUESTER = 4
    WORKER = 5
    """The first worker; the second is 6, and so on."""


@cache
def development_account(index: int) -> LocalAccount:
    """Return one of the accounts that development chains fund.

    Raises:
        UserInputError: there is no account of that index.
    """
    if not 0 <= index < _TEST_ACCOUNTS:
        raise UserInputError(
            f"the test accounts are {_TEST}0 to {_TEST}{_TEST_ACCOUNTS - 1}",
            field="account",
            value=f"{_TEST}{index}",
            remedy="choose one of them",
        )
    Account.enable_unaudited_hdwallet_features()
    path = f"m/44'/60'/0'/0/{index}"
    account: LocalAccount = Account.from_mnemonic(_TEST_MNEMONIC, account_path=path)
    return account


def load_account(alias: str, ask: Callable[[str], str]) -> LocalAccount:
    """Load an account that signs orders as well as transactions.

    Args:
        alias: ``TEST::0`` and following, or the alias of a keyfile in Ape's data folder.
        ask: asks for the passphrase of an alias; not needed when
            ``APE_ACCOUNTS_<alias>_PASSPHRASE`` is set.

    Raises:
        UserInputError: there is no such account, or the passphrase is wrong.
    """
    if alias.startswith(_TEST):
        return _test_account(alias)
    document = _keyfile(alias)
    passphrase = os.environ.get(f"APE_ACCOUNTS_{alias}_PASSPHRASE")
    try:
        key = Account.decrypt(document, ask(alias) if passphrase is None else passphrase)
    except (ValueError, KeyError, TypeError) as error:
        raise UserInputError(
            "the passphrase does not open the keyfile",
            field="account",
            value=alias,
            remedy=f"type it again, or set APE_ACCOUNTS_{alias}_PASSPHRASE",
        ) from error
    account: LocalAccount = Account.from_key(key)
    return account


def account_address(alias: str) -> ChecksumAddress:
    """Return whose account it is, without its passphrase; see `load_account`.

    Raises:
        UserInputError: there is no such account.
    """
    if alias.startswith(_TEST):
        return _test_account(alias).address
    digits = str(_keyfile(alias).get("address")).removeprefix("0x").lower()
    return checked_address(f"{alias}.address", f"0x{digits}")


def _test_account(alias: str) -> LocalAccount:
    index = alias.removeprefix(_TEST)
    return development_account(int(index) if index.isdecimal() else -1)


def _keyfile(alias: str) -> dict[str, Any]:
    folder = Path(os.environ.get("APE_DATA_FOLDER") or Path.home() / ".ape")
    try:
        if Path(alias).name != alias:
            raise FileNotFoundError
        document = json.loads((folder / "accounts" / f"{alias}.json").read_text())
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError) as error:
        raise UserInputError(
            "there is no keyfile of this alias",
            field="account",
            value=alias,
            remedy="see `ape accounts list`; import a key with `ape accounts import ALIAS`",
        ) from error
    return document
