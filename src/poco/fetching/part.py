"""Hold what has come of a file so far."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

__all__ = ["PartialFile"]


class PartialFile:
    """A file in the making.

    Args:
        file: where the bytes go, empty.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self.validator = b""
        self._file = file
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> bytes:
        """Digest of what has been written so far, 32 bytes."""
        return self._digest.digest()

    def restart(self, validator: bytes = b"") -> None:
        """Forget what has come, and remember which version of the file comes now.

        Args:
            validator: a strong entity tag or a date of change, for ``If-Range``; without one the
                transfer cannot be resumed.
        """
        self.size = 0
        self.validator = validator
        self._digest = hashlib.sha256()
        self._file.seek(0)
        self._file.truncate()

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            OSError: the disk does not take them.
        """
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)
