"""Images that were pulled make room for others; nobody else's are touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound
from registry import PASSWORD, USER, Registry, serving

from poco.errors import ConfigurationError
from poco.runtimes import Credentials, DockerRuntime, ImageCache, PullPolicy, RunLimits, RunSpec
from poco.secret import Secret

BUDGET = 700_000
"""Room for two of the images, which have 300 kB each."""


class Worker:
    """A worker with a cache, and registries with an image each."""

    def __init__(self, file: Path, registries: list[Registry]) -> None:
        self.registries = registries
        self.now = 1_000.0
        self.file = file
        self.engine = docker.from_env()
        self.restart()

    def restart(self, budget: int = BUDGET) -> None:
        cache = ImageCache(self.file, budget, clock=lambda: self.now)
        account = Credentials(USER, Secret(PASSWORD))
        policy = PullPolicy(credentials={one.host: account for one in self.registries})
        self.runtime = DockerRuntime(self.engine, pulls=policy, cache=cache)

    def use(self, number: int, *, by_tag: bool = False) -> str:
        """Run an app as far as its image; the next use is an hour later."""
        self.now += 3600.0
        one = self.registries[number]
        return self.runtime.fetch(one.image, bytes(32) if by_tag else one.checksum)

    def is_here(self, image: str) -> bool:
        try:
            self.engine.images.get(image)
        except ImageNotFound:
            return False
        return True


@pytest.fixture(scope="module")
def registries() -> Iterator[list[Registry]]:
    with ExitStack() as stack:
        yield [stack.enter_context(serving()) for _ in range(4)]


@pytest.fixture
def worker(registries: list[Registry], tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path / "images.json", registries)
    yield made
    images = made.engine.images
    for image in images.list(filters={"reference": "127.0.0.1:*/private/app"}):
        images.remove(image.id, force=True)


def test_pull__beyond_the_budget__removes_what_was_not_used_for_longest(worker: Worker) -> None:
    first, second = worker.use(0), worker.use(1, by_tag=True)
    worker.restart()  # the record outlives it
    worker.use(0)
    third = worker.use(2)
    assert [worker.is_here(one) for one in (first, second, third)] == [True, False, True]
    assert worker.use(1) == second  # it is pulled again


def test_pull__image_with_a_container_or_another_name__keeps_it(worker: Worker) -> None:
    busy, tagged = worker.use(0), worker.use(1)
    container = worker.engine.containers.create(busy)
    worker.engine.images.get(tagged).tag("127.0.0.1:1/private/app", "mine")
    try:
        worker.restart(budget=0)
        last = worker.use(2), worker.use(3)
        assert worker.is_here(busy)
        assert worker.is_here(tagged)
        assert [worker.is_here(one) for one in last] == [False, True]
    finally:
        container.remove()


def test_pull__image_that_was_here_by_another_name__is_never_removed(worker: Worker) -> None:
    found = worker.use(0)
    worker.engine.images.get(found).tag("127.0.0.1:1/private/app", "mine")
    worker.engine.images.remove(worker.engine.images.get(found).attrs["RepoDigests"][0])
    worker.file.unlink()
    worker.restart(budget=0)
    assert worker.use(0) == found
    worker.use(1)
    assert worker.is_here(found)


def test_run__image_goes_just_before_its_container_is_made__is_pulled_again(
    worker: Worker,
) -> None:
    class Racing(DockerRuntime):
        """Another worker makes room at the worst moment."""

        pulls = 0

        def fetch(self, image: str, checksum: bytes) -> str:
            found = super().fetch(image, checksum)
            self.pulls += 1
            if self.pulls == 1:
                worker.engine.images.remove(found)
            return found

    one = worker.registries[0]
    account = Credentials(USER, Secret(PASSWORD))
    runtime = Racing(worker.engine, pulls=PullPolicy(credentials={one.host: account}))
    limits = RunLimits(seconds=5, memory=64 * 1024**2)
    name = f"poco-test-{worker.file.parent.name}"
    result = runtime.run(RunSpec(one.image, one.checksum, (), {}, (), limits, name))
    assert runtime.pulls == 2
    assert result.exit_code != 0  # the image has no program


def test_cache__larger_than_its_budget_alone__is_kept_while_it_is_the_last(worker: Worker) -> None:
    worker.restart(budget=0)
    first = worker.use(0)
    assert worker.is_here(first)
    worker.engine.images.remove(first)  # by its operator, meanwhile
    assert worker.is_here(worker.use(1))


def test_cache__record_that_is_none__says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="delete it"):
        ImageCache(tmp_path / "images.json", BUDGET)
