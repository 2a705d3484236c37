"""How many tasks per second a whole market does: ``python -m benchmarks.throughput``.

On a local chain that mines each transaction at once, a scheduler with its result store and four
workers do tasks of trust 1 whose app does nothing; all of them are processes of their own that
talk as they do in real life. Printed are the rate, how long an app waits after the scheduler has
decided who runs it, and what a task costs each process.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sqlite3
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks.pool import Plan, Pool, opened
from poco.contracts import Deal
from poco.errors import PocoError
from poco.local_chain import local_chain
from poco.orders import task_id

_WARM_UP = 24
_TICKS = os.sysconf("SC_CLK_TCK")
_RAMP = 0.1
_BOUNDS = (0.05, 0.1, 0.2, 0.5, 1.0, math.inf)
"""Of the histogram of starts, seconds."""
_CHAIN = "local chain"
_REST = "sandboxes and others"


@dataclass(frozen=True, slots=True)
class Round:
    """What one deal has shown.

    Args:
        tasks: how many it had.
        seconds: from the first decision to open a task to the last completion.
        rate: tasks per second in that time.
        sustained: the same between the first tenth of completions and the last.
        start_p50: seconds from an assignment to the start of the app, median.
        start_p99: likewise, 99th percentile.
        starts: how many apps started within each of `_BOUNDS`, and not within the one before.
        cpu: processor seconds per task, by process.
    """

    tasks: int
    seconds: float
    rate: float
    sustained: float
    start_p50: float
    start_p99: float
    starts: tuple[int, ...]
    cpu: Mapping[str, float]


@click.command()
@click.option("--tasks", default=300, show_default=True, help="Tasks of a deal.")
@click.option("--rounds", default=3, show_default=True, help="Deals, one after the other.")
@click.option("--workers", default=4, show_default=True, help="Worker processes.")
@click.option("--slots", default=4, show_default=True, help="Slots of each worker.")
@click.option("--raw", is_flag=True, help="Print JSON.")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Keep databases and logs here, new."
)
def main(tasks: int, rounds: int, workers: int, slots: int, raw: bool, folder: Path | None) -> None:
    """Print the tasks per second of a pool, with the app in its sandbox and without one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the pool's processes end, too
    try:
        with tempfile.TemporaryDirectory(prefix="poco-benchmark-") as name:
            found = {}
            for kind, sandbox in (("WASM app", True), ("function", False)):
                place = (folder or Path(name)) / kind.split()[0]
                place.mkdir(parents=True)
                plan = Plan(workers, slots, sandbox=sandbox)
                found[kind] = measure(place, plan, tasks, rounds)
                if not raw:
                    show(kind, found[kind])
            if raw:
                click.echo(
                    json.dumps(
                        {kind: [asdict(one) for one in all_] for kind, all_ in found.items()}
                    )
                )
    except PocoError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


def measure(folder: Path, plan: Plan, tasks: int, rounds: int) -> list[Round]:
    """Have a new pool do some deals, after a small one that does not count."""
    with local_chain("--base-fee", "0") as chain, opened(chain, folder, plan) as pool:
        pool.wait(pool.buy(_WARM_UP))
        return [_round(pool, tasks) for _ in range(rounds)]


def _round(pool: Pool, tasks: int) -> Round:
    before = _cpu(pool)
    deal = pool.buy(tasks)
    pool.wait(deal)
    after = _cpu(pool)
    begun, ended, assigned = _history(pool, deal)
    started = pool.starts()
    waits = sorted(started[task] - at for task, at in assigned.items())
    seconds = ended[-1] - begun
    first, last = math.floor(_RAMP * tasks), math.floor((1 - _RAMP) * tasks)
    return Round(
        tasks=tasks,
        seconds=seconds,
        rate=tasks / seconds,
        sustained=(last - first) / (ended[last] - ended[first]),
        start_p50=median(waits),
        start_p99=_percentile(waits, 0.99),
        starts=tuple(
            bisect_right(waits, bound) - bisect_right(waits, before)
            for before, bound in zip((-math.inf, *_BOUNDS), _BOUNDS, strict=False)
        ),
        cpu={name: (after[name] - used) / tasks for name, used in before.items()},
    )


def _history(pool: Pool, deal: Deal) -> tuple[float, list[float], dict[str, float]]:
    """Return when the first task was opened, when each ended, and when each was assigned."""
    ids = [task_id(deal.dealid, index) for index in deal.indices]
    marks = ",".join("?" * len(ids))
    stages = f"SELECT at, stage FROM task_events WHERE taskid IN ({marks})"  # noqa: S608
    orders = (
        "SELECT taskid, at FROM replicate_events "  # noqa: S608
        f"WHERE status = 'CREATED' AND taskid IN ({marks})"
    )
    with closing(sqlite3.connect(f"file:{pool.database}?mode=ro", uri=True)) as database:
        events = database.execute(stages, ids).fetchall()
        assigned = {f"0x{task.hex()}": at for task, at in database.execute(orders, ids)}
    begun = min(at for at, stage in events if stage == "INITIALIZING")
    ended = sorted(at for at, stage in events if stage == "COMPLETED")
    return begun, ended, assigned


def _percentile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


# PROCESSORS


def _cpu(pool: Pool) -> dict[str, float]:
    """Return the processor seconds that were used up so far, by process."""
    used = {name: _seconds_of(process) for name, process in pool.processes.items()}
    others = set(_children(os.getpid())) - set(pool.processes.values())
    used[_CHAIN] = sum(map(_seconds_of, others))
    used["benchmark"] = sum(os.times()[:2])
    busy = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    total = sum(int(ticks) for ticks in busy[:3] + busy[5:]) / _TICKS  # without idle and iowait
    return used | {_REST: total - sum(used.values())}


def _seconds_of(process: int) -> float:
    """Return what a process and those that it started have used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) / _TICKS  # those that ended included
    return own + sum(map(_seconds_of, _children(process)))


def _children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


def show(kind: str, rounds: Sequence[Round]) -> None:
    """Print a table: a line for each deal, and the medians of processor time."""
    click.echo(f"{kind:24} {'tasks/s':>10} {'sustained':>10} {'start p50':>10} {'p99':>10}")
    for number, one in enumerate(rounds, 1):
        rates = f"{one.rate:>10.1f} {one.sustained:>10.1f}"
        click.echo(
            f"{f'deal {number}, {one.tasks} tasks':24} {rates} "
            f"{one.start_p50:>9.3f}s {one.start_p99:>9.3f}s"
        )
    total = sum(one.tasks for one in rounds)
    for number, bound in enumerate(_BOUNDS):
        count = sum(one.starts[number] for one in rounds)
        label = f"started within {bound:g} s" if bound < math.inf else "started later"
        click.echo(f"{label:35} {count:>10} {count / total:>10.1%}")
    for name in rounds[0].cpu:
        used = median(one.cpu[name] for one in rounds)
        click.echo(f"{f'processor, {name}':35} {1_000 * used:>10.1f} ms/task")


if __name__ == "__main__":
    main()
