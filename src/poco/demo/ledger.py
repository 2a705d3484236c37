"""Who has how much: balances of all parties at one block, and what changed between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress
from rich.table import Table

from poco.contracts import Market

__all__ = ["KITTY", "Ledger", "Line", "changes", "in_rlc", "table"]

KITTY = "kitty"
_UNITS = 10**9


@dataclass(frozen=True, slots=True)
class Line:
    """What one party has, nRLC.

    Args:
        wallet: tokens outside the hub.
        stake: free in the hub.
        locked: frozen in the hub.
    """

    wallet: int
    stake: int
    locked: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.wallet + self.stake + self.locked


@dataclass(frozen=True, slots=True)
class Ledger:
    """The balances of some parties and of the kitty at one block.

    Args:
        lines: by the name of the party; the kitty is one of them.
        supply: what the hub says that it owes to everybody.
        held: tokens that the hub holds.
    """

    lines: Mapping[str, Line]
    supply: int
    held: int

    @classmethod
    def read(cls, market: Market, parties: Mapping[str, ChecksumAddress]) -> Ledger:
        """Read the balances after the latest block; token mode only.

        Args:
            market: the market.
            parties: addresses by name.

        Raises:
            ChainError: the node does not answer.
        """
        block = market.chain.block_number()
        hub, token = market.hub.at(block), market.token.at(block)
        addresses = dict(parties) | {KITTY: hub.constants().kitty_address}
        accounts = hub.accounts(list(addresses.values()))
        lines = {
            name: Line(token.balance_of(address), account.stake, account.locked)
            for (name, address), account in zip(addresses.items(), accounts, strict=True)
        }
        return cls(lines, hub.total_supply(), token.balance_of(hub.address))

    @property
    def in_hub(self) -> int:
        """What all parties have in the hub."""
        return sum(line.stake + line.locked for line in self.lines.values())


def changes(before: Ledger, after: Ledger) -> dict[str, int]:
    """Return by how much each party is richer, nRLC."""
    return {name: after.lines[name].total - line.total for name, line in before.lines.items()}


def in_rlc(amount: int, *, decimals: int = 2, signed: bool = False) -> str:
    """Write nRLC as RLC, exactly.

    Args:
        amount: nRLC.
        decimals: how many to write at the least.
        signed: write a plus sign as well.
    """
    sign = "-" if amount < 0 else "+" if signed and amount else ""
    whole, part = divmod(abs(amount), _UNITS)
    digits = f"{part:09d}".rstrip("0").ljust(decimals, "0")
    return f"{sign}{whole:,}.{digits}"


def table(before: Ledger, after: Ledger) -> Table:
    """Lay out the balances before and after, with their changes and sums."""
    moved = changes(before, after)
    rows: dict[str, tuple[int, ...]] = {
        name: (before.lines[name].total, *_parts(line), line.total, moved[name])
        for name, line in after.lines.items()
    }
    rows["sum"] = tuple(map(sum, zip(*rows.values(), strict=True)))
    written = (in_rlc(amount) for row in rows.values() for amount in row)
    decimals = max(len(text.partition(".")[2]) for text in written)
    sheet = Table(title="Balances in RLC before the first deal and now", title_justify="left")
    sheet.add_column("party", no_wrap=True)
    for heading in ("before", "wallet", "in hub", "locked", "now", "change"):
        sheet.add_column(heading, justify="right", no_wrap=True)
    for name, row in rows.items():
        if name == "sum":
            sheet.add_section()
        *amounts, change = row
        cells = [in_rlc(amount, decimals=decimals) for amount in amounts]
        sheet.add_row(name, *cells, in_rlc(change, decimals=decimals, signed=True))
    return sheet


def _parts(line: Line) -> tuple[int, int, int]:
    return line.wallet, line.stake, line.locked


def to_json(before: Ledger, after: Ledger) -> list[dict[str, Any]]:
    """Return the table for machines; amounts are nRLC as decimal texts."""
    moved = changes(before, after)
    return [
        {
            "party": name,
            "before": str(before.lines[name].total),
            "wallet": str(line.wallet),
            "stake": str(line.stake),
            "locked": str(line.locked),
            "after": str(line.total),
            "change": str(moved[name]),
        }
        for name, line in after.lines.items()
    ]
