"""A runtime that does what a test wants, and what is looked at afterwards."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from poco.appio import Cause
from poco.runtimes import RunLimits, RunResult, RunSpec
from poco.worker.execution import AppReference, Execution, TaskInputs

TASK = TaskInputs(
    task_id=b"\x11" * 32,
    deal_id=b"\x33" * 32,
    index=0,
    bot_first=0,
    bot_size=1,
    app=AppReference("x", bytes(32), "WASM"),
    params="",
    limits=RunLimits(seconds=1),
)
CALLBACK = "0x" + "44" * 20
URL = "https://example.com/data/numbers.txt"


class ScriptedRuntime:
    """Does to the output folder what a test wants, and ends as it wants."""

    app_type = "WASM"

    def __init__(
        self,
        act: Callable[[Path], None],
        result: RunResult | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._act = act
        self._labels = labels or {}
        self.running: set[str] = set()
        self._result = result or RunResult(0, b"out", b"err", 0.5)
        self.specs: list[RunSpec] = []

    def fetch(self, image: str, checksum: bytes) -> str:
        return image

    def labels(self, image: str, checksum: bytes) -> Mapping[str, str]:
        return self._labels

    def resumable(self, name: str, labels: Mapping[str, str]) -> bool:
        return name in self.running

    def stop(self, name: str) -> None:
        pass

    def reap(self, worker: str, known: Collection[str] = (), prefix: str = "") -> tuple[str, ...]:
        return ()

    def run(self, spec: RunSpec) -> RunResult:
        self.specs.append(spec)
        self._act(spec.mounts[-1].host)
        return self._result


def contents(archive: Path | None) -> dict[str, bytes]:
    assert archive is not None
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def writes(declared: str = "/iexec_out/r", **files: str) -> Callable[[Path], None]:
    """Return an app that writes some files and declares its result."""

    def act(output: Path) -> None:
        for name, content in files.items():
            (output / name).write_text(content)
        (output / "computed.json").write_text(json.dumps({"deterministic-output-path": declared}))

    return act


def assert_error_result(execution: Execution, cause: Cause, text: str) -> None:
    assert execution.failure is not None
    assert execution.failure.cause is cause
    assert execution.digest == hashlib.sha256(text.encode()).digest()
    assert contents(execution.archive)["error.txt"] == text.encode()
