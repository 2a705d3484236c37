"""The table of balances: exact figures, and sums."""

from __future__ import annotations

import pytest
from rich.console import Console

from poco.demo.ledger import Ledger, Line, changes, in_rlc, table, to_json
from poco.demo.narrator import Narrator
from poco.errors import InternalError

BEFORE = Ledger({"alice": Line(5, 0, 0), "kitty": Line(0, 0, 0)}, 0, 0)
AFTER = Ledger({"alice": Line(1, 2, 0), "kitty": Line(0, 0, 2)}, 4, 4)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (1_500_000_000, "1.50"),
        (-300_000_000, "-0.30"),
        (86_999_900 * 10**9, "86,999,900.00"),
    ],
)
def test_in_rlc__amount__is_written_exactly(amount: int, written: str) -> None:
    assert in_rlc(amount) == written


def test_in_rlc__signed__marks_gains_but_not_nothing() -> None:
    assert [in_rlc(n, signed=True) for n in (10**9, 0, -(10**9))] == ["+1.00", "0.00", "-1.00"]


def test_changes__money_moved__sum_to_zero() -> None:
    assert changes(BEFORE, AFTER) == {"alice": -2, "kitty": 2}


def test_table__last_row__is_the_sum_of_each_column() -> None:
    console = Console(width=120, record=True)
    with console.capture() as captured:
        console.print(table(BEFORE, AFTER))
    last = [line for line in captured.get().splitlines() if line.startswith("│")][-1]
    cells = [cell.strip() for cell in last.strip("│").split("│")]
    nano = {n: f"0.{n:09d}" for n in range(10)}
    assert cells == ["sum", nano[5], nano[1], nano[2], nano[2], nano[5], nano[0]]


def test_to_json__amounts__are_decimal_texts() -> None:
    assert to_json(BEFORE, AFTER)[0] == {
        "party": "alice",
        "before": "5",
        "wallet": "1",
        "stake": "2",
        "locked": "0",
        "after": "3",
        "change": "-2",
    }


def test_narrator__claim_that_does_not_hold__is_not_told() -> None:
    console = Console(record=True, quiet=True)
    narrator = Narrator(console)
    narrator.claim("water is wet", True)
    with pytest.raises(InternalError, match="fire is cold"):
        narrator.claim("fire is cold", False)
    assert narrator.claims == ["water is wet"]
