"""What becomes of a container when its worker dies, starts again, or changes its mind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import docker
import pytest
from docker.models.containers import Container
from runtime_bench import Bench, Stage, crash, wait_for

from poco.appio import Cause
from poco.errors import ConfigurationError
from poco.runtimes import STAGE_LABEL, TASK_LABEL, WORKER_LABEL, DockerRuntime, RunSpec

pytestmark = pytest.mark.parametrize("bench", ["docker"], indirect=True)

WORKER = "0x" + "ab" * 20
LABELS = {TASK_LABEL: "0x22", WORKER_LABEL: WORKER, STAGE_LABEL: "app"}


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    for container in client.containers.list(
        all=True, filters={"label": f"{WORKER_LABEL}={WORKER}"}
    ):
        container.remove(force=True)
    client.close()


@pytest.fixture
def spec(stage: Stage) -> RunSpec:
    return replace(stage.spec, labels=LABELS, resume=True)


def test_run__worker_killed_and_started_again__goes_on_with_its_log(
    bench: Bench, spec: RunSpec, engine: docker.DockerClient
) -> None:
    spec = replace(spec, arguments=("tick", "3"))
    begun = time.monotonic()
    crash(spec, after=0.5)
    before = engine.containers.get(spec.name)
    assert bench.runtime.resumable(spec.name, LABELS)
    result = bench.runtime.run(spec)
    assert (result.exit_code, result.cause) == (0, None)
    assert result.stdout == b"tick 1\ntick 2\ntick 3\n"
    assert result.stderr == b"tock 1\ntock 2\ntock 3\n"
    assert 2.7 < result.seconds < time.monotonic() - begun  # what was before the crash counts
    with pytest.raises(docker.errors.NotFound):
        engine.containers.get(before.id)


def test_run__app_ended_while_nobody_looked__is_collected(bench: Bench, spec: RunSpec) -> None:
    spec = replace(spec, arguments=("write", "/iexec_out/result", "42"))
    crash(replace(spec, arguments=("tick", "1")), after=0.1)
    time.sleep(1.5)
    result = bench.runtime.run(spec)
    assert (result.exit_code, result.stdout) == (0, b"tick 1\n")


def test_run__long_log_of_a_resumed_app__keeps_its_tail(bench: Bench, spec: RunSpec) -> None:
    crash(replace(spec, arguments=("flood", "2000000")), after=0.0)
    log = bench.runtime.run(spec).stdout
    assert log.endswith(b"line 01999998\nline 01999999\n")
    assert spec.limits.log_tail < len(log) < spec.limits.log_head + spec.limits.log_tail + 64


def test_run__worker_away_for_longer_than_the_app_may_last__is_out_of_time(
    bench: Bench, spec: RunSpec
) -> None:
    crash(replace(spec, arguments=("sleep",)), after=1.2)
    limits = replace(spec.limits, seconds=1.0)
    result = bench.runtime.run(replace(spec, limits=limits))
    assert (result.cause, result.exit_code) == (Cause.APP_COMPUTE_TIMEOUT, 137)
    assert result.stdout == b"asleep\n"


def test_run__app_ended_too_late_while_nobody_looked__is_out_of_time(
    bench: Bench, spec: RunSpec
) -> None:
    crash(replace(spec, arguments=("tick", "1")), after=0.1)
    time.sleep(1.5)
    result = bench.runtime.run(replace(spec, limits=replace(spec.limits, seconds=0.5)))
    assert result.cause is Cause.APP_COMPUTE_TIMEOUT


def test_run__not_resumed__begins_anew(bench: Bench, spec: RunSpec) -> None:
    crash(replace(spec, arguments=("sleep",)), after=0.1)
    result = bench.runtime.run(replace(spec, arguments=("print", "new"), resume=False))
    assert result.stdout == b"[new]\n"


def test_run__container_created_but_never_started__begins_anew(
    bench: Bench, spec: RunSpec, engine: docker.DockerClient
) -> None:
    engine.containers.create(spec.image, name=spec.name, labels=LABELS)
    assert not bench.runtime.resumable(spec.name, LABELS)
    assert bench.runtime.run(replace(spec, arguments=("print", "x"))).stdout == b"[x]\n"


@pytest.mark.parametrize("resume", [True, False])
def test_run__name_taken_by_another_worker__is_left_alone(
    bench: Bench, spec: RunSpec, engine: docker.DockerClient, resume: bool
) -> None:
    other = engine.containers.create(spec.image, name=spec.name, labels={**LABELS, "x": "y"})
    mine = {**LABELS, TASK_LABEL: "0x33"}
    with pytest.raises(ConfigurationError, match="docker rm --force"):
        bench.runtime.run(replace(spec, labels=mine, resume=resume))
    assert engine.containers.get(other.id).status == "created"


def test_stop__during_the_download__nothing_is_started(
    bench: Bench, spec: RunSpec, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(image: str, checksum: bytes) -> str:
        runtime.stop(spec.name)
        return bench.runtime.fetch(image, checksum)

    runtime = DockerRuntime()
    monkeypatch.setattr(runtime, "fetch", fetch)
    result = runtime.run(replace(spec, arguments=("write", "/iexec_out/x", "x")))
    assert result.cause is Cause.ABORTED_BY_WORKER
    assert not (spec.mounts[1].host / "x").exists()


def test_reap__leftovers__are_removed_unless_known_running_or_anothers(
    bench: Bench, spec: RunSpec, engine: docker.DockerClient
) -> None:
    def create(name: str, **labels: str) -> Container:
        return engine.containers.create(
            spec.image, name=f"{spec.name}-{name}", labels={WORKER_LABEL: WORKER, **labels}
        )

    create("lost", **{TASK_LABEL: "0x44"})
    create("known", **{TASK_LABEL: "0x55"})
    create("other", **{TASK_LABEL: "0x44", WORKER_LABEL: "0x00"})
    create("elsewhere", **{TASK_LABEL: "0x44"})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bench.runtime.run, replace(spec, arguments=("tick", "2")))
        wait_for(lambda: engine.containers.list(filters={"name": spec.name}))
        assert bench.runtime.reap(WORKER, {"0x55"}, f"{spec.name}-l") == (f"{spec.name}-lost",)
        assert running.result().cause is None
    left = engine.containers.list(all=True, filters={"name": spec.name})
    assert {str(container.name).removeprefix(spec.name) for container in left} == {
        "-known",
        "-other",
        "-elsewhere",
    }
    for container in left:
        container.remove()
