"""A proxy that connects apps to what they may reach: HTTP's CONNECT (RFC 9110 §9.3.6)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import threading
from collections.abc import Iterator

from poco.errors import ConfigurationError
from poco.runtimes.allowlist import AllowList

__all__ = ["serving_proxy"]

_MOST_CONNECTIONS = 64
_HEAD_BYTES = 8192
_HEAD_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_BLOCK = 64 * 1024
_REQUEST = re.compile(rb"CONNECT \[?([A-Za-z0-9._:-]{1,253}?)\]?:([0-9]{1,5}) HTTP/1\.[01]\r\n")


@contextlib.contextmanager
def serving_proxy(host: str, port: int, allowed: AllowList) -> Iterator[int]:
    """Serve a proxy in a thread of its own.

    Args:
        host: address to listen on.
        port: port to listen on, 0 for any.
        allowed: what may be reached.

    Yields:
        The port.

    Raises:
        ConfigurationError: when the address cannot be listened on.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise ConfigurationError(
            "the proxy for apps must be able to listen",
            field="address",
            value=f"{host}:{port}",
            remedy=str(error),
        ) from error
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    proxy = _Proxy(allowed)
    thread = threading.Thread(
        target=loop.run_until_complete, args=(proxy.serve(listener, stop),), daemon=True
    )
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


class _Proxy:
    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._accept, sock=listener, limit=_HEAD_BYTES)
        await stop.wait()
        server.close()
        # All of them: a connection that is being accepted is no task of ours yet.
        open_ = asyncio.all_tasks() - {asyncio.current_task()}
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
        for _ in range(2):  # a closed transport hangs up in the next round
            await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._connect(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            pass  # one of the two sides is gone, or talks nonsense
        finally:
            self._connections.discard(task)
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        request = _REQUEST.match(head)
        if request is None:
            await _answer(writer, "405 Only CONNECT is served")
            return
        host, port = request[1].decode(), int(request[2])
        address = await self._address(host, port)
        if address is None:
            await _answer(writer, "403 Not on the worker's list")
            return
        try:
            far_reader, far_writer = await asyncio.wait_for(
                asyncio.open_connection(address, port, limit=_BLOCK), _CONNECT_SECONDS
            )
        except (OSError, TimeoutError):
            await _answer(writer, "502 No answer")
            return
        try:
            await _answer(writer, "200 Connected")
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            far_writer.close()

    async def _address(self, host: str, port: int) -> str | None:
        """Return the address to connect to, None when that is not allowed."""
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            if not self._allowed.names(host, port):
                return None
        else:
            return host if self._allowed.admits(literal, "", port) else None
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return None
        for *_, peer in found:
            address = str(peer[0])
            if self._allowed.admits(ipaddress.ip_address(address), host, port):
                return address
        return None


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
    await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(_BLOCK):
        writer.write(block)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
