"""A small image registry with one image, closed to whoever does not know the password."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "reader", "correct horse"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Registry:
    """Where a registry listens, and the checksum of its image."""

    host: str
    checksum: bytes

    @property
    def image(self) -> str:
        """Reference of the image by its tag."""
        return f"{self.host}/private/app:1.0"


@contextmanager
def serving(*, size: int = 300_000, pause: float = 0.0) -> Iterator[Registry]:
    """Serve an image with a layer of some bytes that cannot be packed, after a pause in seconds."""
    layer = _layer(size)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"iexec.generation": "v3"}, "Cmd": ["/nothing"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _part("application/vnd.docker.container.image.v1+json", config),
            "layers": [_part("application/vnd.docker.image.rootfs.diff.tar", layer)],
        }
    ).encode()
    blobs = {_digest(content): content for content in (layer, config)}
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if self.headers.get("Authorization") != f"Basic {token}":
                self.answer(401, b"{}", {"WWW-Authenticate": 'Basic realm="test"'})
            elif self.path == "/v2/":
                self.answer(200, b"{}")
            elif "/manifests/" in self.path and name in ("1.0", _digest(manifest)):
                kind = {"Content-Type": _MANIFEST, "Docker-Content-Digest": _digest(manifest)}
                self.answer(200, manifest, kind)
            elif name in blobs:
                time.sleep(pause)
                self.answer(200, blobs[name])
            else:
                self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "gone"}]}')

        do_HEAD = do_GET  # noqa: N815 (the library calls it so)

        def answer(
            self, status: int, content: bytes, headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        checksum = bytes.fromhex(_digest(manifest).removeprefix("sha256:"))
        yield Registry(f"127.0.0.1:{server.server_port}", checksum)
    finally:
        server.shutdown()
        server.server_close()


def _layer(size: int) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as layer:
        noise = os.urandom(size)  # no two images are the same
        member = tarfile.TarInfo("noise")
        member.size = len(noise)
        layer.addfile(member, io.BytesIO(noise))
    return content.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _part(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(content), "digest": _digest(content)}
