"""A copy of the chain on disk, to go on from.

It is made by this process after blocks with transactions, and replaced in one step, so that
whatever ends the market leaves a chain that can be loaded. How high the chain was is kept apart:
it lacks blocks when it was not ended in order, and whoever has seen them waits for that height.
"""

from __future__ import annotations

import gzip
import os
import shutil
import threading
import time
import zlib
from pathlib import Path

from poco.contracts import Chain
from poco.contracts.chain import to_bytes
from poco.errors import ConfigurationError
from poco.new_file import new_file

__all__ = ["CHAIN", "ChainCopy", "regain_height", "unpack"]

CHAIN = "chain.json.gz"
_FORMER = "chain.json"
"""Name of the copies of earlier versions, which were not compressed."""
_HEIGHT = "height"
"""The number of the last block that was seen; only while the chain runs."""
_MOST_UNSEEN = 256
"""Blocks that may come between the last look and a sudden end."""
_EMPTY = "0x0"
_MOST_LACKING = 240
"""Empty blocks that the copy may lack: an hour of a quiet market."""
_SHARE = 10
"""A copy may take one part in so many of the time."""


class ChainCopy:
    """A copy of a chain.

    Args:
        path: the file.
        chain: what it is a copy of.

    Attributes:
        as_of: when it was found or made up to date, seconds of the monotonic clock.
    """

    def __init__(self, path: Path, chain: Chain) -> None:
        self._path = path
        self._chain = chain
        self._saved = -_MOST_LACKING - 1
        self.as_of = 0.0

    def keep(self, stop: threading.Event, pause: float) -> None:
        """Bring the copy up to date whenever something happened, until told to stop.

        Args:
            stop: ends it, without a last copy.
            pause: seconds between two looks, at least; a long chain is copied less often.

        Raises:
            ChainError: the node does not answer.
            ConfigurationError: the file cannot be written.
        """
        needed = 0.0
        while not stop.wait(max(pause, _SHARE * needed)):
            begun = time.monotonic()
            self.save()
            needed = time.monotonic() - begun

    def save(self, *, lacking: int = _MOST_LACKING) -> None:
        """Bring the copy up to date.

        Args:
            lacking: empty blocks that it may lack.

        Raises:
            ChainError: the node does not answer.
            ConfigurationError: the file cannot be written.
        """
        begun = time.monotonic()
        newest = self._chain.block_number()
        if newest > self._saved + lacking or self._has_transactions(newest):
            _replace(self._path, to_bytes(self._chain.request("anvil_dumpState")))
            self._path.with_name(_FORMER).unlink(missing_ok=True)
            self._saved = newest
        try:
            self._path.with_name(_HEIGHT).write_text(f"{newest}\n")
        except OSError as error:
            raise _not_kept(self._path, error) from error
        self.as_of = begun

    def close(self) -> None:
        """Make the last copy of a chain that ends now, with all its blocks.

        Raises:
            ChainError: the node does not answer.
            ConfigurationError: the file cannot be written.
        """
        self.save(lacking=0)
        self._path.with_name(_HEIGHT).unlink(missing_ok=True)

    def _has_transactions(self, newest: int) -> bool:
        numbers = range(self._saved + 1, newest + 1)
        counts = self._chain.batch(
            [("eth_getBlockTransactionCountByNumber", (hex(number),)) for number in numbers]
        )
        return any(count not in (None, _EMPTY) for count in counts)


def regain_height(chain: Chain, folder: Path) -> None:
    """Mine as many empty blocks as a chain may lack that was not ended in order.

    Args:
        chain: goes on from the copy.
        folder: of the market.

    Raises:
        ChainError: the node does not answer.
    """
    try:
        seen = (folder / _HEIGHT).read_text().strip()
    except FileNotFoundError:
        return
    height = chain.block_number()
    goal = max(height, int(seen) if seen.isdigit() else height + _MOST_LACKING) + _MOST_UNSEEN
    chain.request("anvil_mine", hex(goal - height), hex(0))  # without letting time pass


def unpack(folder: Path, target: Path) -> None:
    """Write the copy that a folder has in the form that anvil loads.

    Args:
        folder: of the market.
        target: the file.

    Raises:
        OSError: there is none, or the file cannot be written.
        ValueError: the copy is damaged.
    """
    packed = folder / CHAIN
    if not packed.exists():
        shutil.copyfile(folder / _FORMER, target)
        return
    with gzip.open(packed) as source, target.open("wb") as plain:
        try:
            shutil.copyfileobj(source, plain)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{packed.name}: {error}") from error


def _replace(path: Path, content: bytes) -> None:
    try:
        with new_file(path) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _not_kept(path, error) from error


def _not_kept(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the chain cannot be kept: {error.strerror}",
        field="state",
        value=str(path),
        remedy="make room, or choose another folder with --state",
    )
