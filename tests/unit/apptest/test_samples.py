"""The sample apps: the same result in both runtimes, one for each generation."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from poco.appio import Generation
from poco.apptest import Report, Trial, locate_app, try_app
from poco.runtimes import DockerRuntime

APPS = Path(__file__).parents[3] / "apps"


@dataclass(frozen=True)
class Sample:
    """An app, what it is tried with, and what must come of it."""

    folder: Path
    trial: Trial
    source: str
    files: dict[str, str]


NILEARN = APPS / "v3-nilearn"
SAMPLES = [
    Sample(
        APPS / "v2-transcode",
        Trial(
            args="-i /iexec/small.ppm /iexec/small.pgm",
            input_files=(APPS / "v2-transcode" / "samples" / "small.zip",),
            generation=Generation.V2,
        ),
        "consensus.iexec",
        {
            "consensus.iexec": "frame 1 luminance 19285\nframe 2 luminance 20603\n"
            "frame 3 luminance 21913\nframe 4 luminance 23225\n",
            "stdout.txt": "4 frames\n",
        },
    ),
    Sample(
        NILEARN,
        Trial(
            input_files=(NILEARN / "samples" / "scan.txt",),
            dataset=NILEARN / "samples" / "atlas.txt",
        ),
        "determinism.iexec",
        {
            "determinism.iexec": "frontal 32/4\nparietal 38/4\ntemporal 19/4\n",
            "regions.tsv": "frontal\t8.000\nparietal\t9.500\ntemporal\t4.750\n",
        },
    ),
    Sample(
        APPS / "echo",
        Trial(args="hello 'big world'"),
        "computed.json",
        {"result.txt": "argument hello\nargument big world\n"},
    ),
]
RUNTIMES = ["docker", "wasm"] if DockerRuntime().answers() else ["wasm"]


def tried(folder: Path, runtime: str, trial: Trial, workdir: Path) -> Report:
    target = folder / "app.wasm" if runtime == "wasm" else folder
    return try_app(*locate_app(str(target)), trial, workdir)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.folder.name)
def test_sample__on_every_runtime__leaves_what_it_should(
    sample: Sample, runtime: str, tmp_path: Path
) -> None:
    report = tried(sample.folder, runtime, sample.trial, tmp_path)
    assert (report.ok, report.violations, report.warnings) == (True, (), ())
    attempt = report.attempts[0]
    assert attempt.execution.source == sample.source
    for name, content in sample.files.items():
        assert (attempt.tree.root / name).read_text() == content


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_echo__callback__is_what_the_requester_asked_for(runtime: str, tmp_path: Path) -> None:
    data = f"0x{1:064x}"
    trial = Trial(args=f"--callback {data}", callback=True)
    report = tried(APPS / "echo", runtime, trial, tmp_path)
    assert report.ok
    # spec offchain §1.15
    assert (report.attempts[0].digest or b"").hex() == (
        "b10e2d527612073b26eecdfd717e6a320cf44b4afac2b0732d9fcbe2b7fa0cf6"
    )


@pytest.mark.parametrize(
    ("name", "trial", "word"),
    [
        ("v2-transcode", Trial(args="-i /iexec/a", generation=Generation.V2), "-i INPUT OUTPUT"),
        ("v2-transcode", Trial(args="-i /iexec/a /iexec/b", generation=Generation.V2), "/iexec/a"),
        ("v3-nilearn", Trial(), "IEXEC_DATASET_FILENAME"),
        ("echo", Trial(args="--callback no-hex"), "hex digits"),
    ],
)
def test_sample__bad_input__ends_with_a_line_that_says_why(
    name: str, trial: Trial, word: str, tmp_path: Path
) -> None:
    report = tried(APPS / name, "wasm", trial, tmp_path)
    assert not report.ok
    assert word in report.attempts[0].execution.stderr.decode()


@pytest.mark.skipif(not shutil.which("clang-14"), reason="needs Debian's clang-14 and wasi-libc")
@pytest.mark.parametrize("name", ["echo", "v2-transcode", "v3-nilearn"])
def test_module__rebuilt_from_source__has_the_same_bytes(name: str, tmp_path: Path) -> None:
    rebuilt = tmp_path / "app.wasm"
    subprocess.run(["make", "-s", "-C", APPS / name, rebuilt, f"WASM={rebuilt}"], check=True)
    assert rebuilt.read_bytes() == (APPS / name / "app.wasm").read_bytes()
