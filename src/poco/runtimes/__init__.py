"""Runtimes: plug-ins that execute an app under limits, and know nothing of tasks or chains."""

from poco.runtimes.docker import DockerRuntime
from poco.runtimes.image_cache import ImageCache
from poco.runtimes.pulling import Credentials, PullPolicy
from poco.runtimes.selection import available_runtime, available_runtimes
from poco.runtimes.spec import (
    STAGE_LABEL,
    TASK_LABEL,
    WORKER_LABEL,
    Mount,
    RunLimits,
    RunResult,
    RunSpec,
    Runtime,
)
from poco.runtimes.wasm import WasmRuntime

__all__ = [
    "STAGE_LABEL",
    "TASK_LABEL",
    "WORKER_LABEL",
    "Credentials",
    "DockerRuntime",
    "ImageCache",
    "Mount",
    "PullPolicy",
    "RunLimits",
    "RunResult",
    "RunSpec",
    "Runtime",
    "WasmRuntime",
    "available_runtime",
    "available_runtimes",
]
