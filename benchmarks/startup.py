"""How long a market takes to start, and how much memory it holds: ``python -m benchmarks.startup``.

``poco up`` runs as a process of its own, with two workers and blocks every second. Memory is that
of the process and all its children once a task has been done: the chain, and what runs WASM.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click
from eth_account import Account

from poco.contracts import AddressBook, Market
from poco.local import StackInfo
from poco.local.places import BOOK
from poco.market import Offer, buy, register_app, sign_request, wait_for_tasks
from poco.orders import AppOrder, WorkerpoolOrder, random_salt, sign_order

__all__ = ["Start"]

_MAX_SECONDS = 6.0
_MAX_BYTES = 400 * 10**6
_PATIENCE_SECONDS = 60
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Start:
    """What one start needed.

    Args:
        ready: from the start of the process until the market can be used, seconds.
        processor: processor time until then, of process and children, seconds.
        idle: resident memory of process and children before the first task, bytes.
        busy: the same after it, bytes.
    """

    ready: float
    processor: float
    idle: int
    busy: int


def start_market(state: Path, *, new: bool) -> Start:
    """Start a market, have it do a task, and end it.

    Args:
        state: its folder.
        new: whether the folder is empty.
    """
    command = [sys.executable, "-m", "poco", "up", "--raw", "--free-ports", "--state", str(state)]
    environment = os.environ | {"XDG_STATE_HOME": str(state.parent)}
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            document = json.loads(process.stdout.readline())
            ready = time.perf_counter() - begun
            processor = sum(map(_processor, _family(process.pid)))
            time.sleep(_SETTLE_SECONDS)
            idle = sum(map(_resident, _family(process.pid)))
            document.pop("ok")
            if new:
                _do_a_task(StackInfo.from_json(document), state)
            busy = sum(map(_resident, _family(process.pid)))
        finally:
            process.send_signal(signal.SIGINT)
    return Start(ready, processor, idle, busy)


def _do_a_task(info: StackInfo, state: Path) -> None:
    person = Account.from_key(info.fundingKey)
    market = Market.connect(info.rpc, book=AddressBook.load(state / BOOK)).acting_as(person)
    entry = info.e2e["app"]
    checksum = bytes.fromhex(entry.checksum.removeprefix("0x"))
    app = register_app(market, "echo", entry.type, entry.multiaddr, checksum).address
    work = WorkerpoolOrder(workerpool=info.workerpool.address, trust=1, salt=random_salt())
    owner = Account.from_key(info.workerpool.ownerKey)
    offer = Offer(
        app=sign_order(AppOrder(app=app, salt=random_salt()), market.domain, person),
        workerpool=sign_order(work, market.domain, owner),
    )
    deal = buy(market, offer, sign_request(market, person, offer, json.dumps({"iexec_args": "1"})))
    list(wait_for_tasks(market, deal, patience=_PATIENCE_SECONDS))


def _family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def _resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--raw", is_flag=True, help="Print JSON.")
def main(rounds: int, raw: bool) -> None:
    """Start a market, and start it again with what it has kept."""
    new, again = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            state = Path(name) / "state"
            new.append(start_market(state, new=True))
            again.append(start_market(state, new=False))
    if raw:
        click.echo(json.dumps({"new": list(map(asdict, new)), "again": list(map(asdict, again))}))
        return
    click.echo(f"{'':<8}{'ready':>9}{'processor':>11}{'idle':>9}{'after a task':>14}")
    for label, starts in (("new", new), ("again", again)):
        click.echo(
            f"{label:<8}{median(one.ready for one in starts):>7.1f} s"
            f"{median(one.processor for one in starts):>9.1f} s"
            f"{median(one.idle for one in starts) / 1e6:>6.0f} MB"
            f"{median(one.busy for one in starts) / 1e6:>11.0f} MB"
        )
    click.echo(f"wanted: ready within {_MAX_SECONDS:g} s, at most {_MAX_BYTES / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
