"""Gas per function and per whole task: ``python -m benchmarks.gas [--update]``.

Prints the table "function, reference, ours, ratio, target", where the reference is the original,
and compares with the committed snapshot ``benchmarks/gas.json``. The exit code is 1 when a target
is missed or a figure differs from the snapshot.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from benchmarks.reference import REFERENCE, Reference
from benchmarks.scenarios import Gas, measure
from poco.errors import PocoError

__all__ = ["SNAPSHOT", "changes", "missed_targets", "table"]

SNAPSHOT = Path(__file__).with_name("gas.json")
_NO_REFERENCE = Reference(None)


def table(gas: Gas) -> str:
    """Return the table as text, with the notes below it."""
    lines = [f"{'function':50} {'reference':>12} {'ours':>12} {'ratio':>6} {'target':>6}"]
    notes: dict[str, int] = {}
    for name, spent in gas.items():
        reference = REFERENCE.get(name, _NO_REFERENCE)
        ratio = reference.ratio(spent)
        mark = ""
        if reference.note:
            mark = f" [{notes.setdefault(reference.note, len(notes) + 1)}]"
        lines.append(
            f"{name + mark:50} {_number(reference.gas):>12} {spent:>12,} "
            f"{_ratio(ratio):>6} {_ratio(reference.target):>6}"
        )
    lines += [f"[{number}] {note}" for note, number in notes.items()]
    return "\n".join(lines)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def missed_targets(gas: Gas) -> list[str]:
    """Describe every figure that exceeds its target."""
    return [
        f"{name}: {reference.ratio(gas[name]):.4f} of the reference, target {reference.target}"
        for name, reference in REFERENCE.items()
        if not reference.is_met(gas[name])
    ]


def changes(gas: Gas, snapshot: Gas) -> list[str]:
    """Describe every difference to a snapshot: function, before, after."""
    return [
        f"{name}: {_number(snapshot.get(name)) or 'absent'} -> {_number(gas.get(name)) or 'absent'}"
        for name in dict.fromkeys([*snapshot, *gas])
        if snapshot.get(name) != gas.get(name)
    ]


def load_snapshot() -> Gas:
    """Return the committed figures; none before the first `make gas-update`."""
    return dict(json.loads(SNAPSHOT.read_text())) if SNAPSHOT.exists() else {}


@click.command()
@click.option("--update", is_flag=True, help="Write the snapshot instead of comparing with it.")
def main(update: bool) -> None:
    """Measure gas on anvil; compare it with the original, the targets and the snapshot."""
    try:
        gas = measure()
    except PocoError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    click.echo(table(gas))
    changed = changes(gas, load_snapshot())
    for change in changed:
        click.echo(f"changed: {change}", err=True)
    missed = missed_targets(gas)
    for miss in missed:
        click.echo(f"target missed: {miss}", err=True)
    if update:
        SNAPSHOT.write_text(json.dumps(gas, indent=2) + "\n")
        click.echo(f"{SNAPSHOT.name}: {'written' if changed else 'unchanged'}")
    elif changed:
        click.echo("accept with: make gas-update", err=True)
    sys.exit(1 if missed or (changed and not update) else 0)


if __name__ == "__main__":
    main()
