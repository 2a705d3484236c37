"""Creating entries, and the registry's own rules (spec contracts §6.1)."""

from __future__ import annotations

import ape
import pytest
from eth_abi import encode
from eth_utils import keccak, to_canonical_address, to_checksum_address
from local_chain import undone

ZERO = "0x0000000000000000000000000000000000000000"
MAX_FIELDS = 24_576 - 45  # code of a contract less the clone, bytes


def create2(deployer: str, salt: bytes, init_code_hash: bytes) -> str:
    digest = keccak(b"\xff" + to_canonical_address(deployer) + salt + init_code_hash)
    return to_checksum_address(digest[12:])


@pytest.fixture
def entry(kind, app_owner, stranger):
    """An entry of `app_owner` that a stranger registered."""
    return kind.entry(app_owner, "first", stranger)


@pytest.fixture
def successor(kind, owner):
    """A registry that follows the one under test."""
    registry = owner.deploy(kind.registry_type, owner)
    registry.initialize(kind.registry, sender=owner)
    return registry


def test_create__by_anyone__emits_only_the_mint(kind, app_owner, stranger):
    receipt = kind.create(app_owner, "first", stranger)

    entry = kind.predict(app_owner, "first")
    expected = [
        kind.registry.Transfer(**{"from": ZERO, "to": app_owner, "tokenId": int(entry, 16)})
    ]
    assert receipt.events == expected


def test_create__by_anyone__gives_the_entry_to_its_owner(kind, entry, app_owner):
    assert kind.registry.ownerOf(int(entry.address, 16)) == app_owner
    assert entry.owner() == app_owner
    assert entry.registry() == kind.registry.address


def test_create__returns_the_predicted_address(kind, app_owner):
    create = getattr(kind.registry, f"create{kind.name}")

    assert create.call(app_owner, *kind.fields("first")) == kind.predict(app_owner, "first")


def test_predict__once_created__stays_the_same(kind, app_owner, stranger):
    before = kind.predict(app_owner, "first")

    kind.create(app_owner, "first", stranger)

    assert kind.predict(app_owner, "first") == before


def test_predict__is_create2_of_initializer_and_owner(kind, app_owner):
    signature = f"initialize({','.join(kind.types)})"
    call = keccak(text=signature)[:4] + encode(kind.types, kind.fields("first"))
    salt = keccak(call + to_canonical_address(app_owner.address))

    address = create2(kind.registry.address, salt, bytes(kind.registry.proxyCodeHash()))

    assert kind.predict(app_owner, "first") == address


def test_proxy_code__hashes_to_proxy_code_hash(kind):
    assert keccak(bytes(kind.registry.proxyCode())) == bytes(kind.registry.proxyCodeHash())


def test_create__with_other_owner__is_another_entry(kind, entry, dataset_owner, stranger):
    assert kind.entry(dataset_owner, "first", stranger).address != entry.address


def test_create__twice__reverts(kind, entry, app_owner, stranger):
    with ape.reverts(kind.registry.Registry_EntryExists, error_inputs={"entry": entry.address}):
        kind.create(app_owner, "first", stranger)


def test_create__twice__does_not_burn_the_gas_sent(kind, entry, app_owner, stranger):
    receipt = kind.create(app_owner, "first", stranger, gas=5_000_000, raise_on_revert=False)

    assert receipt.failed
    assert receipt.gas_used < 100_000


def test_create__after_sale__is_still_taken(kind, entry, app_owner, dataset_owner, stranger):
    kind.registry.transferFrom(app_owner, dataset_owner, int(entry.address, 16), sender=app_owner)

    with ape.reverts(kind.registry.Registry_EntryExists, error_inputs={"entry": entry.address}):
        kind.create(app_owner, "first", stranger)


def test_create__for_owner_zero__reverts(kind, stranger):
    with ape.reverts(kind.registry.ERC721InvalidReceiver, error_inputs={"receiver": ZERO}):
        kind.create(ZERO, "first", stranger)


def test_create__for_a_contract__calls_no_hook(kind, project, app_owner, stranger):
    holder = stranger.deploy(project.ReturnFalseSpender)

    assert kind.entry(holder.address, "first", stranger).owner() == holder.address


