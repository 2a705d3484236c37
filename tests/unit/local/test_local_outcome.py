"""What can be asked of a result, and what a failure says."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from poco.appio import Cause, error_text
from poco.contracts import Task, TaskStatus
from poco.errors import UserInputError
from poco.local import outcome
from poco.local.outcome import AppFailedError, TaskExpiredError, TaskResult, require_success
from poco.orders import DealId, TaskId

TASK, DEAL = TaskId(bytes(31) + b"\1"), DealId(bytes(32))


def result(folder: Path, path: str | None, **files: bytes) -> TaskResult:
    """A result whose files have the given names, with `_` for a dot and `__` for a slash."""
    archive = folder / "result.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "/").replace("_", "."), content)
        if path is not None:
            packed.writestr("computed.json", json.dumps({"deterministic-output-path": path}))
    found = TaskResult(archive, taskid=TASK, dealid=DEAL, index=0, digest=bytes(32), cost=7)
    archive.unlink()
    return found


def test_text__declared_file__is_it(tmp_path: Path) -> None:
    found = result(tmp_path, "/iexec_out/a.txt", a_txt="ü".encode(), b_txt=b"b", stdout_txt=b"s")
    assert (found.text, found.names) == ("ü", ("a.txt",))
    assert (found.stdout, found.stderr) == ("s", "")
    assert repr(found.files) == "ResultFiles(['a.txt', 'b.txt', 'stdout.txt', 'computed.json'])"
    assert len(found.files) == 4


def test_json__folder_of_one_file__is_it(tmp_path: Path) -> None:
    assert result(tmp_path, "out", out__a_json=b'{"rows": 3}', other_txt=b"").json() == {"rows": 3}


def test_text__old_app_that_declares_nothing__is_its_one_file(tmp_path: Path) -> None:
    found = result(tmp_path, None, a_txt=b"old", stdout_txt=b"", determinism_iexec=b"0x12")
    assert found.text == "old"


def test_content__several_files__names_them(tmp_path: Path) -> None:
    found = result(tmp_path, "/iexec_out", a_txt=b"", b_txt=b"")
    with pytest.raises(UserInputError, match=r"a\.txt.*not a single file"):
        _ = found.content


def test_text__bytes_that_are_no_text__is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="is no text"):
        _ = result(tmp_path, "a", a=b"\xff").text
    with pytest.raises(UserInputError, match="is no JSON"):
        result(tmp_path, "a", a=b"{").json()


def test_files__one_over_the_limit__is_read_as_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "MAX_FILE_BYTES", 3)
    found = result(tmp_path, "a", a=b"1234")
    with pytest.raises(UserInputError, match=r"result\.open"):
        _ = found.content
    with found.open("a") as stream:
        assert stream.read() == b"1234"


def test_save__archive__is_the_whole(tmp_path: Path) -> None:
    saved = result(tmp_path, "a", a=b"1").save(tmp_path / "saved.zip")
    assert zipfile.ZipFile(saved).namelist() == ["a", "computed.json"]


def test_require_success__error_result__says_cause_code_and_last_words(tmp_path: Path) -> None:
    text = error_text(Cause.APP_COMPUTE_FAILED)
    found = result(tmp_path, "error.txt", error_txt=text, stderr_txt=b"first\nno such column\n")
    with pytest.raises(AppFailedError, match="APP_COMPUTE_FAILED, exit code 3: no such col") as it:
        require_success(found, lambda: 3)
    assert (it.value.cause, it.value.stderr) == (
        Cause.APP_COMPUTE_FAILED,
        "first\nno such column\n",
    )


@pytest.mark.parametrize(
    "cause", [Cause.INPUT_URL_FORBIDDEN, Cause.PRE_COMPUTE_DATASET_DECRYPTION_FAILED]
)
def test_require_success__app_never_ran__nobody_is_asked_for_its_exit_code(
    tmp_path: Path, cause: Cause
) -> None:
    found = result(tmp_path, "error.txt", error_txt=error_text(cause))
    with pytest.raises(AppFailedError) as caught:
        require_success(found, pytest.fail)
    assert caught.value.code is None


def test_require_success__error_file_beside_a_result__is_the_apps_own(tmp_path: Path) -> None:
    text = error_text(Cause.APP_COMPUTE_FAILED)
    found = result(tmp_path, "a", a=b"1", error_txt=text)
    assert require_success(found, lambda: None) is found


@pytest.mark.parametrize(
    ("contributors", "consensus", "words"),
    [
        (0, bytes(32), "no worker contributed"),
        (2, bytes(32), "2 workers contributed and did not agree"),
        (2, b"\1" * 32, "the workers agreed, but the result was not delivered"),
    ],
)
def test_expired__task__says_how_far_it_came(
    contributors: int, consensus: bytes, words: str
) -> None:
    worker = "0x" + "11" * 20
    values = (DEAL, 0, 300, 0, 0, 0, consensus, 0, 0, (worker,) * contributors, *[b""] * 4)
    task = Task(TaskStatus.FAILED, *values)  # type: ignore[arg-type]
    error = TaskExpiredError(TASK, task, 9)
    assert str(error).endswith("in a longer category)")
    assert f"{words} before the final deadline" in str(error)
    assert "9 nRLC are free again" in str(error)
