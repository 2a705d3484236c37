"""Reads what happened on the chain in a range of blocks, all of one history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from poco.contracts import Deal, EventReader, Events, Market
from poco.contracts.events import CreateCategory, OrdersMatched
from poco.orders import Asset
from poco.services.following import Block, headers, moved
from poco.services.orderbook.facts import FACT_EVENTS

__all__ = ["ChainReader", "History"]


@dataclass(frozen=True, slots=True)
class History:
    """What happened.

    Args:
        blocks: headers by number: the last ones, and those of new categories.
        events: in the order of the chain.
        deals: new deals with the events that made them; Boost deals are none of the order book's.
    """

    blocks: Mapping[int, Block]
    events: Events
    deals: tuple[tuple[OrdersMatched, Deal], ...]


class ChainReader:
    """Reads the events that matter to an order book.

    Args:
        market: whose events.
    """

    def __init__(self, market: Market) -> None:
        book = market.book
        self.market = market
        self.registries = {
            book.app_registry: Asset.APP,
            book.dataset_registry: Asset.DATASET,
            book.workerpool_registry: Asset.WORKERPOOL,
        }
        # The base token has events of the same names; it is left out.
        self._emitters = (book.hub, *self.registries)
        self._reader = EventReader(self._emitters)
        self._topics = EventReader.topics((*FACT_EVENTS, CreateCategory))

    def read(self, first: int, last: int, linked_from: int) -> History:
        """Read a range of blocks.

        Args:
            first: its first block.
            last: its last block.
            linked_from: from here on all headers are read, and must follow each other.

        Raises:
            MovedError: there was a reorganisation meanwhile.
            ChainError: the node does not answer.
        """
        end = headers(self.market.chain, [last]).get(last)
        found = self.market.chain.logs(self._emitters, [self._topics], first, last)
        logs = [log for log in found if not log.get("removed")]
        events = self._reader.decode(logs)
        numbers = {first, last, *range(max(first, linked_from), last + 1)}
        numbers |= {event.at.block_number for event in events.all(CreateCategory)}
        blocks = headers(self.market.chain, sorted(numbers))
        self._require_one_history(blocks, logs, numbers)
        deals = self._deals(events)
        if (
            end is None
            or headers(self.market.chain, [last]).get(last) != end
            or blocks[last] != end
        ):
            raise moved(last)
        return History(blocks, events, deals)

    def _require_one_history(
        self, blocks: Mapping[int, Block], logs: Iterable[Mapping[str, Any]], numbers: set[int]
    ) -> None:
        for number in numbers:
            if number not in blocks:
                raise moved(number)
            before = blocks.get(number - 1)
            if before is not None and before.hash != blocks[number].parent:
                raise moved(number)
        for log in logs:
            header = blocks.get(int(log["blockNumber"], 16))
            if header is not None and header.hash != log["blockHash"]:
                raise moved(header.number)

    def _deals(self, events: Events) -> tuple[tuple[OrdersMatched, Deal], ...]:
        matched = events.all(OrdersMatched)
        answers = self.market.hub.read_all([("viewDeal", (event.dealid,)) for event in matched])
        found = (
            (event, Deal.from_abi(event.dealid, answer))
            for event, answer in zip(matched, answers, strict=True)
        )
        return tuple((event, deal) for event, deal in found if deal is not None)
