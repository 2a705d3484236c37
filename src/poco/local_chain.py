"""A throw-away local chain: anvil in a process of its own, gone when the block ends.

It is gone as well when this process is killed, and the signals of a terminal do not reach it: the
chain ends after those who use it.
"""

from __future__ import annotations

import ctypes
import platform
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poco.contracts import Chain
from poco.errors import ConfigurationError

__all__ = ["LocalNode", "local_chain", "local_node", "travel"]

_LISTENING = "Listening on "
_PATIENCE_SECONDS = 30.0
_END_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


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
    with local_node(*options, port=port, hardfork=hardfork) as node:
        yield node.chain


@contextmanager
def local_node(*options: str, port: int = 0, hardfork: str = "cancun") -> Iterator[LocalNode]:
    """Run anvil like `local_chain`, and know when it ends by itself."""
    command = [_binary(), "--port", str(port), "--hardfork", hardfork, *options]
    anvil = _Anvil(command)
    try:
        yield LocalNode(Chain.connect(f"http://{anvil.address(port)}"), anvil)
    finally:
        anvil.end()


class LocalNode:
    """A node of this machine.

    Attributes:
        chain: a connection to it.
    """

    def __init__(self, chain: Chain, anvil: _Anvil) -> None:
        self.chain = chain
        self._anvil = anvil

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._anvil.pid

    @property
    def ended(self) -> str:
        """How its process has ended; empty while it runs."""
        return self._anvil.ended

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._anvil.kill()


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


class _Anvil:
    """The process. The thread that starts it stays: the system ends the one with the other."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._listens = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._address = ""
        self._last = ""
        self._keeper = threading.Thread(target=self._keep, name="anvil", daemon=True)
        self._keeper.start()

    def address(self, port: int) -> str:
        """Wait until it listens; return host and port."""
        if not self._listens.wait(_PATIENCE_SECONDS):
            self.end()
        if self._address:
            return self._address
        self._keeper.join()
        code = None if self._process is None else self._process.returncode
        raise ConfigurationError(
            f"anvil must listen within {_PATIENCE_SECONDS:g} s, it ended with exit code "
            f"{code}: {self._last}",
            field="port",
            value=port,
            remedy="choose another port; 0 takes a free one",
        )

    @property
    def pid(self) -> int:
        """Number of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> str:
        """How the process has ended; empty while it runs."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return ""
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """End it, at once if it does not end by itself."""
        if self._process is not None:
            self._process.terminate()
            self._keeper.join(_END_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
        self._keeper.join()

    def _keep(self) -> None:
        """Start it, and empty its output until it has ended."""
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                preexec_fn=None if _libc is None else _end_with_parent,
            )
            assert self._process.stdout is not None
            for line in self._process.stdout:
                if line.startswith(_LISTENING):
                    self._address = line.removeprefix(_LISTENING).strip()
                    self._listens.set()
                self._last = line.strip() or self._last
            self._process.wait()
        except OSError as error:
            self._last = str(error)
        finally:
            self._listens.set()


def _end_with_parent() -> None:
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _binary() -> str:
    """Return the program itself: npm has a script of Node's before it."""
    found = shutil.which("anvil")
    if found is None:
        raise ConfigurationError(
            "the local chain needs anvil", field="PATH", value="anvil", remedy="make setup"
        )
    packages = Path(found).resolve().parents[1]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    program = packages / f"anvil-{sys.platform}-{machine}" / "bin" / "anvil"
    return str(program) if program.is_file() else found
