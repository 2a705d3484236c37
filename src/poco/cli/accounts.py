"""Options that say whose key signs; a passphrase never stands on the command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from poco.command_line import is_terminal
from poco.errors import UserInputError

__all__ = ["account_options", "open_account"]

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, dir_okay=False)
_PASSPHRASE = "POCO_PASSPHRASE"  # noqa: S105 (the name of a variable)


def account_options(function: F) -> F:
    """Add ``--keystore``, ``--passphrase-file``, ``--private-key-file`` and ``--account``."""
    options = (
        click.option("--keystore", type=_FILE, help="Encrypted key (V3) that signs."),
        click.option(
            "--passphrase-file",
            type=_FILE,
            help=f"Opens the keystore  [default: {_PASSPHRASE}, else it is asked for]",
        ),
        click.option("--private-key-file", type=_FILE, help="Key in hex, in the clear."),
        click.option("--account", metavar="ALIAS", help="Key of Ape, or TEST::N of anvil."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def open_account(
    keystore: Path | None,
    passphrase_file: Path | None,
    private_key_file: Path | None,
    account: str | None,
) -> Any:
    """Return the account that the options name, an eth_account `LocalAccount`.

    Raises:
        UserInputError: none or several are named, or it cannot be opened.
    """
    from poco.market import load_account

    named = [option for option in (keystore, private_key_file, account) if option is not None]
    if len(named) != 1:
        raise UserInputError(
            "exactly one of --keystore, --private-key-file and --account says who signs",
            field="account",
            value=", ".join(map(str, named)) or None,
            remedy="name one of them",
        )
    if account is not None:
        return load_account(account, _ask)
    if private_key_file is not None:
        return _from_key(private_key_file)
    assert keystore is not None
    return _from_keystore(keystore, passphrase_file)


def _from_key(file: Path) -> Any:
    from eth_account import Account

    try:
        return Account.from_key(_text(file).strip())
    except ValueError:
        raise UserInputError(
            "the file must hold 64 hex digits",
            field="private-key-file",
            value=str(file),
            remedy="name the file of a private key",
        ) from None  # the cause repeats the key


def _from_keystore(file: Path, passphrase_file: Path | None) -> Any:
    from eth_account import Account

    content = _text(file)
    if passphrase_file is not None:
        passphrase = _text(passphrase_file).rstrip("\r\n")
    else:
        passphrase = os.environ.get(_PASSPHRASE) or _ask(str(file))
    try:
        return Account.from_key(Account.decrypt(json.loads(content), passphrase))
    except NotImplementedError:
        raise UserInputError(
            "the file must be a keystore of version 3",
            field="keystore",
            value=str(file),
            remedy="name a file that `poco wallet create` has written",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserInputError(
            "the passphrase must open the keystore",
            field="keystore",
            value=str(file),
            remedy=f"type it again, or set {_PASSPHRASE}",
        ) from error


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(
            f"the file must be readable: {getattr(error, 'strerror', error)}",
            field="file",
            value=str(file),
        ) from error


def _ask(what: str) -> str:
    if not is_terminal(sys.stdin):
        raise UserInputError(
            "a passphrase is needed, and there is no terminal to ask for it",
            field="keystore",
            value=what,
            remedy=f"set {_PASSPHRASE}, or name a --passphrase-file",
        )
    return str(click.prompt(f"Passphrase of {what}", hide_input=True, err=True))
