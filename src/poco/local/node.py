"""The chain of a local market: anvil, and when it makes blocks."""

from __future__ import annotations

import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poco.contracts import Chain
from poco.contracts.chain import to_int
from poco.local.chain_copy import unpack
from poco.local_chain import LocalNode, local_node

__all__ = ["GENESIS", "keep_pace", "run_chain", "set_pace"]

GENESIS, _SCRATCH = "genesis", "chain-states"
"""The time of the first block, and a folder for states of old blocks."""

_ACCOUNTS = 20
_OLD_STATES = 512
_QUIET_SECONDS = 15
"""Between two blocks while nobody sends anything: each takes 5 kB of memory."""
_BUSY_SECONDS = 60.0
"""After a transaction, clients wait for further blocks."""


@contextmanager
def run_chain(folder: Path, *, again: bool) -> Iterator[LocalNode]:
    """Run the chain until the block ends, at first mining each transaction at once.

    Its clock is that of this machine, or further on: time never goes back. The first block is
    always that of the first time: anvil makes one of its own before it loads a copy, and may take
    either for the first one afterwards. Nobody can guess where it listens: pages in a browser are
    kept out by what stands before it.

    Args:
        folder: of the market.
        again: whether to go on from the copy there; else a new chain begins.

    Raises:
        ConfigurationError: anvil is missing, or cannot read the copy.
        OSError: something is missing in the folder, or cannot be written there.
        ValueError: what is kept there is malformed.
    """
    scratch, genesis = folder / _SCRATCH, folder / GENESIS
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    begun = int(genesis.read_text()) if again else int(time.time())
    if not again:
        genesis.write_text(f"{begun}\n")
    options = ["--accounts", str(_ACCOUNTS), "--base-fee", "0", "--timestamp", str(begun)]
    options += ["--cache-path", str(scratch), "--max-persisted-states", str(_OLD_STATES)]
    options += ["--no-cors", "--host", _hidden_host()]
    plain = scratch / "copy.json"
    if again:
        unpack(folder, plain)
        options += ["--load-state", str(plain)]
    with local_node(*options) as node:
        plain.unlink(missing_ok=True)
        node.chain.request("evm_setTime", max(int(time.time()), node.chain.timestamp()))
        yield node


def set_pace(chain: Chain, seconds: int) -> None:
    """Have each transaction mined at once, or none until `keep_pace` does it.

    Args:
        chain: the chain.
        seconds: between two blocks; 0 for each transaction at once.

    Raises:
        ChainError: the node does not answer.
    """
    chain.request("evm_setAutomine", seconds == 0)


def keep_pace(chain: Chain, seconds: float, stop: threading.Event) -> None:
    """Mine a block every so many seconds, and fewer of them while nobody sends anything.

    Args:
        chain: mines nothing by itself.
        seconds: between two blocks.
        stop: ends it.

    Raises:
        ChainError: the node does not answer.
    """
    mined = sent = now = time.monotonic()
    while not stop.wait(now + seconds - time.monotonic()):
        now = time.monotonic()
        if to_int(chain.request("txpool_status")["pending"]):
            sent = now
        if now <= sent + _BUSY_SECONDS or now >= mined + _QUIET_SECONDS:
            chain.request("evm_mine")
            mined = now


def _hidden_host() -> str:
    """Return one of the sixteen million addresses of the loopback interface; else the usual."""
    if sys.platform != "linux":
        return "127.0.0.1"
    return ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])
