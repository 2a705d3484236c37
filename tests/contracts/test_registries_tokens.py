"""Entries as ERC-721 tokens, and their lists (spec contracts §6.1)."""

from __future__ import annotations

import ape
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_chain import undone

ZERO = "0x0000000000000000000000000000000000000000"
TITLES = {
    "App": ("iExec Application Registry (V5)", "iExecAppsV5"),
    "Dataset": ("iExec Dataset Registry (V5)", "iExecDatasetsV5"),
    "Workerpool": ("iExec Workerpool Registry (V5)", "iExecWorkerpoolV5"),
}


@pytest.fixture
def token_id(kind, app_owner, stranger):
    """The token of an entry of `app_owner`."""
    return int(kind.entry(app_owner, "first", stranger).address, 16)


def test_name_and_symbol__are_the_published_ones(kind):
    assert (kind.registry.name(), kind.registry.symbol()) == TITLES[kind.name]


@pytest.mark.parametrize("interface", ["0x80ac58cd", "0x5b5e139f", "0x780e9d63", "0x01ffc9a7"])
def test_supports_interface__of_an_enumerable_token__is_true(kind, interface):
    assert kind.registry.supportsInterface(interface) is True


@pytest.mark.parametrize("interface", ["0xffffffff", "0x36372b07"])
def test_supports_interface__of_anything_else__is_false(kind, interface):
    assert kind.registry.supportsInterface(interface) is False


def test_token_uri__is_base_uri_and_decimal_id(kind, owner, token_id):
    kind.registry.setBaseURI("https://example.org/", sender=owner)

    assert kind.registry.baseURI() == "https://example.org/"
    assert kind.registry.tokenURI(token_id) == f"https://example.org/{token_id}"


def test_token_uri__without_base_uri__is_empty(kind, token_id):
    assert kind.registry.tokenURI(token_id) == ""


@pytest.mark.parametrize("view", ["tokenURI", "ownerOf", "getApproved"])
@pytest.mark.parametrize("unknown", [1, 1 << 200], ids=["small", "above 160 bits"])
def test_view__of_an_unknown_token__reverts(kind, view, unknown):
    with ape.reverts(kind.registry.ERC721NonexistentToken, error_inputs={"tokenId": unknown}):
        getattr(kind.registry, view)(unknown)


def test_balance_of__zero__reverts(kind):
    with ape.reverts(kind.registry.ERC721InvalidOwner, error_inputs={"owner": ZERO}):
        kind.registry.balanceOf(ZERO)


def test_token_of_owner_by_index__of_zero__reverts(kind):
    with ape.reverts(kind.registry.ERC721InvalidOwner, error_inputs={"owner": ZERO}):
        kind.registry.tokenOfOwnerByIndex(ZERO, 0)


@pytest.mark.parametrize("index", [1, 2**256 - 1])
def test_token_of_owner_by_index__beyond_the_list__reverts(kind, token_id, app_owner, index):
    inputs = {"owner": app_owner.address, "index": index}
    with ape.reverts(kind.registry.ERC721OutOfBoundsIndex, error_inputs=inputs):
        kind.registry.tokenOfOwnerByIndex(app_owner, index)


@pytest.mark.parametrize("index", [1, 2**256 - 1])
def test_token_by_index__beyond_the_list__reverts(kind, token_id, index):
    inputs = {"owner": ZERO, "index": index}
    with ape.reverts(kind.registry.ERC721OutOfBoundsIndex, error_inputs=inputs):
        kind.registry.tokenByIndex(index)


# Transfer and approval


def test_transfer_from__by_the_owner__moves_the_entry(kind, token_id, app_owner, requester):
    receipt = kind.registry.transferFrom(app_owner, requester, token_id, sender=app_owner)

    moved = {"from": app_owner, "to": requester, "tokenId": token_id}
    assert receipt.events == [kind.registry.Transfer(**moved)]
    assert kind.registry.ownerOf(token_id) == requester
    assert kind.registry.balanceOf(app_owner) == 0
    assert kind.registry.balanceOf(requester) == 1


def test_transfer_from__by_the_approved__moves_the_entry(
    kind, token_id, app_owner, requester, stranger
):
    kind.registry.approve(stranger, token_id, sender=app_owner)

    kind.registry.transferFrom(app_owner, requester, token_id, sender=stranger)

    assert kind.registry.ownerOf(token_id) == requester


