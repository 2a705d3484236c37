"""Whom orders admit: accounts and groups in all ten fields (spec contracts §2.6, §3.2; W14)."""

from __future__ import annotations

import pytest
from market import ZERO_ADDRESS, Revert, revert_of

RESTRICTIONS = [
    ("request", "workerpool", "Match_RequestRestrictsWorkerpool", "workerpool"),
    ("app", "datasetrestrict", "Match_AppRestrictsDataset", "dataset"),
    ("app", "workerpoolrestrict", "Match_AppRestrictsWorkerpool", "workerpool"),
    ("app", "requesterrestrict", "Match_AppRestrictsRequester", "requester"),
    ("dataset", "apprestrict", "Match_DatasetRestrictsApp", "app"),
    ("dataset", "workerpoolrestrict", "Match_DatasetRestrictsWorkerpool", "workerpool"),
    ("dataset", "requesterrestrict", "Match_DatasetRestrictsRequester", "requester"),
    ("workerpool", "apprestrict", "Match_WorkerpoolRestrictsApp", "app"),
    ("workerpool", "datasetrestrict", "Match_WorkerpoolRestrictsDataset", "dataset"),
    ("workerpool", "requesterrestrict", "Match_WorkerpoolRestrictsRequester", "requester"),
]
# In the order of the enum of Erc734Group.
GROUP_MODES = ("Members", "Revert", "ShortReturn", "DirtyReturn", "BurnGas")

each_restriction = pytest.mark.parametrize(
    ("order", "field", "error", "restricted"),
    RESTRICTIONS,
    ids=[f"{order}-{field}" for order, field, _, _ in RESTRICTIONS],
)


@pytest.fixture
def group(project, owner):
    """A group without members."""
    return owner.deploy(project.Erc734Group)


@pytest.fixture
def account(market, requester):
    """The account that a restriction of the given kind is about."""

    def look_up(restricted):
        return requester.address if restricted == "requester" else getattr(market, restricted)

    return look_up


def static_refusal(market, orders):
    sender = market.cast["stranger"]
    return revert_of(market.hub.matchOrders, *orders.to_abi(), sender=sender)


@each_restriction
def test_match__restricted_to_the_account__is_accepted(
    market, account, order, field, error, restricted
):
    orders = market.orders(**{order: {field: account(restricted)}})

    assert static_refusal(market, orders) is None


@each_restriction
def test_match__restricted_to_another_account__reverts(
    market, account, stranger, order, field, error, restricted
):
    orders = market.orders(**{order: {field: stranger.address}})

    expected = Revert(error, (stranger.address, account(restricted)))
    assert static_refusal(market, orders) == expected


@each_restriction
def test_match__restricted_to_a_group__admits_its_members(
    market, account, group, owner, order, field, error, restricted
):
    orders = market.orders(**{order: {field: group.address}})
    assert static_refusal(market, orders) == Revert(error, (group.address, account(restricted)))

    group.setMember(account(restricted), True, sender=owner)

    assert static_refusal(market, orders) is None


@pytest.mark.parametrize("mode", GROUP_MODES[1:])
def test_match__group_answers_badly__reverts(market, group, owner, requester, mode):
    group.setMember(requester, True, sender=owner)
    group.setMode(GROUP_MODES.index(mode), sender=owner)
    orders = market.orders(app={"requesterrestrict": group.address})

    expected = Revert("Match_AppRestrictsRequester", (group.address, requester.address))
    assert static_refusal(market, orders) == expected


def test_match__restricted_to_a_contract_that_is_no_group__reverts(market, token, requester):
    orders = market.orders(app={"requesterrestrict": token.address})

    expected = Revert("Match_AppRestrictsRequester", (token.address, requester.address))
    assert static_refusal(market, orders) == expected


@pytest.mark.parametrize(
    ("order", "error"),
    [("app", "Match_AppRestrictsDataset"), ("workerpool", "Match_WorkerpoolRestrictsDataset")],
)
def test_match__dataset_restricted_but_none_given__reverts(market, order, error):
    orders = market.orders(dataset=False, **{order: {"datasetrestrict": market.dataset}})

    assert static_refusal(market, orders) == Revert(error, (market.dataset, ZERO_ADDRESS))
