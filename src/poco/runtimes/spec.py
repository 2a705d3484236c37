"""Say what a runtime is asked to run, and what it answers."""

from __future__ import annotations

import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from poco.appio import DEFAULT_LIMITS, Cause, OutputLimits

__all__ = [
    "KILLED",
    "STAGE_LABEL",
    "TASK_LABEL",
    "WORKER_LABEL",
    "Mount",
    "RunLimits",
    "RunResult",
    "RunSpec",
    "Runtime",
]

KIB, MIB, GIB = 1024, 1024**2, 1024**3
KILLED = 128 + signal.SIGKILL
"""Exit code of a run that the worker ended."""

TASK_LABEL, WORKER_LABEL, STAGE_LABEL = "iexec.task", "iexec.worker", "iexec.stage"
"""Labels of a run: task id, wallet address of the worker, ``app`` (spec offchain §1.2)."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host that the app sees.

    Attributes:
        host: absolute path of an existing folder.
        guest: absolute path where the app finds it.
        read_only: whether the app is kept from writing there.
    """

    host: Path
    guest: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What one run may use (spec offchain §1.7).

    Attributes:
        seconds: wall clock time, the category's time; a hard price limit without grace.
        memory: bytes of memory, no swap on top.
        cpus: processors, fractions allowed; for containers only.
        processes: processes and threads at one time; for containers only.
        output: what may be in the writable folders.
        log_head: bytes kept from the beginning of stdout, and of stderr.
        log_tail: bytes kept from the end of each, so that the last words are never lost.
    """

    seconds: float
    memory: int = GIB
    cpus: float = 1.0
    processes: int = 1024
    output: OutputLimits = DEFAULT_LIMITS
    log_head: int = 64 * KIB
    log_tail: int = 5 * MIB


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run of one app.

    Attributes:
        image: image reference for Docker; URL, IPFS path or path of a module for WASM.
        checksum: the 32 bytes registered with the app; 32 zero bytes stand for "not pinned".
        arguments: given to the app as they are, without a shell; when empty, an image's own
            command applies.
        environment: every variable the app gets.
        mounts: the folders the app sees.
        limits: what it may use.
        name: unique name of the run on this host.
        labels: what marks its container, for a worker that starts again: `TASK_LABEL`,
            `WORKER_LABEL` and `STAGE_LABEL`.
        resume: whether a run of this name and these labels that an earlier process of the worker
            began goes on, with its time counted from its own start; the folders must still be
            those of that run. Otherwise what is left of it is removed.
        gpu: whether the app gets the host's GPUs.
    """

    image: str
    checksum: bytes
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    mounts: tuple[Mount, ...]
    limits: RunLimits
    name: str
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    resume: bool = False
    gpu: bool = False

    @property
    def is_pinned(self) -> bool:
        """Whether a checksum was registered."""
        return any(self.checksum)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        exit_code: the app's exit code; 128 plus the signal's number for a killed or trapped app.
        stdout: what it wrote there, bounded by the limits.
        stderr: likewise.
        seconds: wall clock time of the run.
        cause: why the run does not count, None when the app ended by itself with exit code 0.
        detail: the cause in words, with the limit that was met.
        warnings: remarks for the requester.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    cause: Cause | None = None
    detail: str = ""
    warnings: tuple[str, ...] = ()


class Runtime(Protocol):
    """A way to run apps of one type."""

    @property
    def app_type(self) -> str:
        """The type under which such apps are registered: ``DOCKER`` or ``WASM``."""

    def fetch(self, image: str, checksum: bytes) -> str:
        """Bring an app to this host and check it.

        Args:
            image: the app's multiaddr as text.
            checksum: 32 bytes as registered, zero bytes for "not pinned".

        Returns:
            An immutable name of what was checked.

        Raises:
            ExecutionError: ``APP_IMAGE_DOWNLOAD_FAILED`` when it cannot be had,
                ``APP_IMAGE_BAD_CHECKSUM`` when it is not what was registered.
            ConfigurationError: when the runtime itself does not work on this host.
        """

    def labels(self, image: str, checksum: bytes) -> Mapping[str, str]:
        """Return what an app says of itself, fetching it if need be: the labels of an image.

        Raises:
            ExecutionError: as `fetch`.
            ConfigurationError: as `fetch`.
        """

    def run(self, spec: RunSpec) -> RunResult:
        """Fetch an app, run it to its end or its limits, and leave nothing behind but its output.

        Raises:
            ExecutionError: as `fetch`.
            ConfigurationError: as `fetch`.
        """

    def resumable(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return whether a run can go on that an earlier process of the worker began.

        Args:
            name: the run's name.
            labels: the labels it must have.

        Raises:
            ConfigurationError: as `fetch`.
        """

    def stop(self, name: str) -> None:
        """End a run of this process from another thread: it returns ``ABORTED_BY_WORKER``.

        Without such a run nothing happens.
        """

    def reap(self, worker: str, known: Collection[str] = (), prefix: str = "") -> tuple[str, ...]:
        """Remove what earlier processes of a worker left behind.

        Args:
            worker: the `WORKER_LABEL` of its runs.
            known: values of `TASK_LABEL` that stay, because their runs will be resumed.
            prefix: of the names of the runs; others of the same account are left alone.

        Returns:
            The names of the runs that were removed.

        Raises:
            ConfigurationError: as `fetch`.
        """
