"""What every runtime guarantees, whichever it is (spec offchain §1.7)."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from runtime_bench import Stage

from poco.appio import Cause, ExecutionError, OutputLimits


def test_run__arguments__arrive_as_they_are(stage: Stage) -> None:
    arguments = ("a b", "$HOME", "`id`", '"quoted"', "*", "é\n", "\\")
    result = stage.run("print", *arguments)
    assert result.stdout.decode() == "".join(f"[{argument}]\n" for argument in arguments)
    assert (result.exit_code, result.cause, result.stderr) == (0, None, b"")


def test_run__environment__holds_nothing_of_the_workers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCO_WORKER_SECRET", "secret")
    lines = set(stage.run("env").stdout.decode().splitlines())
    of_the_engine = {line for line in lines if line.startswith(("PATH=", "HOSTNAME=", "HOME="))}
    assert lines - of_the_engine == {"IEXEC_IN=/iexec_in", "MARK=a b=c"}


def test_run__exit_code__is_reported_as_the_apps_failure(stage: Stage) -> None:
    result = stage.run("exit", "42")
    assert (result.exit_code, result.cause) == (42, Cause.APP_COMPUTE_FAILED)
    assert result.detail == "the app ended with exit code 42"


def test_run__abort__is_the_apps_failure(stage: Stage) -> None:
    result = stage.run("abort")
    assert (result.exit_code, result.cause) == (134, Cause.APP_COMPUTE_FAILED)


def test_run__stderr__is_kept_apart(stage: Stage) -> None:
    result = stage.run("complain", "oh dear")
    assert (result.stdout, result.stderr) == (b"", b"oh dear\n")


def test_run__input__can_be_read(stage: Stage) -> None:
    (stage.input / "data").write_bytes(b"\x00\xff" * 10_000)
    assert stage.run("read", "/iexec_in/data").stdout == b"\x00\xff" * 10_000


def test_run__input__cannot_be_written(stage: Stage) -> None:
    (stage.input / "data").write_bytes(b"before")
    assert stage.run("write", "/iexec_in/data", "after").exit_code == 9
    assert stage.run("write", "/iexec_in/new", "after").exit_code == 9
    assert [path.name for path in stage.input.iterdir()] == ["data"]
    assert (stage.input / "data").read_bytes() == b"before"


def test_run__output__is_on_the_host_afterwards(stage: Stage) -> None:
    stage.run("write", "/iexec_out/result", "42")
    assert (stage.output / "result").read_text() == "42"


def test_run__files_of_the_host__are_out_of_reach(stage: Stage) -> None:
    secret = stage.input.parent / "secret"
    secret.write_text("secret")
    (stage.output / "link").symlink_to(secret)
    paths = (str(secret), "/iexec_in/../secret", "/iexec_out/link")
    assert [stage.run("read", path).stdout for path in paths] == [b"", b"", b""]


def test_run__anything_but_the_output__cannot_be_written(stage: Stage) -> None:
    assert stage.run("write", "/elsewhere", "x").exit_code == 9


@pytest.mark.parametrize("verb", ["spin", "sleep"])
def test_run__wall_clock_limit__ends_it_at_once(stage: Stage, verb: str) -> None:
    begun = time.monotonic()
    result = stage.run(verb, seconds=2.0)
    assert (result.cause, result.exit_code) == (Cause.APP_COMPUTE_TIMEOUT, 137)
    assert result.detail.startswith("out of")
    assert time.monotonic() - begun < 20


def test_stop__from_another_thread__ends_it_at_once(stage: Stage) -> None:
    threading.Timer(0.5, stage.bench.runtime.stop, [stage.spec.name]).start()
    begun = time.monotonic()
    result = stage.run("sleep")
    assert (result.cause, result.exit_code) == (Cause.ABORTED_BY_WORKER, 137)
    assert time.monotonic() - begun < 20


def test_stop__unknown_name__does_nothing(stage: Stage) -> None:
    stage.bench.runtime.stop("nobody")
    assert stage.run("print", "x").cause is None


def test_resumable__run_never_begun__is_not(stage: Stage) -> None:
    assert not stage.bench.runtime.resumable("nobody", stage.spec.labels)


def test_reap__nothing_left__names_nothing(stage: Stage) -> None:
    assert stage.bench.runtime.reap("0x" + "00" * 20) == ()


def test_labels__app_without_any__are_empty(stage: Stage) -> None:
    image, checksum = stage.bench.probe
    assert stage.bench.runtime.labels(image, checksum) == {}


def test_run__output_of_a_killed_app__is_kept(stage: Stage) -> None:
    assert stage.run("sleep", seconds=2.0).stdout == b"asleep\n"


def test_run__memory_limit__cannot_be_exceeded(stage: Stage) -> None:
    assert stage.run("allocate", "16", memory=64 * 1024**2).exit_code == 0
    result = stage.run("allocate", "256", memory=64 * 1024**2)
    assert result.cause in (Cause.APP_OUT_OF_MEMORY, Cause.APP_COMPUTE_FAILED)


def test_run__output_limit__ends_an_endless_writer(stage: Stage) -> None:
    result = stage.run("fill", "/iexec_out/full", output=OutputLimits(size=8 * 1024**2))
    assert (result.cause, result.exit_code) == (Cause.APP_OUTPUT_TOO_LARGE, 137)


def test_run__long_log__keeps_head_and_tail(stage: Stage) -> None:
    log = stage.run("flood", "100000", log_head=1024, log_tail=2048).stdout
    assert log.startswith(b"line 00000000\nline 00000001\n")
    assert log.endswith(b"line 00099998\nline 00099999\n")
    assert f"[{1_400_000 - 1024 - 2048} bytes omitted]".encode() in log
    assert len(log) < 1024 + 2048 + 64


def test_run__wrong_checksum__is_refused_before_anything_runs(stage: Stage) -> None:
    spec = replace(stage.spec, checksum=b"\x01" * 32, arguments=("write", "/iexec_out/x", "x"))
    with pytest.raises(ExecutionError) as caught:
        stage.bench.runtime.run(spec)
    assert caught.value.cause is Cause.APP_IMAGE_BAD_CHECKSUM
    assert list(stage.output.iterdir()) == []


def test_run__no_checksum__runs_with_a_warning(stage: Stage) -> None:
    spec = replace(stage.spec, checksum=bytes(32), arguments=("print", "x"))
    result = stage.bench.runtime.run(spec)
    assert result.stdout == b"[x]\n"
    assert "no checksum" in result.warnings[0]


def test_run__missing_app__cannot_be_had(stage: Stage) -> None:
    spec = replace(stage.spec, image=stage.bench.missing, checksum=b"\x01" * 32)
    with pytest.raises(ExecutionError) as caught:
        stage.bench.runtime.run(spec)
    assert caught.value.cause is Cause.APP_IMAGE_DOWNLOAD_FAILED
    assert not caught.value.permanent


def test_run__same_name_again__is_no_obstacle(stage: Stage) -> None:
    assert [stage.run("exit", "0").exit_code for _ in range(2)] == [0, 0]


def test_fetch__registered_app__is_named_by_its_hash(stage: Stage) -> None:
    image, checksum = stage.bench.probe
    assert stage.bench.runtime.fetch(image, checksum) == f"sha256:{checksum.hex()}"
