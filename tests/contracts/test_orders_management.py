"""Presigning, closing and announcing orders (spec contracts §1.7, §1.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from market import ZERO_ADDRESS, local, reverts, sign_digest

from poco.orders import OrderAction, OrderOperation, sign_operation, to_compact_signature

SIGN, CLOSE = OrderAction.SIGN, OrderAction.CLOSE
MAX = 2**256 - 1


@dataclass(frozen=True)
class Managed:
    """One of the four sorts of order with who decides about it.

    Args:
        name: `App`, `Dataset`, `Workerpool` or `Request`.
        market: the market.
        authority: the account whose order it is.
        order: an unsigned order of that account.
    """

    name: str
    market: Any
    authority: Any
    order: Any

    @property
    def hash(self) -> bytes:
        """Hash of the order."""
        return self.market.hash(self.order)

    def manage(self, action, sender=None, order=None, sign=b""):
        operation = OrderOperation(order or self.order, action, sign)
        method = getattr(self.market.hub, f"manage{self.name}Order")
        return method(operation.to_abi(), sender=sender or self.authority)

    def event(self, action, order=None):
        name = "Signed" if action == SIGN else "Closed"
        hashed = self.market.hash(order or self.order)
        argument = f"{self.name.lower()}Hash"
        return getattr(self.market.hub, f"{name}{self.name}Order")(**{argument: hashed})

    def signature(self, action, signer=None, order=None):
        operation = OrderOperation(order or self.order, action)
        signed = sign_operation(operation, self.market.domain, local(signer or self.authority))
        return signed.sign


@pytest.fixture(params=["App", "Dataset", "Workerpool", "Request"])
def managed(request, market, cast):
    """Each sort of order in turn."""
    authority = {
        "App": "app_owner",
        "Dataset": "dataset_owner",
        "Workerpool": "pool_owner",
        "Request": "requester",
    }[request.param]
    order = getattr(market, f"{request.param.lower()}_order")(signer=None, volume=10)
    return Managed(request.param, market, cast[authority], order)


@pytest.fixture(params=[SIGN, CLOSE], ids=["sign", "close"])
def action(request):
    """Both operations in turn."""
    return request.param


def with_entry(managed, address):
    """The order for another entry."""
    return replace(managed.order, **{managed.name.lower(): address})


def test_sign__by_authority__presigns(hub, managed):
    receipt = managed.manage(SIGN)

    assert receipt.events == [managed.event(SIGN)]
    assert hub.viewPresigned(managed.hash) == managed.authority
    assert hub.viewConsumed(managed.hash) == 0


def test_close__by_authority__consumes_the_volume(hub, managed):
    receipt = managed.manage(CLOSE)

    assert receipt.events == [managed.event(CLOSE)]
    assert hub.viewConsumed(managed.hash) == 10
    assert hub.viewPresigned(managed.hash) == ZERO_ADDRESS


def test_close__again__changes_nothing(hub, managed):
    managed.manage(CLOSE)

    receipt = managed.manage(CLOSE)

    assert receipt.events == [managed.event(CLOSE)]
    assert hub.viewConsumed(managed.hash) == 10


def test_close__of_presigned_order__keeps_the_presignature(hub, managed):
    managed.manage(SIGN)

    managed.manage(CLOSE)

    assert hub.viewPresigned(managed.hash) == managed.authority
    assert hub.viewConsumed(managed.hash) == 10


def test_sign__of_closed_order__does_not_reopen(hub, managed):
    managed.manage(CLOSE)

    managed.manage(SIGN)

    assert hub.viewConsumed(managed.hash) == 10


def test_manage__by_signed_operation__is_the_authoritys_act(hub, managed, action, stranger):
    receipt = managed.manage(action, stranger, sign=managed.signature(action))

    assert receipt.events == [managed.event(action)]
    if action == SIGN:
        assert hub.viewPresigned(managed.hash) == managed.authority
    else:
        assert hub.viewConsumed(managed.hash) == 10


def test_manage__by_compact_signature__is_the_authoritys_act(managed, action, stranger):
    sign = to_compact_signature(managed.signature(action))

    assert managed.manage(action, stranger, sign=sign).events == [managed.event(action)]


def test_manage__signed_operation_again__has_the_same_effect(hub, managed, stranger, worker_1):
    sign = managed.signature(SIGN)
    managed.manage(SIGN, stranger, sign=sign)

    receipt = managed.manage(SIGN, worker_1, sign=sign)

    assert receipt.events == [managed.event(SIGN)]
    assert hub.viewPresigned(managed.hash) == managed.authority


def test_manage__by_stranger__reverts(hub, managed, action, stranger):
    sign = managed.signature(action, signer=stranger)

    with reverts(hub, "Order_NotAuthorized", managed.authority, stranger):
        managed.manage(action, stranger, sign=sign)


def test_manage__by_stranger_without_signature__reverts(hub, managed, action, stranger):
    with reverts(hub, "Signature_BadLength", 0):
        managed.manage(action, stranger)


def test_manage__signature_of_the_other_operation__reverts(hub, managed, action, stranger):
    other = managed.signature(CLOSE if action == SIGN else SIGN)

    with reverts(hub, "Order_NotAuthorized", managed.authority, stranger):
        managed.manage(action, stranger, sign=other)


def test_manage__signature_of_the_order_itself__reverts(hub, managed, action, stranger):
    with reverts(hub, "Order_NotAuthorized", managed.authority, stranger):
        managed.manage(action, stranger, sign=sign_digest(managed.authority, managed.hash))


def test_manage__signature_for_another_order__reverts(hub, managed, action, stranger):
    other = managed.signature(action, order=replace(managed.order, volume=11))

    with reverts(hub, "Order_NotAuthorized", managed.authority, stranger):
        managed.manage(action, stranger, sign=other)


def test_close__presigned_order_by_stranger__reverts(hub, managed, stranger):
    managed.manage(SIGN)

    with reverts(hub, "Order_NotAuthorized", managed.authority, stranger):
        managed.manage(CLOSE, stranger, sign=bytes(65))


def test_manage__unknown_operation__reverts(hub, managed):
    method = getattr(hub, f"manage{managed.name}Order")

    with reverts(hub, ""):
        method((managed.order.to_abi(), 2, b""), sender=managed.authority)


def test_manage__entry_without_code__reverts(hub, managed, action, stranger):
    if managed.name == "Request":
        order = replace(managed.order, requester=ZERO_ADDRESS)
        expected = ("Order_NotAuthorized", ZERO_ADDRESS, stranger)
    else:
        order = with_entry(managed, stranger.address)
        expected = ("",)

    with reverts(hub, *expected):
        managed.manage(action, stranger, order=order)


def test_manage__order_of_an_unregistered_entry__is_accepted(project, managed, action, owner):
    if managed.name == "Request":
        order = replace(managed.order, app=owner.address)
        sender = managed.authority
    else:
        order = with_entry(managed, owner.deploy(project.FakeEntry, owner).address)
        sender = owner

    receipt = managed.manage(action, sender, order=order)

    assert receipt.events == [managed.event(action, order)]


@pytest.mark.parametrize(
    ("volume", "consumed"),
    [
        (0, 0),
        (2**53 - 1, 2**53 - 1),
        (2**64, 2**64),
        (2**96 - 2, 2**96 - 2),
        (2**96 - 1, MAX),
        (2**96, MAX),
        (MAX, MAX),
    ],
)
def test_close__of_any_volume__consumes_all(hub, managed, volume, consumed):
    order = replace(managed.order, volume=volume)

    managed.manage(CLOSE, order=order)

    assert hub.viewConsumed(managed.market.hash(order)) == consumed


# ---- with deals


def presigned(market, cast, **fields):
    """Four usual orders without signatures, presigned on chain."""
    orders = market.orders(**{name: {"signer": None} | values for name, values in fields.items()})
    for order, role in zip(
        orders, ("app_owner", "dataset_owner", "pool_owner", "requester"), strict=True
    ):
        name = type(order).__name__.removesuffix("Order")
        Managed(name, market, cast[role], order).manage(SIGN)
    return orders


PRESIGNED = {"app": {}, "dataset": {}, "workerpool": {}, "request": {"volume": 3}}


def test_match__presigned_orders__matches(market, cast):
    orders = presigned(market, cast, **PRESIGNED)

    deal = market.match(orders)

    assert deal.receipt.events == market.matched(deal)


def test_match__presigned_orders__keeps_the_presignatures(market, hub, cast):
    orders = presigned(market, cast, **PRESIGNED)

    market.match(orders)

    roles = ("app_owner", "dataset_owner", "pool_owner", "requester")
    for order, role in zip(orders, roles, strict=True):
        assert hub.viewPresigned(market.hash(order)) == cast[role]
        assert hub.viewConsumed(market.hash(order)) == 3


def test_match__presigned_order_with_junk_for_a_signature__matches(market, cast):
    orders = presigned(market, cast, **PRESIGNED)

    deal = market.match(type(orders)(*(replace(order, sign=b"junk") for order in orders)))

    assert deal.volume == 3


def test_sign__of_partly_consumed_order__keeps_the_volume_taken(market, hub, managed):
    orders = market.orders(**{managed.name.lower(): {"volume": 2}})
    mine = getattr(orders, managed.name.lower())
    market.match(orders)
    before = hub.viewConsumed(market.hash(mine))

    managed.manage(SIGN, order=mine)

    assert hub.viewConsumed(market.hash(mine)) == before > 0
    assert hub.viewPresigned(market.hash(mine)) == managed.authority


def test_close__of_partly_consumed_order__keeps_later_matches_out(market, hub, managed):
    name = managed.name.lower()
    orders = market.orders(
        workerpool={"volume": 1},
        request={"volume": 5},
        **({} if name in ("workerpool", "request") else {name: {"volume": 5}}),
    )
    deal = market.match(orders)
    assert deal.volume == 1
    closed = getattr(orders, name)
    managed.manage(CLOSE, order=closed)

    fresh = (
        orders if name == "workerpool" else orders._replace(workerpool=market.workerpool_order())
    )
    hashed, volume = market.hash(closed), closed.volume
    with reverts(hub, "Match_OrderConsumed", hashed, volume, volume):
        market.match(fresh)


@pytest.mark.parametrize("kind", ["app", "dataset", "workerpool"])
def test_match__presigned_entry_sold__reverts(market, hub, cast, registries, stranger, kind):
    orders = presigned(market, cast, **PRESIGNED)
    entry, role = getattr(market, kind), "pool_owner" if kind == "workerpool" else f"{kind}_owner"
    registries[kind].transferFrom(cast[role], stranger, int(entry, 16), sender=cast[role])
    resigned = getattr(orders, kind)

    # 65 bytes that the former owner signed do not help either.
    stale = replace(resigned, sign=sign_digest(cast[role], market.hash(resigned)))
    error = f"Match_{kind.capitalize()}SignatureInvalid"
    with reverts(hub, error, stranger, market.hash(resigned)):
        market.match(orders._replace(**{kind: stale}))


def test_sign__by_the_next_owner__replaces_the_presigner(market, hub, cast, registries, stranger):
    order = market.app_order(signer=None)
    managed = Managed("App", market, cast["app_owner"], order)
    managed.manage(SIGN)
    entry = int(market.app, 16)
    registries["app"].transferFrom(cast["app_owner"], stranger, entry, sender=cast["app_owner"])

    managed.manage(SIGN, stranger)

    assert hub.viewPresigned(market.hash(order)) == stranger


# ---- broadcast


def test_broadcast__by_anyone__emits_the_whole_order(hub, managed, stranger):
    order = replace(managed.order, sign=b"whatever")

    receipt = getattr(hub, f"broadcast{managed.name}Order")(order.to_abi(), sender=stranger)

    (event,) = receipt.events
    assert event.event_name == f"Broadcast{managed.name}Order"
    assert event.contract_address == hub.address
    (emitted,) = event.event_arguments.values()
    assert type(order).from_abi(tuple(emitted)) == order
