"""`poco dataset encrypt`."""

from __future__ import annotations

from pathlib import Path

import click

from poco.cli.shell import Shell, output_options

__all__ = ["encrypt"]

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("encrypt", epilog="Example: poco dataset encrypt")
@click.option("--force", is_flag=True, help="Replace what was encrypted before.")
@click.option(
    "--dataset-keystoredir",
    "keys",
    type=_FOLDER,
    default=Path(".secrets/datasets"),
    show_default=True,
    help="Folder of keys.",
)
@click.option(
    "--original-dataset-dir",
    "originals",
    type=_FOLDER,
    default=Path("datasets/original"),
    show_default=True,
    help="Folder of files to encrypt.",
)
@click.option(
    "--encrypted-dataset-dir",
    "encrypted",
    type=_FOLDER,
    default=Path("datasets/encrypted"),
    show_default=True,
    help="Folder of encrypted files.",
)
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
