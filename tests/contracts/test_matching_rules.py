"""Which orders do not match: every row of spec contracts §3.2 with its error and both values."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import ape
import pytest
from market import DEPOSIT, RLC, ZERO_ADDRESS, Revert, revert_of, reverts
from stage import deploy_hub

GPU = 1 << 8
MAX_AMOUNT = 2**96 - 1
MAX_INDEX = 2**64 - 1
MAX_WORD = 2**256 - 1


def tag(flags):
    return flags.to_bytes(32)


@pytest.fixture(params=["match", "sponsor"])
def refusal(request, market, hub, sponsor, stranger):
    """How each of the two match functions refuses orders; None when it does not."""

    def refuse(orders):
        if request.param == "match":
            return revert_of(hub.matchOrders, *orders.to_abi(), sender=stranger)
        return revert_of(hub.sponsorMatchOrders, *orders.to_abi(), sender=sponsor)

    return refuse


@pytest.mark.parametrize(
    ("fields", "error", "limit", "actual"),
    [
        ({"workerpool": {"category": 1}}, "Match_CategoryMismatch", 0, 1),
        (
            {"workerpool": {"category": 5}, "request": {"category": 5}},
            "Match_UnknownCategory",
            5,
            5,
        ),
        (
            {"workerpool": {"category": MAX_WORD}, "request": {"category": MAX_WORD}},
            "Match_UnknownCategory",
            5,
            MAX_WORD,
        ),
        ({"request": {"trust": 101}}, "Match_TrustTooLow", 101, 100),
        ({"request": {"appmaxprice": 999}}, "Match_AppPriceTooHigh", 999, 1_000),
        (
            {"request": {"datasetmaxprice": 999_999}},
            "Match_DatasetPriceTooHigh",
            999_999,
            1_000_000,
        ),
        (
            {"request": {"workerpoolmaxprice": RLC - 1}},
            "Match_WorkerpoolPriceTooHigh",
            RLC - 1,
            RLC,
        ),
        ({"request": {"tag": GPU}}, "Match_TagNotOffered", tag(GPU), tag(0)),
        ({"app": {"tag": GPU}}, "Match_TagNotOffered", tag(GPU), tag(0)),
        ({"dataset": {"tag": GPU}}, "Match_TagNotOffered", tag(GPU), tag(0)),
        ({"app": {"tag": 2}}, "Match_TagNotOffered", tag(2), tag(0)),
        ({"request": {"tag": 8}}, "Match_TagNotOffered", tag(8), tag(0)),
        (
            {"request": {"tag": 1 << 255}, "workerpool": {"tag": (1 << 255) - 1}},
            "Match_TagNotOffered",
            tag(1 << 255),
            tag((1 << 255) - 1),
        ),
        # Spec §12: dataset 0x13 against app 0x01, request 0x01 and pool 0x09.
        (
            {
                "app": {"tag": 1},
                "dataset": {"tag": 0x13},
                "request": {"tag": 1},
                "workerpool": {"tag": 9},
            },
            "Match_TagNotOffered",
            tag(0x11),
            tag(9),
        ),
        (
            {"dataset": {"tag": 1}, "workerpool": {"tag": 9}},
            "Match_AppNotTee",
            tag(1),
            tag(0),
        ),
        ({"request": {"tag": 3}, "workerpool": {"tag": 3}}, "Match_AppNotTee", tag(3), tag(0)),
        ({"request": {"trust": 2**64}, "workerpool": {"trust": 2**64}}, "Match_TrustTooLarge",
         MAX_INDEX, 2**64),
        ({"request": {"trust": MAX_WORD}, "workerpool": {"trust": MAX_WORD}}, "Match_TrustTooLarge",
         MAX_INDEX, MAX_WORD),
        ({"app": {"appprice": 2**96}, "request": {"appmaxprice": 2**96}}, "Match_AmountTooLarge",
         MAX_AMOUNT, 2**96),
        ({"dataset": {"datasetprice": MAX_WORD}, "request": {"datasetmaxprice": MAX_WORD}},
         "Match_AmountTooLarge", MAX_AMOUNT, MAX_WORD),
        ({"workerpool": {"workerpoolprice": 2**96}, "request": {"workerpoolmaxprice": 2**96}},
         "Match_AmountTooLarge", MAX_AMOUNT, 2**96),
        ({"request": {"params": "x" * 24_219}}, "Match_ParamsTooLong", 24_218, 24_219),
        ({"request": {"params": "é" * 12_110}}, "Match_ParamsTooLong", 24_218, 24_220),
    ],
)  # fmt: skip
def test_match__term_not_met__reverts(market, refusal, fields, error, limit, actual):
    assert refusal(market.orders(**fields)) == Revert(error, (limit, actual))


@pytest.mark.parametrize(
    ("dataset", "app"), [(0x03, 0x01), (0x05, 0x01), (0x09, 0x01), (0x0E, 0x00), (0x0F, 0x01)]
)
def test_match__framework_of_the_dataset__need_not_be_offered(market, refusal, dataset, app):
    orders = market.orders(
        app={"tag": app}, dataset={"tag": dataset}, request={"tag": app}, workerpool={"tag": 9}
    )

    assert refusal(orders) is None


# ---- identities


def test_match__other_app_requested__reverts(market, refusal, app_owner):
    other = market.create_app(app_owner, "other")

    found = refusal(market.orders(request={"app": other}))

    assert found == Revert("Match_AppMismatch", (other, market.app))


def test_match__other_dataset_requested__reverts(market, refusal, dataset_owner):
    other = market.create_dataset(dataset_owner, "other")

    found = refusal(market.orders(request={"dataset": other}))

    assert found == Revert("Match_DatasetMismatch", (other, market.dataset))


def test_match__dataset_not_requested__reverts(market, refusal):
    found = refusal(market.orders(request={"dataset": False, "datasetmaxprice": 1_000_000}))

    assert found == Revert("Match_DatasetMismatch", (ZERO_ADDRESS, market.dataset))


def test_match__requested_dataset_missing__reverts(market, refusal):
    found = refusal(market.orders(dataset=False, request={"dataset": True}))

    assert found == Revert("Match_DatasetMismatch", (market.dataset, ZERO_ADDRESS))


# ---- registration

KINDS = ("app", "dataset", "workerpool")


def unregistered(market, kind, entry, signer):
    """Orders for an entry of this kind, signed by `signer`."""
    request = {} if kind == "workerpool" else {"request": {kind: entry}}
    return market.orders(**{kind: {kind: entry, "signer": signer}}, **request)


@pytest.mark.parametrize("kind", KINDS)
def test_match__entry_without_code__reverts(market, refusal, registries, stranger, kind):
    found = refusal(unregistered(market, kind, stranger.address, stranger))

    error = f"Match_{kind.capitalize()}NotRegistered"
    assert found == Revert(error, (registries[kind].address, stranger.address))


@pytest.mark.parametrize("kind", KINDS)
def test_match__entry_with_owner_but_unregistered__reverts(
    project, market, refusal, registries, owner, kind
):
    entry = owner.deploy(project.FakeEntry, owner).address

    found = refusal(unregistered(market, kind, entry, owner))

    error = f"Match_{kind.capitalize()}NotRegistered"
    assert found == Revert(error, (registries[kind].address, entry))


@pytest.mark.parametrize(
    ("kind", "other"), [("app", "dataset"), ("dataset", "workerpool"), ("workerpool", "app")]
)
def test_match__entry_of_another_registry__reverts(market, refusal, registries, kind, other):
    entry = getattr(market, other)
    signer = "pool_owner" if other == "workerpool" else f"{other}_owner"

    found = refusal(unregistered(market, kind, entry, signer))

    error = f"Match_{kind.capitalize()}NotRegistered"
    assert found == Revert(error, (registries[kind].address, entry))


def test_match__entries_of_the_registries_before__is_accepted(
    project, market, token, registries, owner, cast
):
    successors = {}
    for kind, registry in registries.items():
        successors[kind] = owner.deploy(getattr(project, f"{kind.capitalize()}Registry"), owner)
        successors[kind].initialize(registry, sender=owner)
    hub = deploy_hub(project, owner, token, successors)
    hub.createCategory("XS", "", 300, sender=owner)
    later = replace(market, hub=hub, registries=successors)
    prices = {"app": {"appprice": 0}, "dataset": {"datasetprice": 0}}

    deal = later.match(later.orders(**prices, workerpool={"workerpoolprice": 0}))

    view = hub.viewDeal(deal.dealid)
    assert view.app.owner == cast["app_owner"]
    assert view.dataset.owner == cast["dataset_owner"]
    assert view.workerpool.owner == cast["pool_owner"]
    assert view.schedulerRewardRatio == 1


# ---- volume


@pytest.mark.parametrize("kind", ["app", "dataset", "workerpool", "request"])
def test_match__order_of_no_volume__reverts(market, refusal, kind):
    orders = market.orders(**{kind: {"volume": 0}})

    expected = (market.hash(getattr(orders, kind)), 0, 0)
    assert refusal(orders) == Revert("Match_OrderConsumed", expected)


@pytest.mark.parametrize("volume", [2**64, 2**96, MAX_WORD])
def test_match__volume_beyond_64_bits__reverts(market, refusal, volume):
    fields = {"app": {"volume": volume, "appprice": 0}, "dataset": {"volume": volume}}
    orders = market.orders(**fields, workerpool={"volume": volume}, request={"volume": volume})

    assert refusal(orders) == Revert("Match_IndexTooLarge", (MAX_INDEX, volume))


# ---- money


def test_match__payer_too_poor__reverts(market, hub, requester):
    price = 1_000 + 1_000_000 + RLC
    hub.transfer(market.cast["owner"], DEPOSIT - price + 1, sender=requester)

    with reverts(hub, "Escrow_BalanceTooLow", requester, price - 1, price):
        market.match()


def test_match__bag_dearer_than_the_balance__reverts(market, hub, requester):
    orders = market.orders(request={"volume": 100})

    total = 100 * (1_000 + 1_000_000 + RLC)
    with reverts(hub, "Escrow_BalanceTooLow", requester, DEPOSIT, total):
        market.match(orders)


def test_match__scheduler_too_poor__reverts(market, hub, pool_owner, owner):
    stake = 3 * RLC // 10
    hub.transfer(owner, DEPOSIT - stake + 1, sender=pool_owner)

    with reverts(hub, "Escrow_BalanceTooLow", pool_owner, stake - 1, stake):
        market.match()


def test_sponsor_match__sponsor_too_poor__reverts(market, hub, stranger):
    price = 1_000 + 1_000_000 + RLC

    with reverts(hub, "Escrow_BalanceTooLow", stranger, 0, price):
        market.match(sponsor=stranger)


def test_match__payer_is_the_scheduler__stake_comes_after_the_price(market, hub, pool_owner):
    orders = market.orders(
        workerpool={"workerpoolprice": DEPOSIT},
        request={
            "signer": "pool_owner",
            "requester": pool_owner.address,
            "workerpoolmaxprice": DEPOSIT,
        },
        dataset=False,
        app={"appprice": 0},
    )

    with reverts(hub, "Escrow_BalanceTooLow", pool_owner, 0, DEPOSIT * 30 // 100):
        market.match(orders)


def test_match__worker_stake_beyond_96_bits__reverts(project, market, hub, pool_owner):
    pool = project.Workerpool.at(market.workerpool)
    pool.changePolicy(200, 1, sender=pool_owner)
    price = 2**95

    with reverts(hub, "Match_AmountTooLarge", MAX_AMOUNT, 2 * price):
        market.match(
            market.orders(
                workerpool={"workerpoolprice": price}, request={"workerpoolmaxprice": price}
            )
        )


def test_match__scheduler_keeps_more_than_all__reverts(project, market, token, registries, owner):
    # Our registries refuse such a policy; this one answers owner, 30 % and 101 % to any question.
    words = "73" + owner.address[2:] + "5f52" + "601e602052" + "6065604052" + "60605ff3"
    size = f"{len(words) // 2:02x}"
    code = bytes.fromhex(f"60{size}600a5f39" + f"60{size}5ff3" + words)
    ecosystem = ape.networks.provider.network.ecosystem
    sent = owner.call(ecosystem.create_transaction(data=code, sender=owner.address))
    pools = SimpleNamespace(address=sent.contract_address)
    hub = deploy_hub(project, owner, token, registries | {"workerpool": pools})
    hub.createCategory("XS", "", 300, sender=owner)
    other = replace(market, hub=hub)

    with reverts(hub, "Match_RewardRatioTooHigh", 100, 101):
        other.match(other.orders(workerpool={"signer": owner}))


@pytest.mark.parametrize("method", ["matchOrders", "sponsorMatchOrders"])
def test_match__with_value__reverts(market, hub, requester, method):
    with reverts(hub, ""):
        getattr(hub, method)(*market.orders().to_abi(), sender=requester, value=1)


# ---- no dataset (W3)


@pytest.mark.parametrize(
    "fields",
    [
        {"datasetprice": MAX_WORD},
        {"tag": MAX_WORD},
        {"apprestrict": "0x" + "11" * 20},
        {"workerpoolrestrict": "0x" + "11" * 20},
        {"requesterrestrict": "0x" + "11" * 20},
        {"volume": 5},
        {"sign": b"junk"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_match__no_dataset__ignores_what_the_dataset_order_says(market, hub, fields):
    orders = market.orders(dataset=False)
    orders = orders._replace(dataset=replace(orders.dataset, **fields))

    deal = market.match(orders)

    assert deal.receipt.events == market.matched(deal)
    assert bytes(hub.viewDeal(deal.dealid).tag) == bytes(32)
    assert tuple(hub.viewDeal(deal.dealid).dataset) == (ZERO_ADDRESS, ZERO_ADDRESS, 0)
