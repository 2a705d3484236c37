"""Container images without a network: bases made of this machine's programs, and a registry."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import ImageNotFound
from fastapi import FastAPI, Request, Response

from poco.web import serving

_LIBRARY = re.compile(r"(/\S+) \(0x")
_SPARED = ("test", "site-packages", "__pycache__", "idlelib", "ensurepip", "config-*", "*.a")


def base_with_python() -> str:
    """Return an image with the Python of the tests; it is built when it is not there."""
    version = ".".join(map(str, sys.version_info[:3]))
    program = (Path(sys.base_prefix) / "bin" / f"python{version.rpartition('.')[0]}").resolve()
    library = Path(sys.base_prefix) / "lib" / program.name
    return _base(f"poco-test-python:{version}", "python3", program, library)


def base_with_node() -> str:
    """Return an image with the Node.js of the official client; see `base_with_python`."""
    found = shutil.which("node")
    assert found, "the official client needs Node.js"
    version = subprocess.check_output([found, "--version"], text=True).strip().removeprefix("v")
    return _base(f"poco-test-node:{version}", "node", Path(found).resolve())


def _base(tag: str, name: str, program: Path, *folders: Path) -> str:
    """Build an image with a program at its place, the libraries it is linked to, and folders."""
    engine = docker.from_env()
    try:
        engine.images.get(tag)
    except ImageNotFound:
        with tempfile.TemporaryDirectory() as made:
            root = Path(made) / "root"
            linked = _LIBRARY.findall(subprocess.check_output(["ldd", str(program)], text=True))
            for file in (program, *map(Path, linked)):
                copy = root / file.relative_to("/")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
            for folder in folders:
                shutil.copytree(
                    folder, root / folder.relative_to("/"), ignore=shutil.ignore_patterns(*_SPARED)
                )
            link = root / "usr" / "local" / "bin" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(program)
            (Path(made) / "Dockerfile").write_text("FROM scratch\nCOPY root /\n")
            engine.images.build(path=made, tag=tag)
    return tag


@contextmanager
def image_registry() -> Iterator[str]:
    """Run a registry that takes what anybody pushes; yield its host and port."""
    app = FastAPI(openapi_url=None)
    blobs: dict[str, bytes] = {}
    manifests: dict[str, tuple[str, bytes]] = {}
    uploads: list[bytes] = []

    @app.get("/v2/")
    def version() -> dict[str, str]:
        return {}

    @app.api_route("/v2/{name:path}/blobs/{digest}", methods=["GET", "HEAD"])
    def blob(name: str, digest: str) -> Response:
        found = blobs.get(digest)
        return Response(status_code=404) if found is None else Response(found)

    @app.post("/v2/{name:path}/blobs/uploads/")
    def begin(name: str) -> Response:
        uploads.append(b"")
        place = f"/v2/{name}/blobs/uploads/{len(uploads) - 1}"
        return Response(status_code=202, headers={"Location": place})

    @app.patch("/v2/{name:path}/blobs/uploads/{number}")
    async def go_on(request: Request, number: int) -> Response:
        uploads[number] += await request.body()
        end = len(uploads[number]) - 1
        headers = {"Location": str(request.url.path), "Range": f"0-{end}"}
        return Response(status_code=202, headers=headers)

    @app.put("/v2/{name:path}/blobs/uploads/{number}")
    async def end(request: Request, number: int, digest: str) -> Response:
        content = uploads[number] + await request.body()
        assert digest == _digest(content)
        blobs[digest] = content
        return Response(status_code=201)

    @app.put("/v2/{name:path}/manifests/{reference}")
    async def put(request: Request, name: str, reference: str) -> Response:
        content = await request.body()
        digest = _digest(content)
        for key in (reference, digest):
            manifests[f"{name}:{key}"] = (request.headers["content-type"], content)
        return Response(status_code=201, headers={"Docker-Content-Digest": digest})

    @app.api_route("/v2/{name:path}/manifests/{reference}", methods=["GET", "HEAD"])
    def get(name: str, reference: str) -> Response:
        found = manifests.get(f"{name}:{reference}")
        if found is None:
            return Response(status_code=404)
        kind, content = found
        headers = {"Docker-Content-Digest": _digest(content)}
        return Response(content, media_type=kind, headers=headers)

    with serving(app) as url:
        yield url.removeprefix("http://")


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
