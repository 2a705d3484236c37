"""A developer learns before a sale what workers would say (`poco.apptest`)."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.scripted_runtime import ScriptedRuntime, writes

from poco.appio import Cause, Generation
from poco.apptest import Report, Trial, as_document, render, try_app
from poco.errors import UserInputError
from poco.runtimes import RunResult
from poco.secret import Secret
from poco.worker.execution import AppReference

APP = AppReference("x", bytes(31) + b"\x01", "WASM")


@pytest.fixture
def tried(tmp_path: Path) -> Callable[..., Report]:
    def try_script(
        act: Callable[[Path], None], trial: Trial | None = None, result: RunResult | None = None
    ) -> Report:
        return try_app(APP, ScriptedRuntime(act, result), trial or Trial(), tmp_path / "runs")

    return try_script


def test_try__sound_app__is_ok_and_says_what_counts(tried: Callable[..., Report]) -> None:
    report = tried(writes(r="42", other="x"))
    assert (report.ok, report.agree, report.violations) == (True, True, ())
    assert report.attempts[0].counting == {"r"}
    text = render(report)
    assert "* r " in text
    assert "both runs agree" in text
    assert as_document(report)["ok"] is True
    json.dumps(as_document(report))


def test_try__runs_that_differ__name_file_offset_and_bytes(tried: Callable[..., Report]) -> None:
    turns = itertools.count(1)

    def act(output: Path) -> None:
        turn = next(turns)
        content = b"the same, then " + bytes([turn]) * 40
        writes(r="")(output)
        (output / "r").write_bytes(bytes(2 * 1024**2) + content)
        (output / "notes").write_text(f"turn {turn}")
        if turn == 2:
            (output / "extra").write_text("only now")

    report = tried(act)
    assert (report.ok, report.agree, report.violations) == (False, False, ())
    assert [(d.path, d.counts, d.offset) for d in report.differences] == [
        ("r", True, 2 * 1024**2 + 15),
        ("extra", False, None),
        ("notes", False, 5),
    ]
    assert report.differences[0].first == b"\x01" * 16
    text = render(report)
    assert f"* r: from byte {2 * 1024**2 + 15} on 01 01" in text
    assert "extra: only in run 2" in text
    assert "will not reach consensus" in text


def test_try__file_that_ends_early__differs_at_its_end(tried: Callable[..., Report]) -> None:
    texts = iter(("abc", "abcd"))

    def act(output: Path) -> None:
        writes(r=next(texts))(output)

    report = tried(act)
    assert [(d.offset, d.first, d.second) for d in report.differences] == [(3, b"", b"d")]
    assert "end of file" in render(report)


def test_try__every_violation__is_listed_not_the_first_alone(tried: Callable[..., Report]) -> None:
    def act(output: Path) -> None:
        (output / ("n" * 32)).touch()
        os.mkfifo(output / "pipe")
        (output / "computed.json").write_text('{"deterministic-output-path": "../x"}')

    report = tried(act)
    assert {violation.cause for violation in report.violations} == {
        Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME,
        Cause.OUTPUT_TREE_INVALID,
        Cause.DETERMINISM_HASH_NOT_FOUND,
    }
    assert len(report.violations) == 3
    assert "n" * 32 in render(report)


def test_try__app_that_fails__shows_its_last_words_without_control_characters(
    tried: Callable[..., Report],
) -> None:
    ended = RunResult(3, b"", b"line\n" * 50 + b"\x1b[2Jlast", 0.1, Cause.APP_COMPUTE_FAILED, "bad")
    text = render(tried(lambda output: None, result=ended))
    assert "\\x1b[2Jlast" in text
    assert text.count("  line\n") == 9
    assert "no result" in text


def test_try__callback__shows_the_data(tried: Callable[..., Report]) -> None:
    def act(output: Path) -> None:
        (output / "computed.json").write_text('{"callback-data": "0x01"}')

    report = tried(act, Trial(callback=True))
    assert report.ok
    assert as_document(report)["runs"][0]["callbackData"] == "0x01"
    assert "callback 0x01" in render(report)
    assert not tried(writes(r="42"), Trial(callback=True)).ok


def nested(declared: dict[str, str]) -> Callable[[Path], None]:
    def act(output: Path) -> None:
        (output / "d" / "sub").mkdir(parents=True)
        (output / "d" / "a").write_text("1")
        (output / "d" / "sub" / "b").write_text("2")
        (output / "computed.json").write_text(json.dumps(declared))

    return act


def test_try__folder_with_subfolders__is_told_of_the_stricter_digest(
    tried: Callable[..., Report],
) -> None:
    report = tried(nested({"deterministic-output-path": "d"}))
    assert report.attempts[0].counting == {"d/a"}
    assert "tree-v1" in report.warnings[0]
    strict = {"deterministic-output-path": "d", "deterministic-algorithm": "tree-v1"}
    report = tried(nested(strict))
    assert report.attempts[0].counting == {"d/a", "d/sub/b"}
    assert (report.ok, report.warnings) == (True, ())


def test_try__whole_output_links_and_exit_code__are_worth_a_warning(
    tried: Callable[..., Report],
) -> None:
    def act(output: Path) -> None:
        writes("/iexec_out", r="42")(output)
        (output / "link").symlink_to("r")

    ended = RunResult(3, b"", b"", 0.1, Cause.APP_COMPUTE_FAILED, "exit code 3")
    report = tried(act, result=ended)
    assert report.ok
    assert [word for word in ("link", "exit code 3", "logs") if word in str(report.warnings)] == [
        "link",
        "exit code 3",
        "logs",
    ]


def test_try__app_of_v3_without_determinism_file__is_good_for_trust_1_only(
    tried: Callable[..., Report],
) -> None:
    def act(output: Path) -> None:
        (output / "r").write_text("42")

    report = tried(act, Trial(generation=Generation.V3))
    assert report.ok
    assert report.attempts[0].counting == {"r", "stdout.txt", "stderr.txt"}
    assert "trust 1" in report.warnings[0]
    assert not tried(act, Trial(generation=Generation.V3, trust=2)).ok
    assert not tried(act, Trial(generation=Generation.V5)).ok


def test_try__inputs_of_a_requester__are_under_their_own_names(tmp_path: Path) -> None:
    for name in ("file A.txt", "model.bin"):
        (tmp_path / name).write_text(name)
    runtime = ScriptedRuntime(writes(r="42"))
    trial = Trial(
        args="a 'b c'", input_files=(tmp_path / "file A.txt",), dataset=tmp_path / "model.bin"
    )
    try_app(APP, runtime, trial, tmp_path / "runs")
    spec = runtime.specs[0]
    assert spec.arguments == ("a", "b c")
    assert spec.environment["IEXEC_INPUT_FILE_NAME_1"] == "file_A.txt"
    assert spec.environment["IEXEC_DATASET_FILENAME"] == "model.bin"
    assert (spec.mounts[0].host / "file_A.txt").read_text() == "file A.txt"


def test_try__secrets__make_it_a_confidential_task(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    runtime = ScriptedRuntime(writes(r="42"))
    trial = Trial(
        app_secret=Secret("one"),
        requester_secrets={2: Secret("two")},
        dataset=tmp_path / "model.bin",
    )
    try_app(APP, runtime, trial, tmp_path / "runs")
    environment = runtime.specs[0].environment
    assert environment["IEXEC_REQUESTER_SECRET_2"] == "two"
    assert environment["IEXEC_APP_DEVELOPER_SECRET"] == "one"
    assert environment["IEXEC_DATASET_FILENAME"] == environment["IEXEC_DATASET_ADDRESS"]


def test_try__inputs_that_cannot_be_given__are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").touch()
    twice = Trial(input_files=(tmp_path / "a" / "x", tmp_path / "b" / "x"))
    for trial in (twice, Trial(dataset=tmp_path / "missing")):
        with pytest.raises(UserInputError):
            try_app(APP, ScriptedRuntime(writes(r="42")), trial, tmp_path / "runs")
