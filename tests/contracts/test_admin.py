"""The powers of the owner, and their limits (spec contracts §1.9, §1.10; W10, W13, W21)."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak
from market import CLOCKS, ZERO_ADDRESS, reverts
from stage import deploy_hub

MAX_CLOCK = 2**28 - 1
MAX_CALLBACK_GAS = 1_000_000


@pytest.fixture
def hub(each_market):
    return each_market.hub


# ---- categories


def test_create_category__by_owner__appends(hub, owner):
    receipt = hub.createCategory("XXL", "for ever", 100_000, sender=owner)

    created = {"catid": 5, "name": "XXL", "description": "for ever", "workClockTimeRef": 100_000}
    assert receipt.events == [hub.CreateCategory(**created)]
    assert hub.countCategory() == 6
    assert tuple(hub.viewCategory(5)) == ("XXL", "for ever", 100_000)


def test_create_category__returns_its_id(hub, owner):
    assert hub.createCategory.call("XXL", "", 100_000, sender=owner) == 5


@pytest.mark.parametrize("clock", [0, MAX_CLOCK])
def test_create_category__clock_in_range__is_accepted(hub, owner, clock):
    hub.createCategory("odd", "", clock, sender=owner)

    assert hub.viewCategory(5).workClockTimeRef == clock


def test_create_category__same_text_again__is_another_category(hub, owner):
    hub.createCategory("XS", '""', 300, sender=owner)

    assert tuple(hub.viewCategory(5)) == tuple(hub.viewCategory(0))


@pytest.mark.parametrize("clock", [MAX_CLOCK + 1, 2**256 - 1])
def test_create_category__clock_too_large__reverts(hub, owner, clock):
    with reverts(hub, "Category_ClockTooLarge", MAX_CLOCK, clock):
        hub.createCategory("slow", "", clock, sender=owner)


def test_create_category__by_stranger__reverts(hub, owner, stranger):
    with reverts(hub, "NotContractOwner", stranger, owner):
        hub.createCategory("XXL", "", 1, sender=stranger)


def test_view_category__standard_categories__have_their_clocks(hub):
    shown = [tuple(hub.viewCategory(catid)) for catid in range(hub.countCategory())]

    assert shown == [(name, '""', clock) for name, clock in CLOCKS.items()]


@pytest.mark.parametrize("method", ["viewCategory", "viewCategoryABILegacy"])
@pytest.mark.parametrize("catid", [5, 2**256 - 1])
def test_view_category__unknown__reverts(hub, method, catid):
    with reverts(hub, "Category_Unknown", 5, catid):
        getattr(hub, method)(catid)


def test_match__category_of_clock_zero__is_accepted(market, owner):
    market.hub.createCategory("now", "", 0, sender=owner)

    category = {"category": 5}
    deal = market.match(market.orders(workerpool=category, request=category))

    assert market.hub.viewDeal(deal.dealid).category == 5


# ---- callback gas


def test_callback_gas__at_first__is_200_000(hub):
    assert hub.callbackgas() == 200_000


@pytest.mark.parametrize("gas", [0, 1, MAX_CALLBACK_GAS])
def test_set_callback_gas__within_the_limit__is_set(hub, owner, gas):
    receipt = hub.setCallbackGas(gas, sender=owner)

    assert receipt.events == [hub.CallbackGasChanged(previous=200_000, current=gas)]
    assert hub.callbackgas() == gas


@pytest.mark.parametrize("gas", [MAX_CALLBACK_GAS + 1, 2**256 - 1])
def test_set_callback_gas__beyond_the_limit__reverts(hub, owner, gas):
    with reverts(hub, "Config_CallbackGasTooLarge", MAX_CALLBACK_GAS, gas):
        hub.setCallbackGas(gas, sender=owner)


def test_set_callback_gas__by_stranger__reverts(hub, owner, stranger):
    with reverts(hub, "NotContractOwner", stranger, owner):
        hub.setCallbackGas(1, sender=stranger)


def test_set_callback_gas__leaves_the_money_alone(each_market, hub, owner):
    each_market.match()
    before = each_market.balances()

    hub.setCallbackGas(MAX_CALLBACK_GAS, sender=owner)

    assert each_market.balances() == before


# ---- TEE broker


def test_tee_broker__at_first__is_nobody(hub):
    assert hub.teebroker() == ZERO_ADDRESS


def test_set_tee_broker__is_set_and_unset(hub, owner, sponsor):
    receipt = hub.setTeeBroker(sponsor, sender=owner)
    assert receipt.events == [hub.TeeBrokerChanged(previous=ZERO_ADDRESS, current=sponsor)]
    assert hub.teebroker() == sponsor

    receipt = hub.setTeeBroker(ZERO_ADDRESS, sender=owner)
    assert receipt.events == [hub.TeeBrokerChanged(previous=sponsor, current=ZERO_ADDRESS)]
    assert hub.teebroker() == ZERO_ADDRESS


def test_set_tee_broker__by_stranger__reverts(hub, owner, stranger):
    with reverts(hub, "NotContractOwner", stranger, owner):
        hub.setTeeBroker(stranger, sender=stranger)


# ---- ownership: two steps (W21)


def test_transfer_ownership__is_only_an_offer(hub, owner, stranger):
    receipt = hub.transferOwnership(stranger, sender=owner)

    offer = {"previousOwner": owner, "newOwner": stranger}
    assert receipt.events == [hub.OwnershipTransferStarted(**offer)]
    assert (hub.owner(), hub.pendingOwner()) == (owner, stranger)


def test_accept_ownership__by_the_next_owner__completes_it(hub, owner, stranger):
    hub.transferOwnership(stranger, sender=owner)

    receipt = hub.acceptOwnership(sender=stranger)

    change = {"previousOwner": owner, "newOwner": stranger}
    assert receipt.events == [hub.OwnershipTransferred(**change)]
    assert (hub.owner(), hub.pendingOwner()) == (stranger, ZERO_ADDRESS)


def test_accept_ownership__former_owner__has_no_power_left(hub, owner, stranger):
    hub.transferOwnership(stranger, sender=owner)
    hub.acceptOwnership(sender=stranger)

    with reverts(hub, "NotContractOwner", owner, stranger):
        hub.setCallbackGas(1, sender=owner)


def test_accept_ownership__by_another__reverts(hub, owner, stranger, requester):
    hub.transferOwnership(stranger, sender=owner)

    with reverts(hub, "OwnableUnauthorizedAccount", requester):
        hub.acceptOwnership(sender=requester)


def test_transfer_ownership__to_zero__takes_an_offer_back(hub, owner, stranger):
    hub.transferOwnership(stranger, sender=owner)
    hub.transferOwnership(ZERO_ADDRESS, sender=owner)

    with reverts(hub, "OwnableUnauthorizedAccount", stranger):
        hub.acceptOwnership(sender=stranger)
    assert hub.owner() == owner


def test_transfer_ownership__by_stranger__reverts(hub, owner, stranger):
    with reverts(hub, "NotContractOwner", stranger, owner):
        hub.transferOwnership(stranger, sender=stranger)


def test_renounce_ownership__nobody_owns_the_hub(hub, owner):
    receipt = hub.renounceOwnership(sender=owner)

    change = {"previousOwner": owner, "newOwner": ZERO_ADDRESS}
    assert receipt.events == [hub.OwnershipTransferred(**change)]
    assert hub.owner() == ZERO_ADDRESS


def test_renounce_ownership__by_stranger__reverts(hub, owner, stranger):
    with reverts(hub, "NotContractOwner", stranger, owner):
        hub.renounceOwnership(sender=stranger)


def test_deployment__owner_zero__reverts(project, owner, token, registries):
    config = (token.address, *(registries[kind].address for kind in registries))

    with reverts(project.PocoHub, "OwnableInvalidOwner", ZERO_ADDRESS):
        owner.deploy(project.PocoHub, config, owner.address, owner.address, ZERO_ADDRESS)


# ---- what the original's owner could do and ours cannot

REMOVED = [
    ("configure", "address,string,string,uint8,address,address,address,address"),
    ("changeRegistries", "address,address,address"),
    ("updateDomainSeparator", ""),
    ("importScore", "address"),
    ("diamondCut", "(address,uint8,bytes4[])[],address,bytes"),
]


@pytest.mark.parametrize(("name", "inputs"), REMOVED, ids=[name for name, _ in REMOVED])
def test_owner__functions_of_a_mutable_hub__do_not_exist(market, owner, name, inputs):
    selector = keccak(text=f"{name}({inputs})")[:4]

    with reverts(market.hub, "Escrow_FallbackDisabled", selector):
        owner.transfer(market.hub, 0, data=selector + bytes(320))


# ---- the parts behind the hub


@pytest.fixture
def part(project, owner, token, registries):
    """The second code part, called at its own address."""
    config = (token.address, *(registries[kind].address for kind in registries))
    return owner.deploy(project.PocoHubExtension, config)


def test_part__called_directly__has_no_owner_to_obey(part, owner):
    with reverts(part, "NotContractOwner", owner, "0x000000000000000000000000000000000000dEaD"):
        part.createCategory("XS", "", 1, sender=owner)


def test_part__plain_value__reverts(part, owner):
    with reverts(part, "Escrow_FallbackDisabled", bytes(4)):
        owner.transfer(part, 1)


def test_hub__of_its_own__shares_nothing_with_another(project, owner, token, registries, hub):
    other = deploy_hub(project, owner, token, registries)

    assert (other.countCategory(), other.totalSupply()) == (0, 0)
    assert encode(["uint256"], [hub.countCategory()]) == (5).to_bytes(32)
