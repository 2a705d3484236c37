"""What a sandbox costs: ``python -m benchmarks.execution``.

The sample app runs as a plain process, as a WASM module and, when an engine answers, as a
container: on its small sample, and on a table of eight megabytes. An app that does nothing shows
how many tasks a second a host can start. The plain programs need a C compiler.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import docker
import wasmtime

from benchmarks.timing import seconds_per_call
from poco import appio
from poco.appio import TaskContext
from poco.errors import AppError, ConfigurationError, PocoError
from poco.runtimes import Mount, RunLimits, RunSpec, Runtime, available_runtimes
from poco.toolchain.project import Checkout
from poco.worker.execution import AppReference, TaskInputs, execute

__all__ = ["Sample"]

_APP = Checkout.find().root / "apps" / "csv-histogram"
_URL = "https://example.org/table.csv"
_NAME = "table.csv"
_ARGUMENTS = ("--column", "price")
_ROWS = 400_000
_IMAGE = "poco-benchmark-histogram:latest"
_IDLE_IMAGE = "poco-benchmark-idle:latest"
_IDLE_MODULE = '(module (memory (export "memory") 1) (func (export "_start")))'
_TASKS = 24
_LARGE_MIB = 100


class Sample:
    """The sample app with one input, ready to run in several ways.

    Args:
        folder: for the work; private.
        program: the app as a static program.
        table: the input, CSV.
    """

    def __init__(self, folder: Path, program: Path, table: Path) -> None:
        self._folder = folder
        self._program = program
        self._table = table

    def plain(self) -> None:
        """Run the program without any sandbox, on the files where they are."""
        with tempfile.TemporaryDirectory(dir=self._folder) as output:
            context = TaskContext(bytes(32), bytes(32), 0, 0, 1, input_files=(self._table.name,))
            folders = {"IEXEC_IN": str(self._table.parent), "IEXEC_OUT": output}
            subprocess.run(
                [self._program, *_ARGUMENTS],
                env={**appio.environment(context), **folders},
                check=True,
                capture_output=True,
            )

    def sandboxed(self, app: AppReference) -> Callable[[], None]:
        """Return a function that executes the app as a worker does, result archive included."""
        runtime = available_runtimes(allow_files=True)[app.app_type]
        task = TaskInputs(
            task_id=hashlib.sha256(str(self._table).encode()).digest(),
            deal_id=bytes(32),
            index=0,
            bot_first=0,
            bot_size=1,
            app=app,
            params=json.dumps({"iexec_args": " ".join(_ARGUMENTS), "iexec_input_files": [_URL]}),
            limits=RunLimits(seconds=120),
            input_files={_URL: self._table},
        )

        def run() -> None:
            execution = execute(task, runtime, self._folder / app.app_type)
            if execution.failure is not None:
                raise AppError(str(execution.failure))

        return run


def _program(folder: Path) -> Path:
    """Build the app as a static program."""
    command = ["make", "-C", str(_APP), str(folder / "csv-histogram"), f"BUILD={folder}"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise ConfigurationError(
            f"the sample app must compile: {made.stderr.strip()}",
            field="command",
            value=" ".join(command),
            remedy="install a C compiler with a static C library",
        )
    return folder / "csv-histogram"


def _image(program: Path) -> bytes:
    """Build the app's image without network; returns its id."""
    image, _ = docker.from_env().images.build(
        path=str(program.parent), dockerfile=str(_APP / "Dockerfile"), tag=_IMAGE, rm=True
    )
    return bytes.fromhex(str(image.id).removeprefix("sha256:"))


def _apps(program: Path) -> dict[str, AppReference]:
    module = _APP / "app.wasm"
    apps = {"WASM": AppReference(str(module), hashlib.sha256(module.read_bytes()).digest(), "WASM")}
    if "DOCKER" in available_runtimes():
        apps["DOCKER"] = AppReference(_IMAGE, _image(program))
    return apps


def _large(folder: Path) -> Path:
    table = folder / _NAME
    rows = (f"{i},region{i % 7},{i * 7919 % 1000}.{i % 100:02}" for i in range(_ROWS))
    table.write_text("order,region,price\n" + "\n".join(rows) + "\n")
    return table


def _small(folder: Path) -> Path:
    table = folder / _NAME
    table.write_bytes((_APP / "samples" / "orders.csv").read_bytes())
    return table


