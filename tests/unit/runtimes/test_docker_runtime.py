"""How a container is locked up, beyond what every runtime guarantees (spec offchain §1.7)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import docker
import pytest
from docker.models.containers import Container
from runtime_bench import Bench, Stage

from poco.appio import Cause, ExecutionError
from poco.errors import ConfigurationError
from poco.runtimes import DockerRuntime
from poco.runtimes.hardening import container_options
from poco.runtimes.images import ImageStore
from poco.runtimes.pulling import PullPolicy

pytestmark = pytest.mark.parametrize("bench", ["docker"], indirect=True)


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


def test_container__network__is_loopback_only(stage: Stage) -> None:
    devices = stage.run("read", "/proc/net/dev").stdout.decode().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]


def test_container__capabilities__are_none_and_cannot_come_back(stage: Stage) -> None:
    status = stage.run("read", "/proc/self/status").stdout.decode()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    sets = {name: int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")}
    assert sets == {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


def test_container__processes__are_limited(stage: Stage) -> None:
    children = int(stage.run("fork", processes=20).stdout)
    assert 10 <= children < 20


def test_container__limits_and_labels__are_set(stage: Stage, engine: docker.DockerClient) -> None:
    limits = {"seconds": 60.0, "cpus": 0.5}
    run = threading.Thread(target=stage.run, args=("sleep",), kwargs=limits)
    run.start()
    found: list[Container] = []
    while not found and run.is_alive():
        labelled = {"name": stage.spec.name, "label": "iexec.task=0x11"}
        found = engine.containers.list(filters=labelled)
    config = found[0].attrs["HostConfig"]
    stage.bench.runtime.stop(stage.spec.name)
    run.join()
    assert (config["Memory"], config["MemorySwap"]) == (128 * 1024**2, 128 * 1024**2)
    assert (config["NanoCpus"], config["PidsLimit"]) == (500_000_000, 1024)
    assert (config["Init"], config["Privileged"]) == (True, False)
    log = config["LogConfig"]
    assert (log["Type"], log["Config"]["max-file"]) == ("local", "2")
    assert {limit["Name"]: limit["Hard"] for limit in config["Ulimits"]}["core"] == 0


@pytest.mark.parametrize("gpu", [False, True])
def test_container__gpu__is_asked_for_when_the_task_does(stage: Stage, gpu: bool) -> None:
    requests = container_options(replace(stage.spec, gpu=gpu))["device_requests"]
    assert [request["Capabilities"] for request in requests] == ([[["gpu"]]] if gpu else [])


def test_container__gpu_on_a_host_without__is_the_operators_to_mend(
    stage: Stage, engine: docker.DockerClient
) -> None:
    with pytest.raises(ConfigurationError, match="do not offer the GPU tag"):
        stage.bench.runtime.run(replace(stage.spec, gpu=True, arguments=("print", "x")))
    assert engine.containers.list(all=True, filters={"name": stage.spec.name}) == []


def test_container__volumes_of_the_image__are_memory(
    bench: Bench, stage: Stage, engine: docker.DockerClient
) -> None:
    template = engine.containers.create(stage.spec.image)
    image = template.commit("poco-test-volume", changes="VOLUME /data")
    template.remove()
    digest = bytes.fromhex(str(image.id).removeprefix("sha256:"))
    spec = replace(stage.spec, image="poco-test-volume:latest", checksum=digest)
    result = bench.runtime.run(replace(spec, arguments=("read", "/proc/mounts")))
    assert b"tmpfs /data tmpfs rw,nosuid,nodev,noexec" in result.stdout


def test_container__scratch_space__is_writable_memory(stage: Stage) -> None:
    assert stage.run("write", "/tmp/x", "x").exit_code == 0


def test_container__host_name__is_the_same_everywhere(stage: Stage) -> None:
    assert stage.run("read", "/etc/hostname").stdout == b"iexec\n"


def test_container__memory_exhausted__is_told_with_the_limit(stage: Stage) -> None:
    result = stage.run("allocate", "256", memory=64 * 1024**2)
    assert (result.cause, result.detail) == (
        Cause.APP_OUT_OF_MEMORY,
        "out of memory (limit 67108864 bytes)",
    )


def test_container__end_of_the_run__leaves_nothing(
    stage: Stage, engine: docker.DockerClient
) -> None:
    stage.run("exit", "1")
    stage.run("spin", seconds=1.0)
    assert engine.containers.list(all=True, filters={"name": stage.spec.name}) == []


def test_container__command_that_does_not_exist__is_the_apps_failure(
    bench: Bench, stage: Stage, engine: docker.DockerClient
) -> None:
    template = engine.containers.create(stage.spec.image)
    broken = template.commit("poco-test-broken", changes='ENTRYPOINT ["/missing"]')
    template.remove()
    digest = bytes.fromhex(str(broken.id).removeprefix("sha256:"))
    spec = replace(stage.spec, image="poco-test-broken:latest", checksum=digest)
    result = bench.runtime.run(spec)
    assert (result.exit_code, result.cause) == (127, Cause.APP_COMPUTE_FAILED)
    assert b"/missing" in result.stderr


def test_image__tag_moved_to_another_image__runs_the_registered_one(
    bench: Bench, engine: docker.DockerClient
) -> None:
    _, checksum = bench.probe
    engine.images.get(bench.histogram[0]).tag("poco-test-moved", "latest")
    resolved = bench.runtime.fetch("poco-test-moved:latest", checksum)
    assert resolved == f"sha256:{checksum.hex()}"


def test_checksum__of_an_image_that_was_never_pushed__is_its_id(bench: Bench) -> None:
    image, checksum = bench.probe
    runtime = DockerRuntime()
    assert runtime.checksum(f"registry.hub.docker.com/{image}") == checksum
    assert runtime.checksum("poco-test-nowhere:latest") is None


def test_image__docker_hub_prefix__is_dropped(bench: Bench) -> None:
    image, checksum = bench.probe
    resolved = bench.runtime.fetch(f"registry.hub.docker.com/{image}", checksum)
    assert resolved == f"sha256:{checksum.hex()}"


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("app", "app"),
        ("org/app:1.0", "org/app"),
        ("localhost:5000/app", "localhost:5000/app"),
        ("localhost:5000/app:1.0", "localhost:5000/app"),
        ("org/app@sha256:" + "0" * 64, "org/app"),
    ],
)
def test_image__reference_without_tag__is_its_repository(
    bench: Bench, reference: str, repository: str
) -> None:
    assert ImageStore.repository(reference) == repository


@pytest.mark.parametrize(
    "image",
    [
        *("", "a b", "App", "Team/app", "--help", "a:", "a\0b", "a\n", "ü", "a" * 256, "a//b"),
        *("https://example.org/app", "../containers/x", "a/../../x?y=1#z", "a@sha256:12"),
    ],
)
def test_image__no_name_of_one__is_refused_by_every_worker(bench: Bench, image: str) -> None:
    with pytest.raises(ExecutionError, match="must be the reference of an image") as caught:
        bench.runtime.fetch(image, b"\x01" * 32)
    assert (caught.value.cause, caught.value.permanent) == (Cause.APP_IMAGE_DOWNLOAD_FAILED, True)


@pytest.mark.parametrize(
    "image",
    [
        *("a", "a_b/c__d/e-f/g.h:V1.0_-", "localhost:1/a", "x.example/" + "a" * 245),
        "X.example:1/a:1@sha256:" + 64 * "0",
    ],
)
def test_image__name_of_one__is_looked_for(bench: Bench, image: str) -> None:
    store = ImageStore(docker.from_env(), PullPolicy(registries=frozenset()))
    with pytest.raises(ExecutionError, match="does not pull from"):
        store.resolve(image, b"\x01" * 32)


def test_image__absent_and_registry_silent__may_be_had_elsewhere(bench: Bench) -> None:
    with pytest.raises(ExecutionError) as caught:
        bench.runtime.fetch("localhost:1/missing", b"\x01" * 32)
    assert not caught.value.permanent


def test_container__silent_for_longer_than_the_engine_may_be__goes_on(stage: Stage) -> None:
    runtime = DockerRuntime(docker.from_env(timeout=5))
    limits = replace(stage.spec.limits, seconds=7.0)
    result = runtime.run(replace(stage.spec, arguments=("sleep",), limits=limits))
    assert result.cause is Cause.APP_COMPUTE_TIMEOUT


def test_engine__not_there__is_the_operators_to_mend(bench: Bench, stage: Stage) -> None:
    runtime = DockerRuntime(docker.DockerClient("tcp://localhost:1", timeout=2, version="1.41"))
    assert not runtime.answers()
    with pytest.raises(ConfigurationError, match="start the engine"):
        runtime.run(stage.spec)
