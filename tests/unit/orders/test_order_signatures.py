"""Signature rule of spec contracts §2.4 and §2.5 with W4, W8, W14."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from coincurve import PublicKey
from eth_account import Account
from orders_stage import Market

from poco.errors import UserInputError
from poco.orders import (
    ZERO_ADDRESS,
    Domain,
    OrderAction,
    OrderOperation,
    is_authorized,
    is_valid_signature,
    operation_hash,
    order_hash,
    recover_signer,
    sign_operation,
    sign_order,
    to_compact_signature,
)

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DIGEST = b"\x5a" * 32
SMALL_R = 2
ACCOUNT = Account.from_key(b"\x01" * 32)
# Two keys whose signatures of DIGEST have v 27 and 28, so that both parities are tested.
SIGNERS = {
    signature[64]: (account, signature)
    for account, signature in (
        (account, bytes(account.unsafe_sign_hash(DIGEST).signature))
        for account in (Account.from_key(bytes([key]) * 32) for key in range(1, 9))
    )
}


def twin(signature: bytes) -> bytes:
    """The other signature that plain ECDSA accepts: s negated, parity flipped."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([55 - signature[64]])


@pytest.mark.parametrize("v", [27, 28])
def test_recover__65_bytes__is_the_signer(v: int) -> None:
    account, signature = SIGNERS[v]
    assert recover_signer(DIGEST, signature) == account.address


@pytest.mark.parametrize("v", [27, 28])
def test_recover__64_bytes__is_the_signer(v: int) -> None:
    account, signature = SIGNERS[v]
    compact = to_compact_signature(signature)
    assert len(compact) == 64
    assert recover_signer(DIGEST, compact) == account.address


@pytest.mark.parametrize("v", [27, 28])
def test_recover__malleable_twin__is_nobody(v: int) -> None:
    _, signature = SIGNERS[v]
    assert recover_signer(DIGEST, twin(signature)) is None


def test_recover__malleable_twin__fails_for_its_s_alone() -> None:
    account, signature = SIGNERS[27]
    assert recover_signer(DIGEST, twin(twin(signature))) == account.address


@pytest.mark.parametrize("v", [0, 1, 26, 29, 35, 255])
def test_recover__v_other_than_27_and_28__is_nobody(v: int) -> None:
    _, signature = SIGNERS[27]
    assert recover_signer(DIGEST, signature[:64] + bytes([v])) is None


@pytest.mark.parametrize("length", [0, 1, 32, 63, 66, 130])
def test_recover__other_length__is_nobody(length: int) -> None:
    assert recover_signer(DIGEST, (SIGNERS[27][1] * 2)[:length]) is None


@pytest.mark.parametrize("length", [64, 65])
def test_recover__zeros__are_nobody(length: int) -> None:
    assert recover_signer(DIGEST, bytes(length - 1) + b"\x1b") is None


@pytest.mark.parametrize("r", [0, CURVE_ORDER, 2**256 - 1])
def test_recover__r_off_the_curve_order__is_nobody(r: int) -> None:
    assert recover_signer(DIGEST, r.to_bytes(32) + (1).to_bytes(32) + b"\x1b") is None


def test_recover__s_zero__is_nobody() -> None:
    _, signature = SIGNERS[27]
    assert recover_signer(DIGEST, signature[:32] + bytes(32) + b"\x1b") is None


def test_is_valid__other_digest__is_not() -> None:
    account, signature = SIGNERS[27]
    assert is_valid_signature(account.address, DIGEST, signature)
    assert not is_valid_signature(account.address, b"\x5b" * 32, signature)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), SIGNERS[27][1]])
def test_is_valid__account_zero__never_is(signature: bytes) -> None:
    assert not is_valid_signature(ZERO_ADDRESS, DIGEST, signature)


@pytest.mark.parametrize(
    "signature",
    [SIGNERS[27][1][:64], SIGNERS[27][1][:64] + b"\x00", b""],
    ids=["length", "v", "empty"],
)
def test_to_compact__malformed_signature__is_refused(signature: bytes) -> None:
    with pytest.raises(UserInputError, match="compact"):
        to_compact_signature(signature)


def test_is_valid__account_zero__is_not_even_asked_as_a_contract(market: Market) -> None:
    view = market.look(signers={ZERO_ADDRESS: lambda digest, sign: True}).view
    assert not is_valid_signature(ZERO_ADDRESS, DIGEST, b"any", view)


