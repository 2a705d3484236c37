"""The order book of one market: publishes, removes and finds orders, and finds deals."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import and_, func, select

from poco.contracts import Market
from poco.database import Database
from poco.orders import AnyOrder, Asset, OrderKind, is_authorized, is_valid_signature, order_hash
from poco.services.orderbook.facts import FactKind, Facts
from poco.services.orderbook.feed import Feed
from poco.services.orderbook.follower import Follower, announce, head
from poco.services.orderbook.limits import Limits
from poco.services.orderbook.logins import Logins
from poco.services.orderbook.publishing import Submission, publish, restrictions
from poco.services.orderbook.queries import (
    DealsQuery,
    OrdersQuery,
    Page,
    deal_conditions,
    sought_orders,
)
from poco.services.orderbook.records import category_record, iso_time, order_record
from poco.services.orderbook.refusals import RefusedError, not_found
from poco.services.orderbook.removal import unpublish
from poco.services.orderbook.shapes import found_by
from poco.services.orderbook.tables import (
    PLACE,
    SORTING,
    TABLES,
    blocks,
    categories,
    deals,
    orders,
    shapes,
)

__all__ = ["Orderbook"]

_CANDLES = 100


class Orderbook:
    """Everything but HTTP. One process has one book; its methods may be called from any thread.

    Args:
        database: URL; see `poco.database`.
        market: whose orders.
        limits: what an account may do.
        clock: seconds since 1970.

    Raises:
        ConfigurationError: the database does not answer, or is of another market.
    """

    def __init__(
        self,
        database: str,
        market: Market,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = Database(database, TABLES)
        self.market = market
        self.limits = limits or Limits()
        self.feed = Feed()
        self.follower = Follower(self.database, market, self.feed)
        self.logins = Logins(market.book.chain_id, market.view)
        self._domain = market.domain
        self._clock = clock
        self._examined: set[ChecksumAddress] = set()
        self._writing = threading.Lock()

    # ORDERS

    def submission(self, order: AnyOrder, author: ChecksumAddress) -> Submission:
        """Check who signed an order; only what is no plain signature asks the node.

        Raises:
            ChainError: the node does not answer.
        """
        hashed = order_hash(order, self._domain)
        signed = is_valid_signature(author, hashed, order.sign)
        presigned = False
        if not signed:
            view = self.market.view()
            signed = is_authorized(author, hashed, order.sign, view)
            presigned = signed and not is_valid_signature(author, hashed, order.sign, view)
            if presigned:  # it counts as soon as it is among the facts, which a fork undoes
                self.follower.follow()
        text = f"0x{hashed.hex()}"
        groups = self._groups(restrictions(order) - self._examined)
        return Submission(order, text, author, signed, presigned, groups)

    def submission_at_once(self, order: AnyOrder, author: ChecksumAddress) -> Submission | None:
        """Do the same without node and database; None when one of them has to be asked."""
        if restrictions(order) - self._examined:
            return None
        hashed = order_hash(order, self._domain)
        if not is_valid_signature(author, hashed, order.sign):
            return None
        return Submission(order, f"0x{hashed.hex()}", author, True, False, ())

    def publish(self, submissions: Sequence[Submission]) -> list[dict[str, Any] | RefusedError]:
        """Publish orders in one transaction.

        Returns:
            The record of each order, or why it is refused.
        """
        with self._writing, self.database.writing() as connection:
            PLACE.locked(connection)
            found = publish(
                self.database,
                connection,
                submissions,
                now=int(self._clock() * 1000),
                max_open=self.limits.open_orders,
            )
        results = [
            row if isinstance(row, RefusedError) else order_record(row, chain_id=self.chain_id)
            for row in found
        ]
        for submission, result in zip(submissions, results, strict=True):
            if not isinstance(result, RefusedError):
                plain = {name: value for name, value in result.items() if name != "chainId"}
                self.feed.tell("orders", f"{submission.order.kind}_published", plain)
        return results

    def unpublish(
        self, kind: OrderKind, body: dict[str, Any], author: ChecksumAddress
    ) -> list[str]:
        """Remove orders; see `removal.unpublish`."""
        with self._writing, self.database.writing() as connection:
            PLACE.locked(connection)
            hashes, changes = unpublish(connection, kind, body, author, head(connection))
            told = announce(connection, changes)
        for name, data in told:
            self.feed.tell("orders", name, data)
        return hashes

    def order(self, kind: OrderKind, hashed: str) -> dict[str, Any]:
        """Return the record of an order, whatever its status.

        Raises:
            RefusedError: 404.
        """
        with self.database.reading() as connection:
            query = select(orders).where(orders.c.hash == hashed, orders.c.kind == kind)
            row = connection.execute(query).one_or_none()
        if row is None:
            raise not_found(kind)
        record = order_record(row, chain_id=self.chain_id)
        record.pop("bulk", None)
        return record

    def orders(self, kind: OrderKind, query: OrdersQuery) -> dict[str, Any]:
        """Return a page of open orders, the best price first, with their number."""
        page = Page(query)
        sought = sought_orders(kind, query)
        with self.database.reading() as connection:
            condition, number = found_by(connection, kind, sought.shapes)
            where = and_(condition, *sought.more)
            if sought.more and number:
                count = select(func.count()).select_from(orders).where(where)
                number = connection.execute(count).scalar_one()
            rows = page.of(select(orders).where(where).order_by(*SORTING))
            known = connection.execute(rows) if number > page.skip else ()
            found = [order_record(row, chain_id=self.chain_id) for row in known]
        return {"orders": found, "count": number, **page.next(len(found))}

    # DEALS AND CATEGORIES

    def deals(self, query: DealsQuery) -> dict[str, Any]:
        """Return a page of deals, the newest first, with their number."""
        page = Page(query)
        where = deal_conditions(query)
        sorting = (deals.c.block.desc(), deals.c.dealid)
        rows = page.of(select(deals.c.document).where(where).order_by(*sorting))
        with self.database.reading() as connection:
            found = [json.loads(row.document) for row in connection.execute(rows)]
            count = select(func.count()).select_from(deals).where(where)
            number = connection.execute(count).scalar()
        return {"deals": found, "count": number, **page.next(len(found))}

    def deal(self, dealid: str) -> dict[str, Any]:
        """Return a deal.

        Raises:
            RefusedError: 404.
        """
        query = select(deals.c.document).where(deals.c.dealid == dealid)
        with self.database.reading() as connection:
            document = connection.execute(query).scalar()
        if document is None:
            raise not_found("deal")
        record: dict[str, Any] = json.loads(document)
        return record

    def candles(self, category: int) -> list[list[Any]]:
        """Return time, workerpool price and volume of the newest deals of a category."""
        query = (
            select(deals.c.timestamp, deals.c.workerpool_price, deals.c.volume)
            .where(deals.c.category == category)
            .order_by(deals.c.block.desc(), deals.c.dealid)
            .limit(_CANDLES)
        )
        with self.database.reading() as connection:
            found = connection.execute(query).all()
        return [[iso_time(row[0] * 1000), row[1], row[2]] for row in found]

    def categories(self, page: Page, shortest: int, longest: int) -> dict[str, Any]:
        """Return a page of the categories whose time reference lies in a range of seconds."""
        where = categories.c.clock.between(shortest, longest)
        sorting = (categories.c.clock, categories.c.catid)
        rows = page.of(select(categories).where(where).order_by(*sorting))
        with self.database.reading() as connection:
            found = [category_record(row, self.chain_id) for row in connection.execute(rows)]
            count = select(func.count()).select_from(categories).where(where)
            number = connection.execute(count).scalar()
        return {"categories": found, "count": number, **page.next(len(found))}

    def category(self, catid: int) -> dict[str, Any]:
        """Return a category.

        Raises:
            RefusedError: 404.
        """
        query = select(categories).where(categories.c.catid == catid)
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise not_found("category")
        return category_record(row, self.chain_id)

    # STATE

    @property
    def chain_id(self) -> int:
        """EIP-155 id of the market's chain."""
        return self.market.book.chain_id

    def counts(self) -> dict[str, int]:
        """Return the block of the book, the first one that can be undone, and open orders."""
        query = select(shapes.c.kind, func.sum(shapes.c.open)).group_by(shapes.c.kind)
        with self.database.reading() as connection:
            bounds = select(func.max(blocks.c.number), func.min(blocks.c.number))
            newest, oldest = connection.execute(bounds).one()
            found = {row[0]: int(row[1]) for row in connection.execute(query)}
        return {
            "lastBlock": newest or 0,
            "checkpointBlock": oldest or 0,
            **{f"{kind}s": found.get(kind, 0) for kind in OrderKind},
        }

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def _groups(self, unknown: set[ChecksumAddress]) -> tuple[ChecksumAddress, ...]:
        """Return which addresses are contracts, and neither apps nor datasets nor workerpools."""
        if not unknown:
            return ()
        with self.database.reading() as connection:
            facts = Facts(connection)
            facts.load((FactKind.OWNER, address) for address in unknown)
            strangers = [
                address
                for address in sorted(unknown)
                if all(facts.owner(asset, address) is None for asset in Asset)
            ]
        view = self.market.view() if strangers else None
        self._examined |= unknown - set(strangers)
        return tuple(
            address for address in strangers if view is not None and view.has_code(address)
        )