def test_transfer_from__by_an_operator__moves_the_entry(
    kind, token_id, app_owner, requester, stranger
):
    kind.registry.setApprovalForAll(stranger, True, sender=app_owner)

    kind.registry.transferFrom(app_owner, requester, token_id, sender=stranger)

    assert kind.registry.ownerOf(token_id) == requester


def test_transfer_from__clears_the_approval(kind, token_id, app_owner, requester, stranger):
    kind.registry.approve(stranger, token_id, sender=app_owner)

    kind.registry.transferFrom(app_owner, requester, token_id, sender=app_owner)

    assert kind.registry.getApproved(token_id) == ZERO


def test_transfer_from__to_oneself__clears_the_approval(kind, token_id, app_owner, stranger):
    kind.registry.approve(stranger, token_id, sender=app_owner)

    kind.registry.transferFrom(app_owner, app_owner, token_id, sender=app_owner)

    assert kind.registry.getApproved(token_id) == ZERO
    assert kind.registry.ownerOf(token_id) == app_owner


def test_transfer_from__by_a_stranger__reverts(kind, token_id, app_owner, stranger):
    inputs = {"operator": stranger.address, "tokenId": token_id}
    with ape.reverts(kind.registry.ERC721InsufficientApproval, error_inputs=inputs):
        kind.registry.transferFrom(app_owner, stranger, token_id, sender=stranger)


def test_transfer_from__of_another_owner__reverts(kind, token_id, app_owner, requester):
    inputs = {"sender": requester.address, "tokenId": token_id, "owner": app_owner.address}
    with ape.reverts(kind.registry.ERC721IncorrectOwner, error_inputs=inputs):
        kind.registry.transferFrom(requester, app_owner, token_id, sender=app_owner)


def test_transfer_from__to_zero__reverts(kind, token_id, app_owner):
    with ape.reverts(kind.registry.ERC721InvalidReceiver, error_inputs={"receiver": ZERO}):
        kind.registry.transferFrom(app_owner, ZERO, token_id, sender=app_owner)


def test_transfer_from__of_an_unknown_token__reverts(kind, app_owner, requester):
    with ape.reverts(kind.registry.ERC721NonexistentToken, error_inputs={"tokenId": 1}):
        kind.registry.transferFrom(app_owner, requester, 1, sender=app_owner)


def test_approve__by_the_owner__is_recorded(kind, token_id, app_owner, stranger):
    receipt = kind.registry.approve(stranger, token_id, sender=app_owner)

    approval = kind.registry.Approval(owner=app_owner, approved=stranger, tokenId=token_id)
    assert receipt.events == [approval]
    assert kind.registry.getApproved(token_id) == stranger


def test_approve__by_a_stranger__reverts(kind, token_id, stranger):
    inputs = {"approver": stranger.address}
    with ape.reverts(kind.registry.ERC721InvalidApprover, error_inputs=inputs):
        kind.registry.approve(stranger, token_id, sender=stranger)


def test_set_approval_for_all__is_recorded_and_revoked(kind, app_owner, stranger):
    for approved in (True, False):
        receipt = kind.registry.setApprovalForAll(stranger, approved, sender=app_owner)

        event = {"owner": app_owner, "operator": stranger, "approved": approved}
        assert receipt.events == [kind.registry.ApprovalForAll(**event)]
        assert kind.registry.isApprovedForAll(app_owner, stranger) is approved


def test_set_approval_for_all__of_zero__reverts(kind, app_owner):
    with ape.reverts(kind.registry.ERC721InvalidOperator, error_inputs={"operator": ZERO}):
        kind.registry.setApprovalForAll(ZERO, True, sender=app_owner)


@pytest.mark.parametrize("data", [(), (b"data",)], ids=["plain", "with data"])
def test_safe_transfer_from__to_a_willing_contract__tells_it(
    kind, token_id, project, app_owner, data
):
    holder = app_owner.deploy(project.TokenHolder)
    transfer = kind.registry.safeTransferFrom

    receipt = transfer(app_owner, holder, token_id, *data, sender=app_owner)

    told = {"operator": app_owner, "from": app_owner, "tokenId": token_id}
    assert receipt.events == [
        kind.registry.Transfer(**{"from": app_owner, "to": holder, "tokenId": token_id}),
        holder.TokenReceived(**told, data=data[0] if data else b""),
    ]
    assert kind.registry.ownerOf(token_id) == holder.address