def _idle_apps(folder: Path) -> dict[str, AppReference]:
    """Build an app that does nothing, for each sandbox."""
    module = folder / "idle.wasm"
    module.write_bytes(wasmtime.wat2wasm(_IDLE_MODULE))
    checksum = hashlib.sha256(module.read_bytes()).digest()
    apps = {"WASM": AppReference(str(module), checksum, "WASM")}
    if "DOCKER" in available_runtimes():
        source = "int main(void) { return 0; }"
        command = ["cc", "-static", "-x", "c", "-o", str(folder / "idle"), "-"]
        subprocess.run(command, input=source, text=True, check=True)
        (folder / "Dockerfile").write_text('FROM scratch\nCOPY idle /idle\nENTRYPOINT ["/idle"]\n')
        image, _ = docker.from_env().images.build(path=str(folder), tag=_IDLE_IMAGE, rm=True)
        checksum = bytes.fromhex(str(image.id).removeprefix("sha256:"))
        apps["DOCKER"] = AppReference(_IDLE_IMAGE, checksum)
    return apps


def _idle_spec(app: AppReference, output: Path, name: str) -> RunSpec:
    mounts = (Mount(output, "/iexec_out", read_only=False),)
    return RunSpec(
        app.multiaddr, app.checksum, (), {}, mounts, RunLimits(seconds=60), f"poco-benchmark-{name}"
    )


def _compare_starts(folder: Path, rounds: int) -> None:
    """Print how long an app that does nothing takes, and how many a host starts in a second."""
    runtimes = available_runtimes(allow_files=True)
    for kind, app in _idle_apps(folder).items():
        runtime = runtimes[kind]

        def start(number: int, runtime: Runtime = runtime, app: AppReference = app) -> None:
            result = runtime.run(_idle_spec(app, folder, str(number)))
            if result.cause:
                raise AppError(result.detail)

        ways: dict[str, Callable[[], object]] = {kind: partial(start, 0)}
        if kind == "DOCKER":
            command = ["docker", "run", "--rm", _IDLE_IMAGE]
            ways["docker run"] = partial(subprocess.run, command, check=True)
        start(0)
        seconds = seconds_per_call(ways, rounds=rounds)
        for way, taken in seconds.items():
            ratio = f"{taken / seconds[kind]:>18.2f}" if way != kind else f"{1:>18}"
            click.echo(f"{f'idle app, {way}':42} {1_000 * taken:>10,.1f} {ratio}")
        for threads in (1, 2, 4):
            many = _TASKS * (10 if kind == "WASM" else 1)
            with ThreadPoolExecutor(threads) as pool:
                begin = time.perf_counter()
                list(pool.map(start, range(many)))
                rate = many / (time.perf_counter() - begin)
            click.echo(f"{f'idle app, {kind}, {threads} at a time':42} {rate:>10,.1f} tasks/s")


def _collect_large(folder: Path) -> None:
    """Print speed and memory of digest and archive of a large output."""
    output = folder / "large"
    output.mkdir()
    with (output / "result").open("wb") as file:
        for _ in range(_LARGE_MIB):
            file.write(os.urandom(1024**2))
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on
    begin = time.perf_counter()
    tree = appio.scan_output(output)
    appio.output_digest(tree, "result")
    appio.write_archive(tree, folder / "large.zip")
    taken = time.perf_counter() - begin
    growth = (memory("VmHWM") - before) / 1024**2
    click.echo(f"digest and archive of {_LARGE_MIB} MiB: {taken:.1f} s, {growth:.1f} MiB of memory")


def memory(field: str) -> int:
    """Return a figure of this process's status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Rounds; medians are printed.")
def main(rounds: int) -> None:
    """Print the time of an execution by sandbox, as a multiple of the plain process."""
    try:
        _compare(rounds)
    except PocoError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


def _compare(rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="poco-benchmark-") as name:
        folder = Path(name)
        program = _program(folder / "build")
        apps = _apps(program)
        click.echo(f"{'execution':42} {'ms':>10} {'times plain':>18}")
        for size, prepare in (("small input", _small), ("8 MB input", _large)):
            work = folder / size.replace(" ", "-")
            (work / "files").mkdir(parents=True)
            sample = Sample(work, program, prepare(work / "files"))
            ways = {"plain process": sample.plain}
            ways |= {kind: sample.sandboxed(app) for kind, app in apps.items()}
            seconds = seconds_per_call(ways, rounds=rounds)
            for way, taken in seconds.items():
                ratio = taken / seconds["plain process"]
                click.echo(f"{f'{size}, {way}':42} {1_000 * taken:>10,.1f} {ratio:>18.1f}")
        _compare_starts(folder, rounds)
        _collect_large(folder)
        if "DOCKER" not in apps:
            click.echo("DOCKER: no engine answers")


if __name__ == "__main__":
    main()
