"""Orders, deals and categories as the market API writes them (spec sdk §3.5)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from poco.contracts import Deal
from poco.contracts.events import OrdersMatched
from poco.contracts.records import Resource
from poco.orders import (
    MAX_JSON_INTEGER,
    ORDER_CLASSES,
    AnyOrder,
    OrderKind,
)

__all__ = [
    "BULK_VOLUME",
    "category_record",
    "deal_record",
    "iso_time",
    "order_of",
    "order_record",
    "stored_order",
]

BULK_VOLUME = MAX_JSON_INTEGER - 1
"""From here on a free dataset order may be used in bulk."""


def iso_time(milliseconds: int) -> str:
    """Return a time as the API writes it: ``2025-01-31T12:00:00.000Z``."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def stored_order(order: AnyOrder) -> str:
    """Return the text that an order is stored as."""
    return json.dumps(order.to_json(numbers=True))


def order_of(row: Any) -> AnyOrder:
    """Return the order of a row of `orders`."""
    return ORDER_CLASSES[OrderKind(row.kind)].from_json(json.loads(row.document))


def order_record(row: Any, *, chain_id: int | None = None) -> dict[str, Any]:
    """Return the record of a row of `orders`, with the chain's id if it is given."""
    record = {
        "orderHash": row.hash,
        **({} if chain_id is None else {"chainId": chain_id}),
        "order": json.loads(row.document),
        "signer": row.signer,
        "publicationTimestamp": iso_time(row.published),
        "remaining": row.remaining,
        "status": row.status,
    }
    if row.kind == OrderKind.DATASET:
        record["bulk"] = row.price == 0 and row.volume >= BULK_VOLUME
    return record


def deal_record(event: OrdersMatched, deal: Deal, chain_id: int) -> dict[str, Any]:
    """Return the record of a deal.

    Args:
        event: what made it.
        deal: its terms.
        chain_id: of the chain.
    """
    return {
        "dealid": _hexed(deal.dealid),
        "chainId": chain_id,
        "app": _side(deal.app),
        "dataset": _side(deal.dataset),
        "workerpool": _side(deal.workerpool),
        "requester": deal.requester,
        "beneficiary": deal.beneficiary,
        "callback": deal.callback,
        "appHash": _hexed(event.app_hash),
        "datasetHash": _hexed(event.dataset_hash),
        "workerpoolHash": _hexed(event.workerpool_hash),
        "requestHash": _hexed(event.request_hash),
        "params": deal.params,
        "volume": deal.bot_size,
        "category": deal.category,
        "tag": deal.tag.to_hex(),
        "trust": deal.trust,
        "startTime": deal.start_time,
        "botFirst": deal.bot_first,
        "botSize": deal.bot_size,
        "schedulerRewardRatio": deal.scheduler_reward_ratio,
        "workerStake": deal.worker_stake,
        "blockNumber": event.at.block_number,
        "blockTimestamp": iso_time(deal.start_time * 1000),
        "transactionHash": event.at.transaction_hash,
    }


def category_record(row: Any, chain_id: int) -> dict[str, Any]:
    """Return the record of a row of `categories`."""
    return {
        "catid": row.catid,
        "chainId": chain_id,
        "name": row.name,
        "description": row.description,
        "workClockTimeRef": row.clock,
        "transactionHash": row.transaction,
        "blockNumber": row.block,
        "blockTimestamp": iso_time(row.timestamp * 1000),
    }


def _side(resource: Resource) -> dict[str, object]:
    return {"pointer": resource.pointer, "owner": resource.owner, "price": resource.price}


def _hexed(value: bytes) -> str:
    return f"0x{value.hex()}"
