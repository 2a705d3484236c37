"""``ape run scenarios`` as a user types it; what it claims is looked at again from outside."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from terminals import ROOT, Terminal, imitate_checkout, processes_with, runtimes_under_test

from poco.errors import AppError
from poco.scenarios.command import run_secrets


@pytest.fixture(scope="module", params=runtimes_under_test())
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Any], str, Path]:
    folder = imitate_checkout(tmp_path_factory.mktemp("secrets"))
    temporary = folder / "tmp"
    temporary.mkdir()
    terminal = Terminal(folder, {"TMPDIR": str(temporary)})
    ended = terminal.run("ape", "run", "scenarios", "secrets", "--raw", "--runtime", request.param)
    assert ended.returncode == 0, ended.stderr
    return request.param, json.loads(ended.stdout), ended.stderr, folder


def test_secrets__runtime_option__is_what_the_app_ran_on(played: Any) -> None:
    runtime, document, *_ = played
    assert document["runtime"] == runtime.upper()


def test_secrets__result__holds_arguments_dataset_and_both_secrets(played: Any) -> None:
    _, document, _, folder = played
    with zipfile.ZipFile(folder / document["archive"]) as archive:
        lines = archive.read("result.txt").decode().splitlines()
    assert lines[:2] == ["argument hello", "argument big world"]
    assert re.fullmatch(r"dataset 0x[0-9a-f]{40}", lines[2])
    assert re.fullmatch(r"patient \S{32}: in good health", lines[3])
    assert re.fullmatch(r"app secret app-\S{32}", lines[4])
    assert re.fullmatch(r"requester secret 1 login-\S{32}", lines[5])


def test_secrets__story__never_shows_a_secret(played: Any) -> None:
    _, document, story, folder = played
    with zipfile.ZipFile(folder / document["archive"]) as archive:
        lines = archive.read("result.txt").decode().splitlines()
    values = [lines[3], *(line.split()[-1] for line in lines[4:])]
    assert len(values) == 3
    assert not any(value in story + json.dumps(document) for value in values)


def test_secrets__releases__are_one_per_secret(played: Any) -> None:
    _, document, *_ = played
    released = document["released"]
    assert sorted(line.split()[0] for line in released) == [
        "app",
        "dataset",
        "enclave",
        "requester",
        "setting",
    ]
    assert f"enclave key {document['challenge']}" in released


def test_secrets__story__says_that_the_enclave_is_simulated(played: Any) -> None:
    _, document, story, _ = played
    assert "enclaves are SIMULATED" in story
    assert story.count("✓") == len(document["claims"])
    assert any("(INVALID_SIGNATURE)" in claim for claim in document["claims"])
    assert story.strip().splitlines()[-1].startswith("Where to look next: unzip -p ")


def test_secrets__after_the_end__nothing_is_left(played: Any) -> None:
    *_, folder = played
    assert processes_with(folder / "tmp") == []
    assert list((folder / "tmp").glob("poco-*")) == []


def test_secrets__unknown_runtime__one_line_and_exit_code(terminal: Terminal) -> None:
    ended = terminal.run("ape", "run", "scenarios", "secrets", "--runtime", "jvm")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "runtimes are auto, docker, wasm" in ended.stderr


def test_secrets__app_fails__is_an_error_of_the_app(tmp_path: Path) -> None:
    """csv-histogram does not know the arguments of this scenario."""
    with pytest.raises(AppError, match="APP_COMPUTE_FAILED"):
        run_secrets(ROOT / "apps" / "csv-histogram", "wasm", tmp_path, raw=False)
