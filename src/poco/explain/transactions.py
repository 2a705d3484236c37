"""A transaction in words: what it called, what came of it, and why it reverted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from eth_typing import ChecksumAddress

from poco.contracts import Events
from poco.contracts.reverts import NO_REASON
from poco.errors import ContractError
from poco.explain.calls import CallWords
from poco.explain.errors import findings_of_error
from poco.explain.gaps import Quartet, why_not
from poco.explain.happenings import told
from poco.explain.matching import finding_of, first_of_all, order_values
from poco.explain.model import Explanation, Finding
from poco.explain.wording import counted, hexed
from poco.orders import ChainView, DealId

__all__ = ["TransactionFacts", "explain_transaction"]

_GWEI = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFacts:
    """What is known of a transaction.

    Args:
        hash: 0x-hex.
        sender: who sent it.
        nonce: its number in the sequence of the sender.
        sent: how many transactions of the sender are mined.
        target: name and address of what it called; None when it made a contract.
        value: wei that it carried.
        gas: its gas limit.
        call: what it called; None when that is no function of the market.
        data: its call data.
        block: number of its block; None while it is in none.
        gas_used: gas; 0 while it is in no block.
        revert: why it failed; None when it did not.
        events: what the market's contracts emitted.
        view: the hub before its block, for matches that failed.
    """

    hash: str
    sender: ChecksumAddress
    nonce: int
    sent: int
    target: tuple[str, ChecksumAddress] | None
    value: int
    gas: int
    call: CallWords | None
    data: bytes
    block: int | None = None
    gas_used: int = 0
    revert: ContractError | None = None
    events: Events = field(default_factory=Events)
    view: ChainView | None = None


def explain_transaction(facts: TransactionFacts) -> Explanation:
    """Explain a transaction."""
    findings: tuple[Finding, ...] = ()
    if facts.block is None:
        findings = (_waiting(facts),)
        title = "it is not in a block yet"
    elif facts.revert is not None:
        findings = _why(facts, facts.revert)
        title = f"it reverted with {findings[0].rule}: {findings[0].sentence}"
    else:
        title = f"it succeeded, with {counted(len(facts.events), 'event')} of the market"
    return Explanation(
        kind="transaction",
        subject=facts.hash,
        title=title,
        facts=tuple(_facts(facts)),
        findings=findings,
        see=tuple(_see(facts)),
    )


def _why(facts: TransactionFacts, revert: ContractError) -> tuple[Finding, ...]:
    if revert.name == NO_REASON and facts.gas_used * 64 >= facts.gas * 63:
        return (_out_of_gas(facts),)
    values = {} if facts.call is None else facts.call.values
    found = findings_of_error(revert, values)
    orders = None if facts.call is None else facts.call.orders
    if orders is None or facts.call is None or facts.view is None:
        return found
    quartet = Quartet.of(orders)
    sponsor = facts.sender if facts.call.is_sponsored else None
    known = order_values(quartet.real)
    broken = tuple(finding_of(one, known) for one in why_not(quartet, facts.view, sponsor))
    return first_of_all(broken, found[0])


def _out_of_gas(facts: TransactionFacts) -> Finding:
    return Finding(
        rule="OutOfGas",
        sentence=f"it used {facts.gas_used} of its {facts.gas} gas and needed more",
        source="contracts §10",
        field="gas",
        allowed=f"more than {facts.gas}",
        actual=str(facts.gas),
        parties=("sender",),
        remedy="send it again with a higher gas limit, or let poco estimate it",
    )


def _waiting(facts: TransactionFacts) -> Finding:
    before = facts.nonce - facts.sent
    if before > 0:
        sentence = f"{counted(before, 'transaction')} of the sender must be mined before it"
    else:
        sentence = "it is the sender's next one: its price per gas decides when it is mined"
    return Finding(
        rule="pending",
        sentence=sentence,
        source="offchain §8.5",
        field="nonce",
        allowed=str(facts.sent),
        actual=str(facts.nonce),
        parties=("sender",),
        remedy="wait, or send a dearer one of the same number",
        command=f"poco explain {facts.hash}",
    )


def _facts(facts: TransactionFacts) -> Iterator[tuple[str, str]]:
    yield "sender", facts.sender
    if facts.target is not None:
        yield "to", " ".join(facts.target)
    if facts.value:
        yield "value", f"{facts.value} wei"
    if facts.block is not None:
        yield "block", f"{facts.block}, {facts.gas_used} of {facts.gas} gas used"
    if facts.call is not None:
        yield "function", facts.call.name
        yield from facts.call.lines
    elif facts.data:
        yield "function", f"{hexed(facts.data[:4])}, not one of the market's"
    for event in facts.events:
        yield "event", told(event)


def _see(facts: TransactionFacts) -> Iterator[str]:
    values = {} if facts.call is None else facts.call.values
    found = dict.fromkeys(values.values())
    for event in facts.events:
        for name in ("dealid", "taskid"):
            identity: DealId | None = getattr(event, name, None)
            if isinstance(identity, bytes) and any(identity):
                found[hexed(identity)] = None
    return (f"poco explain {identity}" for identity in found)
