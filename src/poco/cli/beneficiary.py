"""Options that say where the keys of a beneficiary of encrypted results are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from poco.cli.shell import Shell

__all__ = ["beneficiary_options", "folder_option", "private_key"]

F = TypeVar("F", bound=Callable[..., Any])

folder_option = click.option(
    "--beneficiary-keystoredir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".secrets/beneficiary"),
    show_default=True,
    help="Folder of your keys for results.",
)


def beneficiary_options(function: F) -> F:
    """Add --beneficiary-keystoredir and --beneficiary-key-file."""
    file = click.option(
        "--beneficiary-key-file",
        metavar="NAME",
        help="Private key in that folder, or a path  [default: ADDRESS_key of the wallet]",
    )
    return folder_option(file(function))


def private_key(shell: Shell, folder: Path, file: str | None) -> bytes:
    """Return the private key that the options name, PEM.

    Raises:
        UserInputError: it cannot be read.
    """
    from poco.market.sealing import beneficiary_key_name, read_key

    return read_key(folder, beneficiary_key_name(shell.address) if file is None else file)
