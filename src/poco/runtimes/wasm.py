"""Run WASM modules with wasmtime: no daemon, no network, the same bits everywhere.

An app is a WASI (preview 1) command. It gets no clock or random source of its own beyond what WASI
gives, no sockets, and only the folders it is handed.
"""

from __future__ import annotations

import json
import tempfile
import threading
import weakref
from collections.abc import Collection, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any

from poco.appio import Cause
from poco.errors import ConfigurationError
from poco.fetching import Fetcher
from poco.runtimes.forks import Child, ForkServer
from poco.runtimes.guard import BoundedLog, Run, Runs, Watchdog
from poco.runtimes.modules import Module, ModuleStore
from poco.runtimes.spec import GIB, KILLED, MIB, RunResult, RunSpec

__all__ = ["FUEL_PER_SECOND", "WasmRuntime"]

FUEL_PER_SECOND = 10**12
"""Units of fuel, one for each instruction of a module, that a second of the category's time buys.

A busy loop takes 4·10⁹ of them in a second, code that the compiler dissolves up to 2·10¹¹. So no
app that is within its time runs out of fuel, on any host; the clock ends it, and the error result
says the same on all of them.
"""

_MOST_FUEL = 2**63 - 1
_FILE_SLACK = 64 * MIB
"""A file may outgrow the limit by this much, so that the watchdog sees it and not the app."""
_DATA_SLACK = GIB
"""Memory for the engine and its compiler, beyond that of the app."""


