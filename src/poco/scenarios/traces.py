"""Look for secrets where they must not be: in files, whatever text encoding they are in."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["files_below", "files_with", "spellings"]


def spellings(value: bytes) -> frozenset[bytes]:
    """Return what a file holds if it holds a value: as it is, in hex, or in base64.

    Base64 has three forms of what stands inside a longer text; bytes at the ends depend on the
    neighbours, and are left out.

    Args:
        value: at least 6 bytes, so that hardly any file holds a form of it by chance.
    """
    forms = {value, value.hex().encode(), value.hex().upper().encode()}
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + value)
        begin = (8 * shift + 5) // 6  # first letter with no bit of what stands before
        end = 8 * (shift + len(value)) // 6  # the last one with no bit of what follows
        forms |= {coded[begin:end], coded[begin:end].translate(_URL_SAFE)}
    return frozenset(forms)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def files_below(*folders: Path) -> Iterator[Path]:
    """Return all regular files in folders, and in the folders below."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def files_with(values: Iterable[bytes], files: Iterable[Path]) -> list[Path]:
    """Return the files that hold one of the values, see `spellings`."""
    forms = [form for value in values for form in spellings(value)]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]
