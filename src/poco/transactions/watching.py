"""Watching: which transactions are in a block, how deep, and what became of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import Row

from poco.contracts import Chain
from poco.contracts.chain import to_int
from poco.contracts.wallet import why_reverted
from poco.transactions.head import Head
from poco.transactions.settings import Settings
from poco.transactions.store import Changes, Store, call_of
from poco.transactions.tables import TransactionStatus

__all__ = ["Watcher"]

_HASHES_PER_REQUEST = 90
_MINED = TransactionStatus.MINED
_UNMINED = (TransactionStatus.SIGNED, TransactionStatus.SENT)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the node knows.

    Args:
        receipts: by hash, of those that are mined.
        number: latest block that all answers are based on.
        settled: how many of the sender's transactions are in blocks that are final.
    """

    receipts: Mapping[str, Mapping[str, Any]]
    number: int
    settled: int


class Watcher:
    """Follows the transactions of one sender through the blocks.

    Args:
        store: the rows.
        chain: where they are sent.
        sender: the account.
        settings: see `TransactionQueue`.
    """

    def __init__(
        self, store: Store, chain: Chain, sender: ChecksumAddress, settings: Settings
    ) -> None:
        self._store = store
        self._chain = chain
        self._sender = sender
        self._settings = settings
        self._seen = ""

    def watch(self, head: Head) -> int:
        """Look for receipts and write what they say; return how many transactions changed."""
        # What is mined changes with the chain only.
        watched = _UNMINED if head.block_hash == self._seen else (*_UNMINED, _MINED)
        rows = self._store.rows(*watched)
        tries = self._store.attempts(*watched) if rows else {}
        hashes = [attempt.hash for row in rows for attempt in tries[row.id]]
        answers = self._ask(hashes, head)
        changes: Changes = []
        for row in rows:
            change = self._change(row, tries[row.id], answers)
            if change:
                changes.append({"row": row.id, **change})
        if changes:
            self._settings.crash_point("watched")
        changed = self._store.change(changes)
        self._seen = head.block_hash
        return changed

    def _ask(self, hashes: Sequence[str], head: Head) -> _Answers:
        """Ask for receipts, each request together with how far its node has come."""
        final = max(0, head.number - self._settings.confirmations + 1)
        receipts: dict[str, Mapping[str, Any]] = {}
        numbers, counts = [], []
        for begin in range(0, len(hashes), _HASHES_PER_REQUEST):
            part = hashes[begin : begin + _HASHES_PER_REQUEST]
            number, count, *found = self._chain.batch(
                [
                    ("eth_blockNumber", ()),
                    ("eth_getTransactionCount", (self._sender, hex(final))),
                    *(("eth_getTransactionReceipt", (one,)) for one in part),
                ]
            )
            numbers.append(to_int(number))
            counts.append(to_int(count))
            receipts |= {
                one: receipt
                for one, receipt in zip(part, found, strict=True)
                if receipt is not None and receipt.get("blockNumber") is not None
            }
        return _Answers(receipts, min(numbers, default=0), min(counts, default=0))

    def _change(
        self, row: Row[Any], tries: Sequence[Row[Any]], answers: _Answers
    ) -> dict[str, Any]:
        for attempt in tries:
            if attempt.hash in answers.receipts:
                return self._mined(row, attempt, answers)
        if row.status == _MINED:
            # A node that is behind does not know; one that is not has another block now.
            return self._back_to_sent(row, tries) if answers.number >= row.block else {}
        return self._overtaken(row, tries[-1]) if answers.settled > row.nonce else {}

    def _overtaken(self, row: Row[Any], last: Row[Any]) -> dict[str, Any]:
        """Return what becomes of it when somebody else, who uses the account, took its number."""
        status = TransactionStatus.QUEUED
        if last.cancels:
            status = TransactionStatus.FAILED
        elif self._settings.effect(row.key):
            status = TransactionStatus.CONFIRMED
        return {"status": status, "nonce": None, "hash": None, "due": 0.0, "tries": 0}

    def _mined(self, row: Row[Any], attempt: Row[Any], answers: _Answers) -> dict[str, Any]:
        receipt = answers.receipts[attempt.hash]
        block = to_int(receipt["blockNumber"])
        is_news = row.block_hash != receipt["blockHash"] or row.hash != attempt.hash
        reason, revert = (
            self._outcome(row, attempt, receipt) if is_news else (row.reason, row.revert)
        )
        status = _MINED
        if answers.number - block + 1 >= self._settings.confirmations:
            status = TransactionStatus.FAILED if reason else TransactionStatus.CONFIRMED
        if not is_news and status == row.status:
            return {}
        return {
            "status": status,
            "hash": attempt.hash,
            "block": block,
            "block_hash": receipt["blockHash"],
            "reason": reason,
            "revert": revert,
        }

    def _outcome(
        self, row: Row[Any], attempt: Row[Any], receipt: Mapping[str, Any]
    ) -> tuple[str, str | None]:
        """Return reason and error of a mined transaction; the reason is empty when all is well."""
        if attempt.cancels:
            return row.reason or "its number was used for an empty transfer", None
        if to_int(receipt["status"]) == 1 or self._settings.effect(row.key):
            return "", None
        error = why_reverted(self._chain, self._sender, call_of(row), receipt)
        return str(error), error.name

    @staticmethod
    def _back_to_sent(row: Row[Any], tries: Sequence[Row[Any]]) -> dict[str, Any]:
        return {
            "status": TransactionStatus.SENT,
            "hash": tries[-1].hash,
            "block": None,
            "block_hash": None,
            "reason": row.reason if tries[-1].cancels else "",
            "revert": None,
            "due": 0.0,
        }
