"""An IPFS gateway that has the files that a test gives it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from poco.services.results.cids import raw_cid

__all__ = ["Gateway", "cid_of", "open_gateway"]


class Gateway:
    """A gateway with the files that it was given."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked = 0
        files, gateway = self.files, self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway.asked += 1
                found = files.get(self.path.removeprefix("/ipfs/").split("?")[0])
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(found or b"")))
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, document: object, *, now: bool = True) -> str:
        """Return the CID of a file, which is there from now on or only known."""
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        cid = cid_of(content)
        if now:
            self.files[cid] = content
        return cid


def cid_of(content: bytes) -> str:
    return raw_cid(hashlib.sha256(content).digest())


@contextmanager
def open_gateway() -> Iterator[Gateway]:
    """Serve it until the end of the block."""
    made = Gateway()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
