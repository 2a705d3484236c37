"""The queue on a chain without faults: what is sent, what is refused, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_typing import ChecksumAddress
from sqlalchemy import Column, Integer, MetaData, Table
from support.anvil import account
from support.faulty_rpc import FaultyNode
from support.postgresql import start_postgresql
from support.queue_bench import SENDER, Bench, payment
from support.reorg import mine

from poco.contracts import Call, Chain, Market
from poco.contracts.wallet import nothing
from poco.errors import UserInputError
from poco.transactions import TransactionQueue, TransactionStatus, declare

CONTRACT = "0x000000000000000000000000000000000000c0DE"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with start_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/queue.sqlite"
    return str(request.getfixturevalue("postgresql"))


def refuse(node: Chain, error: str = "Escrow_WrongToken(address,address)") -> Call[None]:
    """Put a contract on the chain that always reverts, with two arguments; return a call of it."""
    data = keccak(error.encode())[:4] + (1).to_bytes(32) + (2).to_bytes(32)
    # CODECOPY(0, 12, 68); REVERT(0, 68); the data follows
    code = bytes.fromhex("6044600c60003960446000fd") + data
    node.request("anvil_setCode", CONTRACT, f"0x{code.hex()}")
    return Call("refused", CONTRACT, b"", nothing)


def accept(node: Chain) -> None:
    """Replace the contract by one that does nothing."""
    node.request("anvil_setCode", CONTRACT, "0x00")


def test_pump__payment__is_sent_then_mined_then_confirmed(bench: Bench) -> None:
    assert bench.enqueue("a", payment(7))
    assert bench.state().status is TransactionStatus.QUEUED
    bench.queue.pump()
    assert bench.state().status is TransactionStatus.SENT
    bench.queue.pump()
    mined = bench.state()
    assert (mined.status, mined.block) == (TransactionStatus.MINED, bench.node.block_number())
    assert mined.done
    mine(bench.node, 10)
    assert bench.queue.pump() == 0
    mine(bench.node, 1)
    assert bench.queue.pump() == 1
    assert bench.state().status is TransactionStatus.CONFIRMED
    assert bench.paid() == 7


def test_pump__development_chain__is_final_in_its_first_block(make_bench: Any) -> None:
    bench = make_bench()
    bench.enqueue("a", payment())
    bench.pump(2)
    assert bench.state().status is TransactionStatus.CONFIRMED


def test_enqueue__known_key__changes_nothing(bench: Bench) -> None:
    assert bench.enqueue("a", payment(1))
    assert not bench.enqueue("a", payment(100))
    bench.pump()
    assert not bench.enqueue("a", payment(100), retry=True)
    bench.pump()
    assert bench.paid() == 1


def test_enqueue__callers_transaction_is_undone__nothing_is_sent(bench: Bench) -> None:
    def work() -> None:
        with bench.database.writing() as connection:
            bench.queue.enqueue(connection, "a", payment())
            raise RuntimeError("the caller's own rows cannot be written")

    with pytest.raises(RuntimeError):
        work()
    bench.pump()
    assert bench.queue.states(["a"]) == {}
    assert bench.count() == 0


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_enqueue__key_of_wrong_length__is_refused(bench: Bench, key: str) -> None:
    with pytest.raises(UserInputError, match="1 to 200 characters"):
        bench.enqueue(key, payment())


def test_queue__market_without_account__is_refused(bench: Bench) -> None:
    with pytest.raises(UserInputError, match="an account is needed"):
        TransactionQueue(bench.database, Market(bench.node, bench.market.book))


def test_pump__many__are_sent_in_order_by_few_requests(bench: Bench, proxy: FaultyNode) -> None:
    with bench.database.writing() as connection:
        for number in range(150):
            bench.queue.enqueue(connection, str(number), payment(gas=21_000))
    bench.pump(2)
    states = bench.queue.states(str(number) for number in range(150))
    blocks = [states[str(number)].block or 0 for number in range(150)]
    assert blocks == sorted(blocks)
    assert bench.paid() == 150


def test_pump__more_than_a_window__waits_for_room(bench: Bench) -> None:
    bench.node.request("evm_setAutomine", False)
    for number in range(201):
        bench.enqueue(str(number), payment(gas=21_000))
    bench.pump()
    assert bench.state("199").status is TransactionStatus.SENT
    assert bench.state("200").status is TransactionStatus.QUEUED
    mine(bench.node)
    bench.pump(1)
    assert bench.state("200").status is TransactionStatus.SENT


def test_pump__contract_creation__has_no_target(bench: Bench) -> None:
    bench.enqueue("a", Call("create", None, bytes.fromhex("600160005360016000f3"), nothing))
    bench.pump()
    receipt = bench.node.receipt(bench.state().hash or "")
    assert receipt is not None
    assert bench.node.code(receipt["contractAddress"]) == b"\x01"


def test_pump__chain_with_base_fee__is_of_type_2(bench: Bench, proxy: FaultyNode) -> None:
    bench.enqueue("a", payment())
    bench.pump()
    assert proxy.sent[0].startswith("0x02")


def test_enqueue__target_is_no_address__is_refused(bench: Bench) -> None:
    with pytest.raises(UserInputError, match="to = '0x12'"):
        bench.enqueue("a", Call("payment", ChecksumAddress("0x12"), b"", nothing))


def test_pump__mined_and_no_new_block__asks_for_no_receipt(bench: Bench, proxy: FaultyNode) -> None:
    bench.enqueue("a", payment())
    bench.pump()
    proxy.methods.clear()
    bench.pump()
    assert "eth_getTransactionReceipt" not in proxy.methods
    mine(bench.node)
    bench.pump()
    assert proxy.methods.count("eth_getTransactionReceipt") == 1


# REFUSALS


def test_pump__reverts__fails_with_the_rule_and_uses_no_nonce(bench: Bench) -> None:
    bench.enqueue("a", refuse(bench.node))
    bench.enqueue("b", payment())
    bench.pump()
    state = bench.state("a")
    assert (state.status, state.revert) == (TransactionStatus.FAILED, "Escrow_WrongToken")
    assert "Escrow_WrongToken" in state.reason
    assert state.failed
    assert bench.state("b").done
    assert bench.count() == 1


def test_pump__gas_is_given__is_simulated_all_the_same(bench: Bench) -> None:
    refuse(bench.node)
    bench.enqueue("a", Call("refused", CONTRACT, b"", nothing, gas=100_000))
    bench.pump()
    assert bench.state().revert == "Escrow_WrongToken"
    assert bench.count() == 0


def test_enqueue__failed_and_retry__is_sent_again(bench: Bench) -> None:
    call = refuse(bench.node)
    bench.enqueue("a", call)
    bench.pump()
    assert not bench.enqueue("a", call)
    accept(bench.node)
    assert bench.enqueue("a", call, retry=True)
    bench.pump()
    assert bench.state().done
    assert bench.state().reason == ""


def test_pump__reverts_as_it_is_done_already__is_no_failure(make_bench: Any) -> None:
    bench = make_bench(effect=lambda key: key == "a")
    call = refuse(bench.node)
    bench.enqueue("a", call)
    bench.enqueue("b", call)
    bench.pump()
    assert bench.state("a").status is TransactionStatus.CONFIRMED
    assert bench.state("b").status is TransactionStatus.FAILED


def test_pump__too_early_for_the_contract__waits(bench: Bench) -> None:
    call = refuse(bench.node, "Task_FinalDeadlineNotReached(uint256,uint256)")
    bench.enqueue("a", call)
    bench.pump()
    assert bench.state().status is TransactionStatus.QUEUED
    assert "Task_FinalDeadlineNotReached" in bench.state().reason
    accept(bench.node)
    bench.pump(1)
    assert bench.state().status is TransactionStatus.QUEUED
    bench.pass_seconds(60)
    bench.pump()
    assert bench.state().done


def test_pump__mined_but_reverted__tells_why_at_once_and_fails_when_final(bench: Bench) -> None:
    call = refuse(bench.node)
    accept(bench.node)
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("a", call)
    bench.pump()
    refuse(bench.node)
    mine(bench.node)
    bench.pump()
    state = bench.state()
    assert (state.status, state.revert) == (TransactionStatus.MINED, "Escrow_WrongToken")
    assert state.failed
    assert not state.done
    mine(bench.node, 11)
    bench.pump()
    assert bench.state().status is TransactionStatus.FAILED


def test_pump__mined_but_reverted_as_it_was_done__is_no_failure(make_bench: Any) -> None:
    bench = make_bench(effect=lambda key: True)
    call = refuse(bench.node)
    accept(bench.node)
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("a", call)
    bench.pump()
    refuse(bench.node)
    mine(bench.node)
    bench.pump()
    assert bench.state().status is TransactionStatus.CONFIRMED


def test_pump__no_funds__waits_and_says_so(bench: Bench) -> None:
    bench.node.request("anvil_setBalance", SENDER.address, "0x0")
    bench.enqueue("a", payment())
    bench.pump()
    assert bench.state().status is TransactionStatus.SIGNED
    assert "insufficient funds" in bench.state().reason.lower()
    bench.node.request("anvil_setBalance", SENDER.address, hex(10**20))
    bench.pass_seconds(60)
    bench.pump()
    assert bench.state().done
    assert bench.count() == 1


def test_pump__gas_that_no_node_takes__fails_and_holds_up_nobody(make_bench: Any) -> None:
    bench = make_bench()
    accept(bench.node)
    bench.enqueue("a", Call("heavy", CONTRACT, b"", nothing, gas=2**40))
    bench.enqueue("b", payment())
    for _ in range(5):
        bench.pump()
        bench.pass_seconds(10)
    assert bench.state("a").status is TransactionStatus.FAILED
    assert "gas" in bench.state("a").reason.lower()
    assert bench.state("b").done


# FORGETTING


def test_prune__final_and_old__are_forgotten_but_for_the_highest_number(bench: Bench) -> None:
    bench.enqueue("too late", payment(), not_after=1)
    for key in ("a", "b", "c"):
        bench.enqueue(key, payment())
    bench.pump()
    mine(bench.node, 12)
    bench.pump()
    signed = bench.clock.now
    bench.pass_seconds(60)
    bench.enqueue("young", payment(), not_after=1)
    bench.enqueue("open", payment())
    bench.pump()
    assert bench.queue.prune(signed, 10) == 0
    assert bench.queue.prune(signed + 1, 3) == 3
    assert bench.queue.prune(signed + 1, 3) == 1
    assert bench.queue.states(["too late", "a", "b", "c"]) == {}
    assert bench.queue.states(["young", "open"]).keys() == {"young", "open"}
    mine(bench.node, 12)
    bench.pump()
    bench.pass_seconds(60)
    bench.queue.prune(bench.clock.now, 10)
    assert bench.state("open").status is TransactionStatus.CONFIRMED
    bench.enqueue("next", payment())
    bench.pump()
    assert bench.paid() == 5


# DEADLINES


def test_pump__deadline_too_near__is_never_sent(bench: Bench, proxy: FaultyNode) -> None:
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 9)  # two blocks are 10 s
    bench.pump()
    assert bench.state().status is TransactionStatus.FAILED
    assert "not_after" in bench.state().reason
    assert proxy.sent == []


def test_pump__chains_clock_is_ahead__counts(bench: Bench, proxy: FaultyNode) -> None:
    bench.node.request("evm_increaseTime", 1000)
    mine(bench.node)
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 500)
    bench.pump()
    assert bench.state().status is TransactionStatus.FAILED
    assert proxy.sent == []


def test_pump__clock_of_the_host_is_ahead_of_steady_blocks__does_not_count(
    make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong clock must not keep a worker from revealing."""
    monkeypatch.setattr("poco.transactions.queue.is_development_chain", lambda _: False)
    bench = make_bench()
    mine(bench.node)
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 500)
    bench.pass_seconds(3600)
    bench.pump()
    assert bench.paid() == 1


