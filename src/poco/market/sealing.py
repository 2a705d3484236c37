"""Keys in the folders of a project: of encrypted datasets and of beneficiaries (spec sdk §1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.appio.encryption import (
    decrypt_result,
    encrypt_dataset,
    generate_dataset_key,
    generate_result_keypair,
    import_result_keypair,
)
from poco.errors import ConfigurationError, UserInputError
from poco.new_file import new_file

__all__ = [
    "EncryptedDataset",
    "beneficiary_key_name",
    "encrypt_datasets",
    "encryptions",
    "make_result_keys",
    "open_result",
    "read_key",
]

_LAST_KEY = "dataset.key"


@dataclass(frozen=True, slots=True)
class EncryptedDataset:
    """A dataset with its encrypted copy.

    Args:
        original: the plain file.
        encrypted: the encrypted file.
        key: the file of its key, base64.
        checksum: SHA-256 of the encrypted file, 32 bytes; empty until there is one.
    """

    original: Path
    encrypted: Path
    key: Path
    checksum: bytes = b""

    def to_json(self) -> dict[str, str]:
        """Return the dataset in the shape of the official client."""
        return {
            "original": str(self.original),
            "encrypted": str(self.encrypted),
            "key": str(self.key),
            "checksum": f"0x{self.checksum.hex()}",
        }


def encryptions(originals: Path, encrypted: Path, keys: Path) -> list[EncryptedDataset]:
    """Return what there is to encrypt: all files of a folder, its subfolders aside.

    Args:
        originals: folder of plain files.
        encrypted: folder of encrypted files.
        keys: folder of keys.

    Raises:
        UserInputError: there is no file.
    """
    try:
        files = sorted(path for path in originals.iterdir() if path.is_file())
    except OSError:
        files = []
    if not files:
        raise UserInputError(
            "the folder must hold files to encrypt",
            field="original-dataset-dir",
            value=str(originals),
            remedy="`poco dataset init --encrypted` makes the folders; put the files there",
        )
    return [
        EncryptedDataset(file, encrypted / f"{file.name}.enc", keys / f"{file.name}.key")
        for file in files
    ]


def encrypt_datasets(wanted: list[EncryptedDataset]) -> list[EncryptedDataset]:
    """Encrypt datasets, each with a new key; what was there is replaced, key and file together.

    The key of the last one is kept as ``dataset.key``, too.

    Args:
        wanted: from `encryptions`.

    Returns:
        The same with their checksums.

    Raises:
        ConfigurationError: a file cannot be read or written.
    """
    done = []
    try:
        for dataset in wanted:
            dataset.encrypted.parent.mkdir(parents=True, exist_ok=True)
            dataset.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = generate_dataset_key()
            last = dataset.key.with_name(_LAST_KEY)
            # An older key is replaced only when an older encrypted file has been.
            with new_file(dataset.key) as own_file, new_file(last) as last_file:
                for file in (own_file, last_file):
                    file.write(key.encode())
                    file.flush()
                checksum = encrypt_dataset(dataset.original, dataset.encrypted, key)
            done.append(
                EncryptedDataset(dataset.original, dataset.encrypted, dataset.key, checksum)
            )
    except OSError as error:
        raise _unusable(error) from error
    return done


def read_key(folder: Path, name: str) -> bytes:
    """Return the content of a key file.

    Args:
        folder: where it is.
        name: its name there, or a path.

    Raises:
        UserInputError: it cannot be read.
    """
    path = folder / name
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserInputError(
            f"the key cannot be read: {error.strerror}",
            field="key",
            value=str(path),
            remedy="`poco result generate-encryption-keypair` makes one; name its folder with "
            "--beneficiary-keystoredir",
        ) from error


def make_result_keys(
    folder: Path, address: ChecksumAddress, *, replace: bool = False, pem: bytes | None = None
) -> tuple[Path, Path]:
    """Make the key pair of a beneficiary.

    Args:
        folder: where to put it.
        address: the beneficiary.
        replace: whether older keys are moved aside, to the first free name that ends with a number:
            results may be encrypted for them.
        pem: a private key that exists; by default a new one is made.

    Returns:
        The files of the private and of the public key.

    Raises:
        UserInputError: there is a key already, or `pem` is none of RSA.
        ConfigurationError: a file cannot be written.
    """
    name = beneficiary_key_name(address)
    try:
        with _set_aside(*([folder / name, folder / f"{name}.pub"] if replace else [])):
            if pem is None:
                return generate_result_keypair(folder, address)
            return import_result_keypair(folder, address, pem)
    except OSError as error:
        raise _unusable(error) from error


@contextmanager
def _set_aside(*files: Path) -> Iterator[None]:
    """Move files aside; they are back when the block fails."""
    moved: dict[Path, Path] = {}
    try:
        for file in files:
            if file.exists():
                free = (file.with_name(f"{file.name}.{number}") for number in count(1))
                moved[file] = file.rename(next(path for path in free if not path.exists()))
        yield
    except BaseException:
        for file, aside in moved.items():
            aside.replace(file)
        raise


def beneficiary_key_name(address: ChecksumAddress) -> str:
    """Return the name of the file of a beneficiary's private key."""
    return f"{address}_key"


def open_result(archive: Path, target: Path, private_key: bytes) -> None:
    """Decrypt a result.

    Args:
        archive: the encrypted archive.
        target: where to put the plain one.
        private_key: the beneficiary's, PEM.

    Raises:
        UserInputError: the archive or the key is not the right one.
        ConfigurationError: a file cannot be read or written.
    """
    try:
        decrypt_result(archive, target, private_key)
    except FileNotFoundError as error:
        if archive.exists():
            raise _unusable(error) from error
        raise UserInputError(
            "there is no such file",
            field="file",
            value=str(archive),
            remedy="name the archive that `poco task show --download` fetched",
        ) from error
    except OSError as error:
        raise _unusable(error) from error


def _unusable(error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the file cannot be read or written: {error.strerror}",
        field="file" if error.filename else "",
        value=error.filename,
        remedy="check its permissions, and the space that is left",
    )
