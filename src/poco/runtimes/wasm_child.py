"""Run one WASM module in this process, which exists for nothing else.

The parent writes one line of JSON (see `main`) and then the module to standard input, and keeps it
open: when it closes, or the parent dies, this process ends at once. The app owns standard output
and error; the verdict goes to the descriptor named in the job.

A process of its own lets the parent end an app wherever it hangs, also inside a host call, and
keeps a fault of the engine away from the worker. The module imports nothing of poco.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from typing import Any

import wasmtime

__all__ = ["ABORTED", "main"]

ABORTED = 134
"""Exit code of an app that trapped, as a shell reports an abort."""


def main() -> None:
    """Read the job, run the module, report ``{"exit": code, "fault": text or null}``.

    The job has the keys ``size`` (bytes of the module), ``arguments``, ``environment``, ``mounts``
    (host path, guest path, writable), ``memory`` (bytes), ``file_size`` (bytes of one file) and
    ``report`` (descriptor).
    """
    job = json.loads(_read_line())
    module = _read_exactly(job["size"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_size"], job["file_size"]))
    code, fault = _execute(module, job)
    sys.stdout.flush()
    os.write(job["report"], json.dumps({"exit": code, "fault": fault}).encode())
    os._exit(0)


def _execute(module: bytes, job: dict[str, Any]) -> tuple[int, str | None]:
    settings = wasmtime.Config()
    settings.cranelift_nan_canonicalization = True
    settings.wasm_relaxed_simd_deterministic = True
    settings.wasm_threads = False
    engine = wasmtime.Engine(settings)
    store = wasmtime.Store(engine)
    store.set_limits(memory_size=job["memory"], memories=1, instances=1)
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
        instance = linker.instantiate(store, wasmtime.Module(engine, module))
        start = instance.exports(store)["_start"]
        if not isinstance(start, wasmtime.Func):
            return ABORTED, "the module's _start is not a function"
        start(store)
    except wasmtime.ExitTrap as ended:
        return ended.code, None
    except KeyError:
        return ABORTED, "the module has no _start: build it as a WASI command"
    except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
        return ABORTED, str(error)
    return 0, None


def _read_line() -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        line += _read_exactly(1)
    return bytes(line)


def _read_exactly(size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        chunk = os.read(0, size - len(content))
        if not chunk:
            os._exit(1)
        content += chunk
    return bytes(content)


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
