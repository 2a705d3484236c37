"""What a sandbox costs: ``python -m benchmarks.execution``.

The sample app runs as a plain process, as a WASM module and, when an engine answers, as a
container: on its small sample, and on a table of eight megabytes. The plain process needs a C
compiler.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import docker

from benchmarks.timing import seconds_per_call
from poco import appio
from poco.appio import TaskContext
from poco.errors import AppError, ConfigurationError, PocoError
from poco.runtimes import RunLimits, available_runtimes
from poco.toolchain.project import Checkout
from poco.worker.execution import AppReference, TaskInputs, execute

__all__ = ["Sample"]

_APP = Checkout.find().root / "apps" / "csv-histogram"
_URL = "https://example.org/table.csv"
_NAME = "table.csv"
_ARGUMENTS = ("--column", "price")
_ROWS = 400_000
_IMAGE = "poco-benchmark-histogram:latest"


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
        runtime = available_runtimes()[app.app_type]
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
        path=str(program.parent), dockerfile=str(_APP / "Dockerfile"), tag=_IMAGE
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
        if "DOCKER" not in apps:
            click.echo("DOCKER: no engine answers")


if __name__ == "__main__":
    main()
