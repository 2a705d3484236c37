"""What only the WASM runtime does: modules that are no apps, and a process of its own."""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import wasmtime
from runtime_bench import Bench, Stage
from support.processes import alive, descendants

from poco.appio import Cause
from poco.errors import ConfigurationError
from poco.runtimes import RunResult, WasmRuntime, wasm_child

SPARING = WasmRuntime(allow_files=True, fuel_per_second=1_000_000)
pytestmark = pytest.mark.parametrize("bench", ["wasm"], indirect=True)


def run_text(stage: Stage, folder: Path, text: str, **limits: object) -> RunResult:
    """Run a module given in WebAssembly's text format."""
    path = folder / "module.wasm"
    path.write_bytes(wasmtime.wat2wasm(text))
    checksum = hashlib.sha256(path.read_bytes()).digest()
    limited = replace(stage.spec.limits, **limits)  # type: ignore[arg-type]
    spec = replace(stage.spec, image=path.as_uri(), checksum=checksum, limits=limited)
    return stage.bench.runtime.run(spec)


def test_module__trap__is_the_apps_failure_and_told(stage: Stage, tmp_path: Path) -> None:
    result = run_text(stage, tmp_path, '(module (func (export "_start") unreachable))')
    assert (result.exit_code, result.cause) == (134, Cause.APP_COMPUTE_FAILED)
    assert b"unreachable" in result.stderr


def test_module__endless_recursion__is_the_apps_failure(stage: Stage, tmp_path: Path) -> None:
    result = run_text(stage, tmp_path, '(module (func $f (export "_start") call $f))')
    assert (result.exit_code, result.cause) == (134, Cause.APP_COMPUTE_FAILED)


def test_module__no_start__is_told_how_to_build(stage: Stage, tmp_path: Path) -> None:
    result = run_text(stage, tmp_path, "(module)")
    assert result.detail == "the module has no _start: build it as a WASI command"


def test_module__unknown_import__is_the_apps_failure(stage: Stage, tmp_path: Path) -> None:
    text = '(module (import "env" "socket" (func)) (func (export "_start")))'
    result = run_text(stage, tmp_path, text)
    assert result.cause is Cause.APP_COMPUTE_FAILED
    assert "env::socket" in result.detail


def test_module__no_wasm__is_the_apps_failure(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "text.wasm"
    path.write_text("hello")
    checksum = hashlib.sha256(b"hello").digest()
    result = stage.bench.runtime.run(replace(stage.spec, image=str(path), checksum=checksum))
    assert result.cause is Cause.APP_COMPUTE_FAILED


def test_module__more_memory_than_allowed_from_the_start__is_out_of_memory(
    stage: Stage, tmp_path: Path
) -> None:
    text = '(module (memory 64) (func (export "_start")))'
    assert run_text(stage, tmp_path, text, memory=4 * 1024**2).cause is None
    result = run_text(stage, tmp_path, text, memory=4 * 1024**2 - 1)
    assert result.cause is Cause.APP_OUT_OF_MEMORY


def test_module__table_without_end__is_refused(stage: Stage, tmp_path: Path) -> None:
    text = '(module (table 100000000 funcref) (func (export "_start")))'
    result = run_text(stage, tmp_path, text)
    assert result.cause is not None


ENDLESS = '(module (func (export "_start") (loop $l br $l)))'


def test_module__endless_loop__is_out_of_time_and_not_of_fuel(stage: Stage, tmp_path: Path) -> None:
    result = run_text(stage, tmp_path, ENDLESS, seconds=0.5)
    assert (result.cause, result.exit_code) == (Cause.APP_COMPUTE_TIMEOUT, 137)
    assert result.detail == "out of time (limit 0.5 s)"


def test_module__more_than_its_fuel__ends_at_an_instruction(stage: Stage, tmp_path: Path) -> None:
    sparing = replace(stage, bench=replace(stage.bench, runtime=SPARING))
    result = run_text(sparing, tmp_path, ENDLESS)
    assert (result.cause, result.exit_code) == (Cause.APP_COMPUTE_TIMEOUT, 137)
    assert result.detail == "out of fuel (what 30 s may burn)"


def test_module__category_of_ages__has_all_the_fuel_there_is(stage: Stage) -> None:
    assert stage.run("print", "x", seconds=1e9).cause is None


def test_module__gpu__is_the_operators_to_mend(stage: Stage) -> None:
    with pytest.raises(ConfigurationError, match="GPU"):
        stage.bench.runtime.run(replace(stage.spec, gpu=True))


def test_module__not_a_number__has_one_bit_pattern(stage: Stage, tmp_path: Path) -> None:
    # exits with bit 22 and the sign of 0/0 + payload: a canonical NaN has only bit 22
    text = """
    (module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $nan f32)
        (local.set $nan (f32.mul (f32.reinterpret_i32 (i32.const 0xffc12345)) (f32.const 1)))
        (call $exit (i32.ne (i32.reinterpret_f32 (local.get $nan)) (i32.const 0x7fc00000)))))
    """
    assert run_text(stage, tmp_path, text).exit_code == 0


def test_child__parent_dies__ends_at_once(stage: Stage, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from poco.runtimes import *\n"
        f"WasmRuntime(allow_files=True).run(RunSpec({stage.spec.image!r}, bytes(32), ('sleep',),"
        " {}, (), RunLimits(seconds=60), 'x'))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    deadline = time.monotonic() + 20
    while len(found := descendants(parent.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == 2  # the server and the app
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    while any(map(alive, found)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, found))


def test_server__killed__is_started_again(stage: Stage) -> None:
    before = set(descendants(os.getpid()))
    runtime = WasmRuntime(allow_files=True)
    spec = replace(stage.spec, arguments=("print", "x"))
    runtime.run(spec)
    server = only_child_beyond(before)
    os.kill(server, signal.SIGKILL)
    while alive(server):
        time.sleep(0.01)
    assert runtime.run(spec).stdout == b"[x]\n"


def test_child__killed_by_the_system__is_out_of_memory(stage: Stage) -> None:
    before = set(descendants(os.getpid()))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stage.run, "sleep")
        app = only_child_beyond(before)
        time.sleep(0.5)  # until it has said that it has started
        os.kill(app, signal.SIGKILL)
        result = running.result()
    assert (result.cause, result.exit_code) == (Cause.APP_OUT_OF_MEMORY, 137)


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_server__cannot_be_started__is_the_operators_to_mend(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(ConfigurationError, match="must be able to start a process"):
        WasmRuntime(allow_files=True).run(stage.spec)


def test_server__runtime_gone__ends(stage: Stage) -> None:
    before = set(descendants(os.getpid()))
    runtime = WasmRuntime(allow_files=True)
    runtime.run(replace(stage.spec, arguments=("print", "x")))
    server = only_child_beyond(before)
    del runtime
    gc.collect()
    assert not alive(server)


def only_child_beyond(before: set[int]) -> int:
    """Return the one process that was started and stays."""
    deadline = time.monotonic() + 10
    while len(new := set(descendants(os.getpid())) - before) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return new.pop()


def test_child__imports__nothing_of_the_package(bench: Bench) -> None:
    assert "poco" not in Path(wasm_child.__file__).read_text().split("import ", 1)[1]
