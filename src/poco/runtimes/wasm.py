"""Run WASM modules with wasmtime: no daemon, no network, the same bits everywhere.

An app is a WASI (preview 1) command. It gets no clock or random source of its own beyond what WASI
gives, no sockets, and only the folders it is handed.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from poco.appio import Cause, ExecutionError
from poco.errors import ConfigurationError
from poco.runtimes.guard import BoundedLog, Watchdog
from poco.runtimes.spec import MIB, RunResult, RunSpec

__all__ = ["WasmRuntime"]

_CHILD = Path(__file__).with_name("wasm_child.py")
_MAX_MODULE = 256 * MIB
_FILE_SLACK = 64 * MIB
"""A file may outgrow the limit by this much, so that the watchdog sees it and not the app."""
_KILLED = 128 + signal.SIGKILL


class WasmRuntime:
    """Run apps of type ``WASM``, each in a process of its own.

    A module is a file on this host, named by its path or a ``file:`` URL; its registered checksum
    is the SHA-256 of the file.
    """

    app_type = "WASM"

    def fetch(self, image: str, checksum: bytes) -> str:
        """Check that a module is there and is what was registered; see `Runtime.fetch`."""
        return "sha256:" + hashlib.sha256(self._load(image, checksum)).hexdigest()

    def run(self, spec: RunSpec) -> RunResult:
        """Run a module to its end or its limits; see `Runtime.run`."""
        module = self._load(spec.image, spec.checksum)
        reports, report = os.pipe()
        command = [sys.executable, "-I", "-B", str(_CHILD)]
        try:
            with subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                pass_fds=(report,),
                start_new_session=True,
            ) as child:
                os.close(report)
                with os.fdopen(reports, "rb") as verdict:
                    return _supervise(child, verdict, module, _job(spec, module, report), spec)
        except OSError as error:
            raise ConfigurationError(
                "the WASM runtime must be able to start a process",
                field="command",
                value=command,
                remedy=str(error),
            ) from error

    def _load(self, image: str, checksum: bytes) -> bytes:
        path = Path(unquote(urlsplit(image).path) if image.startswith("file:") else image)
        try:
            if path.stat().st_size > _MAX_MODULE:
                raise ExecutionError(
                    Cause.APP_IMAGE_DOWNLOAD_FAILED,
                    f"a module may have {_MAX_MODULE} bytes",
                    field="app.multiaddr",
                    value=image,
                )
            module = path.read_bytes()
        except OSError as error:
            raise ExecutionError(
                Cause.APP_IMAGE_DOWNLOAD_FAILED,
                "must name a readable WASM module on this host",
                field="app.multiaddr",
                value=image,
                remedy=f"{error.strerror}; register the app with the path of its .wasm file",
                permanent=False,
            ) from error
        found = hashlib.sha256(module).digest()
        if any(checksum) and found != checksum:
            raise ExecutionError(
                Cause.APP_IMAGE_BAD_CHECKSUM,
                f"must have the registered SHA-256 0x{checksum.hex()}, not 0x{found.hex()}",
                field="app.multiaddr",
                value=image,
                remedy="register the app again with the checksum of the module it is to run",
            )
        return module


def _job(spec: RunSpec, module: bytes, report: int) -> dict[str, Any]:
    return {
        "size": len(module),
        "arguments": spec.arguments,
        "environment": dict(spec.environment),
        "mounts": [(str(mount.host), mount.guest, not mount.read_only) for mount in spec.mounts],
        "memory": spec.limits.memory,
        "file_size": spec.limits.output.size + _FILE_SLACK,
        "report": report,
    }


def _supervise(
    child: subprocess.Popen[bytes],
    verdict: IO[bytes],
    module: bytes,
    job: dict[str, Any],
    spec: RunSpec,
) -> RunResult:
    """Feed a child process its job, drain it, and judge how it ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    logs = [BoundedLog(spec.limits.log_head, spec.limits.log_tail) for _ in range(2)]
    drains = [
        threading.Thread(target=_drain, args=(pipe, log), daemon=True)
        for pipe, log in zip((child.stdout, child.stderr), logs, strict=True)
    ]
    writable = [mount.host for mount in spec.mounts if not mount.read_only]
    with Watchdog(spec.limits, writable, child.kill) as watchdog:
        for drain in drains:
            drain.start()
        try:
            child.stdin.write(json.dumps(job).encode() + b"\n" + module)
            child.stdin.flush()
        except BrokenPipeError:
            pass  # it ended early; the missing verdict tells
        reported = verdict.read()
        child.wait()
        for drain in drains:
            drain.join()
        seconds = watchdog.seconds
    stdout, stderr = (log.content() for log in logs)
    warnings = () if spec.is_pinned else ("the app has no checksum: its module may change",)
    if watchdog.cause is not None:
        return RunResult(
            _KILLED, stdout, stderr, seconds, watchdog.cause, watchdog.detail, warnings
        )
    if not reported:
        raise ConfigurationError(
            "the WASM runtime must work on this host",
            field="exit code",
            value=child.returncode,
            remedy=stderr.decode(errors="replace").strip()[-500:],
        )
    ending = json.loads(reported)
    code, fault = ending["exit"], ending["fault"]
    if code == 0:
        return RunResult(code, stdout, stderr, seconds, warnings=warnings)
    if fault:
        stderr += fault.encode() + b"\n"
    cause = Cause.APP_COMPUTE_FAILED
    detail = fault.splitlines()[0] if fault else f"the app ended with exit code {code}"
    if fault and "exceeds memory limits" in fault:
        cause, detail = Cause.APP_OUT_OF_MEMORY, f"out of memory (limit {spec.limits.memory} bytes)"
    return RunResult(code, stdout, stderr, seconds, cause, detail, warnings)


def _drain(pipe: IO[bytes], log: BoundedLog) -> None:
    while chunk := pipe.read1(64 * 1024):  # type: ignore[attr-defined]
        log.write(chunk)