def test_safe_transfer_from__to_an_unwilling_contract__reverts(kind, token_id, project, app_owner):
    holder = app_owner.deploy(project.TokenHolder)
    holder.setRefuses(True, sender=app_owner)

    inputs = {"receiver": holder.address}
    with ape.reverts(kind.registry.ERC721InvalidReceiver, error_inputs=inputs):
        kind.registry.safeTransferFrom(app_owner, holder, token_id, sender=app_owner)


def test_transfer_from__out_of_a_contract__is_its_own_call(
    kind, project, app_owner, requester, stranger
):
    holder = app_owner.deploy(project.TokenHolder)
    token_id = int(kind.entry(holder.address, "held", stranger).address, 16)
    call = kind.registry.transferFrom.encode_input(holder, requester, token_id)

    holder.execute(kind.registry, call, sender=app_owner)

    assert kind.registry.ownerOf(token_id) == requester


# Lists


class Lists:
    """What the registry must list: one list of all tokens, one per owner; the last fills a gap."""

    def __init__(self) -> None:
        self.all: list[int] = []
        self.owned: dict[str, list[int]] = {}

    def mint(self, holder: str, token_id: int) -> None:
        self.all.append(token_id)
        self.owned.setdefault(holder, []).append(token_id)

    def owner_of(self, token_id: int) -> str:
        return next(holder for holder, tokens in self.owned.items() if token_id in tokens)

    def transfer(self, token_id: int, to: str) -> None:
        holder = self.owner_of(token_id)
        if holder == to:
            return
        tokens = self.owned[holder]
        gap, last = tokens.index(token_id), tokens.pop()
        if last != token_id:
            tokens[gap] = last
        self.owned.setdefault(to, []).append(token_id)


def assert_lists(registry, model, people):
    """The registry lists what the model says, in the same order."""
    assert registry.totalSupply() == len(model.all)
    assert [registry.tokenByIndex(i) for i in range(len(model.all))] == model.all
    for person in people:
        listed = model.owned.get(person.address, [])
        assert registry.balanceOf(person) == len(listed)
        assert [registry.tokenOfOwnerByIndex(person, i) for i in range(len(listed))] == listed
        assert all(registry.ownerOf(token_id) == person for token_id in listed)


@pytest.mark.parametrize("taken", ["first", "middle", "last", "own"])
def test_lists__longer_than_two_slots__agree_with_the_model(
    workerpool_registry, app_owner, requester, taken
):
    registry, model = workerpool_registry, Lists()
    for number in range(13):
        registry.createWorkerpool(app_owner, f"pool {number}", sender=app_owner)
        address = registry.predictWorkerpool(app_owner, f"pool {number}")
        model.mint(app_owner.address, int(address, 16))

    for _ in range(8):
        held = model.owned[app_owner.address]
        rank = {"first": 0, "middle": len(held) // 2, "last": -1, "own": 0}[taken]
        token_id, to = held[rank], app_owner if taken == "own" else requester
        registry.transferFrom(app_owner, to, token_id, sender=app_owner)
        model.transfer(token_id, to.address)

    assert_lists(registry, model, [app_owner, requester])


# A step creates an entry for the holder, or hands it the token of that rank.
STEPS = st.lists(
    st.tuples(st.none() | st.integers(0, 30), st.integers(0, 2)), min_size=6, max_size=20
)


@settings(max_examples=8)
@given(steps=STEPS)
def test_lists__after_any_creations_and_transfers__agree_with_the_model(
    workerpool_registry, accounts, steps
):
    registry, model, people = workerpool_registry, Lists(), accounts[1:4]
    with undone():
        for number, (rank, person) in enumerate(steps):
            holder = people[person]
            if rank is None or not model.all:
                label = f"pool {number}"
                registry.createWorkerpool(holder, label, sender=holder)
                model.mint(holder.address, int(registry.predictWorkerpool(holder, label), 16))
            else:
                token_id = model.all[rank % len(model.all)]
                current = accounts[model.owner_of(token_id)]
                registry.transferFrom(current, holder, token_id, sender=current)
                model.transfer(token_id, holder.address)

        assert_lists(registry, model, people)
