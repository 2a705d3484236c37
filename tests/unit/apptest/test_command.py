"""The command `poco app test`, with real modules and images."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import docker
import pytest
import wasmtime

from poco.cli.main import main
from poco.runtimes import DockerRuntime

APPS = Path(__file__).parents[3] / "apps"
Command = Callable[..., "subprocess.CompletedProcess[str]"]

needs_docker = pytest.mark.skipif(not DockerRuntime().answers(), reason="no engine answers")

DECLARED = '{"deterministic-output-path": "/iexec_out/result.txt"}'
LUCKY = f"""
(module
  (import "wasi_snapshot_preview1" "path_open" (func $open
    (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write
    (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "result.txt")
  (data (i32.const 32) "computed.json")
  (data (i32.const 64) {json.dumps(DECLARED)})
  (data (i32.const 200) "the number is ")
  (func $file (param $name i32) (param $length i32) (param $at i32) (param $size i32)
    (drop (call $open (i32.const 4) (i32.const 0) (local.get $name) (local.get $length)
      (i32.const 9) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 512)))
    (i32.store (i32.const 520) (local.get $at))
    (i32.store (i32.const 524) (local.get $size))
    (drop (call $write (i32.load (i32.const 512)) (i32.const 520) (i32.const 1) (i32.const 528))))
  (func (export "_start")
    (drop (call $random (i32.const 214) (i32.const 8)))
    (call $file (i32.const 0) (i32.const 10) (i32.const 200) (i32.const 22))
    (call $file (i32.const 32) (i32.const 13) (i32.const 64) (i32.const {len(DECLARED)}))))
"""


@pytest.fixture
def run(tmp_path: Path) -> Command:
    def run_command(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "poco", "app", "test", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    return run_command


def test_command__sound_module__ends_with_0(run: Command, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("from a file")
    (tmp_path / "secret.txt").write_text("a secret of a file\n")
    done = run(
        APPS / "echo" / "app.wasm", "--args", "hello", "--input-file", "note.txt",
        "--secret", "1=@secret.txt", "--secret", "app=mine", "--keep", "runs",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "both runs agree" in done.stdout
    (result,) = (tmp_path / "runs" / "run-1").rglob("result.txt")
    assert result.read_text() == (
        "argument hello\nfile note.txt\nfrom a file\n"
        "app secret mine\nrequester secret 1 a secret of a file\n"
    )


def test_command__random_module__ends_with_6_and_the_differing_bytes(
    run: Command, tmp_path: Path
) -> None:
    (tmp_path / "lucky.wasm").write_bytes(wasmtime.wat2wasm(LUCKY))
    done = run("lucky.wasm", "--raw")
    assert done.returncode == 6
    report = json.loads(done.stdout)
    assert (report["ok"], report["agree"], report["violations"]) == (False, False, [])
    (difference,) = report["differences"]
    assert (difference["path"], difference["counts"]) == ("result.txt", True)
    assert difference["offset"] >= len("the number is ")
    assert difference["first"] != difference["second"]


def test_command__module_that_breaks_the_contract__ends_with_6(run: Command) -> None:
    done = run(APPS / "echo" / "app.wasm", "--callback")
    assert done.returncode == 6
    assert "callback-data" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["missing.wasm"], "missing.wasm"),
        (["note.txt"], "Dockerfile"),
        (["./nowhere"], "no such file or folder"),
        (["empty/nowhere"], "no such file or folder"),
        (["empty"], "Dockerfile"),
        (["x.wasm", "--secret", "hunter2"], "N=VALUE"),
        (["x.wasm", "--secret", "0=x"], "N=VALUE"),
        (["x.wasm", "--secret", "1=@missing"], "readable"),
        (["echo.wasm", "--keep", "empty"], "must not exist"),
        (["x.wasm", "--input-file", "missing"], "missing"),
        (["x.wasm", "--generation", "v4"], "v4"),
    ],
)
def test_command__bad_input__ends_with_2_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "echo.wasm").write_bytes((APPS / "echo" / "app.wasm").read_bytes())
    with pytest.raises(SystemExit) as ended:
        main("app", "test", *arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert word in said
    assert "hunter2" not in said


@needs_docker
def test_command__folder_with_a_dockerfile__is_built_first(run: Command, tmp_path: Path) -> None:
    folder = tmp_path / "My_App."
    folder.mkdir()
    subprocess.run(
        ["make", "-s", "-C", APPS / "echo", folder / "echo", f"BUILD={folder}"], check=True
    )
    (folder / "Dockerfile").write_text((APPS / "echo" / "Dockerfile").read_text())
    done = run(folder, "--args", "hello")
    assert done.returncode == 0, done.stderr
    assert "(DOCKER, v5)" in done.stdout
    done = run("poco-app-test-my-app:latest", "--args", "hello")
    assert done.returncode == 0, done.stderr
    docker.from_env().images.remove("poco-app-test-my-app:latest")


@needs_docker
def test_command__dockerfile_that_does_not_build__ends_with_2(run: Command, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "Dockerfile").write_text("FROM scratch\nCOPY missing /\n")
    done = run("broken")
    assert done.returncode == 2
    assert "run docker build" in done.stderr


def test_command__without_an_engine__says_so(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    done = run("org/app:1.0")
    assert done.returncode == 3
    assert "engine" in done.stderr
