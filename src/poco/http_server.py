"""Hand out a few files over HTTP, for markets whose people are on one machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response

from poco.web import serving

__all__ = ["FileServer", "serve_files"]


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
    app = FastAPI(openapi_url=None)

    @app.get("/{name:path}")
    def file(name: str) -> Response:
        path = files.get(name)
        if path is None or not path.is_file():
            return Response(status_code=HTTPStatus.NOT_FOUND)
        return FileResponse(path, media_type="application/octet-stream")

    with serving(app, host=host, port=port) as url:
        yield FileServer(url)
