"""Runtimes for tests of whole markets: one that does nothing, and one that keeps a record."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poco.contracts import Chain
from poco.runtimes import RunResult, RunSpec, Runtime
from poco.runtimes.spec import TASK_LABEL, WORKER_LABEL


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an app.

    Args:
        task: 0x-hex id of the task.
        worker: address of who ran it.
        block: height of the chain when it began.
    """

    task: str
    worker: str
    block: int


class IdleRuntime:
    """Runs no app: the result of a task is its arguments."""

    app_type = "WASM"

    def fetch(self, image: str, checksum: bytes) -> str:
        return image

    def labels(self, image: str, checksum: bytes) -> Mapping[str, str]:
        return {}

    def run(self, spec: RunSpec) -> RunResult:
        output = spec.mounts[-1].host
        (output / "result.txt").write_text(" ".join(spec.arguments))
        computed = {"deterministic-output-path": f"{spec.mounts[-1].guest}/result.txt"}
        (output / "computed.json").write_text(json.dumps(computed))
        return RunResult(0, b"", b"", 0.0)

    def resumable(self, name: str, labels: Mapping[str, str]) -> bool:
        return False

    def stop(self, name: str) -> None:
        pass

    def reap(self, worker: str, known: Collection[str] = (), prefix: str = "") -> tuple[str, ...]:
        return ()


class RecordedRuntime:
    """Writes each run down before it begins, so that a crash does not hide it.

    Args:
        runtime: runs the apps.
        chain: whose height is noted.
        record: file for the runs, a line each; may be shared by processes.
    """

    def __init__(self, runtime: Runtime, chain: Chain, record: Path) -> None:
        self._runtime = runtime
        self._chain = chain
        self._record = record

    def run(self, spec: RunSpec) -> RunResult:
        line = [spec.labels[TASK_LABEL], spec.labels[WORKER_LABEL], self._chain.block_number()]
        record = os.open(self._record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(record, f"{json.dumps(line)}\n".encode())
        finally:
            os.close(record)
        return self._runtime.run(spec)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


def recorded(record: Path) -> list[Run]:
    """Return the runs that were written down."""
    if not record.exists():
        return []
    return [Run(*json.loads(line)) for line in record.read_text().splitlines()]
