"""A worker that is not root, and apps that are: who may read and remove the output (spec §1.2)."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from runtime_bench import Bench, Stage

from poco.appio import Cause, ExecutionError, OutputLimits
from poco.runtimes import DockerRuntime, Mount, RunLimits, RunResult, RunSpec

pytestmark = [
    pytest.mark.parametrize("bench", ["docker"], indirect=True),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"),
]

NOBODY = 65_534


@pytest.fixture
def stage(bench: Bench) -> Iterator[Stage]:
    """Return a stage below a folder that everybody may pass."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        image, checksum = bench.probe
        for part in ("in", "out"):
            (folder / part).mkdir()
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        (folder / "out").chmod(0o777)
        mount = Mount(folder / "out", "/iexec_out", read_only=False)
        limits = RunLimits(seconds=30)
        spec = RunSpec(image, checksum, (), {}, (mount,), limits, f"poco-test-{folder.name}")
        yield Stage(bench, folder / "in", folder / "out", spec)


@pytest.fixture
def nobody(stage: Stage) -> Iterator[None]:
    """Make this process one that is not root but may talk to the engine."""
    gc.collect()  # while it may still remove what earlier tests left
    groups, socket = os.getgroups(), Path("/var/run/docker.sock").stat().st_gid
    os.setgroups([socket])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)
    os.setegid(0)
    os.setgroups(groups)


def run(stage: Stage, *arguments: str, **changes: object) -> RunResult:
    limits = replace(stage.spec.limits, **changes)  # type: ignore[arg-type]
    return DockerRuntime().run(replace(stage.spec, arguments=arguments, limits=limits))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("nobody")
def test_output__closed_to_the_worker__is_handed_over_and_can_be_removed(stage: Stage) -> None:
    assert run(stage, "hide").cause is None
    file = stage.output / "closed" / "deep" / "file"
    assert file.read_text() == "hidden"
    assert file.stat().st_uid == NOBODY
    assert names(stage.output.parent) == ["in", "out"]
    shutil.rmtree(stage.output)


@pytest.mark.usefixtures("nobody")
def test_output__link_in_a_closed_folder__is_left_out(stage: Stage) -> None:
    assert run(stage, "hide", "link").cause is None
    assert names(stage.output / "closed") == ["deep"]


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("hide fifo", Cause.OUTPUT_TREE_INVALID),
        ("hide sparse", Cause.APP_OUTPUT_TOO_LARGE),
        ("burrow 65", Cause.OUTPUT_TREE_INVALID),
        ("burrow 3000", Cause.OUTPUT_TREE_INVALID),
    ],
)
def test_output__closed_and_invalid__is_refused_and_removed(
    stage: Stage, content: str, cause: Cause
) -> None:
    with pytest.raises(ExecutionError) as caught:
        run(stage, *content.split(), output=OutputLimits(size=1024**2))
    assert caught.value.cause is cause
    assert names(stage.output) == []


@pytest.mark.usefixtures("nobody")
def test_output__closed_while_the_app_runs__ends_it_because_nobody_measures_it(
    stage: Stage,
) -> None:
    result = run(stage, "hide", "20")
    assert result.cause is Cause.ABORTED_BY_WORKER
    assert "'closed'" in result.detail


@pytest.mark.usefixtures("nobody")
def test_output__open_to_the_worker__stays_as_it_is(stage: Stage, bench: Bench) -> None:
    (stage.output / "mine").mkdir()
    run(stage, "print", "x")
    assert names(stage.output) == ["mine"]
