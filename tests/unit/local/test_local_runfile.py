"""Other commands find the market that runs, and no other process that got its number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_local_settings import info

from poco.cli.main import main
from poco.errors import ConfigurationError
from poco.local import StackSettings
from poco.local.runfile import only_market, recorded, runfile_path, running
from poco.local.status import look


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def record(**changes: Any) -> None:
    """Write the file as a market does, with changes, and leave it there."""
    with recorded(info(), StackSettings(), ("WASM",)):
        document = json.loads(runfile_path().read_text())
    runfile_path().write_text(json.dumps(document | changes))


def test_record__while_the_market_runs__is_for_its_owner_only(home: Path) -> None:
    with recorded(info(), StackSettings(state=home), ("WASM",)):
        found = running()
        assert found is not None
        assert (found.pid, found.state, found.stack_info) == (os.getpid(), str(home), info())
        assert runfile_path() == home / "poco" / "up.json"
        assert runfile_path().stat().st_mode & 0o777 == 0o600
    assert running() is None


def test_record__of_a_process_that_is_gone__counts_for_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    record(pid=gone.pid)
    assert running() is None


def test_record__number_given_to_another_process__counts_for_nothing() -> None:
    record(born="1")
    assert running() is None


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}'])
def test_record__malformed__is_refused_in_a_line(text: str) -> None:
    runfile_path().parent.mkdir()
    runfile_path().write_text(text)
    with pytest.raises(ConfigurationError, match="remove it"):
        running()


def test_record__folder_cannot_be_written__is_refused_in_a_line(home: Path) -> None:
    (home / "poco").write_text("in the way")
    with (
        pytest.raises(ConfigurationError, match="XDG_STATE_HOME"),
        recorded(info(), StackSettings(), ()),
    ):
        pass


def test_market__second_one__is_refused_also_before_the_first_is_ready() -> None:
    with only_market():
        with pytest.raises(ConfigurationError, match="starts or ends just now"), only_market():
            pass
        with (
            recorded(info(), StackSettings(), ()),
            pytest.raises(ConfigurationError, match=f"pid = {os.getpid()}: a market runs already"),
            only_market(),
        ):
            pass
    with only_market():
        pass


def test_market__folder_cannot_be_written__is_refused_in_a_line(home: Path) -> None:
    (home / "poco").write_text("in the way")
    with pytest.raises(ConfigurationError, match="XDG_STATE_HOME"), only_market():
        pass


def test_status__services_do_not_answer__are_all_told() -> None:
    with recorded(info(rpc="http://127.0.0.1:1", compass=""), StackSettings(), ()):
        found = running()
        assert found is not None
        told = {health.name: health.ok for health in look(found)}
    assert told["rpc"] is told["scheduler"] is False
    assert "compass" not in told


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["status"], 3, "no market runs on this machine (poco up starts one)"),
        (["down"], 0, "no market runs"),
    ],
)
def test_command__no_market__says_so_in_a_line(
    words: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(*words)
    said = capsys.readouterr()
    assert ended.value.code == code
    assert (said.out + said.err).strip().endswith(text)


def test_status__services_do_not_answer__is_a_table_and_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with recorded(info(), StackSettings(), ("WASM",)), pytest.raises(SystemExit) as ended:
        main("status")
    said = capsys.readouterr()
    assert ended.value.code == 1
    lines = said.out.splitlines()
    assert lines[0] == f"market of process {os.getpid()}"
    assert lines[1].split()[:3] == ["rpc", "ILL", "http://127.0.0.1:1/rpc"]
    assert lines[-3:] == [
        "2 workers run WASM apps at 0 nRLC, trust 4 or less",
        "nothing is kept: see --state of poco up",
        "enclaves are SIMULATED: they protect nothing from whoever runs this machine",
    ]
    assert "error: scheduler: does not answer" in said.err


def test_status__file_for_the_document__is_written(tmp_path: Path) -> None:
    file = tmp_path / "market.json"
    with recorded(info(), StackSettings(), ()), pytest.raises(SystemExit):
        main("status", "--info", str(file))
    assert json.loads(file.read_text()) == info().to_json()


def test_up__market_runs_already__is_refused_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with recorded(info(), StackSettings(), ()), pytest.raises(SystemExit) as ended:
        main("up")
    assert ended.value.code == 3
    assert f"pid = {os.getpid()}: a market runs already" in capsys.readouterr().err
