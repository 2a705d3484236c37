"""One suite, every runtime.

``POCO_TEST_RUNTIMES=docker,wasm`` names the runtimes that must be tested; one that is named and
does not work fails its tests. Without it, WASM is tested, and Docker when an engine answers.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from runtime_bench import HISTOGRAM, PROBE, Bench, Stage, built_image, module, tested_runtimes

from poco.runtimes import DockerRuntime, Mount, RunLimits, RunSpec, WasmRuntime

collect_ignore = []
if "docker" not in tested_runtimes():
    collect_ignore += [
        f"test_docker_{part}.py"
        for part in ("image_cache", "images", "network", "ownership", "recovery", "runtime")
    ]
if not shutil.which("clang-14"):  # CI installs it
    collect_ignore.append("test_wasm_builds.py")


@pytest.fixture(scope="session", params=tested_runtimes())
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    if request.param == "wasm":
        return Bench(
            WasmRuntime(allow_files=True),
            module(PROBE / "probe.wasm"),
            module(HISTOGRAM / "app.wasm"),
            "/nowhere/missing.wasm",
        )
    assert request.param == "docker", "POCO_TEST_RUNTIMES knows docker and wasm"
    runtime = DockerRuntime()
    assert runtime.answers(), "no Docker engine answers: scripts/start-dockerd.sh starts one"
    build = tmp_path_factory.mktemp("images")
    return Bench(
        runtime,
        built_image(PROBE, "poco-test-probe:latest", build / "probe"),
        built_image(HISTOGRAM, "poco-test-histogram:latest", build / "histogram"),
        "localhost:1/missing",
    )


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    folders = tmp_path / "in", tmp_path / "out"
    for folder in folders:
        folder.mkdir()
    folders[1].chmod(0o777)
    image, checksum = bench.probe
    spec = RunSpec(
        image=image,
        checksum=checksum,
        arguments=(),
        environment={"IEXEC_IN": "/iexec_in", "MARK": "a b=c"},
        mounts=(
            Mount(folders[0], "/iexec_in", read_only=True),
            Mount(folders[1], "/iexec_out", read_only=False),
        ),
        limits=RunLimits(seconds=30, memory=128 * 1024**2),
        name=f"poco-test-{tmp_path.name}",
        labels={"iexec.task": "0x11"},
    )
    return Stage(bench, *folders, spec)
