"""The chain of a local market: blocks at a steady pace, and a copy on disk to go on from.

The copy is made by this process after blocks with transactions, and replaced in one step, so that
whatever ends the market leaves a chain that can be loaded.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poco.contracts import Chain
from poco.contracts.chain import to_bytes
from poco.errors import ConfigurationError
from poco.local_chain import local_chain

__all__ = ["CHAIN", "GENESIS", "ChainFile", "run_chain", "set_pace"]

CHAIN, GENESIS, _SCRATCH = "chain.json", "genesis", "chain-states"
"""The copy of the chain, the time of its first block, and states of old blocks."""

_ACCOUNTS = 20
_OLD_STATES = 512
_EMPTY = "0x0"
_SHARE = 10
"""A copy may take one part in so many of the time."""


@contextmanager
def run_chain(port: int, folder: Path, *, again: bool) -> Iterator[Chain]:
    """Run the chain until the block ends, at first mining each transaction at once.

    Its clock is that of this machine. The first block is always that of the first time: anvil makes
    one of its own before it loads a copy, and may take either for the first one afterwards.

    Args:
        port: TCP port; 0 takes a free one.
        folder: of the market.
        again: whether to go on from the copy there; else a new chain begins.

    Raises:
        ConfigurationError: anvil is missing, cannot read the copy, or the port is taken.
        OSError: the folder cannot be used.
        ValueError: what is kept about the first block is malformed.
    """
    scratch, genesis = folder / _SCRATCH, folder / GENESIS
    shutil.rmtree(scratch, ignore_errors=True)
    begun = int(genesis.read_text()) if again else int(time.time())
    if not again:
        genesis.write_text(f"{begun}\n")
    options = ["--accounts", str(_ACCOUNTS), "--base-fee", "0", "--timestamp", str(begun)]
    options += ["--cache-path", str(scratch), "--max-persisted-states", str(_OLD_STATES)]
    if again:
        options += ["--load-state", str(folder / CHAIN)]
    with local_chain(*options, port=port) as chain:
        chain.request("evm_setTime", int(time.time()))
        yield chain


def set_pace(chain: Chain, seconds: int) -> None:
    """Have a block mined every so many seconds; 0 for each transaction at once.

    Raises:
        ChainError: the node does not answer.
    """
    if seconds:
        chain.request("evm_setIntervalMining", seconds)
    else:  # an interval of 0 would mean no blocks at all
        chain.request("evm_setAutomine", True)


class ChainFile:
    """A copy of a chain on disk.

    Args:
        path: the file.
        chain: what it is a copy of.
    """

    def __init__(self, path: Path, chain: Chain) -> None:
        self._path = path
        self._chain = chain
        self._saved = -1

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

    def save(self) -> bool:
        """Bring the copy up to date; return whether anything had happened.

        Raises:
            ChainError: the node does not answer.
            ConfigurationError: the file cannot be written.
        """
        newest = self._chain.block_number()
        numbers = range(self._saved + 1, newest + 1)
        counts = self._chain.batch(
            [("eth_getBlockTransactionCountByNumber", (hex(number),)) for number in numbers]
        )
        if self._saved >= 0 and all(count in (None, _EMPTY) for count in counts):
            return False
        _replace(self._path, gzip.decompress(to_bytes(self._chain.request("anvil_dumpState"))))
        self._saved = newest
        return True


def _replace(path: Path, content: bytes) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"the chain cannot be kept: {error.strerror}",
            field="state",
            value=str(path),
            remedy="make room, or choose another folder with --state",
        ) from error
