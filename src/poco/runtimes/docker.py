"""Run container images with a Docker engine, hardened by default (spec offchain §1.7)."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from poco.errors import ConfigurationError
from poco.runtimes.allowlist import AllowList
from poco.runtimes.attendance import attend, refused, stopped_early
from poco.runtimes.egress import Access, opened, remove_network
from poco.runtimes.guard import Run, Runs
from poco.runtimes.hardening import container_options
from poco.runtimes.image_cache import ImageCache
from poco.runtimes.images import ImageStore
from poco.runtimes.ownership import hand_over
from poco.runtimes.pulling import PullPolicy
from poco.runtimes.spec import TASK_LABEL, WORKER_LABEL, RunResult, RunSpec

__all__ = ["DockerRuntime"]

_ENGINE_TIMEOUT = 60
_CONFLICT = 409
_REMEDY = "start the engine, or point DOCKER_HOST at one, or register the app as WASM"


class DockerRuntime:
    """Run apps of type ``DOCKER``, each in a container as `container_options` locks it up.

    It runs the checked image by its id, never by a tag. Its streams are read as they are written.

    Args:
        client: a client of the engine; by default one for the engine the environment names.
        pulls: what images may be pulled, and how.
        network: what apps may reach over the network, see `AllowList.parse`; by default nothing.
        cache: makes room for images that are pulled; None keeps all.
    """

    app_type = "DOCKER"

    def __init__(
        self,
        client: docker.DockerClient | None = None,
        *,
        pulls: PullPolicy | None = None,
        network: Collection[str] = (),
        cache: ImageCache | None = None,
    ) -> None:
        self._given = client
        self._pulls = pulls
        self._cache = cache
        self._network = AllowList.parse(network)
        self._runs = Runs()

    def answers(self) -> bool:
        """Return whether the engine answers."""
        try:
            return bool(self._client.ping())
        except (ConfigurationError, DockerException, requests.RequestException):
            return False

    def fetch(self, image: str, checksum: bytes) -> str:
        """Pull an image if need be and return its id; see `Runtime.fetch`."""
        with _engine_faults():
            return self._images.resolve(image, checksum)

    def checksum(self, image: str) -> bytes | None:
        """Return what to register for an image of this host; see `ImageStore.checksum`."""
        with _engine_faults():
            return self._images.checksum(image)

    def labels(self, image: str, checksum: bytes) -> Mapping[str, str]:
        """Return an image's labels; see `Runtime.labels`."""
        with _engine_faults():
            return self._images.labels(self.fetch(image, checksum))

    def run(self, spec: RunSpec) -> RunResult:
        """Run an image to its end or its limits; see `Runtime.run`."""
        warnings = () if spec.is_pinned else ("the app has no checksum: its image may change",)
        with self._runs.entered(spec.name) as run, _engine_faults():
            container = self._begun(spec.name, spec.labels) if spec.resume else None
            image = "" if container else self.fetch(spec.image, spec.checksum)
            if run.stopped and not container:
                return stopped_early(warnings)
            with opened(self._client, spec, self._network) as access:
                if container:
                    return _attend(container, spec, run, warnings, resumed=True)
                try:
                    container = self._create(image, spec, access)
                except ImageNotFound:  # made room for another one since it was found
                    image = self.fetch(spec.image, spec.checksum)
                    container = self._create(image, spec, access)
                except APIError as error:
                    if not error.is_client_error():
                        raise
                    return refused(error, warnings)
                return _attend(container, spec, run, warnings, resumed=False)

    def resumable(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return whether a container of this name and these labels was started before."""
        with _engine_faults():
            return self._begun(name, labels) is not None

    def stop(self, name: str) -> None:
        """Kill the container of a run; see `Runtime.stop`."""
        self._runs.stop(name)

    def reap(self, worker: str, known: Collection[str] = (), prefix: str = "") -> tuple[str, ...]:
        """Remove containers that no journal knows; see `Runtime.reap`."""
        with _engine_faults():
            filters: dict[str, str | list[str] | bool] = {"label": f"{WORKER_LABEL}={worker}"}
            mine = self._client.containers.list(all=True, filters=filters, ignore_removed=True)
            gone = [
                container
                for container in mine
                if container.labels.get(TASK_LABEL) not in known
                and container.name not in self._runs
                and str(container.name).startswith(prefix)
            ]
            for container in gone:
                _remove(container)
            for network in self._client.networks.list(filters=filters):
                task = network.attrs["Labels"].get(TASK_LABEL)
                if (
                    task not in known
                    and network.name not in self._runs
                    and str(network.name).startswith(prefix)
                ):
                    remove_network(network)
        return tuple(str(container.name) for container in gone)

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

    @cached_property
    def _images(self) -> ImageStore:
        return ImageStore(self._client, self._pulls, self._cache)

    def _create(self, image: str, spec: RunSpec, access: Access) -> Container:
        """Create a run's container in the place of what a crash has left of an earlier one."""
        options = container_options(spec, self._images.volumes(image), access)
        try:
            return self._client.containers.create(image, **options)
        except APIError as error:
            if error.status_code != _CONFLICT:
                raise
        leftover = self._mine(spec.name, spec.labels)
        if leftover:
            _remove(leftover)
        return self._client.containers.create(image, **options)

    def _begun(self, name: str, labels: Mapping[str, str]) -> Container | None:
        """Return the container of a run that was started, whether or not it has ended."""
        container = self._mine(name, labels)
        return container if container and container.status != "created" else None

    def _mine(self, name: str, labels: Mapping[str, str]) -> Container | None:
        """Return the container of a run; another worker's is never touched (spec §2.9)."""
        try:
            container = self._client.containers.get(name)
        except NotFound:
            return None
        if labels.items() <= container.labels.items():
            return container
        raise ConfigurationError(
            "the name of a run must not be that of someone else's container",
            field="container",
            value=name,
            remedy=f"if it belongs to no other worker: docker rm --force {name}",
        )


def _attend(
    container: Container, spec: RunSpec, run: Run, warnings: tuple[str, ...], *, resumed: bool
) -> RunResult:
    """Attend a container, and remove it whatever happens."""
    try:
        result = attend(container, spec, run, warnings, resumed=resumed)
        hand_over(container, spec)
        return result
    finally:
        _remove(container)


def _remove(container: Container) -> None:
    """Remove a container with its anonymous volumes, running or not."""
    with contextlib.suppress(NotFound):
        container.remove(v=True, force=True)


@contextlib.contextmanager
def _engine_faults() -> Iterator[None]:
    """Translate what only the operator of the engine can mend."""
    try:
        yield
    except (DockerException, requests.RequestException) as error:
        raise ConfigurationError(
            f"the Docker engine must do its work: {error}", remedy=_REMEDY
        ) from error
