"""Who signed an order: every form of signature, and its forgeries (spec contracts §2.4, §2.5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import ape
import pytest
from eth_account import Account
from eth_utils import keccak
from market import RLC, ZERO_ADDRESS, local, reverts, sign_digest

from poco.orders import Domain, sign_order, to_compact_signature

ORDER_OF_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
AUTHORITY = {
    "app": "app_owner",
    "dataset": "dataset_owner",
    "workerpool": "pool_owner",
    "request": "requester",
}
# In the order of the enum of Erc1271Wallet.
WALLET_MODES = ("OwnerSigned", "WrongMagic", "Revert", "ShortReturn", "DirtyReturn", "BurnGas")
REENTER = 6
DIGEST = keccak(text="digest")


@dataclass(frozen=True)
class Side:
    """One of the four orders, to be signed in some way while the other three are in order.

    Args:
        name: app, dataset, workerpool or request.
        market: the market.
        authority: who must have signed.
        orders: four orders; that of `name` is unsigned.
    """

    name: str
    market: Any
    authority: Any
    orders: Any

    @property
    def order(self):
        return getattr(self.orders, self.name)

    @property
    def hash(self) -> bytes:
        return self.market.hash(self.order)

    @property
    def error(self) -> str:
        return f"Match_{self.name.capitalize()}SignatureInvalid"

    def match(self, sign: bytes):
        return self.market.match(
            self.orders._replace(**{self.name: replace(self.order, sign=sign)})
        )


@pytest.fixture(params=list(AUTHORITY))
def side(request, market, cast):
    """Each of the four orders in turn."""
    orders = market.orders(**{request.param: {"signer": None}})
    return Side(request.param, market, cast[AUTHORITY[request.param]], orders)


@pytest.fixture
def wallet(project, hub, owner, stranger):
    """A contract account that the stranger signs for, with 10 RLC."""
    wallet = owner.deploy(project.Erc1271Wallet, stranger)
    hub.transfer(wallet, 10 * RLC, sender=owner)
    return wallet


@pytest.fixture(params=list(AUTHORITY))
def wallet_side(request, market, wallet):
    """Each of the four orders in turn, when a contract account has to sign it."""
    name = request.param
    if name == "request":
        fields = {"requester": wallet.address}
        orders = market.orders(request={"signer": None} | fields)
    else:
        entry = getattr(market, f"create_{name}")(wallet, "of the wallet")
        given = {name: {"signer": None, name: entry}}
        if name != "workerpool":
            given["request"] = {name: entry}
        orders = market.orders(**given)
    return Side(name, market, wallet, orders)


def set_mode(wallet, mode, sender):
    wallet.setMode(WALLET_MODES.index(mode), sender=sender)


def malleable_twin(signature):
    """The other signature that the same key and digest have: s negated, v flipped."""
    s = ORDER_OF_CURVE - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes((55 - signature[64],))


# ---- accounts without code


def test_match__signature_of_65_bytes__is_accepted(side):
    assert side.match(sign_digest(side.authority, side.hash)).volume == 1


def test_match__signature_of_64_bytes__is_accepted(side):
    compact = to_compact_signature(sign_digest(side.authority, side.hash))

    assert side.match(compact).volume == 1


def test_match__signature_of_another__reverts(hub, side, stranger):
    with reverts(hub, side.error, side.authority, side.hash):
        side.match(sign_digest(stranger, side.hash))


def test_match__signature_of_another_order__reverts(hub, side):
    with reverts(hub, side.error, side.authority, side.hash):
        side.match(sign_digest(side.authority, DIGEST))


def test_match__malleable_twin__reverts(hub, side):
    twin = malleable_twin(sign_digest(side.authority, side.hash))

    with reverts(hub, side.error, side.authority, side.hash):
        side.match(twin)


def test_match__malleable_twin_in_64_bytes__reverts(hub, side):
    # A large s has the top bit of the compact form set anyway: it reads as another, small s.
    twin = malleable_twin(sign_digest(side.authority, side.hash))

    with reverts(hub, side.error, side.authority, side.hash):
        side.match(twin[:64])


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_match__v_neither_27_nor_28__reverts(market, hub, cast, v):
    orders = market.orders()
    signed = orders.app.sign
    wrong = v if v > 1 else signed[64] - 27
    orders = orders._replace(app=replace(orders.app, sign=signed[:64] + bytes((wrong,))))

    with reverts(hub, "Match_AppSignatureInvalid", cast["app_owner"], market.hash(orders.app)):
        market.match(orders)


@pytest.mark.parametrize(
    "signature", [bytes(65), bytes(64), b"\xff" * 65, b"\xff" * 64], ids=["0", "0c", "ff", "ffc"]
)
def test_match__meaningless_signature__reverts(market, hub, requester, signature):
    orders = market.orders(request={"signer": None})
    signed = orders._replace(request=replace(orders.request, sign=signature))

    with reverts(hub, "Match_RequestSignatureInvalid", requester, market.hash(orders.request)):
        market.match(signed)


def test_match__no_signature__reverts(hub, side):
    with reverts(hub, "Signature_BadLength", 0):
        side.match(b"")


@pytest.mark.parametrize("length", [1, 63, 66])
def test_match__signature_of_another_length__reverts(market, hub, length):
    orders = market.orders()
    signature = (orders.app.sign + bytes(1))[:length]

    with reverts(hub, "Signature_BadLength", length):
        market.match(orders._replace(app=replace(orders.app, sign=signature)))


# ---- replay


def test_match__signed_for_another_chain__reverts(hub, side):
    elsewhere = Domain(side.market.domain.chain_id + 1, side.market.domain.hub)
    signed = sign_order(side.order, elsewhere, local(side.authority))

    with reverts(hub, side.error, side.authority, side.hash):
        side.match(signed.sign)


def test_match__signed_for_another_hub__reverts(hub, native_hub, side):
    elsewhere = Domain(side.market.domain.chain_id, native_hub.address)
    signed = sign_order(side.order, elsewhere, local(side.authority))

    with reverts(hub, side.error, side.authority, side.hash):
        side.match(signed.sign)


def test_domain__is_that_of_chain_and_hub(each_market):
    hub, domain = each_market.hub, each_market.domain

    assert tuple(hub.domain()) == ("iExecODB", "5.0.0", domain.chain_id, hub.address)
    assert bytes(hub.eip712domain_separator()) == domain.separator


def test_domain__chain_forked__follows_the_chain_id(hub, market):
    backend = ape.networks.provider.evm_backend
    here = backend.chain.chain_id
    try:
        backend.chain.chain_id = here + 1
        separator = bytes(hub.eip712domain_separator())
    finally:
        backend.chain.chain_id = here

    assert separator == Domain(here + 1, hub.address).separator
    assert separator != market.domain.separator


# ---- account zero (W4)


def zero_request(market):
    """Orders of a requester that is account zero, with a signature that recovers to nobody."""
    orders = market.orders(request={"signer": None, "requester": ZERO_ADDRESS})
    return orders._replace(request=replace(orders.request, sign=b"\xff" * 65))


def test_match__requester_zero__reverts(market, hub):
    orders = zero_request(market)

    with reverts(hub, "Match_RequestSignatureInvalid", ZERO_ADDRESS, market.hash(orders.request)):
        market.match(orders)


def test_sponsor_match__requester_zero__reverts(market, hub, sponsor):
    orders = zero_request(market)

    with reverts(hub, "Match_RequestSignatureInvalid", ZERO_ADDRESS, market.hash(orders.request)):
        market.match(orders, sponsor=sponsor)


@pytest.mark.parametrize("signature", [b"", b"\xff" * 64, b"\xff" * 65, bytes(65)])
def test_verify_signature__of_account_zero__is_false(hub, signature):
    assert hub.verifySignature(ZERO_ADDRESS, DIGEST, signature) is False


def test_verify_presignature__of_account_zero__is_false(hub):
    assert hub.verifyPresignature(ZERO_ADDRESS, DIGEST) is False
    assert hub.verifyPresignatureOrSignature(ZERO_ADDRESS, DIGEST, bytes(65)) is False


# ---- the views


def test_verify_signature__of_the_signer__is_true(hub, requester):
    signature = sign_digest(requester, DIGEST)

    assert hub.verifySignature(requester, DIGEST, signature) is True
    assert hub.verifySignature(requester, DIGEST, to_compact_signature(signature)) is True


def test_verify_signature__of_another__is_false(hub, requester, stranger):
    assert hub.verifySignature(requester, DIGEST, sign_digest(stranger, DIGEST)) is False


def test_verify_signature__of_another_length__reverts(hub, requester):
    with reverts(hub, "Signature_BadLength", 66):
        hub.verifySignature(requester, DIGEST, bytes(66))


def test_verify_presignature__is_that_of_the_presigner_only(hub, market, requester, stranger):
    order = market.request_order(signer=None)
    hub.manageRequestOrder((order.to_abi(), 0, b""), sender=requester)

    assert hub.verifyPresignature(requester, market.hash(order)) is True
    assert hub.verifyPresignature(stranger, market.hash(order)) is False
    assert hub.verifyPresignature(requester, DIGEST) is False


def test_verify_presignature_or_signature__either_suffices(hub, market, requester, stranger):
    order = market.request_order(signer=None)
    hub.manageRequestOrder((order.to_abi(), 0, b""), sender=requester)
    hashed = market.hash(order)

    assert hub.verifyPresignatureOrSignature(requester, hashed, b"") is True
    signature = sign_digest(stranger, hashed)
    assert hub.verifyPresignatureOrSignature(stranger, hashed, signature) is True
    assert hub.verifyPresignatureOrSignature(stranger, hashed, bytes(65)) is False


# ---- contract accounts (ERC-1271)


def test_match__contract_accepts__is_accepted(wallet_side, stranger):
    assert wallet_side.match(sign_digest(stranger, wallet_side.hash)).volume == 1


def test_match__contract_refuses__reverts(hub, wallet, wallet_side):
    with reverts(hub, wallet_side.error, wallet, wallet_side.hash):
        wallet_side.match(bytes(65))


@pytest.mark.parametrize("mode", [mode for mode in WALLET_MODES if mode != "OwnerSigned"])
def test_match__contract_does_not_answer_with_the_magic_value__reverts(
    market, hub, wallet, stranger, mode
):
    set_mode(wallet, mode, stranger)
    orders = market.orders(request={"signer": stranger, "requester": wallet.address})

    with reverts(hub, "Match_RequestSignatureInvalid", wallet, market.hash(orders.request)):
        market.match(orders)


@pytest.mark.parametrize("signature", [b"", b"any length"])
def test_match__contract_refuses_signature_of_any_length__reverts(market, hub, wallet, signature):
    orders = market.orders(request={"signer": None, "requester": wallet.address})
    signed = orders._replace(request=replace(orders.request, sign=signature))

    with reverts(hub, "Match_RequestSignatureInvalid", wallet, market.hash(orders.request)):
        market.match(signed)


def test_match__contract_that_cannot_verify__reverts(market, hub, token):
    entry = market.create_app(token, "of a contract that knows no ERC-1271")
    orders = market.orders(app={"signer": None, "app": entry}, request={"app": entry})

    with reverts(hub, "Match_AppSignatureInvalid", token, market.hash(orders.app)):
        market.match(orders)


def test_match__contract_calls_back__cannot_change_anything(
    hub, wallet, wallet_side, owner, stranger
):
    wallet.arm(hub, hub.transfer.encode_input(stranger, 1), sender=owner)
    wallet.setMode(REENTER, sender=owner)

    assert wallet_side.match(b"").volume == 1
    assert hub.balanceOf(stranger) == 0


def test_match__contract_presigned__is_accepted(hub, wallet, wallet_side, owner, stranger):
    set_mode(wallet, "Revert", stranger)
    name = wallet_side.name.capitalize()
    method = getattr(hub, f"manage{name}Order")
    operation = (wallet_side.order.to_abi(), 0, b"")

    wallet.execute(hub, method.encode_input(operation), sender=owner)

    assert wallet_side.match(b"").volume == 1


# ---- accounts with delegated code (EIP-7702, W8)


@pytest.fixture
def delegated(wallet, owner, hub):
    """An account with a key whose code is that of the stranger's wallet, with 10 RLC."""
    account = Account.from_key(keccak(text="an account with code"))
    provider = ape.networks.provider
    authorization = account.sign_authorization(
        {"chainId": provider.chain_id, "address": wallet.address, "nonce": 0}
    )
    sent = local(owner).sign_transaction(
        {
            "type": 4,
            "chainId": provider.chain_id,
            "nonce": owner.nonce,
            "to": owner.address,
            "value": 0,
            "gas": 200_000,
            "maxFeePerGas": 2 * provider.base_fee,
            "maxPriorityFeePerGas": 0,
            "data": b"",
            "accessList": [],
            "authorizationList": [authorization],
        }
    )
    provider.tester.ethereum_tester.send_raw_transaction(sent.raw_transaction.to_0x_hex())
    hub.transfer(account.address, 10 * RLC, sender=owner)
    return account


def test_delegated_account__has_code(delegated, wallet):
    code = bytes(ape.networks.provider.get_code(delegated.address))

    assert code == bytes.fromhex("ef0100" + wallet.address[2:])


def test_match__account_with_code_signs_with_its_key__is_accepted(market, delegated):
    orders = market.orders(request={"signer": delegated, "requester": delegated.address})

    assert market.match(orders).volume == 1


def test_match__code_of_the_account_accepts__is_accepted(market, delegated, stranger):
    orders = market.orders(request={"signer": stranger, "requester": delegated.address})

    assert market.match(orders).volume == 1


def test_match__neither_key_nor_code_signed__reverts(market, hub, delegated, requester):
    orders = market.orders(request={"signer": requester, "requester": delegated.address})

    with reverts(hub, "Match_RequestSignatureInvalid", delegated, market.hash(orders.request)):
        market.match(orders)
