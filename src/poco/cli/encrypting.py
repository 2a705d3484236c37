"""`poco dataset encrypt`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from poco.cli.shell import Shell, output_options

__all__ = ["KEYS", "dataset_folders", "encrypt"]

F = TypeVar("F", bound=Callable[..., Any])

KEYS = Path(".secrets/datasets")
"""Where keys of datasets are, unless told otherwise."""
_FOLDERS = (
    ("--original-dataset-dir", "originals", Path("datasets/original"), "Your files."),
    ("--encrypted-dataset-dir", "encrypted", Path("datasets/encrypted"), "Encrypted files."),
    ("--dataset-keystoredir", "keys", KEYS, "Their keys."),
)


def dataset_folders(function: F) -> F:
    """Add the options that say where files, encrypted files and keys are."""
    folder = click.Path(file_okay=False, path_type=Path)
    for option, name, usual, text in reversed(_FOLDERS):
        function = click.option(
            option, name, type=folder, default=usual, show_default=True, help=text
        )(function)
    return function


@click.command("encrypt", epilog="Example: poco dataset encrypt")
@click.option("--force", is_flag=True, help="Replace what was encrypted before.")
@dataset_folders
@output_options
def encrypt(shell: Shell, force: bool, keys: Path, originals: Path, encrypted: Path) -> None:
    """Encrypt each file of a folder with a new key, and compute the checksum to register."""
    from poco.market.sealing import encrypt_datasets, encryptions

    here = Path.cwd()
    wanted = encryptions(here / originals, here / encrypted, here / keys)
    older = [str(file) for each in wanted for file in (each.encrypted, each.key) if file.exists()]
    if older:
        shell.confirm(f"Replace {', '.join(older)}?", force)
    with shell.progress(f"encrypting {len(wanted)} file(s)"):
        done = encrypt_datasets(wanted)
    shell.done(
        {
            "encryptedDatasetFolderPath": str(here / encrypted),
            "secretPath": str(here / keys),
            "encryptedFiles": [dataset.to_json() for dataset in done],
        }
    )
