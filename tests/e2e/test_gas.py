"""The gas of every scenario: within its target, and as the snapshot says. One run for all tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gas

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run() -> subprocess.CompletedProcess[str]:
    """What ``make gas`` runs."""
    command = [sys.executable, "-m", "benchmarks.gas"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_gas__every_scenario__is_measured(run: subprocess.CompletedProcess[str]) -> None:
    snapshot = json.loads((ROOT / "benchmarks" / "gas.json").read_text())
    measured = [line for line in run.stdout.splitlines() if line[:1].islower()]
    assert len(measured) == len(snapshot) + 1, run.stderr  # and the header


def test_gas__every_target__is_met(run: subprocess.CompletedProcess[str]) -> None:
    assert [line for line in run.stderr.splitlines() if line.startswith("target missed")] == []


def test_gas__every_figure__is_that_of_the_snapshot(run: subprocess.CompletedProcess[str]) -> None:
    assert [line for line in run.stderr.splitlines() if line.startswith("changed")] == []


def test_gas__nothing_missed_or_changed__exits_with_zero(
    run: subprocess.CompletedProcess[str],
) -> None:
    assert run.returncode == 0, run.stderr


def test_gas__tables_of_the_document__are_those_of_the_traces() -> None:
    command = [sys.executable, "-m", "benchmarks.breakdown"]
    compared = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert compared.returncode == 0, compared.stderr
