"""Attend a container: read its streams to their end, hold it to its limits, judge how it ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from docker.errors import APIError
from docker.models.containers import Container

from poco.appio import Cause
from poco.errors import ConfigurationError
from poco.runtimes.guard import BoundedLog, Run, Watchdog, out_of_time
from poco.runtimes.spec import KILLED, RunLimits, RunResult, RunSpec

__all__ = ["attend", "refused", "stopped_early"]

_NOT_STARTED = 127
_NO_GPU = "could not select device driver"


def attend(
    container: Container, spec: RunSpec, run: Run, warnings: tuple[str, ...], *, resumed: bool
) -> RunResult:
    """Start a container, or go on with one, and wait for its end.

    Args:
        container: one that was created, or when resumed one that was started by an earlier process.
        spec: what it runs.
        run: the run as others see it.
        warnings: remarks for the requester.
        resumed: whether it was started already. Of its log there is then what the engine has kept,
            at least the end that the limits ask for.

    Returns:
        How it ended; its time is that from the container's own start to its own end.

    Raises:
        APIError: when the engine does not do its work.
        ConfigurationError: when it has no GPU to give.
    """
    limits = spec.limits
    stdout, stderr = (BoundedLog(limits.log_head, limits.log_tail) for _ in range(2))
    writable = [mount.host for mount in spec.mounts if not mount.read_only]

    def kill() -> None:
        with contextlib.suppress(APIError):  # it has just ended by itself
            container.kill()

    read = _reader_again(container, stdout, stderr) if resumed else None
    if read is None:
        read = _reader(container, stdout, stderr)
        try:
            container.start()
        except APIError as error:
            if spec.gpu and _NO_GPU in str(error.explanation):
                raise ConfigurationError(
                    "the Docker engine must offer the host's GPUs",
                    field="gpu",
                    value=spec.gpu,
                    remedy="install NVIDIA's container toolkit, or do not offer the GPU tag",
                ) from error
            if not error.is_client_error():
                raise
            return refused(error, warnings)
    elapsed = max(0.0, time.time() - _moment(container, "StartedAt")) if resumed else 0.0
    watchdog = Watchdog(
        limits, writable, kill, run, processes=partial(_processes, container), elapsed=elapsed
    )
    with watchdog:
        read()
        code = int(container.wait()["StatusCode"])
    container.reload()
    # The engine notes the start a little late, for a very short run after its end.
    seconds = max(0.0, _moment(container, "FinishedAt") - _moment(container, "StartedAt"))
    cause, detail = watchdog.cause, watchdog.detail
    if cause is None and seconds > limits.seconds:
        cause, detail = out_of_time(limits)  # nobody was there to end it
    if cause is None and code:
        cause, detail = _verdict(code, bool(container.attrs["State"]["OOMKilled"]), limits)
    return RunResult(code, stdout.content(), stderr.content(), seconds, cause, detail, warnings)


def refused(error: APIError, warnings: tuple[str, ...]) -> RunResult:
    """Report an image whose command the engine cannot start: the app's fault, not the host's."""
    detail = str(error.explanation or error)
    stderr = detail.encode() + b"\n"
    return RunResult(_NOT_STARTED, b"", stderr, 0.0, Cause.APP_COMPUTE_FAILED, detail, warnings)


def stopped_early(warnings: tuple[str, ...]) -> RunResult:
    """Report a run that was stopped before it began."""
    detail = "the worker has ended it before it began"
    return RunResult(KILLED, b"", b"", 0.0, Cause.ABORTED_BY_WORKER, detail, warnings)


def _reader(container: Container, stdout: BoundedLog, stderr: BoundedLog) -> Callable[[], None]:
    """Listen to a container that will start: nothing of what it writes can be missed."""
    streams = container.attach(stream=True, demux=True, stdout=True, stderr=True, logs=False)

    def read() -> None:
        for out, err in streams:
            stdout.write(out or b"")
            stderr.write(err or b"")

    return read


def _reader_again(
    container: Container, stdout: BoundedLog, stderr: BoundedLog
) -> Callable[[], None]:
    """Read what the engine has kept of a container's log when that has ended."""

    def read() -> None:
        container.wait()  # only then is the log complete
        for log, out in ((stdout, True), (stderr, False)):
            for chunk in container.logs(stdout=out, stderr=not out, stream=True, follow=False):
                log.write(chunk)

    return read


def _processes(container: Container) -> Iterator[int]:
    """Find the processes of a container, those of this host that are in its control group."""
    mark = str(container.id).encode()
    for group in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):  # it has just ended
            if mark in group.read_bytes():
                yield int(group.parent.name)


def _moment(container: Container, name: str) -> float:
    """Return a time that the engine has noted, in seconds since the epoch."""
    text = str(container.attrs["State"][name]).rstrip("Z")
    seconds, _, fraction = text.partition(".")
    moment = datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp()
    return moment + float(f"0.{fraction or 0}")


def _verdict(code: int, out_of_memory: bool, limits: RunLimits) -> tuple[Cause, str]:
    if out_of_memory:
        return Cause.APP_OUT_OF_MEMORY, f"out of memory (limit {limits.memory} bytes)"
    return Cause.APP_COMPUTE_FAILED, f"the app ended with exit code {code}"
