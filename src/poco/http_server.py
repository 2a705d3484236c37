"""Hand out a few files over HTTP, for markets whose people are on one machine."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from poco.errors import ConfigurationError

__all__ = ["FileServer", "listen", "serve_files", "serving"]


class FileServer:
    """Where files are handed out.

    Args:
        url: root URL, without a slash at the end.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def url_of(self, name: str) -> str:
        """Return the URL of a file by the name it was given."""
        return f"{self.url}/{quote(name)}"


@contextmanager
def serve_files(
    files: Mapping[str, Path], *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[FileServer]:
    """Hand out files by name, and nothing else, until the block ends.

    Args:
        files: the files by the name in their URL.
        host: interface to listen on.
        port: TCP port; 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    with serving(listen(host, port, partial(_Handler, dict(files)))) as url:
        yield FileServer(url)


def listen(host: str, port: int, handler: Any) -> ThreadingHTTPServer:
    """Bind an HTTP server.

    Args:
        host: interface to listen on.
        port: TCP port; 0 takes a free one.
        handler: makes the handler of a request.

    Raises:
        ConfigurationError: the port is taken, or the interface is not of this machine.
    """
    try:
        return _Server((host, port), handler)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"the address cannot be listened on: {error}",
            field="port",
            value=f"{host}:{port}",
            remedy="choose another port; 0 takes a free one",
        ) from error


class _Server(ThreadingHTTPServer):
    """Lets a client that goes away go; anything else a handler did not expect is one line."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            sys.stderr.write(f"error: request of {client_address}: {error!r}\n")


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Answer requests in the background until the block ends; yields the root URL."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield _url(server)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _url(server: ThreadingHTTPServer) -> str:
    host, port = server.server_address[:2]
    return f"http://{host!s}:{port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, files: Mapping[str, Path], *arguments: Any) -> None:
        self._files = files
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with the file of the path's name, or 404."""
        path = self._files.get(unquote(urlsplit(self.path).path.removeprefix("/")))
        try:
            if path is None:
                raise FileNotFoundError
            with path.open("rb") as file:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "application/octet-stream")
                self.send_header("Content-Length", str(path.stat().st_size))
                self.end_headers()
                shutil.copyfileobj(file, self.wfile)
        except FileNotFoundError:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""
