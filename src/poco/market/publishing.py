"""Sign, fill and close orders; everything is checked before gas or a signature is spent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from eth_account.signers.local import LocalAccount

from poco.contracts import Market
from poco.contracts.events import OrdersMatched
from poco.errors import ContractError, PeerError, PocoError, UserInputError
from poco.market.assets import read_asset, require_owner
from poco.market.purchase import Offer, require_match
from poco.orders import (
    ORDER_CLASSES,
    ZERO_ADDRESS,
    AnyOrder,
    Asset,
    DatasetOrder,
    DealId,
    OrderKind,
    RequestOrder,
    order_hash,
    random_salt,
    sign_digest,
)
from poco.services.orderbook.answers import Fill, Proposal, PublishedOrder
from poco.services.orderbook.client import OrderbookClient, OrderbookRefusedError
from poco.services.secrets.challenges import SecretName
from poco.services.secrets.client import SecretsClient

__all__ = [
    "Filled",
    "accept_proposal",
    "asset_of",
    "close_order",
    "fill_order",
    "fill_orders",
    "publish_order",
    "require_dataset_key",
    "sign_own_order",
    "unsigned_order",
]


_MENDED_BY_BLOCKS = ("not deployed", "stake is too low")
OrderT = TypeVar("OrderT", bound=AnyOrder)


@dataclass(frozen=True, slots=True)
class Filled:
    """A deal that was made.

    Args:
        dealid: its id.
        volume: its tasks.
        transaction: hash of the match, 0x-hex.
    """

    dealid: DealId
    volume: int
    transaction: str


def asset_of(order: AnyOrder) -> Asset | None:
    """Return what an order sells; None for a request."""
    return None if order.kind is OrderKind.REQUEST else Asset(order.kind.removesuffix("order"))


def unsigned_order(kind: OrderKind, document: Mapping[str, Any]) -> AnyOrder:
    """Read an order of iexec.json, or one made of options; it gets a new salt.

    Raises:
        UserInputError: a field is missing, unknown or malformed.
    """
    return ORDER_CLASSES[kind].from_json({**document, "sign": "0x"}, salt=random_salt())


def sign_own_order(market: Market, account: LocalAccount, order: OrderT) -> OrderT:
    """Return an order signed, after a check that the signature will count.

    Args:
        market: acting as the account.
        account: who signs.
        order: the order.

    Raises:
        UserInputError: what it trades is not registered; what it sells is not the account's, or the
            account is not the requester.
        ChainError: the node does not answer.
    """
    _require_authority(market, order)
    if isinstance(order, RequestOrder):
        read_asset(market, Asset.APP, order.app)
        if order.dataset != ZERO_ADDRESS:
            read_asset(market, Asset.DATASET, order.dataset)
    return replace(order, sign=sign_digest(account, order_hash(order, market.domain)))


def publish_order(
    book: OrderbookClient,
    order: AnyOrder,
    account: LocalAccount,
    *,
    patience: float = 5.0,
    pause: float = 0.1,
) -> PublishedOrder:
    """Publish a signed order; a book that has not seen the newest blocks is given some time.

    Args:
        book: the order book.
        order: signed.
        account: its signer.
        patience: seconds until a refusal counts that newer blocks may have mended.
        pause: seconds between attempts.

    Raises:
        OrderbookRefusedError: the book does not take it, and says why.
        PeerError: the book does not answer.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return book.publish(order, account)
        except OrderbookRefusedError as error:
            may_lag = any(text in error.text for text in _MENDED_BY_BLOCKS)
            if not may_lag or time.monotonic() >= end:
                raise
        time.sleep(pause)


def require_dataset_key(secrets: SecretsClient, order: DatasetOrder) -> None:
    """Check that tasks will find the key of a dataset whose order demands a TEE (spec sdk §4.7).

    Raises:
        UserInputError: it is not set.
        PeerError: the secret service does not answer.
    """
    if order.tag.is_tee and not secrets.has(SecretName.dataset(order.dataset)):
        raise UserInputError(
            f"Dataset encryption key is not set for dataset {order.dataset} in the SMS. "
            "Dataset decryption will fail",
            field="datasetorder.dataset",
            value=order.dataset,
            remedy="set it with `poco dataset push-secret`, or go on with --skip-preflight-check",
        )


