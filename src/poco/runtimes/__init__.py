"""Runtimes: plug-ins that execute an app under limits, and know nothing of tasks or chains."""

from poco.runtimes.docker import DockerRuntime
from poco.runtimes.selection import available_runtime, available_runtimes
from poco.runtimes.spec import Mount, RunLimits, RunResult, RunSpec, Runtime
from poco.runtimes.wasm import WasmRuntime

__all__ = [
    "DockerRuntime",
    "Mount",
    "RunLimits",
    "RunResult",
    "RunSpec",
    "Runtime",
    "WasmRuntime",
    "available_runtime",
    "available_runtimes",
]
