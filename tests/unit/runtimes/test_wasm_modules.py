"""Where WASM modules come from, and how they are kept."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from runtime_bench import PROBE

from poco.appio import Cause, ExecutionError
from poco.fetching import Fetcher, FetchPolicy
from poco.runtimes import Mount, RunLimits, RunSpec, WasmRuntime
from poco.runtimes.modules import ModuleStore

MODULE = (PROBE / "probe.wasm").read_bytes()
SHA256 = hashlib.sha256(MODULE).digest()
LOCAL = Fetcher(FetchPolicy(allow_private=True))


@pytest.fixture
def published(tmp_path: Path) -> Iterator[str]:
    """Serve the module on this host; returns its URL."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "app.wasm").write_bytes(MODULE)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/app.wasm"
    server.shutdown()
    server.server_close()


def spec(image: str, *mounts: Mount) -> RunSpec:
    return RunSpec(image, SHA256, ("print", "x"), {}, mounts, RunLimits(seconds=30), "modules")


def test_module__published__is_fetched_once(published: str, tmp_path: Path) -> None:
    runtime = WasmRuntime(LOCAL, tmp_path / "cache")
    assert runtime.run(spec(published)).stdout == b"[x]\n"
    (tmp_path / "published" / "app.wasm").unlink()
    assert runtime.run(spec(published)).stdout == b"[x]\n"
    assert WasmRuntime(LOCAL, tmp_path / "cache").run(spec(published)).stdout == b"[x]\n"


def test_module__run_before__is_not_compiled_again(published: str, tmp_path: Path) -> None:
    runtime = WasmRuntime(LOCAL, tmp_path / "cache")
    runtime.run(spec(published))
    (compiled,) = (tmp_path / "cache").glob("*.compiled")
    written = compiled.stat().st_mtime_ns
    runtime.run(spec(published))
    assert compiled.stat().st_mtime_ns == written


def test_module__compiled_by_another_engine__is_compiled_again(
    published: str, tmp_path: Path
) -> None:
    runtime = WasmRuntime(LOCAL, tmp_path / "cache")
    runtime.fetch(published, SHA256)
    compiled = tmp_path / "cache" / f"{SHA256.hex()}.compiled"
    compiled.write_bytes(b"of another version")
    assert runtime.run(spec(published)).stdout == b"[x]\n"
    assert compiled.stat().st_size > len(MODULE)


def test_module__wrong_checksum__is_refused_and_not_kept(published: str, tmp_path: Path) -> None:
    runtime = WasmRuntime(LOCAL, tmp_path / "cache")
    with pytest.raises(ExecutionError) as caught:
        runtime.fetch(published, b"\x01" * 32)
    assert caught.value.cause is Cause.APP_IMAGE_BAD_CHECKSUM
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("image", ["/etc/passwd", "file:///etc/passwd", "relative.wasm"])
def test_module__file_of_this_host__is_not_read_unless_allowed(image: str) -> None:
    with pytest.raises(ExecutionError, match="does not read modules from its own disk") as caught:
        WasmRuntime().fetch(image, bytes(32))
    assert not caught.value.permanent


def test_module__private_address__is_not_asked_unless_allowed(published: str) -> None:
    with pytest.raises(ExecutionError):
        WasmRuntime().fetch(published, SHA256)


def test_store__folder__is_private(tmp_path: Path) -> None:
    ModuleStore(tmp_path / "cache", LOCAL, allow_files=True)
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_store__full__drops_what_was_not_used_for_longest(tmp_path: Path) -> None:
    store = ModuleStore(tmp_path / "cache", LOCAL, allow_files=True, max_bytes=2500)
    kept = []
    for number in range(3):
        path = tmp_path / str(number)
        path.write_bytes(bytes([number]) * 1000)
        kept.append(store.resolve(str(path), bytes(32)))
        kept[-1].compiled.write_bytes(b"")
        os.utime(kept[-1].path, (number, number) if number < 2 else None)
        if number == 1:
            store.resolve(str(tmp_path / "0"), kept[0].sha256)  # used again
    assert [module.path.exists() for module in kept] == [True, False, True]
    assert [module.compiled.exists() for module in kept] == [True, False, True]


def test_store__larger_than_its_room__keeps_the_one_in_use(tmp_path: Path) -> None:
    store = ModuleStore(tmp_path / "cache", LOCAL, allow_files=True, max_bytes=10)
    path = tmp_path / "module"
    path.write_bytes(bytes(1000))
    assert store.resolve(str(path), bytes(32)).path.exists()


def test_runtime__gone__takes_its_own_folder_along(tmp_path: Path) -> None:
    path = tmp_path / "module"
    path.write_bytes(MODULE)
    runtime = WasmRuntime(allow_files=True)
    runtime.fetch(str(path), SHA256)
    folder = runtime._modules.resolve(str(path), SHA256).path.parent
    assert folder.exists()
    del runtime
    deadline = time.monotonic() + 60
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not folder.exists()