def fill_order(market: Market, offer: Offer, request: RequestOrder) -> Filled:
    """Make a deal, after a check that the hub will accept it.

    Args:
        market: acting as whoever pays for the transaction; the requester pays for the tasks.
        offer: what is bought.
        request: the signed request.

    Raises:
        UserInputError: the orders do not match; every broken rule is named. Nothing was sent.
        ChainError: the node does not answer, or the account has no funds for gas.
    """
    orders = (offer.app, offer.dataset, offer.workerpool, request)
    require_match(market, *orders)
    try:
        receipt = market.hub.match_orders(*orders)
    except ContractError:  # somebody was faster: which order it is, the contract tells by hash only
        require_match(market, *orders)
        raise
    return Filled(
        receipt.value, receipt.events.first(OrdersMatched).volume, receipt.transaction_hash
    )


def fill_orders(market: Market, deals: Iterable[tuple[Offer, RequestOrder]]) -> Iterator[Filled]:
    """Make several deals; each is checked right before it is sent.

    Args:
        market: see `fill_order`.
        deals: what is bought, and the signed request for it.

    Yields:
        Each deal as soon as it is made.

    Raises:
        UserInputError: the orders do not match; nothing was sent.
        ChainError: see `fill_order`.
        PeerError: some deals were made, which the message names, and another could not be made.
    """
    made: list[str] = []
    for offer, request in deals:
        try:
            filled = fill_order(market, offer, request)
        except PocoError as error:
            if not made:
                raise
            raise PeerError(
                f"not all tasks were bought: {error}",
                field="deals",
                value=", ".join(made),
                remedy="these deals stand; buy the rest again",
            ) from error
        made.append(f"0x{filled.dealid.hex()}")
        yield filled


def accept_proposal(market: Market, account: LocalAccount, proposal: Proposal) -> Iterator[Filled]:
    """Make the deals that an order book proposes.

    Args:
        market: acting as the account.
        account: the requester; signs what is not signed yet.
        proposal: from `OrderbookClient.match`, for a request of the account.

    Returns:
        Each deal as soon as it is made.

    Raises:
        UserInputError: nothing fits, or an order does not match any more.
        ChainError: see `fill_order`.
        PeerError: see `fill_orders`.
    """
    if not proposal.fills:
        missing = [f"nobody has published the {kind}" for kind in proposal.missing]
        raise UserInputError(
            "no open orders fit the request",
            remedy="; ".join([*map(str, proposal.changes), *missing]) or "nothing is left of it",
        )
    return fill_orders(market, (_bought(market, account, fill) for fill in proposal.fills))


def close_order(market: Market, order: AnyOrder) -> str:
    """Make an order unusable for ever, on chain.

    Args:
        market: acting as its signer.
        order: the order.

    Returns:
        The hash of the transaction, 0x-hex.

    Raises:
        UserInputError: it is somebody else's, or nothing is left of it.
        ChainError: the node does not answer, or the account has no funds for gas.
    """
    _require_authority(market, order)
    if market.hub.consumed(order_hash(order, market.domain)) >= order.volume:
        raise UserInputError(
            f"{order.kind} already canceled",
            field=f"{order.kind}.volume",
            value=order.volume,
            remedy="nothing is to be done: no task can be taken from it any more",
        )
    return market.hub.close(order).transaction_hash


def _bought(market: Market, account: LocalAccount, fill: Fill) -> tuple[Offer, RequestOrder]:
    request = fill.request
    if not request.sign:
        request = sign_own_order(market, account, request)
    return Offer(app=fill.app, dataset=fill.dataset, workerpool=fill.workerpool), request


def _require_authority(market: Market, order: AnyOrder) -> None:
    if isinstance(order, RequestOrder):
        if order.requester != market.account:
            raise UserInputError(
                f"only the requester may do this, not {market.account}",
                field="requestorder.requester",
                value=order.requester,
                remedy="choose the requester's wallet with --wallet-file or --wallet-address",
            )
        return
    asset = asset_of(order)
    assert asset is not None
    require_owner(market, asset, getattr(order, asset))
