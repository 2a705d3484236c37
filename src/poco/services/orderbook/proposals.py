"""Matching over the whole book: the cheapest fill of a request, or what keeps it from one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from eth_hash.auto import keccak

from poco.orders import RequestOrder, is_authorized, is_valid_signature, order_hash
from poco.services.orderbook.book import Orderbook
from poco.services.orderbook.matching import Part, cost_of, happens_in_sequence
from poco.services.orderbook.records import order_of
from poco.services.orderbook.search import Search

__all__ = ["Proposals"]


class Proposals:
    """Finds fills.

    Args:
        book: whose open orders are offered.
    """

    def __init__(self, book: Orderbook) -> None:
        self._book = book

    def propose(self, request: RequestOrder, volume: int | None = None) -> dict[str, Any]:
        """Return the cheapest fill of a request, paid from the requester's stake.

        Args:
            request: the request, signed or not.
            volume: tasks that are wanted; by default what is left of the request.

        Returns:
            ``volume`` and ``cost`` (nRLC) of the fill, its ``matches``, and whether the request as
            it is makes just these deals when they are matched ``inSequence``. Each match has its
            volume, its cost, and the four orders; unless the request order is the given one, it is
            one for this match alone, to be signed. If nothing fits: ``changes`` of the request
            that would help, or which orders are ``missing``.

        Raises:
            ChainError: a group or the signature of a contract must be asked for, and the node does
                not answer.
        """
        excluded: set[str] = set()
        while True:
            with self._book.database.reading() as connection:
                search = Search(self._book, connection, request, excluded)
                wanted = search.left if volume is None else min(volume, search.left)
                parts = search.fill(search.terms, wanted)
                if not parts:
                    advice = search.advice() if wanted else {}
                    return {"volume": 0, "cost": 0, "matches": [], "inSequence": False, **advice}
                rows = search.rows(parts)
            revoked = {found for found, row in rows.items() if not self._stands(row)}
            if not revoked:
                return self._answer(request, search.left, parts, rows)
            excluded |= revoked

    def _answer(
        self, request: RequestOrder, left: int, parts: list[Part], rows: dict[str, Any]
    ) -> dict[str, Any]:
        remaining = {found: row.remaining for found, row in rows.items()}
        whole = happens_in_sequence(parts, left, remaining)
        matches = []
        for place, part in enumerate(parts):
            own = request if whole else _split(request, part.volume, place)
            dataset = None if part.dataset is None else rows[part.dataset.hash]
            matches.append(
                {
                    "volume": part.volume,
                    "cost": part.price * part.volume,
                    "apporder": json.loads(rows[part.app.hash].document),
                    "datasetorder": None if dataset is None else json.loads(dataset.document),
                    "workerpoolorder": json.loads(rows[part.workerpool.hash].document),
                    "requestorder": own.to_json(numbers=True),
                }
            )
        return {
            "volume": sum(part.volume for part in parts),
            "cost": cost_of(parts),
            "matches": matches,
            "inSequence": whole,
        }

    def _stands(self, row: Any) -> bool:
        """Return whether the signer stands behind an order; contracts may change their mind."""
        order = order_of(row)
        hashed = order_hash(order, self._book.market.domain)
        if is_valid_signature(row.signer, hashed, order.sign):
            return True
        return is_authorized(row.signer, hashed, order.sign, self._book.market.view())


def _split(request: RequestOrder, volume: int, place: int) -> RequestOrder:
    """Return the request order, unsigned, for one of several deals."""
    salt = keccak(request.salt + place.to_bytes(32))
    return replace(request, volume=volume, salt=salt, sign=b"")
