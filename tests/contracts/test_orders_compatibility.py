"""Whether a dataset order may serve a deal made without a dataset (spec contracts §3.8)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from market import reverts

UNKNOWN = bytes(range(32))


@pytest.fixture
def deal(market):
    """A deal without dataset, of tag 0x101."""
    tag = {"tag": 0x101}
    return market.match(market.orders(dataset=False, app=tag, workerpool=tag, request=tag))


@pytest.fixture
def check(market, hub, deal):
    """Assert that a dataset order with these fields is compatible with the deal."""

    def assert_compatible(order=None, dealid=None, **fields):
        order = order or market.dataset_order(**fields)
        hub.assertDatasetDealCompatibility(order.to_abi(), dealid or deal.dealid)

    return assert_compatible


def refuses(hub, reason):
    return reverts(hub, "IncompatibleDatasetOrder", reason)


def test_compatibility__signed_order__holds(check):
    check()


def test_compatibility__price_and_registration__do_not_count(project, owner, check):
    fake = owner.deploy(project.FakeEntry, owner)

    check(dataset=fake.address, datasetprice=2**256 - 1, signer=owner)


def test_compatibility__presigned_order__holds(market, hub, check, dataset_owner):
    order = market.dataset_order(signer=None)
    hub.manageDatasetOrder((order.to_abi(), 0, b""), sender=dataset_owner)

    check(order)


def test_compatibility__order_closed__reverts(market, hub, check, dataset_owner):
    order = market.dataset_order()
    hub.manageDatasetOrder((order.to_abi(), 1, b""), sender=dataset_owner)

    with refuses(hub, "Dataset order is revoked or fully consumed"):
        check(order)


def test_compatibility__order_without_volume__reverts(hub, check):
    with refuses(hub, "Dataset order is revoked or fully consumed"):
        check(volume=0)


def test_compatibility__order_used_up__reverts(market, hub, check):
    orders = market.orders(dataset={"volume": 1})
    market.match(orders)

    with refuses(hub, "Dataset order is revoked or fully consumed"):
        check(orders.dataset)


def test_compatibility__signed_by_another__reverts(hub, check):
    with refuses(hub, "Invalid dataset order signature"):
        check(signer="stranger")


def test_compatibility__not_signed__reverts(hub, check):
    with reverts(hub, "Signature_BadLength", 0):
        check(signer=None)


def test_compatibility__dataset_without_code__reverts(hub, check, stranger):
    with reverts(hub, ""):
        check(dataset=stranger.address)


def test_compatibility__unknown_deal__reverts(hub, check):
    with refuses(hub, "Deal not found"):
        check(dealid=UNKNOWN)


def test_compatibility__deal_with_dataset__reverts(market, hub, check):
    with refuses(hub, "Deal already has a dataset"):
        check(dealid=market.match().dealid)


@pytest.mark.parametrize(
    ("field", "reason", "admitted"),
    [
        ("apprestrict", "App restriction not satisfied", "app"),
        ("workerpoolrestrict", "Workerpool restriction not satisfied", "workerpool"),
        ("requesterrestrict", "Requester restriction not satisfied", "requester"),
    ],
)
class TestRestriction:
    """Each restriction of the dataset order."""

    @pytest.fixture
    def account(self, market, requester, admitted):
        return requester.address if admitted == "requester" else getattr(market, admitted)

    def test_compatibility__another_account__reverts(
        self, hub, check, stranger, field, reason, admitted
    ):
        with refuses(hub, reason):
            check(**{field: stranger.address})

    def test_compatibility__the_account_itself__holds(
        self, check, account, field, reason, admitted
    ):
        check(**{field: account})

    def test_compatibility__group__admits_its_members(
        self, project, hub, check, owner, account, field, reason, admitted
    ):
        group = owner.deploy(project.Erc734Group)
        with refuses(hub, reason):
            check(**{field: group.address})

        group.setMember(account, True, sender=owner)

        check(**{field: group.address})


@pytest.mark.parametrize("tag", [0x01, 0x0F, 0x100, 0x10E])
def test_compatibility__tag_of_the_deal__holds(check, tag):
    check(tag=tag)


@pytest.mark.parametrize("tag", [0x10, 0x201, 1 << 255])
def test_compatibility__tag_beyond_the_deals__reverts(hub, check, tag):
    with refuses(hub, "Tag compatibility not satisfied"):
        check(tag=tag)


def test_compatibility__several_faults__names_the_first(market, hub, check, stranger):
    order = market.dataset_order(apprestrict=stranger.address, tag=0x10)

    with refuses(hub, "App restriction not satisfied"):
        check(order)
    with refuses(hub, "Deal not found"):
        check(order, UNKNOWN)
    with refuses(hub, "Dataset order is revoked or fully consumed"):
        check(replace(order, volume=0), UNKNOWN)