def test_create__with_fields_of_the_limit__is_accepted(kind, app_owner, stranger):
    label = "x" * (MAX_FIELDS - kind.overhead)

    entry = kind.entry(app_owner, label, stranger)

    getter = {
        "App": "m_appName",
        "Dataset": "m_datasetName",
        "Workerpool": "m_workerpoolDescription",
    }
    assert getattr(entry, getter[kind.name])() == label


@pytest.mark.parametrize("length", [MAX_FIELDS + 1, 65_536 + 7])
def test_create__with_longer_fields__reverts(kind, app_owner, stranger, length):
    label = "x" * (length - kind.overhead)

    limits = {"limit": MAX_FIELDS, "length": length}
    with ape.reverts(kind.registry.Registry_FieldsTooLong, error_inputs=limits):
        kind.create(app_owner, label, stranger)


def test_create__with_too_little_gas_for_the_code__reverts(kind, app_owner, stranger):
    label = "x" * 10_000
    with undone():
        needed = kind.create(app_owner, label, stranger).gas_used
    entry = kind.predict(app_owner, label)

    with ape.reverts(kind.registry.Registry_CreationFailed, error_inputs={"entry": entry}):
        kind.create(app_owner, label, stranger, gas=needed - 500_000)


def test_registry__sent_value__refuses_it(kind, stranger):
    with ape.reverts(kind.registry.Registry_ValueRefused, error_inputs={"value": 7}):
        stranger.transfer(kind.registry, 7)


def test_registry__called_without_data__refuses(kind, stranger):
    with ape.reverts(kind.registry.Registry_ValueRefused, error_inputs={"value": 0}):
        stranger.transfer(kind.registry, 0)


# Registered entries, here and before


def test_is_registered__entry__is_true(kind, entry):
    assert kind.registry.isRegistered(entry) is True


@pytest.mark.parametrize("successor_too", [False, True], ids=["alone", "with previous"])
def test_is_registered__unknown__is_false(kind, successor, stranger, project, successor_too):
    registry = successor if successor_too else kind.registry
    fake = stranger.deploy(project.FakeEntry, stranger)

    assert registry.isRegistered(fake) is False
    assert registry.isRegistered(stranger) is False
    assert registry.registeredOwner(fake) == ZERO
    assert registry.registeredOwner(stranger) == ZERO


def test_registered_owner__follows_the_token(kind, entry, app_owner, dataset_owner):
    assert kind.registry.registeredOwner(entry) == app_owner

    kind.registry.transferFrom(app_owner, dataset_owner, int(entry.address, 16), sender=app_owner)

    assert kind.registry.registeredOwner(entry) == dataset_owner


def test_is_registered__in_previous__is_true(kind, entry, successor):
    assert successor.isRegistered(entry) is True
    assert kind.registry.isRegistered(entry) is True


def test_is_registered__in_successor__is_unknown_to_previous(kind, successor, app_owner, stranger):
    entry = kind.entry(app_owner, "newer", stranger, successor)

    assert successor.isRegistered(entry) is True
    assert kind.registry.isRegistered(entry) is False


def test_is_registered__two_registries_back__is_true(kind, entry, successor, owner, app_owner):
    third = owner.deploy(kind.registry_type, owner)
    third.initialize(successor, sender=owner)

    assert third.isRegistered(entry) is True
    assert third.registeredOwner(entry) == app_owner


def test_registered_owner__in_previous__is_the_entry_s_answer(
    kind, entry, successor, app_owner, dataset_owner
):
    kind.registry.transferFrom(app_owner, dataset_owner, int(entry.address, 16), sender=app_owner)

    assert successor.registeredOwner(entry) == dataset_owner


@pytest.mark.parametrize("mode", [1, 2, 3], ids=["revert", "short", "dirty"])
def test_is_registered__previous_answers_badly__is_false(kind, project, owner, stranger, mode):
    previous = stranger.deploy(project.FakeRegistry)
    previous.setMode(mode, sender=stranger)
    registry = owner.deploy(kind.registry_type, owner)
    registry.initialize(previous, sender=owner)
    fake = stranger.deploy(project.FakeEntry, stranger)

    assert registry.isRegistered(fake) is False
    assert registry.registeredOwner(fake) == ZERO