# With r this small libsecp256k1 knows a key for recovery ids 2 and 3; Ethereum has no v for them.
@pytest.mark.parametrize("v", [29, 30])
def test_recover__recovery_id_beyond_one__is_nobody(v: int) -> None:
    rs = SMALL_R.to_bytes(32) + (1).to_bytes(32)
    assert PublicKey.from_signature_and_message(rs + bytes([v - 27]), DIGEST, hasher=None)
    assert recover_signer(DIGEST, rs + bytes([v])) is None


def test_to_compact__high_s__is_refused() -> None:
    with pytest.raises(UserInputError, match="compact"):
        to_compact_signature(twin(SIGNERS[27][1]))


def test_is_valid__contract_that_accepts__is(market: Market) -> None:
    wallet = market.view.registries["app"]
    view = market.look(
        signers={wallet: lambda digest, sign: (digest, sign) == (DIGEST, b"ok")}
    ).view
    assert is_valid_signature(wallet, DIGEST, b"ok", view)
    assert not is_valid_signature(wallet, DIGEST, b"no", view)


def test_is_valid__contract_without_view__is_not(market: Market) -> None:
    wallet = market.view.registries["app"]
    assert not is_valid_signature(wallet, DIGEST, b"ok")


def test_is_valid__contract_without_erc1271__is_not(market: Market) -> None:
    wallet = market.view.registries["app"]
    view = market.look(contracts=frozenset({wallet})).view
    assert not is_valid_signature(wallet, DIGEST, b"ok", view)


@pytest.mark.parametrize("compact", [False, True])
def test_is_valid__ecdsa_of_a_delegated_account__is(market: Market, compact: bool) -> None:
    account, signature = SIGNERS[28]
    view = market.look(signers={account.address: lambda digest, sign: False}).view
    sign = to_compact_signature(signature) if compact else signature
    assert is_valid_signature(account.address, DIGEST, sign, view)


def test_is_valid__foreign_ecdsa_for_a_contract__is_left_to_the_contract(market: Market) -> None:
    _, signature = SIGNERS[27]
    wallet = market.view.registries["app"]
    view = market.look(signers={wallet: lambda digest, sign: sign == signature}).view
    assert is_valid_signature(wallet, DIGEST, signature, view)


def test_is_authorized__presigned__whatever_the_sign(market: Market) -> None:
    hashed = order_hash(market.app, market.domain)
    view = market.look(presigners={hashed: market.app_owner.address}).view
    assert is_authorized(market.app_owner.address, hashed, b"junk", view)


def test_is_authorized__presigned_by_a_former_owner__is_not(market: Market) -> None:
    hashed = order_hash(market.app, market.domain)
    view = market.look(presigners={hashed: market.dataset_owner.address}).view
    assert not is_authorized(market.app_owner.address, hashed, b"", view)


def test_is_authorized__account_zero_and_nothing_presigned__is_not(market: Market) -> None:
    hashed = order_hash(market.app, market.domain)
    assert not is_authorized(ZERO_ADDRESS, hashed, b"", market.view)


@pytest.mark.parametrize("name", ["app", "dataset", "workerpool", "request"])
def test_sign_order__every_kind__is_by_the_account(market: Market, name: str) -> None:
    signed: Any = sign_order(getattr(market, name), market.domain, ACCOUNT)
    assert recover_signer(order_hash(signed, market.domain), signed.sign) == ACCOUNT.address


def test_sign_order__changes_the_signature_only(market: Market) -> None:
    signed = sign_order(market.app, market.domain, ACCOUNT)
    assert replace(signed, sign=b"") == market.app


@pytest.mark.parametrize("other", ["chain", "hub"])
def test_sign_order__replayed_on_another_chain_or_hub__is_by_somebody_else(
    market: Market, other: str
) -> None:
    signed = sign_order(market.app, market.domain, ACCOUNT)
    hub, chain = market.domain.hub, market.domain.chain_id
    elsewhere = Domain(chain + 1, hub) if other == "chain" else Domain(chain, market.app.app)
    assert recover_signer(order_hash(signed, elsewhere), signed.sign) != ACCOUNT.address


def test_sign_operation__is_by_the_account(market: Market) -> None:
    operation = OrderOperation(market.app, OrderAction.CLOSE)
    signed = sign_operation(operation, market.domain, ACCOUNT)
    digest = operation_hash(operation, market.domain)
    assert recover_signer(digest, signed.sign) == ACCOUNT.address


def test_import__without_coincurve__says_what_to_install() -> None:
    code = "import sys; sys.modules['coincurve'] = None; import poco.orders"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ConfigurationError: coincurve must be installed" in done.stderr
    assert "pip install 'coincurve" in done.stderr
