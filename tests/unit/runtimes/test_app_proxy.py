"""The proxy of an app that may reach something, seen from its socket."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from poco.errors import ConfigurationError
from poco.runtimes.allowlist import AllowList
from poco.runtimes.proxy import serving_proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """Serve what repeats the first bytes it gets and hangs up; returns the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def repeat() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(connection.recv(100))

        threading.Thread(target=repeat, daemon=True).start()
        yield int(server.getsockname()[1])


@pytest.fixture
def proxy(echo: int) -> Iterator[int]:
    allowed = AllowList.parse([f"127.0.0.1:{echo}", "unknown.invalid:443"])
    with serving_proxy("127.0.0.1", 0, allowed) as port:
        yield port


def ask(port: int, request: bytes) -> bytes:
    """Send some bytes and return everything that comes back, nothing when the proxy hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        try:
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(4096), b""))
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
            return b""


def test_proxy__connect__passes_bytes_both_ways(proxy: int, echo: int) -> None:
    answer = ask(proxy, f"CONNECT 127.0.0.1:{echo} HTTP/1.1\r\nHost: x\r\n\r\nping".encode())
    assert answer == b"HTTP/1.1 200 Connected\r\n\r\nping"


@pytest.mark.parametrize(
    "request_line",
    ["GET http://127.0.0.1:{port}/ HTTP/1.1", "CONNECT 127.0.0.1 HTTP/1.1", "CONNECT a b", "\x00"],
)
def test_proxy__anything_but_connect__is_not_served(
    proxy: int, echo: int, request_line: str
) -> None:
    answer = ask(proxy, f"{request_line.format(port=echo)}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(
    "target",
    ["unknown.invalid:443", "127.0.0.1:99999", "[::1]:443", "127.1:{port}", "0x7f.1:{port}"],
)
def test_proxy__address_off_the_list__is_refused(proxy: int, echo: int, target: str) -> None:
    answer = ask(proxy, f"CONNECT {target.format(port=echo)} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("request_bytes", [b"", b"CONNECT", b"x" * 100_000])
def test_proxy__request_that_never_ends__is_hung_up_on(proxy: int, request_bytes: bytes) -> None:
    assert ask(proxy, request_bytes) == b""


def test_proxy__too_many_connections__are_hung_up_on(proxy: int, echo: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(socket.create_connection(("127.0.0.1", proxy)))
        request = f"CONNECT 127.0.0.1:{echo} HTTP/1.1\r\n\r\nping".encode()
        assert ask(proxy, request) == b""
    assert any(ask(proxy, request).endswith(b"ping") for _ in range(100))


def test_proxy__end__hangs_up_and_frees_the_port(echo: int) -> None:
    allowed = AllowList.parse([f"127.0.0.1:{echo}"])
    with serving_proxy("127.0.0.1", 0, allowed) as port:
        line = socket.create_connection(("127.0.0.1", port), timeout=60)
    with line, contextlib.suppress(ConnectionResetError):
        assert line.recv(1) == b""
    with serving_proxy("127.0.0.1", port, allowed) as again:
        assert again == port


def test_proxy__address_of_somebody_else__is_the_operators_to_mend() -> None:
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1:3128"):  # noqa: SIM117
        with serving_proxy("192.0.2.1", 3128, AllowList()):
            pass
