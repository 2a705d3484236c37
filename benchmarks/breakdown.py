"""Where gas goes, and which slots are written: ``python -m benchmarks.breakdown``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from benchmarks.stage import Stage
from poco.contracts import Receipt
from poco.local_chain import local_chain, travel
from poco.toolchain.project import Checkout

__all__ = ["Breakdown", "Write", "breakdown", "tables"]

_KINDS = {
    "SSTORE": "storage writes",
    "SLOAD": "storage reads",
    "CREATE2": "records as code",
    "STATICCALL": "calls",
    "CALL": "calls",
    "DELEGATECALL": "calls",
    "EXTCODECOPY": "records read",
    "EXTCODESIZE": "records read",
    "KECCAK256": "hashing",
    "TSTORE": "transient storage",
    "TLOAD": "transient storage",
} | {f"LOG{topics}": "events" for topics in range(5)}
_NESTING = {"CREATE2", "STATICCALL", "CALL", "DELEGATECALL"}
# EIP-2200 and EIP-2929: a new slot and a changed one, each with the cold access.
_NEW_SLOT, _COLD_ACCESS = 20_000, 2_100
# The two slots of its ownership come before those that `HubStorage` declares.
_HUB_FIRST_SLOT = 2
_REGISTRY_VARIABLES = {10: "_entries", 11: "_tokens", 12: "_owned"}
_ARRAY_BITS = 16

_MARKED = re.compile(r"(<!-- breakdown -->\n).*?(<!-- end -->)", re.DOTALL)
_DAY = 86_400


@dataclass(frozen=True)
class Write:
    """One write to storage.

    Args:
        variable: state variable, with the kind of key.
        gas: gas of the write, cold access included when it is the first to touch the slot.
    """

    variable: str
    gas: int

    @property
    def kind(self) -> str:
        """Say what kind of write it is by its price (EIP-2200, EIP-2929)."""
        if self.gas >= _NEW_SLOT:
            return "new"
        return "changed" if self.gas > _COLD_ACCESS else "again"


@dataclass(frozen=True)
class Breakdown:
    """Where the gas of a transaction went.

    Args:
        total: gas used.
        spent: gas by kind of work; refunds count as a negative amount.
        writes: writes to storage, in order.
    """

    total: int
    spent: Counter[str]
    writes: tuple[Write, ...]


def breakdown(stage: Stage, receipt: Receipt[Any]) -> Breakdown:
    """Trace a transaction and sum its gas by kind of work.

    A call's own cost is what it takes beyond the steps inside it; for the creation of a record
    that is the base cost and the deposit of its code.
    """
    traced = stage.chain.request(
        "debug_traceTransaction",
        receipt.transaction_hash,
        {"enableMemory": True, "disableStorage": True},
    )
    sent = stage.chain.request("eth_getTransactionByHash", receipt.transaction_hash)
    steps = traced["structLogs"]
    spent: Counter[str] = Counter()
    for number, step in enumerate(steps):
        cost = step["gasCost"]
        if step["op"] in _NESTING:
            cost = _own_cost(steps, number)
        spent[_KINDS.get(step["op"], "computation")] += cost
    calldata = bytes.fromhex(sent["input"][2:])
    zeros = calldata.count(0)
    spent["transaction"] = 21_000
    spent["calldata"] = 4 * zeros + 16 * (len(calldata) - zeros)
    spent["refunds"] = receipt.gas_used - sum(spent.values())
    is_hub = to_checksum_address(sent["to"]) == stage.owner.market.hub.address
    names = _hub_variables() if is_hub else _REGISTRY_VARIABLES
    return Breakdown(receipt.gas_used, spent, tuple(_writes(steps, names)))


def _own_cost(steps: list[dict[str, Any]], number: int) -> int:
    """Return what a call or creation costs beyond the steps inside it."""
    depth = steps[number]["depth"]
    end = number + 1
    while end < len(steps) and steps[end]["depth"] > depth:
        end += 1
    cost = int(steps[number]["gas"] - steps[end]["gas"])
    inside = steps[number + 1 : end]
    if inside:
        cost -= inside[0]["gas"] - inside[-1]["gas"] + inside[-1]["gasCost"]
    return cost


def _writes(steps: list[dict[str, Any]], names: dict[int, str]) -> Iterator[Write]:
    """Name the slots that are written, from the hashes that led to them (Solidity's layout)."""
    preimages: dict[int, bytes] = {}
    for step in steps:
        if step["op"] == "KECCAK256":
            offset, size = (int(word, 16) for word in step["stack"][-1:-3:-1])
            if size <= 2 * 32:
                memory = bytes.fromhex("".join(word.removeprefix("0x") for word in step["memory"]))
                preimage = memory[offset : offset + size]
                preimages[int.from_bytes(keccak(preimage))] = preimage
        elif step["op"] == "SSTORE":
            yield Write(_variable(int(step["stack"][-1], 16), preimages, names), step["gasCost"])


def _variable(slot: int, preimages: dict[int, bytes], names: dict[int, str]) -> str:
    if slot < 1 << 64:
        return names.get(slot, f"slot {slot}")
    for base in preimages:
        if 0 <= slot - base < 1 << _ARRAY_BITS and len(preimages[base]) in (32, 64):
            parent = int.from_bytes(preimages[base][-32:])
            return f"{_variable(parent, preimages, names)}[]"
    return hex(slot)


def _hub_variables() -> dict[int, str]:
    """Return the state variables of the hub by slot, in the order of their declaration."""
    source = (Checkout.find().root / "contracts" / "hub" / "HubStorage.sol").read_text()
    declared = re.findall(r"^    (?:mapping\(.*\)|\w+) internal (_\w+);", source, re.MULTILINE)
    return dict(enumerate(declared, _HUB_FIRST_SLOT))


def _scenarios(stage: Stage) -> Iterator[tuple[str, Receipt[Any]]]:
    party = stage.party()
    worker, second = party.workers[:2]
    stage.create_app(party.app_owner)
    yield "createApp", stage.create_app(party.app_owner)
    matched = stage.match(party)
    yield "matchOrders", matched
    opened = stage.initialize(party, matched.value)
    yield "initialize", opened
    yield "contribute, trust 1", stage.contribute(party, worker, opened.value)
    yield "reveal, first", stage.reveal(worker, opened.value)
    yield "finalize, 1 worker", stage.finalize(party, opened.value)
    task = stage.task(party, trust=4)
    stage.contribute(party, worker, task)
    yield "contribute, second of several", stage.contribute(party, second, task)
    stage.reveal(worker, task)
    yield "reveal, next", stage.reveal(second, task)
    yield "contributeAndFinalize", stage.contribute_and_finalize(party, stage.task(party))
    earlier, late = stage.task(party), stage.task(party)
    travel(stage.chain, _DAY)
    party.requester.market.hub.claim(earlier)  # the kitty is no longer empty
    yield "claim", party.requester.market.hub.claim(late)


_COLUMNS = {
    "transaction, calldata": ("transaction", "calldata"),
    "events": ("events",),
    "slots written": ("storage writes",),
    "slots, records read": ("storage reads", "records read"),
    "records made": ("records as code",),
    "calls": ("calls",),
    "the rest": ("computation", "hashing", "transient storage"),
    "refund": ("refunds",),
}


def tables(found: dict[str, Breakdown]) -> str:
    """Return two Markdown tables: gas by kind of work, and the slots that are written."""
    lines = [f"| function | total | {' | '.join(_COLUMNS)} |", "|---" + "|--:" * 9 + "|"]
    for name, part in found.items():
        sums = (sum(part.spent[kind] for kind in kinds) for kinds in _COLUMNS.values())
        cells = (f"{gas:,}" if gas else "" for gas in sums)
        lines.append(f"| {name} | {part.total:,} | {' | '.join(cells)} |")
    lines += ["", "| function | new slots | changed slots | written again |", "|---|---|---|---|"]
    for name, part in found.items():
        cells = (_counted(part.writes, kind) for kind in ("new", "changed", "again"))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _counted(writes: tuple[Write, ...], kind: str) -> str:
    counts = Counter(write.variable for write in writes if write.kind == kind)
    return ", ".join(
        f"`{name}`" + (f" ({count})" if count > 1 else "") for name, count in counts.items()
    )


@click.command()
@click.option("--update", is_flag=True, help="Write the tables into docs/gas.md.")
def main(update: bool) -> None:
    """Print where the gas of each transaction of a task goes; compare with docs/gas.md.

    The exit code is 1 when the document tells other figures.
    """
    with local_chain("--steps-tracing") as chain:
        stage = Stage(chain)
        found = {name: breakdown(stage, receipt) for name, receipt in _scenarios(stage)}
    printed = tables(found)
    click.echo(printed)
    page = Checkout.find().root / "docs" / "gas.md"
    before = page.read_text()
    after, places = _MARKED.subn(lambda mark: f"{mark[1]}\n{printed}\n{mark[2]}", before)
    if places != 1:
        click.echo(f"error: {page.name} must have one place for the tables, not {places}", err=True)
        sys.exit(1)
    if update:
        page.write_text(after)
    elif after != before:
        click.echo(f"changed: the tables of {page.name}; accept with: make gas-update", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
