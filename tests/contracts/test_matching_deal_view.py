"""What the chain shows of a deal: every field, of any width (spec contracts §3.6, §1.11)."""

from __future__ import annotations

import pytest
from eth_utils import to_checksum_address
from market import ZERO_ADDRESS
from stage import open_market

MAX_INDEX = 2**64 - 1
MAX_AMOUNT = 2**96 - 1
MAX_WORD = 2**256 - 1
FREE = {
    "app": {"appprice": 0},
    "dataset": {"datasetprice": 0},
    "workerpool": {"workerpoolprice": 0},
}


def expected_deal(market, deal, tag=0, sponsor=None, ratio=(30, 1)):
    """The deal as `viewDeal` must show it."""
    app, dataset, pool, request = deal.orders
    cast = market.cast
    no_dataset = (ZERO_ADDRESS, ZERO_ADDRESS, 0)
    return (
        (app.app, cast["app_owner"].address, app.appprice),
        no_dataset
        if dataset.is_null
        else (dataset.dataset, cast["dataset_owner"].address, dataset.datasetprice),
        (pool.workerpool, cast["pool_owner"].address, pool.workerpoolprice),
        max(request.trust, 1),
        request.category,
        tag.to_bytes(32),
        request.requester,
        request.beneficiary,
        request.callback,
        request.params,
        deal.receipt.block.timestamp,
        deal.first,
        deal.volume,
        pool.workerpoolprice * ratio[0] // 100,
        ratio[1],
        sponsor or request.requester,
    )


def shown(view):
    """A struct of the chain as plain tuples."""
    return tuple(
        tuple(value) if hasattr(value, "_fields") or isinstance(value, tuple) else value
        for value in view
    )


def assert_shows(market, deal, **differing):
    expected = expected_deal(market, deal, **differing)
    hub = market.hub
    assert shown(hub.viewDeal(deal.dealid)) == expected
    app, dataset, pool, trust, category, tag, requester, beneficiary, callback, params = expected[
        :10
    ]
    start, first, size, stake, ratio, _ = expected[10:]
    assert tuple(hub.viewDealABILegacy_pt1(deal.dealid)) == (*app, *dataset, *pool)
    assert tuple(hub.viewDealABILegacy_pt2(deal.dealid)) == (
        trust, tag, requester, beneficiary, callback, params,
    )  # fmt: skip
    assert tuple(hub.viewConfigABILegacy(deal.dealid)) == (
        category, start, first, size, stake, ratio,
    )  # fmt: skip


CALLBACK = to_checksum_address("0x" + "cb" * 20)
OTHER = to_checksum_address("0x" + "bb" * 20)


@pytest.mark.parametrize("dataset", [True, False], ids=["dataset", "no_dataset"])
@pytest.mark.parametrize("sponsored", [False, True], ids=["own_money", "sponsored"])
@pytest.mark.parametrize("callback", [ZERO_ADDRESS, CALLBACK], ids=["pull", "callback"])
@pytest.mark.parametrize("beneficiary", ["requester", "other", "nobody"])
def test_view_deal__shows_every_field(
    market, sponsor, requester, dataset, sponsored, callback, beneficiary
):
    request = {
        "beneficiary": {
            "requester": requester.address,
            "other": OTHER,
            "nobody": ZERO_ADDRESS,
        }[beneficiary],
        "callback": callback,
        "params": '{"iexec_args":"hi"}',
        "category": 3,
        "trust": 7,
        "volume": 2,
    }
    orders = market.orders(dataset=dataset, workerpool={"category": 3}, request=request)

    deal = market.match(orders, sponsor=sponsor if sponsored else None)

    assert_shows(market, deal, sponsor=sponsor.address if sponsored else None)


@pytest.mark.parametrize("params", ["", "x" * 31, "x" * 32, "x" * 205, "\0", "ü € 𝄞", "x" * 24_218])
def test_view_deal__shows_params_of_any_length(market, params):
    deal = market.match(market.orders(request={"params": params}))

    assert_shows(market, deal)


@pytest.mark.parametrize("tag", [0, 1, 0xFF, 0x100, (1 << 255) | 1, MAX_WORD])
def test_view_deal__shows_tags_of_any_width(market, tag):
    tee = {"tag": tag & 1}
    orders = market.orders(app=tee, workerpool={"tag": MAX_WORD}, request={"tag": tag})

    assert_shows(market, market.match(orders), tag=tag)


