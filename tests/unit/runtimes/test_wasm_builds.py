"""The committed modules are what their sources say (needs Debian's clang-14 and wasi-libc)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from runtime_bench import HISTOGRAM, PROBE


@pytest.mark.parametrize(
    ("folder", "name"), [(HISTOGRAM, "app.wasm"), (PROBE, "probe.wasm")], ids=["histogram", "probe"]
)
def test_module__rebuilt_from_source__has_the_same_bytes(
    folder: Path, name: str, tmp_path: Path
) -> None:
    rebuilt = tmp_path / "rebuilt.wasm"
    subprocess.run(["make", "-C", folder, str(rebuilt), f"WASM={rebuilt}"], check=True)
    assert rebuilt.read_bytes() == (folder / name).read_bytes(), f"run make -C {folder} {name}"
