"""Transactions: nonces, prices, waiting, and why one failed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account as Key
from eth_account.signers.local import LocalAccount
from support.anvil import account, start_anvil
from support.client_stage import Stage

from poco.contracts import Call, Chain, EventReader, Events, Wallet
from poco.contracts.wallet import nothing
from poco.errors import ChainError, ContractError

TARGET = "0x00000000000000000000000000000000DeaDBeef"


def payment(value: int = 1) -> Call[None]:
    return Call("payment", TARGET, b"", nothing, value=value)


def wallet_on(chain: Chain, key: LocalAccount) -> Wallet:
    return Wallet(chain, key, EventReader(()))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that waiting for receipts takes, in seconds, whatever the machine's speed."""
    taken: list[float] = []
    sleep = time.sleep

    def record(seconds: float) -> None:
        taken.append(seconds)
        sleep(seconds)

    monkeypatch.setattr("poco.contracts.chain.time.sleep", record)
    return taken


def test_execute__mined_at_once__takes_no_polling_pause(stage: Stage, pauses: list[float]) -> None:
    wallet = wallet_on(stage.market.chain, stage.keys["stranger"])
    for _ in range(10):
        wallet.execute(payment())
    # web3's own waiting pauses for 0.1 s each time.
    assert sum(pauses) < 10 * 0.1 / 2


def test_wait__not_yet_mined__polls_within_milliseconds(stage: Stage, pauses: list[float]) -> None:
    answers = iter([None, None, None, {"status": "0x1"}])

    class Slow(Chain):
        def receipt(self, transaction_hash: str) -> dict[str, Any] | None:
            return next(answers)

    chain = stage.market.chain
    Slow(chain._provider, chain.url, chain.chain_id).wait("0x00")
    assert len(pauses) == 3
    assert sum(pauses) < 0.1


def test_wait__never_mined__names_the_transaction(stage: Stage) -> None:
    unknown = f"0x{'ab' * 32}"
    with pytest.raises(ChainError, match=unknown):
        stage.market.chain.wait(unknown, timeout=0.02)


def test_submit__several_before_the_first_is_mined__keeps_their_order() -> None:
    with start_anvil("--block-time", "1") as url:
        chain = Chain.connect(url)
        wallet = wallet_on(chain, account(3))
        pending = [wallet.submit(payment(value)) for value in (1, 2, 3)]
        receipts = [transaction.wait() for transaction in pending]
        assert chain.balance(TARGET) == 6
        assert [receipt.value for receipt in receipts] == [None] * 3
        assert wallet.chain.request("eth_getTransactionCount", wallet.address, "latest") == "0x3"


def test_execute__account_used_elsewhere__follows_the_chain(stage: Stage) -> None:
    chain, key = stage.market.chain, stage.keys["stranger"]
    first, second = wallet_on(chain, key), wallet_on(chain, key)
    first.execute(payment())
    second.execute(payment())
    assert first.execute(payment()).gas_used == 21_000


def test_submit__nonce_taken_meanwhile__signs_again(stage: Stage) -> None:
    chain, key = stage.market.chain, stage.keys["stranger"]
    other, wallet = wallet_on(chain, key), wallet_on(chain, key)
    taken = []

    class Overtaken(Chain):
        def broadcast(self, raw: bytes) -> str:
            if not taken:
                taken.append(other.execute(payment()))
            return super().broadcast(raw)

    wallet.chain = Overtaken(chain._provider, chain.url, chain.chain_id)
    assert wallet.execute(payment()).block_number == taken[0].block_number + 1


def test_execute__after_the_chain_was_reverted__starts_from_its_count(stage: Stage) -> None:
    chain = stage.market.chain
    wallet = wallet_on(chain, stage.keys["stranger"])
    snapshot = chain.request("evm_snapshot")
    wallet.execute(payment())
    chain.request("evm_revert", snapshot)
    assert wallet.execute(payment()).gas_used == 21_000


def test_sign__then_broadcast_later__is_the_same_transaction(stage: Stage) -> None:
    chain = stage.market.chain
    wallet = wallet_on(chain, stage.keys["stranger"])
    first, second = wallet.sign(payment(1)), wallet.sign(payment(2))
    assert second.nonce == first.nonce + 1
    assert chain.broadcast(first.raw) == first.transaction_hash
    assert chain.broadcast(second.raw) == second.transaction_hash
    assert wallet.wait(second).transaction_hash == second.transaction_hash


def test_execute__no_funds__names_the_account(stage: Stage) -> None:
    poor = Key.create()
    with pytest.raises(ChainError, match=f"{poor.address}.*cannot pay") as caught:
        wallet_on(stage.market.chain, poor).execute(payment())
    assert not isinstance(caught.value, ContractError)


def test_execute__chain_with_base_fee__is_of_type_2(stage: Stage) -> None:
    chain = stage.market.chain
    receipt = wallet_on(chain, stage.keys["stranger"]).execute(payment())
    assert chain.receipt(receipt.transaction_hash)["type"] == "0x2"  # type: ignore[index]
    assert receipt.gas_price > 0


def test_execute__chain_without_base_fee__is_legacy() -> None:
    with start_anvil(hardfork="berlin") as url:
        chain = Chain.connect(url)
        receipt = wallet_on(chain, account(0)).execute(payment())
        assert chain.receipt(receipt.transaction_hash)["type"] == "0x0"  # type: ignore[index]


def test_execute__refused_by_the_contract__sends_nothing(stage: Stage) -> None:
    before = stage.market.chain.block_number()
    with pytest.raises(ContractError, match=r"Deal_Unknown|Task_IndexOutOfDeal"):
        stage.stranger.hub.initialize(b"\x01" * 32, 0)
    assert stage.market.chain.block_number() == before


def test_wait__mined_but_reverted__tells_the_reason(stage: Stage) -> None:
    call = replace(stage.stranger.hub.call("withdraw", 10**18), gas=200_000)
    pending = stage.stranger.wallet.submit(call)  # type: ignore[union-attr]
    with pytest.raises(ContractError) as caught:
        pending.wait()
    assert 10**18 in caught.value.arguments.values()


def test_wait__out_of_gas__names_the_transaction(stage: Stage) -> None:
    call = replace(stage.stranger.hub.call("withdraw", 1), gas=24_000)
    pending = stage.stranger.wallet.submit(call)  # type: ignore[union-attr]
    with pytest.raises(ContractError) as caught:
        pending.wait()
    assert caught.value.arguments["transaction"] == pending.transaction_hash


def test_receipt__without_the_promised_event__is_a_defect() -> None:
    from poco.contracts.events import OrdersMatched
    from poco.errors import InternalError

    with pytest.raises(InternalError, match="OrdersMatched"):
        Events().first(OrdersMatched)
