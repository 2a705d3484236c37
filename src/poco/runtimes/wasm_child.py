"""Run WASM modules, each in a process forked from this one, which has loaded the engine.

The worker sends one byte for each job over standard input, a socket, with three descriptors: a
socket for the job, and the app's standard output and error. The child reads a line of JSON from
that socket (see `run`) and reports there. When the socket closes, or the worker dies, the child
ends at once; when standard input closes, so does this process.

A process for each module lets the worker end an app wherever it hangs, also inside a host call, and
keeps a fault of the engine away from the worker. This file imports nothing of poco.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import threading
from pathlib import Path
from typing import Any

ABORTED = 134
"""Exit code of an app that trapped, as a shell reports an abort."""

_MAX_TABLE = 1_000_000
"""Entries of one table: a table is memory as well."""
_OPEN_FILES = 4096


def main() -> None:
    """Fork a child for each job."""
    control = socket.socket(fileno=0)
    try:
        import wasmtime  # noqa: F401 (what takes long is done once, here)
    except ImportError as error:
        control.sendall(str(error).encode())
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the children
    control.sendall(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            run(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def run(line: int, stdout: int, stderr: int) -> None:
    """Do one job: report this process's id, and at its end ``{"exit", "fault", "fuel"}`` as JSON.

    ``fuel`` tells whether the app has used up what it had. The job has the keys ``module`` and
    ``compiled`` (paths), ``arguments``, ``environment``, ``mounts`` (host path, guest path,
    writable), ``memory`` (bytes), ``fuel`` (units), ``file_size`` (bytes of one file) and ``data``
    (bytes that the process may have in all).
    """
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.close(stdout)
        os.close(stderr)
        job = json.loads(_read_line(line))
        threading.Thread(target=_end_with, args=(line,), daemon=True).start()
        for kind, limit in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, job["file_size"]),
            (resource.RLIMIT_DATA, job["data"]),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
        ):
            hard = resource.getrlimit(kind)[1]
            bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (bound, bound))
        os.write(line, b"%d\n" % os.getpid())
        code, fault, exhausted = _execute(job)
        report = {"exit": code, "fault": fault, "fuel": exhausted}
        os.write(line, json.dumps(report).encode())
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    finally:
        os._exit(0)


def _execute(job: dict[str, Any]) -> tuple[int, str | None, bool]:
    import wasmtime

    settings = wasmtime.Config()
    settings.cranelift_nan_canonicalization = True
    settings.wasm_relaxed_simd_deterministic = True
    settings.wasm_threads = False
    settings.consume_fuel = True
    engine = wasmtime.Engine(settings)
    store = wasmtime.Store(engine)
    store.set_limits(
        memory_size=job["memory"], table_elements=_MAX_TABLE, memories=1, instances=1, tables=4
    )
    store.set_fuel(job["fuel"])
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["app", *job["arguments"]]
    wasi.env = list(job["environment"].items())
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    for host, guest, writable in job["mounts"]:
        wasi.preopen_dir(host, guest, writable)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    try:
        instance = linker.instantiate(store, _load(engine, job["module"], job["compiled"]))
        start = instance.exports(store)["_start"]
        if not isinstance(start, wasmtime.Func):
            return ABORTED, "the module's _start is not a function", False
        start(store)
    except wasmtime.ExitTrap as ended:
        return ended.code, None, False
    except KeyError:
        return ABORTED, "the module has no _start: build it as a WASI command", False
    except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
        exhausted = isinstance(error, wasmtime.Trap) and (
            error.trap_code is wasmtime.TrapCode.OUT_OF_FUEL
        )
        return ABORTED, str(error), exhausted
    return 0, None, False


def _load(engine: Any, path: str, compiled: str) -> Any:
    """Return a module, compiled unless an earlier child with the same engine has done it."""
    import wasmtime

    try:
        return wasmtime.Module.deserialize_file(engine, compiled)
    except wasmtime.WasmtimeError:
        pass  # there is none, or one of another version
    module = wasmtime.Module.from_file(engine, path)
    part = Path(f"{compiled}.{os.getpid()}")
    try:
        part.write_bytes(module.serialize())
        part.replace(compiled)
    except OSError:
        part.unlink(missing_ok=True)  # no room for it: the next child compiles again
    return module


def _read_line(line: int) -> bytes:
    content = bytearray()
    while not content.endswith(b"\n"):
        chunk = os.read(line, 1 << 16)
        if not chunk:
            os._exit(1)
        content += chunk
    return bytes(content)


def _end_with(line: int) -> None:
    while os.read(line, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
