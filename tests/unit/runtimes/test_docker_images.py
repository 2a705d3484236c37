"""Images from registries: accounts, limits, progress, and what is told when they cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import docker
import pytest
from registry import PASSWORD, USER, Registry, serving

from poco.appio import Cause, ExecutionError
from poco.runtimes import Credentials, DockerRuntime, PullPolicy
from poco.runtimes.pulling import registry_of
from poco.secret import Secret


@pytest.fixture(scope="module", autouse=True)
def clean() -> Iterator[None]:
    """Remove the images of the registries, also those that came after they were given up."""
    yield
    images = docker.from_env().images
    for image in images.list(filters={"reference": "127.0.0.1:*/private/app"}):
        images.remove(image.id, force=True)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as found:
        yield found


@pytest.fixture
def policy(registry: Registry) -> PullPolicy:
    return PullPolicy(credentials={registry.host: Credentials(USER, Secret(PASSWORD))})


def failure_of(policy: PullPolicy, image: str, checksum: bytes = bytes(32)) -> ExecutionError:
    with pytest.raises(ExecutionError) as caught:
        DockerRuntime(pulls=policy).fetch(image, checksum)
    assert PASSWORD not in str(caught.value)
    return caught.value


def test_pull__private_image_with_credentials__arrives_with_its_labels(
    registry: Registry, policy: PullPolicy
) -> None:
    runtime = DockerRuntime(pulls=policy)
    assert runtime.fetch(registry.image, registry.checksum).startswith("sha256:")
    assert runtime.labels(registry.image, registry.checksum) == {"iexec.generation": "v3"}


def test_checksum__of_a_pulled_image__is_the_digest_of_its_manifest(
    registry: Registry, policy: PullPolicy
) -> None:
    runtime = DockerRuntime(pulls=policy)
    assert runtime.checksum(registry.image) is None
    image = runtime.fetch(registry.image, bytes(32))
    assert runtime.checksum(registry.image) == registry.checksum != bytes.fromhex(image[7:])


def test_pull__progress__reaches_the_whole(registry: Registry, policy: PullPolicy) -> None:
    told: list[tuple[str, int, int]] = []
    policy = replace(policy, progress=lambda *step: told.append(step))
    DockerRuntime(pulls=policy).fetch(registry.image, bytes(32))
    image, done, total = told[-1]
    assert image == registry.image
    assert 0 < done <= total


def test_pull__private_image_without_credentials__may_be_had_elsewhere(registry: Registry) -> None:
    failure = failure_of(PullPolicy(), registry.image)
    assert (failure.cause, failure.permanent) == (Cause.APP_IMAGE_DOWNLOAD_FAILED, False)


def test_pull__wrong_password__may_be_had_elsewhere(registry: Registry) -> None:
    account = Credentials(USER, Secret("wrong"))
    failure = failure_of(PullPolicy(credentials={registry.host: account}), registry.image)
    assert not failure.permanent
    assert "wrong" not in str(failure)


def test_pull__image_the_registry_does_not_know__is_gone_for_all(
    registry: Registry, policy: PullPolicy
) -> None:
    failure = failure_of(policy, f"{registry.host}/private/app:2.0")
    assert (failure.cause, failure.permanent) == (Cause.APP_IMAGE_DOWNLOAD_FAILED, True)


def test_pull__registry_not_allowed__is_not_asked(registry: Registry, policy: PullPolicy) -> None:
    policy = replace(policy, registries=frozenset({"docker.io"}))
    assert registry.host in failure_of(policy, registry.image).remedy


def test_pull__image_too_large__is_given_up(policy: PullPolicy) -> None:
    with serving(size=3_000_000) as registry:
        account = Credentials(USER, Secret(PASSWORD))
        limited = PullPolicy(credentials={registry.host: account}, max_bytes=1_000_000)
        assert "may have 1000000 bytes" in str(failure_of(limited, registry.image))


def test_pull__registry_too_slow__is_given_up() -> None:
    with serving(pause=1.0) as registry:
        account = Credentials(USER, Secret(PASSWORD))
        limited = PullPolicy(credentials={registry.host: account}, seconds=0.5)
        assert "within 0.5 s" in str(failure_of(limited, registry.image))


def test_credentials__shown__keep_the_password() -> None:
    account = Credentials(USER, Secret(PASSWORD))
    assert PASSWORD not in repr(PullPolicy(credentials={"docker.io": account}))


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("app", "docker.io"),
        ("org/app:1.0", "docker.io"),
        ("docker.io/org/app", "docker.io"),
        ("localhost/app", "localhost"),
        ("localhost:5000/app", "localhost:5000"),
        ("registry.example.org/org/app@sha256:00", "registry.example.org"),
    ],
)
def test_registry_of__reference__is_its_host(reference: str, registry: str) -> None:
    assert registry_of(reference) == registry
