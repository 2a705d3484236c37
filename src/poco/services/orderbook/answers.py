"""What an order book answers, as values; orders are checked to be what their hash says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress

from poco.errors import PeerError
from poco.orders import (
    NULL_DATASET_ORDER,
    ORDER_CLASSES,
    AnyOrder,
    AppOrder,
    DatasetOrder,
    Domain,
    OrderKind,
    RequestOrder,
    Tag,
    WorkerpoolOrder,
    checked_address,
    order_hash,
)

__all__ = [
    "ANY",
    "Change",
    "Deals",
    "Fill",
    "OrdersFilter",
    "Proposal",
    "PublishedOrder",
    "PublishedOrders",
]

ANY = "any"
"""In a filter: whatever the order is restricted to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersFilter:
    """Which open orders are wanted (spec sdk §3.4).

    The asset of the collection (the app of app orders …) must be the given one; so must app,
    dataset, requester and beneficiary of requests. Any other address is a side that the order must
    admit: without it only orders without that restriction count, with `ANY` all.

    Args:
        app: see above; so are the next three.
        dataset: an address or `ANY`.
        workerpool: an address or `ANY`.
        requester: an address or `ANY`.
        beneficiary: of requests.
        owner: who signed; not for requests.
        strict: sides (``app``, ``dataset``, …) that the order must be restricted to, not just
            admit.
        category: only this category.
        min_tag: flags that the order must have.
        max_tag: flags that it may have.
        min_volume: tasks that must be left.
        min_trust: least trust of a workerpool order.
        max_trust: greatest trust of a request.
    """

    app: str | None = None
    dataset: str | None = None
    workerpool: str | None = None
    requester: str | None = None
    beneficiary: str | None = None
    owner: str | None = None
    strict: frozenset[str] = frozenset()
    category: int | None = None
    min_tag: Tag | None = None
    max_tag: Tag | None = None
    min_volume: int | None = None
    min_trust: int | None = None
    max_trust: int | None = None

    def query(self, kind: OrderKind) -> dict[str, str]:
        """Return the query for a collection."""
        given: dict[str, object] = {
            "app": self.app,
            "dataset": self.dataset,
            "workerpool": self.workerpool,
            "requester": self.requester,
            "beneficiary": self.beneficiary,
            f"{kind.removesuffix('order')}Owner": self.owner,
            "category": self.category,
            "minTag": None if self.min_tag is None else self.min_tag.to_hex(),
            "maxTag": None if self.max_tag is None else self.max_tag.to_hex(),
            "minVolume": self.min_volume,
            "minTrust": self.min_trust,
            "maxTrust": self.max_trust,
        }
        given |= {f"is{side.capitalize()}Strict": "true" for side in self.strict}
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PublishedOrder:
    """An order in the book.

    Args:
        hash: its hash, 0x-hex.
        order: the order.
        remaining: tasks that are left of it.
        status: ``open``, ``filled``, ``canceled`` or ``dead``.
        signer: whose it is.
        published: when it was first published, ISO 8601.
        chain_id: of the market.
    """

    hash: str
    order: AnyOrder
    remaining: int
    status: str
    signer: ChecksumAddress
    published: str
    chain_id: int

    @classmethod
    def from_json(
        cls, kind: OrderKind, record: Mapping[str, Any], domain: Domain
    ) -> PublishedOrder:
        """Read a record.

        Raises:
            PeerError: the order is none of that hash.
            UserInputError, KeyError, TypeError, ValueError: it is no record.
        """
        order = ORDER_CLASSES[kind].from_json(record["order"])
        hashed = f"0x{order_hash(order, domain).hex()}"
        if hashed != record["orderHash"]:
            raise PeerError(
                "the order book gives out an order that is not the one of its hash",
                field="orderHash",
                value=record["orderHash"],
                remedy="do not trust this book; take the order from its signer",
            )
        return cls(
            hash=hashed,
            order=order,
            remaining=int(record["remaining"]),
            status=str(record["status"]),
            signer=checked_address("signer", record["signer"]),
            published=str(record["publicationTimestamp"]),
            chain_id=domain.chain_id,
        )

    def to_json(self) -> dict[str, Any]:
        """Write the record as the market API does."""
        return {
            "orderHash": self.hash,
            "chainId": str(self.chain_id),
            "order": self.order.to_json(numbers=True),
            "signer": self.signer,
            "publicationTimestamp": self.published,
            "remaining": self.remaining,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class PublishedOrders:
    """The first open orders that a filter finds.

    Args:
        count: how many there are in all.
        orders: the best price first.
    """

    count: int
    orders: tuple[PublishedOrder, ...]


@dataclass(frozen=True, slots=True)
class Deals:
    """The newest deals that a filter finds.

    Args:
        count: how many there are in all.
        deals: records of the market API (spec sdk §3.5), the newest first.
    """

    count: int
    deals: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """Four orders that match.

    Args:
        volume: tasks.
        cost: of all of them, nRLC.
        app: signed app order.
        dataset: signed dataset order; `NULL_DATASET_ORDER` for none.
        workerpool: signed workerpool order.
        request: the given request, or an unsigned one of this fill's volume.
    """

    volume: int
    cost: int
    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Fill:
        """Read one match of a proposal."""
        dataset = document["datasetorder"]
        return cls(
            volume=int(document["volume"]),
            cost=int(document["cost"]),
            app=AppOrder.from_json(document["apporder"]),
            dataset=NULL_DATASET_ORDER if dataset is None else DatasetOrder.from_json(dataset),
            workerpool=WorkerpoolOrder.from_json(document["workerpoolorder"]),
            request=RequestOrder.from_json(document["requestorder"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Write the fill; amounts are texts."""
        return {
            "volume": self.volume,
            "cost": str(self.cost),
            "apporder": self.app.to_json(),
            "datasetorder": None if self.dataset.is_null else self.dataset.to_json(),
            "workerpoolorder": self.workerpool.to_json(),
            "requestorder": self.request.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a request that helps it to match.

    Args:
        field: ``requestorder.…``, or ``account.stake``: what the requester has in the hub.
        actual: what it is.
        needed: what it must be.
    """

    field: str
    actual: Any
    needed: Any

    def to_json(self) -> dict[str, Any]:
        """Write the change."""
        return {"field": self.field, "actual": self.actual, "needed": self.needed}

    def __str__(self) -> str:
        return f"{self.field}: {self.actual} → {self.needed}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The cheapest fill of a request over all open orders, or what would help.

    Args:
        volume: tasks that can be had; 0 when nothing fits.
        cost: of them, nRLC.
        in_sequence: whether the request as it is makes these deals when the fills are matched in
            this order; otherwise each fill has a request of its own to be signed.
        fills: the deals to make.
        changes: when nothing fits, the smallest set of changes that would help.
        missing: when no change helps, the kinds of orders that somebody must publish first.
    """

    volume: int
    cost: int
    in_sequence: bool
    fills: tuple[Fill, ...]
    changes: tuple[Change, ...] = ()
    missing: tuple[OrderKind, ...] = ()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Proposal:
        """Read the answer of ``POST /match``."""
        return cls(
            volume=int(document["volume"]),
            cost=int(document["cost"]),
            in_sequence=bool(document["inSequence"]),
            fills=tuple(Fill.from_json(match) for match in document["matches"]),
            changes=tuple(
                Change(str(found["field"]), found["actual"], found["needed"])
                for found in document.get("changes", ())
            ),
            missing=tuple(OrderKind(kind) for kind in document.get("missing", ())),
        )
