"""Keep the services of one process alive: each has a thread, and is started again when it ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import uvicorn
from fastapi import FastAPI

from poco.errors import PocoError
from poco.web import server_of, wait_for_start

__all__ = ["Supervisor"]

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STABLE_SECONDS = 60.0
_END_SECONDS = 10.0


class Supervisor:
    """Runs services until it is closed. What goes wrong with one is said, and tried again.

    Args:
        report: called with the name of a service and a line about it.
    """

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self._report = report
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._servers: dict[str, uvicorn.Server] = {}
        self._ill: dict[str, str] = {}

    @property
    def ill(self) -> dict[str, str]:
        """Why services do not run just now, by name."""
        return dict(self._ill)

    def keep(self, name: str, work: Callable[[threading.Event], None]) -> None:
        """Run something that ends only when the event is set that it is handed.

        Args:
            name: of the service.
            work: what it does.
        """
        thread = threading.Thread(target=self._keep, args=(name, work), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def serve(self, name: str, app: FastAPI, listeners: Sequence[socket.socket]) -> None:
        """Serve an application; it answers when this returns.

        Args:
            name: of the service.
            app: the application.
            listeners: where; they stay open as long as the caller keeps them so.

        Raises:
            InternalError: it does not start.
        """
        self._servers[name] = server_of(app)
        self.keep(name, lambda _: self._serve(name, app, listeners))
        wait_for_start(self._servers[name], self._threads[-1])

    def close(self) -> None:
        """End all services, the last one first to be told."""
        self._stop.set()
        for server in self._servers.values():
            server.should_exit = True
        deadline = time.monotonic() + _END_SECONDS
        for thread in reversed(self._threads):
            thread.join(max(0.1, deadline - time.monotonic()))

    def _serve(self, name: str, app: FastAPI, listeners: Sequence[socket.socket]) -> None:
        server = self._servers[name]
        if server.should_exit:
            server = self._servers[name] = server_of(app)
        if self._stop.is_set():
            return
        with ExitStack() as stack:  # uvicorn closes what it is given
            sockets = [stack.enter_context(listener.dup()) for listener in listeners]
            try:
                server.run(sockets=sockets)
            finally:
                server.should_exit = True

    def _keep(self, name: str, work: Callable[[threading.Event], None]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            begun = time.monotonic()
            self._ill.pop(name, None)
            cause = "it ended"
            try:
                work(self._stop)
            except PocoError as error:
                cause = str(error)
            except Exception as error:  # whatever it is, the others go on
                cause = f"unexpected {type(error).__name__}: {error}"
            if self._stop.is_set():
                return
            if time.monotonic() > begun + _STABLE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._ill[name] = cause
            self._report(name, f"starts again in {pause:g} s: {cause}")
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
