"""Run container images with a Docker engine, hardened by default (spec offchain §1.7)."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from functools import cached_property

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Ulimit
from docker.types import Mount as BindMount

from poco.appio import Cause
from poco.errors import ConfigurationError
from poco.runtimes.guard import BoundedLog, Watchdog
from poco.runtimes.images import ImageStore
from poco.runtimes.spec import MIB, RunLimits, RunResult, RunSpec

__all__ = ["DockerRuntime"]

_NOT_STARTED = 127
_ENGINE_TIMEOUT = 60
_OPEN_FILES = 65_536
_HOST_NAME = "iexec"
_SCRATCH = f"rw,nosuid,nodev,noexec,size={64 * MIB}"
_REMEDY = "start the engine, or point DOCKER_HOST at one, or register the app as WASM"


class DockerRuntime:
    """Run apps of type ``DOCKER``.

    A container has no network, a read-only root with a small ``/tmp`` in memory, no capabilities
    and no way to gain privileges; memory without swap, processors and processes are limited.
    It runs the checked image by its id, never by a tag. Its streams are read as they are written,
    so that no log grows on the host.

    Args:
        client: a client of the engine; by default one for the engine the environment names.
    """

    app_type = "DOCKER"

    def __init__(self, client: docker.DockerClient | None = None) -> None:
        self._given = client

    def answers(self) -> bool:
        """Return whether the engine answers."""
        try:
            return bool(self._client.ping())
        except (ConfigurationError, DockerException, requests.RequestException):
            return False

    def fetch(self, image: str, checksum: bytes) -> str:
        """Pull an image if need be and return its id; see `Runtime.fetch`."""
        with _engine_faults():
            return ImageStore(self._client).resolve(image, checksum)

    def run(self, spec: RunSpec) -> RunResult:
        """Run an image to its end or its limits; see `Runtime.run`."""
        image = self.fetch(spec.image, spec.checksum)
        warnings = () if spec.is_pinned else ("the app has no checksum: its image may change",)
        with _engine_faults():
            self._remove_leftover(spec.name)
            try:
                container = self._create(image, spec)
            except APIError as error:
                if not error.is_client_error():
                    raise
                return _refused(error, warnings)
            try:
                return _attend(container, spec, warnings)
            finally:
                with contextlib.suppress(NotFound):
                    container.remove(v=True, force=True)

    @cached_property
    def _client(self) -> docker.DockerClient:
        if self._given is not None:
            return self._given
        try:
            return docker.from_env(timeout=_ENGINE_TIMEOUT)
        except DockerException as error:
            raise ConfigurationError(
                f"a Docker engine must answer: {error}", remedy=_REMEDY
            ) from error

    def _remove_leftover(self, name: str) -> None:
        with contextlib.suppress(NotFound):
            self._client.containers.get(name).remove(v=True, force=True)

    def _create(self, image: str, spec: RunSpec) -> Container:
        limits = spec.limits
        return self._client.containers.create(
            image,
            list(spec.arguments) or None,
            name=spec.name,
            labels=dict(spec.labels),
            environment=dict(spec.environment),
            mounts=[
                BindMount(mount.guest, str(mount.host), type="bind", read_only=mount.read_only)
                for mount in spec.mounts
            ],
            hostname=_HOST_NAME,
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": _SCRATCH},  # noqa: S108
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            mem_limit=limits.memory,
            memswap_limit=limits.memory,
            nano_cpus=int(limits.cpus * 1_000_000_000),
            pids_limit=limits.processes,
            ulimits=[
                Ulimit(name="nofile", soft=_open_files(), hard=_open_files()),
                Ulimit(name="core", soft=0, hard=0),
            ],
            log_config=LogConfig(type=LogConfig.types.NONE),
            init=True,
        )


def _open_files() -> int:
    """Return how many files an app may hold open: no limit can be raised over the host's own."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)


def _attend(container: Container, spec: RunSpec, warnings: tuple[str, ...]) -> RunResult:
    """Start a container, read its streams to their end, and judge how it ended."""
    limits = spec.limits
    stdout, stderr = (BoundedLog(limits.log_head, limits.log_tail) for _ in range(2))
    streams = container.attach(stream=True, demux=True, stdout=True, stderr=True, logs=False)
    writable = [mount.host for mount in spec.mounts if not mount.read_only]

    def kill() -> None:
        with contextlib.suppress(APIError):  # it has just ended by itself
            container.kill()

    with Watchdog(limits, writable, kill) as watchdog:
        try:
            container.start()
        except APIError as error:
            if not error.is_client_error():
                raise
            return _refused(error, warnings)
        for out, err in streams:
            stdout.write(out or b"")
            stderr.write(err or b"")
        code = int(container.wait()["StatusCode"])
        seconds = watchdog.seconds
    container.reload()
    cause, detail = watchdog.cause, watchdog.detail
    if cause is None and code:
        cause, detail = _verdict(code, bool(container.attrs["State"]["OOMKilled"]), limits)
    return RunResult(code, stdout.content(), stderr.content(), seconds, cause, detail, warnings)


def _verdict(code: int, out_of_memory: bool, limits: RunLimits) -> tuple[Cause, str]:
    if out_of_memory:
        return Cause.APP_OUT_OF_MEMORY, f"out of memory (limit {limits.memory} bytes)"
    return Cause.APP_COMPUTE_FAILED, f"the app ended with exit code {code}"


def _refused(error: APIError, warnings: tuple[str, ...]) -> RunResult:
    """Report an image whose command the engine cannot start: the app's fault, not the host's."""
    detail = str(error.explanation or error)
    stderr = detail.encode() + b"\n"
    return RunResult(_NOT_STARTED, b"", stderr, 0.0, Cause.APP_COMPUTE_FAILED, detail, warnings)


@contextlib.contextmanager
def _engine_faults() -> Iterator[None]:
    """Translate what only the operator of the engine can mend."""
    try:
        yield
    except (DockerException, requests.RequestException) as error:
        raise ConfigurationError(
            f"the Docker engine must do its work: {error}", remedy=_REMEDY
        ) from error
