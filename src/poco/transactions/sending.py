"""Sending: simulate, number, sign, store, broadcast; then repeat, replace or cancel."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from poco.contracts import Call, Chain, Signed, Signer
from poco.contracts.chain import to_int
from poco.contracts.nodes import NodeLaggingError
from poco.contracts.wallet import nothing, sign_call
from poco.errors import ChainError, ContractError
from poco.transactions.fees import Price
from poco.transactions.head import Head
from poco.transactions.settings import Settings
from poco.transactions.store import Changes, Store, attempt_row, call_of
from poco.transactions.tables import TransactionStatus

__all__ = ["Sender"]

_WINDOW = 200
_GAS_MARGIN_PERCENT = 25
_GAS_OF_A_TRANSFER = 21_000
_OPEN = (TransactionStatus.SIGNED, TransactionStatus.SENT)
# The node has it, or has another one of this number: receipts tell which one it becomes.
_TAKEN = ("already known", "already imported", "known transaction", "nonce too low", "replacement")
# No later attempt of the same transaction can be taken.
_HOPELESS = ("intrinsic gas", "exceeds block gas", "gas limit", "oversized", "initcode")
# What only time can mend; other reverts are final.
_EARLY = frozenset(
    {
        "Boost_DeadlineNotReached",
        "Task_FinalDeadlineNotReached",
        "Task_RevealWindowOpen",
        "Task_RevealsMissing",
    }
)


@dataclass(frozen=True, slots=True)
class _Shipment:
    """A signed transaction that is about to be broadcast."""

    row: int
    tries: int
    raw: bytes
    reason: str


class Sender:
    """Signs the transactions of one account and gives them to the node.

    Args:
        store: the rows.
        chain: where to send.
        account: the key.
        settings: see `TransactionQueue`.
    """

    def __init__(self, store: Store, chain: Chain, account: Signer, settings: Settings) -> None:
        self._store = store
        self._chain = chain
        self._account = account
        self._settings = settings

    # NEW TRANSACTIONS

    def send(self, head: Head) -> int:
        """Send what waits, as far as it may be sent now; return how many transactions changed."""
        now = self._settings.clock()
        room = _WINDOW - len(self._store.rows(*_OPEN))
        waiting = self._store.queued(now, room) if room > 0 else ()
        if not waiting:
            return 0
        self._follow(max(row.min_block for row in waiting), head)
        timely: list[Row[Any]] = []
        changes: Changes = []
        for row in waiting:
            if self._is_late(row, head, self._settings.lead_seconds):
                changes.append(self._failure(row, _too_late(row, "it was not sent")))
            elif row.min_block <= head.number:
                timely.append(row)
        ready: list[tuple[Row[Any], int]] = []
        for row, gas in zip(timely, self._simulated(timely), strict=True):
            if isinstance(gas, int):
                ready.append((row, gas))
            else:
                changes.append(self._refusal(row, gas, now))
        return self._store.change(changes) + self._sign_and_send(ready, head, now)

    def _simulated(self, rows: Sequence[Row[Any]]) -> list[int | ChainError]:
        """Run transactions on the pending state; return their gas limits, or why they fail."""
        questions = []
        for row in rows:
            request = {"from": self._account.address, "data": f"0x{row.data.hex()}"}
            if row.target is not None:
                request["to"] = row.target
            if row.value != "0":
                request["value"] = hex(int(row.value))
            if row.gas is None:
                questions.append(("eth_estimateGas", (request, "pending")))
            else:
                request["gas"] = hex(row.gas)
                questions.append(("eth_call", (request, "pending")))
        gas: list[int | ChainError] = []
        for row, answer in zip(rows, self._chain.outcomes(questions), strict=True):
            if isinstance(answer, ChainError):
                gas.append(answer)
            elif row.gas is None:
                gas.append(to_int(answer) * (100 + _GAS_MARGIN_PERCENT) // 100)
            else:
                gas.append(row.gas)
        return gas

    def _refusal(self, row: Row[Any], error: ChainError, now: float) -> dict[str, Any]:
        """Return what becomes of a transaction whose simulation failed."""
        if isinstance(error, ContractError) and error.name not in _EARLY:
            if self._settings.effect(row.key):
                return {"row": row.id, "status": TransactionStatus.CONFIRMED, "reason": ""}
            return self._failure(row, str(error), error.name)
        return {
            "row": row.id,
            "tries": row.tries + 1,
            "due": now + self._settings.pause(row.tries),
            "reason": str(error),
        }

    def _sign_and_send(self, ready: Sequence[tuple[Row[Any], int]], head: Head, now: float) -> int:
        if not ready:
            return 0
        nonce = max(head.pending, self._store.highest_nonce() + 1)
        price = self._settings.fees.first(head.market)
        changes: Changes = []
        signed: list[dict[str, Any]] = []
        for number, (row, gas) in enumerate(ready, nonce):
            made = self._signed(call_of(row), number, gas, price)
            signed.append(attempt_row(row.id, made, gas, price, cancels=False, now=now))
            changes.append(
                {
                    "row": row.id,
                    "status": TransactionStatus.SIGNED,
                    "nonce": number,
                    "hash": made.transaction_hash,
                    "tries": 0,
                    "due": now,
                    "reason": "",
                }
            )
        self._store.change(changes, signed)
        self._settings.crash_point("signed")
        return self._broadcast([_Shipment(one["transaction"], 0, one["raw"], "") for one in signed])

    # TRANSACTIONS UNDER WAY

    def resend(self, head: Head) -> int:
        """Repeat, replace or cancel what is not mined; return how many transactions changed."""
        now = self._settings.clock()
        unmined = self._store.rows(*_OPEN)
        rows = [row for row in unmined if row.due <= now]
        if not rows:
            return 0
        tries = self._store.attempts(*_OPEN)
        first = min(unmined, key=lambda row: int(row.nonce))
        if now - tries[first.id][0].signed_at >= self._settings.replace_seconds:
            self._fill_gap(first.nonce, head, now)
        shipments: list[_Shipment] = []
        changes: Changes = []
        signed: list[dict[str, Any]] = []
        for row in rows:
            last = tries[row.id][-1]
            change, attempt = self._next_attempt(row, last, head, now)
            if attempt is not None:
                signed.append(attempt)
            if change:
                changes.append({"row": row.id, **change})
            raw = last.raw if attempt is None else attempt["raw"]
            reason = change.get("reason", row.reason if last.cancels else "")
            shipments.append(_Shipment(row.id, row.tries, raw, reason))
        self._store.change(changes, signed)
        if signed:
            self._settings.crash_point("replaced")
        return self._broadcast(shipments)

    def _fill_gap(self, first: int, head: Head, now: float) -> None:
        """Use up the number that ours wait for, which nobody holds: a foreign one has vanished."""
        nonce = head.mined
        if head.pending > nonce or first <= nonce or self._store.owns(nonce):
            return
        price = self._settings.fees.first(head.market)
        made = self._signed(self._empty(), nonce, _GAS_OF_A_TRANSFER, price)
        self._store.fill(
            nonce, attempt_row(0, made, _GAS_OF_A_TRANSFER, price, cancels=True, now=now)
        )

    def _next_attempt(
        self, row: Row[Any], last: Row[Any], head: Head, now: float
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return what to write about a transaction, and how it is signed anew if it is."""
        paid = Price(last.max_fee, last.tip)
        dearer = self._settings.fees.raised(paid, head.market)
        reason = row.reason if last.cancels else ""
        if not last.cancels:
            if self._is_late(row, head, 0.0):
                reason = _too_late(row, "its number was used for an empty transfer")
            elif any(word in row.reason.lower() for word in _HOPELESS):
                reason = row.reason
            if reason:
                return self._anew(row, last, dearer or paid, reason, now)
        stuck = now - last.signed_at >= self._settings.replace_seconds
        if stuck and (row.nonce == head.mined or last.max_fee < head.base_fee):
            if dearer is not None:
                return self._anew(row, last, dearer, reason, now)
            cap = self._settings.fees.cap
            return {
                "reason": reason or f"it waits until a unit of gas costs less than {cap} wei"
            }, None
        return {}, None

    def _anew(
        self, row: Row[Any], last: Row[Any], price: Price, reason: str, now: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sign a transaction again; one that has a reason to fail becomes an empty transfer."""
        call, gas = (self._empty(), _GAS_OF_A_TRANSFER) if reason else (call_of(row), last.gas)
        made = self._signed(call, row.nonce, gas, price)
        attempt = attempt_row(row.id, made, gas, price, cancels=bool(reason), now=now)
        return {"hash": made.transaction_hash, "reason": reason}, attempt

    def _broadcast(self, shipments: Sequence[_Shipment]) -> int:
        """Give signed transactions to the node; return how many it took."""
        if not shipments:
            return 0
        answers = self._chain.outcomes(
            [("eth_sendRawTransaction", (f"0x{one.raw.hex()}",)) for one in shipments]
        )
        self._settings.crash_point("broadcast")
        now = self._settings.clock()
        changes: Changes = []
        taken = 0
        for one, answer in zip(shipments, answers, strict=True):
            if not isinstance(answer, ChainError) or _is_taken(answer):
                taken += 1
                changes.append(
                    {
                        "row": one.row,
                        "status": TransactionStatus.SENT,
                        "tries": 0,
                        "due": now + self._settings.repeat_seconds,
                        "reason": one.reason,
                    }
                )
            else:
                changes.append(
                    {
                        "row": one.row,
                        "tries": one.tries + 1,
                        "due": now + self._settings.pause(one.tries),
                        "reason": one.reason or answer.rule,
                    }
                )
        self._store.change(changes)
        self._settings.crash_point("sent")
        return taken

    # PARTS

    def _follow(self, block: int, head: Head) -> None:
        """Turn to a node that has reached a block, for the next time, when this one has not."""
        if block > head.number:
            with suppress(NodeLaggingError):
                self._chain.require_block(block)

    def _signed(self, call: Call[None], nonce: int, gas: int, price: Price) -> Signed[None]:
        terms = {"gas": gas} | price.fields()
        return sign_call(self._account, self._chain.chain_id, call, nonce, terms)

    def _empty(self) -> Call[None]:
        return Call("cancel", self._account.address, b"", nothing)

    def _is_late(self, row: Row[Any], head: Head, lead_seconds: float) -> bool:
        clock = 0.0 if self._settings.has_steady_blocks else self._settings.clock()
        now = max(clock, head.timestamp) + lead_seconds
        return row.not_after is not None and now > row.not_after

    @staticmethod
    def _failure(row: Row[Any], reason: str, revert: str | None = None) -> dict[str, Any]:
        return {
            "row": row.id,
            "status": TransactionStatus.FAILED,
            "reason": reason,
            "revert": revert,
        }


def _is_taken(error: ChainError) -> bool:
    return any(word in error.rule.lower() for word in _TAKEN)


def _too_late(row: Row[Any], consequence: str) -> str:
    return f"not_after = {row.not_after}: the time has passed, {consequence}"
