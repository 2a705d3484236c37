"""Apps and folders to try a runtime with; see conftest."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import docker

from poco.runtimes import DockerRuntime, RunResult, RunSpec, Runtime

PROBE = Path(__file__).parent / "probe"
HISTOGRAM = Path(__file__).parents[3] / "apps" / "csv-histogram"


def tested_runtimes() -> list[str]:
    """Return the names of the runtimes under test."""
    named = os.environ.get("POCO_TEST_RUNTIMES")
    if named:
        return [name.strip().lower() for name in named.split(",")]
    return ["wasm", "docker"] if DockerRuntime().answers() else ["wasm"]


@dataclass(frozen=True)
class Bench:
    """A runtime and the apps to try it with; an app is its multiaddr and checksum.

    `missing` is the multiaddr of an app that cannot be had now.
    """

    runtime: Runtime
    probe: tuple[str, bytes]
    histogram: tuple[str, bytes]
    missing: str


def built_image(folder: Path, tag: str, build: Path) -> tuple[str, bytes]:
    """Build a container image without network and return its reference and image id."""
    command = ["make", "-C", str(folder), "image", f"IMAGE={tag}", f"BUILD={build}"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"{' '.join(command)} failed: {made.stderr}"
    image = docker.from_env().images.get(tag)
    return tag, bytes.fromhex(str(image.id).removeprefix("sha256:"))


def module(path: Path) -> tuple[str, bytes]:
    """Return a WASM module's path and checksum."""
    return str(path), hashlib.sha256(path.read_bytes()).digest()


def crash(spec: RunSpec, *, after: float, network: Sequence[str] = ()) -> None:
    """Run a spec in a worker that is killed some seconds after the app has started."""
    worker = get_context("spawn").Process(target=_work, args=(spec, network))
    worker.start()
    wait_for(lambda: _begun(spec.name))
    time.sleep(after)
    worker.kill()
    worker.join()


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _work(spec: RunSpec, network: Sequence[str]) -> None:
    DockerRuntime(network=network).run(spec)


def _begun(name: str) -> bool:
    containers = docker.from_env().containers
    filters: dict[str, str | list[str] | bool] = {"name": name, "status": ["running", "exited"]}
    return bool(containers.list(all=True, filters=filters, ignore_removed=True))


@dataclass(frozen=True)
class Stage:
    """Folders and limits for runs of the probe."""

    bench: Bench
    input: Path
    output: Path
    spec: RunSpec

    def run(self, *arguments: str, **changes: object) -> RunResult:
        """Run the probe with some arguments, and with changes to its limits."""
        limits = replace(self.spec.limits, **changes)  # type: ignore[arg-type]
        return self.bench.runtime.run(replace(self.spec, arguments=arguments, limits=limits))
