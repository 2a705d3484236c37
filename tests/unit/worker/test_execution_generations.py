"""One worker runs apps of all generations (spec offchain §1.1, §1.6)."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.scripted_runtime import (
    CALLBACK,
    TASK,
    URL,
    ScriptedRuntime,
    assert_error_result,
    contents,
)

from poco.appio import Cause, Generation, OutputLimits
from poco.result_archive import inspect_archive
from poco.runtimes import RunLimits, RunResult
from poco.worker.execution import DatasetFile, Execution, TaskInputs, execute

MOVIE = "https://example.com/movies/a-very-long-name-for-a-small-movie.mp4"
ZIPPED = "https://example.com/movies/all.zip"


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "download-1"
    path.write_bytes(b"frames")
    return path


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "download-2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small.mp4", "frames")
        archive.writestr("subtitles/a-name-of-more-than-thirty-one-characters.txt", "words")
    return path


def v2(dirinuri: str = "", **files: Path) -> TaskInputs:
    """Return a v2 task; its input is named by its URL."""
    params = json.dumps({"cmdline": "-i in out", "dirinuri": dirinuri})
    return replace(TASK, params=params, input_files=files)


def v2_with(url: str, path: Path) -> TaskInputs:
    return v2(url, **{url: path})


def transcode(folder: Path) -> None:
    """Do what the app of the oldest seed does."""
    (folder / "small.avi").write_bytes(b"frames, but smaller")
    (folder / "consensus.iexec").write_text("hello\n")


def run(task: TaskInputs, act: Callable[[Path], None], tmp_path: Path) -> Execution:
    return execute(task, ScriptedRuntime(act), tmp_path / "work")


# --- v2 ---


def test_v2__one_folder__is_mounted_for_in_and_output(tmp_path: Path, movie: Path) -> None:
    runtime = ScriptedRuntime(transcode)
    execution = execute(v2_with(MOVIE, movie), runtime, tmp_path / "work")
    (spec,) = runtime.specs
    assert [(mount.guest, mount.read_only) for mount in spec.mounts] == [("/iexec", False)]
    assert spec.arguments == ("-i", "in", "out")
    assert spec.environment["IEXEC_OUT"] == "/iexec"
    assert execution.generation is Generation.V2


def test_v2__consensus_file__is_the_digest_and_inputs_stay_out_of_the_archive(
    tmp_path: Path, movie: Path
) -> None:
    seen: list[tuple[str, int]] = []

    def act(folder: Path) -> None:
        seen.extend((path.name, path.stat().st_mode & 0o777) for path in folder.iterdir())
        transcode(folder)

    execution = run(v2_with(MOVIE, movie), act, tmp_path)
    assert seen == [(MOVIE.rpartition("/")[2], 0o666)]
    assert execution.failure is None
    assert execution.source == "consensus.iexec"
    assert execution.digest == hashlib.sha256(b"hello\n").digest()
    assert set(contents(execution.archive)) == {
        "consensus.iexec",
        "small.avi",
        "stderr.txt",
        "stdout.txt",
    }


def test_v2__zip__is_unpacked_and_what_the_app_changed_is_output(
    tmp_path: Path, packed: Path
) -> None:
    def act(folder: Path) -> None:
        assert (folder / "small.mp4").read_bytes() == b"frames"
        assert len(list((folder / "subtitles").iterdir())) == 1
        (folder / "small.mp4").write_bytes(b"FRAMES")
        transcode(folder)

    execution = run(v2_with(ZIPPED, packed), act, tmp_path)
    assert execution.failure is None
    archived = contents(execution.archive)
    assert archived["small.mp4"] == b"FRAMES"
    assert not any(name.startswith("subtitles") for name in archived)


@pytest.mark.parametrize("url", [MOVIE, "https://example.com/all.tar"])
def test_v2__zip_by_another_name__is_not_unpacked(tmp_path: Path, packed: Path, url: str) -> None:
    def act(folder: Path) -> None:
        assert (folder / url.rpartition("/")[2]).read_bytes() == packed.read_bytes()
        transcode(folder)

    assert run(v2_with(url, packed), act, tmp_path).failure is None


def test_v2__zip_name_without_a_zip__is_a_plain_file(tmp_path: Path, movie: Path) -> None:
    def act(folder: Path) -> None:
        assert (folder / "all.zip").read_bytes() == b"frames"
        transcode(folder)

    assert run(v2_with(ZIPPED, movie), act, tmp_path).failure is None


def test_v2__hostile_zip__never_starts_the_app(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../escape", "x")
    execution = run(v2_with(ZIPPED, tmp_path / "bad.zip"), transcode, tmp_path)
    assert_error_result(
        execution,
        Cause.INPUT_ARCHIVE_INVALID,
        "[IEXEC] DATA_DOWNLOAD_FAILED INPUT_ARCHIVE_INVALID\n",
    )
    assert execution.exit_code is None
    assert not list(tmp_path.rglob("escape"))
    assert inspect_archive(execution.archive or Path()).digest == execution.digest


def test_v2__zip_bomb__has_its_own_cause(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10**6))
    execution = run(v2_with(ZIPPED, tmp_path / "bomb.zip"), transcode, tmp_path)
    assert_error_result(
        execution, Cause.INPUT_TOO_LARGE, "[IEXEC] DATA_DOWNLOAD_FAILED INPUT_TOO_LARGE\n"
    )


def test_v2__input_in_the_place_of_another__is_refused(
    tmp_path: Path, packed: Path, movie: Path
) -> None:
    url = "https://example.com/small.mp4"
    params = json.dumps({"dirinuri": ZIPPED, "iexec_input_files": [url]})
    task = replace(TASK, params=params, input_files={ZIPPED: packed, url: movie})
    execution = run(task, transcode, tmp_path)
    assert_error_result(
        execution,
        Cause.TASK_DESCRIPTION_INVALID,
        "[IEXEC] START_FAILED TASK_DESCRIPTION_INVALID\n",
    )


def test_v2__dataset__is_read_but_never_given_to_the_requester(tmp_path: Path) -> None:
    (tmp_path / "dataset").write_text("not for everybody")
    dataset = DatasetFile("0x" + "55" * 20, "https://example.com/model.bin", tmp_path / "dataset")

    def act(folder: Path) -> None:
        assert (folder / "model.bin").read_text() == "not for everybody"
        transcode(folder)

    execution = run(replace(v2(), dataset=dataset), act, tmp_path)
    assert "model.bin" not in contents(execution.archive)


def test_v2__inputs__do_not_count_as_output_of_the_app(tmp_path: Path, movie: Path) -> None:
    limits = RunLimits(seconds=1, output=OutputLimits(size=30, entries=4))
    runtime = ScriptedRuntime(transcode)
    task = replace(v2_with(MOVIE, movie), limits=limits)
    assert execute(task, runtime, tmp_path / "work").failure is not None  # 25 bytes and the logs
    assert runtime.specs[0].limits.output == OutputLimits(size=36, entries=5)


def test_v2__no_input__needs_no_download(tmp_path: Path) -> None:
    assert run(v2(), transcode, tmp_path).failure is None


# --- apps that declare no result ---


def silent(folder: Path) -> None:
    (folder / "movie.avi").write_bytes(b"frames")


def v3(act: Callable[[Path], None], result: RunResult | None = None) -> ScriptedRuntime:
    return ScriptedRuntime(act, result, {"iexec.generation": "v3"})


@pytest.mark.parametrize("trust", [0, 1])
def test_v3__no_determinism_file_and_no_trust_asked__archive_is_the_result(
    tmp_path: Path, trust: int
) -> None:
    execution = execute(replace(TASK, trust=trust), v3(silent), tmp_path / "work")
    assert execution.failure is None
    assert (execution.source, execution.digest) == ("", execution.archive_digest)
    assert inspect_archive(execution.archive or Path()).digest == execution.digest


def test_v3__no_determinism_file_but_trust_asked__fails_with_the_remedy(tmp_path: Path) -> None:
    execution = execute(replace(TASK, trust=2), v3(silent), tmp_path / "work")
    assert execution.failure is not None
    assert execution.failure.cause is Cause.DETERMINISM_HASH_NOT_FOUND
    assert "determinism.iexec" in execution.failure.remedy


def test_v5__no_computed_json__fails_at_any_trust(tmp_path: Path) -> None:
    execution = run(replace(TASK, trust=1), silent, tmp_path)
    assert execution.failure is not None
    assert execution.failure.field == "computed.json"


def test_v3__exit_code_and_no_determinism_file__is_the_app_s_failure(tmp_path: Path) -> None:
    ended = RunResult(3, b"", b"", 0.1, Cause.APP_COMPUTE_FAILED, "exit code 3")
    for act in (silent, lambda folder: (folder / "determinism.iexec").touch()):
        execution = execute(TASK, v3(act, ended), tmp_path / "work")
        assert execution.failure is not None
        assert execution.failure.cause is Cause.APP_COMPUTE_FAILED


def test_v3__determinism_file__needs_no_label(tmp_path: Path) -> None:
    def act(folder: Path) -> None:
        (folder / "determinism.iexec").write_text("0x" + "ab" * 32)

    execution = run(replace(TASK, trust=5), act, tmp_path)
    assert (execution.digest, execution.source) == (b"\xab" * 32, "determinism.iexec")


def test_v3__callback_file__reaches_the_contract(tmp_path: Path) -> None:
    digest = "b10e2d527612073b26eecdfd717e6a320cf44b4afac2b0732d9fcbe2b7fa0cf6"

    def act(folder: Path) -> None:
        (folder / "callback.iexec").write_text("0x" + "00" * 31 + "01")
        (folder / "determinism.iexec").write_text(digest)

    execution = run(replace(TASK, callback=CALLBACK), act, tmp_path)
    assert execution.callback_data == (1).to_bytes(32)
    assert execution.digest is not None
    assert execution.digest.hex() == digest
    content = inspect_archive(execution.archive or Path(), has_callback=True)
    assert (content.digest, content.callback_data) == (execution.digest, execution.callback_data)


def test_label_of_v2__has_the_one_folder_with_params_of_today(tmp_path: Path, movie: Path) -> None:
    params = json.dumps({"iexec_args": "a b", "iexec_input_files": [URL]})
    runtime = ScriptedRuntime(transcode, labels={"iexec.generation": "v2"})
    execution = execute(
        replace(TASK, params=params, input_files={URL: movie}), runtime, tmp_path / "work"
    )
    assert execution.failure is None
    assert runtime.specs[0].mounts[0].guest == "/iexec"
    assert "numbers.txt" not in contents(execution.archive)
