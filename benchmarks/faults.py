"""Random crashes of a whole market: ``python -m benchmarks.faults [--crashes N] [--seed S]``.

Each story is a deal whose scheduler and workers are processes that are killed (SIGKILL) at seeded
points and started again. Printed is what must be nil: lost tasks, lost stakes, double work. The
stories and the table of points are those of the end-to-end tests.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from poco.toolchain.project import Checkout

_TESTS = Checkout.find().root / "tests"


@click.command()
@click.option("--crashes", default=300, show_default=True, help="Deaths to count at least.")
@click.option("--seed", default=0, show_default=True, help="Of the first story.")
def main(crashes: int, seed: int) -> None:
    """Print each story, how many crashes were tried, and what was lost; exit code 1 if anything."""
    sys.path[:0] = [str(_TESTS), str(_TESTS / "e2e")]
    died = 0
    tales, stage = importlib.import_module("crash_series"), importlib.import_module("worker_stage")

    def told(number: int, story: Any, outcome: Any) -> None:
        nonlocal died
        died += len(outcome.deaths)
        deaths = ", ".join(f"{name}: {crash}" for name, crash in outcome.deaths)
        click.echo(
            f"{died:>4} of {crashes}  seed {number}: trust {story.trust}, {story.tasks} tasks, "
            f"{outcome.seconds:.1f} s; died {deaths or 'nowhere'}"
        )
        for loss in outcome.losses:
            click.echo(f"  LOSS {loss}")

    with stage.founded() as town, tempfile.TemporaryDirectory() as folder:
        series = tales.play_series(town, Path(folder), crashes=crashes, seed=seed, told=told)
    by_process: dict[str, int] = {}
    for (process, _), times in series.crashes.items():
        by_process[process] = by_process.get(process, 0) + times
    shares = ", ".join(f"{times} of a {name}" for name, times in sorted(by_process.items()))
    tasks = {status.name.lower(): number for status, number in series.tasks.items()}
    click.echo(f"crashes   {series.crashes.total():>5}  ({shares}; {len(series.crashes)} points)")
    click.echo(f"stories   {series.stories:>5}  (seeds {seed} to {seed + series.stories - 1})")
    click.echo(f"tasks     {series.tasks.total():>5}  ({tasks})")
    click.echo(f"runs      {series.runs:>5}  (of apps)")
    click.echo(f"reverted  {series.reverted:>5}  (transactions mined in vain)")
    click.echo(f"seconds   {series.seconds:>5.0f}")
    click.echo(f"losses    {len(series.losses):>5}")
    sys.exit(1 if series.losses else 0)


if __name__ == "__main__":
    main()