class WasmRuntime:
    """Run apps of type ``WASM``, each in a process of its own.

    A module is named by a URL or an IPFS path; its registered checksum is its SHA-256. It is kept,
    and so is its compiled form.

    Args:
        fetcher: downloads modules; by default from public addresses.
        cache: folder for modules, private to the worker; by default one that goes with the runtime.
        allow_files: whether a module may also be a file on this host, named by its path or a
            ``file:`` URL; for markets on one machine only, because a stranger chooses the name.
        fuel_per_second: units of fuel for each second that an app may last. Where all workers have
            the same small number, they agree on the instruction at which an app was too long.
    """

    app_type = "WASM"

    def __init__(
        self,
        fetcher: Fetcher | None = None,
        cache: Path | None = None,
        *,
        allow_files: bool = False,
        fuel_per_second: int = FUEL_PER_SECOND,
    ) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._allow_files = allow_files
        self._fuel_per_second = fuel_per_second
        self._runs = Runs()
        self._forks = ForkServer()
        weakref.finalize(self, self._forks.close)

    def fetch(self, image: str, checksum: bytes) -> str:
        """Bring a module to this host and check it; see `Runtime.fetch`."""
        return f"sha256:{self._modules.resolve(image, checksum).sha256.hex()}"

    def labels(self, image: str, checksum: bytes) -> Mapping[str, str]:  # noqa: ARG002
        """Return nothing: a module carries no labels."""
        return {}

    def run(self, spec: RunSpec) -> RunResult:
        """Run a module to its end or its limits; see `Runtime.run`."""
        if spec.gpu:
            raise ConfigurationError(
                "a WASM app cannot have a GPU",
                field="gpu",
                value=spec.gpu,
                remedy="do not offer the GPU tag for WASM apps",
            )
        warnings = () if spec.is_pinned else ("the app has no checksum: its module may change",)
        with self._runs.entered(spec.name) as run:
            module = self._modules.resolve(spec.image, spec.checksum)
            fuel = int(spec.limits.seconds * self._fuel_per_second)
            with self._forks.child(_job(spec, module, fuel)) as child:
                return _attend(child, spec, run, warnings)

    def resumable(self, name: str, labels: Mapping[str, str]) -> bool:  # noqa: ARG002
        """Return False: a module's process ends with the worker's."""
        return False

    def stop(self, name: str) -> None:
        """Kill the process of a run; see `Runtime.stop`."""
        self._runs.stop(name)

    def reap(
        self,
        worker: str,  # noqa: ARG002
        known: Collection[str] = (),  # noqa: ARG002
        prefix: str = "",  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Return nothing: a module's process ends with the worker's."""
        return ()

    @cached_property
    def _modules(self) -> ModuleStore:
        folder = self._cache
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="poco-modules-")
            weakref.finalize(self, temporary.cleanup)
            folder = Path(temporary.name)
        return ModuleStore(folder, self._fetcher or Fetcher(), allow_files=self._allow_files)


def _job(spec: RunSpec, module: Module, fuel: int) -> dict[str, Any]:
    limits = spec.limits
    return {
        "module": str(module.path),
        "compiled": str(module.compiled),
        "arguments": spec.arguments,
        "environment": dict(spec.environment),
        "mounts": [(str(mount.host), mount.guest, not mount.read_only) for mount in spec.mounts],
        "memory": limits.memory,
        "fuel": min(fuel, _MOST_FUEL),
        "file_size": limits.output.size + _FILE_SLACK,
        "data": limits.memory + _DATA_SLACK,
    }


def _attend(child: Child, spec: RunSpec, run: Run, warnings: tuple[str, ...]) -> RunResult:
    """Drain a process, hold it to its limits, and judge how it ended."""
    limits = spec.limits
    logs = [BoundedLog(limits.log_head, limits.log_tail) for _ in range(2)]
    drains = [
        threading.Thread(target=_drain, args=(pipe, log), daemon=True)
        for pipe, log in zip((child.stdout, child.stderr), logs, strict=True)
    ]
    writable = [mount.host for mount in spec.mounts if not mount.read_only]
    reports = child.reports()
    processes: list[int] = []
    with Watchdog(limits, writable, child.kill, run, processes=lambda: processes) as watchdog:
        for drain in drains:
            drain.start()
        processes += map(int, islice(reports, 1))
        ending = next(reports, b"")
        for drain in drains:
            drain.join()
        seconds = watchdog.seconds
    stdout, stderr = (log.content() for log in logs)
    code, cause, detail = KILLED, watchdog.cause, watchdog.detail
    if cause is None:
        if not processes:
            raise ConfigurationError(
                "the WASM runtime must work on this host",
                field="run",
                value=spec.name,
                remedy=stderr.decode(errors="replace").strip()[-500:] or "its process has died",
            )
        code, cause, detail, fault = _verdict(ending, spec)
        stderr += fault
    return RunResult(code, stdout, stderr, seconds, cause, detail, warnings)


def _verdict(ending: bytes, spec: RunSpec) -> tuple[int, Cause | None, str, bytes]:
    """Return exit code, cause, detail, and what is to be added to stderr."""
    limits = spec.limits
    out_of_memory = f"out of memory (limit {limits.memory} bytes)"
    if not ending:  # the app has brought down its process: the system would give it no more memory
        return KILLED, Cause.APP_OUT_OF_MEMORY, out_of_memory, b""
    report = json.loads(ending)
    code, fault = int(report["exit"]), report["fault"]
    if code == 0:
        return code, None, "", b""
    if report["fuel"]:
        detail = f"out of fuel (what {limits.seconds:g} s may burn)"
        return KILLED, Cause.APP_COMPUTE_TIMEOUT, detail, b""
    if fault is None:
        return code, Cause.APP_COMPUTE_FAILED, f"the app ended with exit code {code}", b""
    told = fault.encode() + b"\n"
    if "exceeds memory limits" in fault:
        return code, Cause.APP_OUT_OF_MEMORY, out_of_memory, told
    return code, Cause.APP_COMPUTE_FAILED, fault.strip().splitlines()[-1].strip(), told


def _drain(pipe: IO[bytes], log: BoundedLog) -> None:
    while chunk := pipe.read1(64 * 1024):  # type: ignore[attr-defined]
        log.write(chunk)
