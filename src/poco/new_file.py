"""Write a file that appears at its path complete or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["new_file"]


@contextmanager
def new_file(target: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a file next to its path, and put it there when the block succeeds.

    Args:
        target: where the file will be, in an existing folder; an older file is replaced, and
            stays when the block fails. A link is replaced, too, never followed.
        mode: its permissions once it is there; before, it is for its owner only.

    Raises:
        OSError: the file cannot be created, written or moved.
    """
    descriptor, name = tempfile.mkstemp(prefix=".part-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(name).chmod(mode)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