def test_pump__deadline_passes_while_stuck__number_is_used_up_without_it(bench: Bench) -> None:
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 60)
    bench.enqueue("b", payment(10))
    bench.pump()
    bench.pass_seconds(61)
    bench.pump()
    mine(bench.node)
    bench.pump()
    assert bench.state("a").failed
    assert "not_after" in bench.state("a").reason
    assert bench.state("b").done
    assert bench.paid() == 10
    mine(bench.node, 11)
    bench.pump()
    assert bench.state("a").status is TransactionStatus.FAILED


def test_pump__mined_in_time_though_seen_late__is_done(bench: Bench) -> None:
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 60)
    bench.pump(1)
    bench.pass_seconds(100)
    bench.pump()
    assert bench.state().done
    assert bench.paid() == 1


# STATES


def test_states__many_keys__are_read_in_parts(bench: Bench) -> None:
    with bench.database.writing() as connection:
        for number in range(1200):
            bench.queue.enqueue(connection, str(number), payment())
    keys = [str(number) for number in range(1300)]
    assert len(bench.queue.states(keys)) == 1200


def test_states__other_sender__are_not_seen(bench: Bench) -> None:
    bench.enqueue("a", payment())
    other = TransactionQueue(bench.database, bench.market.acting_as(account(6)))
    assert other.states(["a"]) == {}
    assert other.pump() == 0


def test_declare__beside_own_tables__keeps_both() -> None:
    metadata = MetaData()
    Table("deals", metadata, Column("id", Integer, primary_key=True))
    declare(metadata)
    assert set(metadata.tables) == {"deals", "transactions", "transaction_attempts"}
