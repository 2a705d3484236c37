"""A throw-away local chain: anvil in a process of its own, gone when the block ends."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from poco.contracts import Chain
from poco.errors import ConfigurationError

__all__ = ["local_chain", "travel"]

_LISTENING = "Listening on "
_PATIENCE_SECONDS = 30.0


@contextmanager
def local_chain(*options: str, port: int = 0, hardfork: str = "cancun") -> Iterator[Chain]:
    """Run anvil, mining each transaction at once.

    Args:
        options: further options of anvil.
        port: TCP port on the loopback interface; 0 takes a free one.
        hardfork: the rules; the contracts need those of Cancun or later.

    Yields:
        A connection to it.

    Raises:
        ConfigurationError: anvil is not installed, ends at once (the port may be taken), or does
            not listen within 30 seconds.
    """
    binary = shutil.which("anvil")
    if binary is None:
        raise ConfigurationError(
            "the local chain needs anvil", field="PATH", value="anvil", remedy="make setup"
        )
    command = [binary, "--port", str(port), "--hardfork", hardfork, *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        yield Chain.connect(f"http://{_address(process, port)}")
    finally:
        process.terminate()
        process.wait()


def travel(chain: Chain, seconds: int) -> None:
    """Advance the clock of a development chain, and mine a block so that views see it.

    Args:
        chain: anvil, or a node with the same methods.
        seconds: how far.

    Raises:
        ChainError: the node does not do that.
    """
    chain.request("evm_increaseTime", hex(seconds))
    chain.request("evm_mine")


def _address(process: subprocess.Popen[str], port: int) -> str:
    """Return host and port where anvil listens, and go on emptying its output."""
    assert process.stdout is not None
    patience = threading.Timer(_PATIENCE_SECONDS, process.kill)
    patience.start()
    last = ""
    try:
        for line in process.stdout:
            if line.startswith(_LISTENING):
                drain = threading.Thread(target=_drain, args=(process.stdout,), daemon=True)
                drain.start()
                return line.removeprefix(_LISTENING).strip()
            last = line.strip() or last
    finally:
        patience.cancel()
    raise ConfigurationError(
        f"anvil must listen within {_PATIENCE_SECONDS:g} s, it ended with exit code "
        f"{process.wait()}: {last}",
        field="port",
        value=port,
        remedy="choose another port; 0 takes a free one",
    )


def _drain(output: IO[str]) -> None:
    for _ in output:
        pass
