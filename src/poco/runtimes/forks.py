"""Start processes for WASM modules quickly: one that has loaded the engine forks them."""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from poco.errors import ConfigurationError

__all__ = ["Child", "ForkServer"]

_PROGRAM = Path(__file__).with_name("wasm_child.py")
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Child:
    """A process that runs one module.

    Attributes:
        stdout: what the app writes there; ends with the process.
        stderr: likewise.
        line: what the process reports; the process ends when this closes.
    """

    stdout: IO[bytes]
    stderr: IO[bytes]
    line: socket.socket

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(OSError):  # it has just ended by itself
            self.line.shutdown(socket.SHUT_RDWR)

    def reports(self) -> Iterator[bytes]:
        """Yield the lines that the process reports, until it ends."""
        with contextlib.suppress(ConnectionResetError), self.line.makefile("rb") as reports:
            yield from reports


class ForkServer:
    """A process that has loaded wasmtime, and forks a child for each job.

    It is started with the first job, and again when it has died. It ends with the worker, however
    that ends, and its children with it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @contextlib.contextmanager
    def child(self, job: Mapping[str, Any]) -> Iterator[Child]:
        """Start a process for a job, and end it with the context.

        Raises:
            ConfigurationError: when this host cannot start such processes.
        """
        line, far_line = socket.socketpair()
        stdout, far_stdout = os.pipe()
        stderr, far_stderr = os.pipe()
        with line, os.fdopen(stdout, "rb") as out, os.fdopen(stderr, "rb") as err:
            child = Child(out, err, line)
            try:
                self._send((far_line.fileno(), far_stdout, far_stderr))
            finally:
                far_line.close()
                os.close(far_stdout)
                os.close(far_stderr)
            with contextlib.suppress(BrokenPipeError):  # it ended early; the missing report tells
                line.sendall(json.dumps(job).encode() + b"\n")
            try:
                yield child
            finally:
                child.kill()

    def close(self) -> None:
        """End the server and its children."""
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait()
            self._control = self._process = None

    def _send(self, descriptors: tuple[int, ...]) -> None:
        """Have a child forked that owns these descriptors."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        with self._lock:
            if self._control is not None:
                try:
                    self._control.sendmsg([b"."], rights)
                except OSError:  # it has died
                    self.close()
                else:
                    return
            control = self._start()
            control.sendmsg([b"."], rights)

    def _start(self) -> socket.socket:
        control, far = socket.socketpair()
        command = [sys.executable, "-I", "-B", str(_PROGRAM)]
        try:
            with far:
                process = subprocess.Popen(
                    command,
                    stdin=far.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    start_new_session=True,
                )
        except OSError as error:
            control.close()
            raise _unusable(command, str(error)) from error
        control.settimeout(_START_SECONDS)
        try:
            greeting = control.recv(4096)
        except OSError as error:
            greeting = str(error).encode()
        if greeting != b"ready":
            process.kill()
            process.wait()
            control.close()
            raise _unusable(command, greeting.decode(errors="replace") or "it ended at once")
        control.settimeout(None)
        self._process, self._control = process, control
        return control


def _unusable(command: list[str], remedy: str) -> ConfigurationError:
    return ConfigurationError(
        "the WASM runtime must be able to start a process",
        field="command",
        value=command,
        remedy=remedy,
    )