@pytest.mark.parametrize("mode", [1, 2, 3], ids=["revert", "short", "dirty"])
def test_registered_owner__entry_answers_badly__is_zero(kind, project, owner, stranger, mode):
    registry = owner.deploy(kind.registry_type, owner)
    registry.initialize(stranger.deploy(project.FakeRegistry), sender=owner)
    fake = stranger.deploy(project.FakeEntry, stranger)
    assert registry.registeredOwner(fake) == stranger

    fake.setMode(mode, sender=stranger)

    assert registry.registeredOwner(fake) == ZERO


def test_registered_owner__entry_without_code__is_zero(kind, project, owner, stranger):
    registry = owner.deploy(kind.registry_type, owner)
    registry.initialize(stranger.deploy(project.FakeRegistry), sender=owner)

    assert registry.registeredOwner(owner) == ZERO


# Administration


def test_registry__when_deployed__is_open(kind, owner):
    assert kind.registry.owner() == owner
    assert kind.registry.initialized() is False
    assert kind.registry.previous() == ZERO
    assert kind.registry.baseURI() == ""


def test_master__is_the_implementation_of_the_registry(kind):
    master = kind.entry_type.at(kind.registry.master())

    assert master.registry() == kind.registry.address


def test_initialize__sets_previous(kind, owner, successor):
    assert successor.previous() == kind.registry.address
    assert successor.initialized() is True


def test_initialize__with_no_previous__is_final(kind, owner):
    kind.registry.initialize(ZERO, sender=owner)

    assert kind.registry.initialized() is True
    with ape.reverts(kind.registry.Registry_AlreadyInitialized, error_inputs={"previous": ZERO}):
        kind.registry.initialize(owner, sender=owner)


def test_initialize__twice__reverts(kind, owner, successor):
    inputs = {"previous": kind.registry.address}
    with ape.reverts(successor.Registry_AlreadyInitialized, error_inputs=inputs):
        successor.initialize(ZERO, sender=owner)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("initialize", (ZERO,)),
        ("setBaseURI", ("https://example.org/",)),
        ("setName", (ZERO, "name")),
        ("transferOwnership", (ZERO,)),
        ("renounceOwnership", ()),
        ("acceptOwnership", ()),
    ],
)
def test_administration__by_a_stranger__reverts(kind, stranger, method, arguments):
    inputs = {"account": stranger.address}
    with ape.reverts(kind.registry.OwnableUnauthorizedAccount, error_inputs=inputs):
        getattr(kind.registry, method)(*arguments, sender=stranger)


def test_set_name__by_the_owner__reverts(kind, owner):
    with ape.reverts(kind.registry.Registry_NameServiceUnsupported):
        kind.registry.setName(ZERO, "name", sender=owner)


def test_transfer_ownership__offers_first(kind, owner, stranger):
    receipt = kind.registry.transferOwnership(stranger, sender=owner)

    started = kind.registry.OwnershipTransferStarted(previousOwner=owner, newOwner=stranger)
    assert receipt.events == [started]
    assert kind.registry.owner() == owner
    assert kind.registry.pendingOwner() == stranger


def test_accept_ownership__by_the_pending_owner__transfers(kind, owner, stranger):
    kind.registry.transferOwnership(stranger, sender=owner)

    receipt = kind.registry.acceptOwnership(sender=stranger)

    transferred = kind.registry.OwnershipTransferred(previousOwner=owner, newOwner=stranger)
    assert receipt.events == [transferred]
    assert kind.registry.owner() == stranger


def test_transfer_ownership__to_zero__reverts(kind, owner):
    with ape.reverts(kind.registry.OwnableInvalidOwner, error_inputs={"owner": ZERO}):
        kind.registry.transferOwnership(ZERO, sender=owner)


def test_deployment__with_owner_zero__reverts(kind, owner):
    with ape.reverts(kind.registry_type.OwnableInvalidOwner, error_inputs={"owner": ZERO}):
        owner.deploy(kind.registry_type, ZERO)


def test_renounce_ownership__leaves_no_owner(kind, owner):
    receipt = kind.registry.renounceOwnership(sender=owner)

    transferred = kind.registry.OwnershipTransferred(previousOwner=owner, newOwner=ZERO)
    assert receipt.events == [transferred]
    assert kind.registry.owner() == ZERO