# Spec §12 and §3.1: the deal's tag of app, dataset and request.
@pytest.mark.parametrize(
    ("app", "dataset", "request_", "deal_tag"),
    [
        (0x01, 0x03, 0x01, 0x01),
        (0x03, 0x01, 0x00, 0x03),
        (0x01, 0x0F, 0x09, 0x09),
        (0x00, 0x0E, 0x00, 0x00),
        (0x100, 0x200, 0x400, 0x700),
    ],
)
def test_view_deal__tag__joins_all_but_the_datasets_framework(
    market, app, dataset, request_, deal_tag
):
    deal = market.match(
        market.orders(
            app={"tag": app},
            dataset={"tag": dataset},
            workerpool={"tag": MAX_WORD},
            request={"tag": request_},
        )
    )

    assert_shows(market, deal, tag=deal_tag)


@pytest.mark.parametrize("trust", [0, 1, 2, 255, 256, 2**63, MAX_INDEX])
def test_view_deal__shows_trust_of_up_to_64_bits(market, trust):
    orders = market.orders(workerpool={"trust": MAX_INDEX}, request={"trust": trust})

    assert_shows(market, market.match(orders))


def test_view_deal__of_later_deals__shows_where_they_start(market):
    request = market.request_order(volume=300)
    many = market.orders(**FREE | {"workerpool": {"workerpoolprice": 0, "volume": 256}})
    market.match(many._replace(request=request))

    deal = market.match(market.orders(workerpool={"volume": 2})._replace(request=request))

    assert deal.first == 256
    assert_shows(market, deal)


@pytest.mark.parametrize(("stake", "reward"), [(0, 0), (35, 5), (255, 100), (256, 50), (5_000, 1)])
def test_view_deal__shows_the_policy_at_the_match(project, market, pool_owner, stake, reward):
    pool = project.Workerpool.at(market.workerpool)
    pool.changePolicy(stake, reward, sender=pool_owner)

    deal = market.match()
    pool.changePolicy(1, 2, sender=pool_owner)

    assert_shows(market, deal, ratio=(stake, reward))


def test_view_deal__entries_sold_later__shows_the_owners_at_the_match(market, cast, stranger):
    deal = market.match()

    for kind, role in (
        ("app", "app_owner"),
        ("dataset", "dataset_owner"),
        ("workerpool", "pool_owner"),
    ):
        entry = int(getattr(market, kind), 16)
        market.registries[kind].transferFrom(cast[role], stranger, entry, sender=cast[role])

    assert_shows(market, deal)


def test_view_deal__unknown__is_all_zeros(hub):
    no_asset = (ZERO_ADDRESS, ZERO_ADDRESS, 0)

    assert shown(hub.viewDeal(bytes(range(32)))) == (
        no_asset, no_asset, no_asset, 0, 0, bytes(32), ZERO_ADDRESS, ZERO_ADDRESS, ZERO_ADDRESS,
        "", 0, 0, 0, 0, 0, ZERO_ADDRESS,
    )  # fmt: skip


@pytest.fixture
def rich_market(project, cast, registries, owner):
    """A market on a token of which there is more than 96 bits can hold, with rich parties."""
    token = owner.deploy(project.HostileToken)
    token.mint(owner, 2**97, sender=owner)
    market = open_market(project, cast, token, registries, "token")
    token.approve(market.hub, MAX_AMOUNT, sender=owner)
    return market


@pytest.mark.parametrize("kind", ["app", "dataset", "workerpool"])
def test_view_deal__shows_prices_of_up_to_96_bits(rich_market, owner, kind):
    market, hub = rich_market, rich_market.hub
    room = MAX_AMOUNT - hub.totalSupply()
    price = room // 2  # the scheduler needs three tenths of it too
    hub.depositFor(price, market.cast["requester"], sender=owner)
    hub.depositFor(room - price, market.cast["pool_owner"], sender=owner)
    others = {name: fields for name, fields in FREE.items() if name != kind}
    orders = market.orders(
        **others | {kind: {f"{kind}price": price}}, request={f"{kind}maxprice": MAX_WORD}
    )

    deal = market.match(orders)

    assert price.bit_length() == 95
    assert deal.receipt.events == market.matched(deal)
    assert_shows(market, deal)
