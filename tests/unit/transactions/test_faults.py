"""The queue on a bad day: each fault of a node, of the network and of the process itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.anvil import start_anvil
from support.faulty_rpc import FaultyNode
from support.queue_bench import SENDER, SHOP, Bench, payment
from support.reorg import mine, reorg

from poco.contracts import AddressBook, Chain, EventReader, Market, Wallet
from poco.errors import ChainError
from poco.transactions import FeePolicy, TransactionStatus
from poco.transactions.tables import attempts

GWEI = 10**9
HERE = Path(__file__).parent


def foreign(bench: Bench) -> str:
    """Send a payment from the same account behind the queue's back; return its hash."""
    bench.node.request("anvil_impersonateAccount", SENDER.address)
    request = {"from": SENDER.address, "to": SHOP, "value": hex(1000)}
    return str(bench.node.request("eth_sendTransaction", request))


def stored_raw(bench: Bench) -> bytes:
    with bench.database.reading() as connection:
        return bytes(connection.execute(attempts.select()).one().raw)


# REORGANISATIONS


@pytest.mark.parametrize("depth", [1, 3, 12])
def test_pump__block_is_replaced__is_sent_again(make_bench: Any, depth: int) -> None:
    bench = make_bench(confirmations=depth + 1)
    bench.enqueue("a", payment())
    bench.pump()
    mine(bench.node, depth - 1)
    reorg(bench.node, depth)
    assert bench.paid() == 0
    bench.pump()
    state = bench.state()
    assert (state.status, bench.paid()) == (TransactionStatus.MINED, 1)
    mine(bench.node, depth)
    bench.pump()
    assert bench.state().status is TransactionStatus.CONFIRMED


def test_pump__several_are_replaced__keep_their_order(bench: Bench) -> None:
    for number in range(5):
        bench.enqueue(str(number), payment())
        bench.pump()
    reorg(bench.node, 5)
    bench.pump()
    blocks = [bench.state(str(number)).block or 0 for number in range(5)]
    assert blocks == sorted(blocks)
    assert (bench.paid(), bench.count()) == (5, 5)


def test_pump__same_transaction_in_another_block__tells_the_new_one(bench: Bench) -> None:
    bench.enqueue("a", payment())
    bench.pump()
    first = bench.state().block or 0
    reorg(bench.node, 1)
    mine(bench.node)
    bench.node.broadcast(stored_raw(bench))
    bench.pump()
    assert bench.state().block == first + 2


# FEES


def test_pump__price_rises__is_replaced_with_the_same_number(bench: Bench) -> None:
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("a", payment())
    bench.enqueue("b", payment(10))
    bench.pump()
    first = bench.state("a").hash
    bench.node.request("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
    mine(bench.node)
    bench.pass_seconds(29)
    bench.pump()
    assert bench.state("a").hash == first
    bench.pass_seconds(2)
    bench.pump()
    bench.pass_seconds(15)
    bench.pump()
    assert bench.state("a").hash != first
    mine(bench.node)
    bench.pump()
    assert bench.state("a").done
    assert bench.state("b").done
    assert (bench.paid(), bench.count()) == (11, 2)


def test_pump__first_one_is_mined_after_all__is_recognised(bench: Bench, proxy: Any) -> None:
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("a", payment())
    bench.pump()
    first = bench.state().hash
    proxy.drop_sends({1})  # no pool has the replacement
    bench.pass_seconds(31)
    bench.pump()
    assert bench.state().hash != first
    mine(bench.node)
    bench.pump()
    assert bench.state().hash == first
    assert bench.state().done


def test_pump__cap_is_reached__waits_and_says_so(make_bench: Any) -> None:
    bench = make_bench(fees=FeePolicy(cap=10 * GWEI))
    bench.node.request("evm_setAutomine", False)
    bench.node.request("anvil_setNextBlockBaseFeePerGas", hex(10 * GWEI))
    mine(bench.node)
    bench.enqueue("a", payment())
    bench.pump()
    bench.node.request("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
    mine(bench.node)
    bench.pass_seconds(31)
    bench.pump()
    assert "less than 10000000000 wei" in bench.state().reason
    bench.node.request("anvil_setNextBlockBaseFeePerGas", hex(5 * GWEI))
    mine(bench.node)
    bench.pass_seconds(16)
    bench.pump()
    mine(bench.node)
    bench.pump()
    assert bench.state().status is TransactionStatus.CONFIRMED
    assert bench.state().reason == ""


def test_pump__deadline_passes_after_a_crash__old_bytes_are_never_sent(
    make_bench: Any, proxy: FaultyNode
) -> None:
    def die(name: str) -> None:
        if name == "signed":
            raise KeyboardInterrupt

    bench = make_bench(crash_point=die)
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 60)
    with pytest.raises(KeyboardInterrupt):
        bench.queue.pump()
    bench.pass_seconds(61)
    bench.pump()
    assert bench.state().status is TransactionStatus.FAILED
    assert len(proxy.sent) == 1
    assert (bench.paid(), bench.count()) == (0, 1)


def test_pump__empty_transfer_is_stuck_too__is_replaced(bench: Bench) -> None:
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 20)
    bench.pump()
    bench.pass_seconds(21)
    bench.pump()
    empty = bench.state().hash
    bench.pass_seconds(31)
    bench.pump()
    assert bench.state().hash != empty
    mine(bench.node)
    bench.pump()
    assert bench.state().failed
    assert "not_after" in bench.state().reason
    assert (bench.paid(), bench.count()) == (0, 1)


def test_pump__somebody_else_used_the_number_of_a_late_one__fails(
    bench: Bench, proxy: FaultyNode
) -> None:
    proxy.drop_sends({1, 2})
    bench.enqueue("a", payment(), not_after=int(bench.clock.now) + 20)
    bench.pump()
    bench.pass_seconds(21)
    bench.pump()
    foreign(bench)
    mine(bench.node, 12)
    bench.pump()
    assert bench.state().status is TransactionStatus.FAILED
    assert "not_after" in bench.state().reason
    assert bench.paid() == 1000


def test_pump__legacy_chain__prices_and_replaces_too(make_bench: Any, book: AddressBook) -> None:
    bench = make_bench()
    with start_anvil("--no-mining", hardfork="berlin") as url:
        chain = Chain.connect(url)
        bench = Bench(chain, Market(chain, book).acting_as(SENDER), bench.database, bench.clock, {})
        bench.enqueue("a", payment())
        bench.pump()
        first = bench.state().hash
        bench.pass_seconds(31)
        bench.pump()
        mine(chain)
        bench.pump()
        receipt = chain.receipt(bench.state().hash or "")
        assert bench.state().hash != first
        assert receipt is not None
        assert receipt["type"] == "0x0"


# NUMBERS


def test_pump__somebody_else_uses_the_number__gets_another(bench: Bench, proxy: Any) -> None:
    proxy.drop_sends({1})
    bench.enqueue("a", payment())
    bench.pump(1)
    foreign(bench)
    bench.pump()
    assert bench.state().status is TransactionStatus.SENT  # the other may yet be reorganised away
    mine(bench.node, 12)
    bench.pump()
    assert bench.state().done
    assert (bench.paid(), bench.count()) == (1001, 2)


def test_pump__somebody_else_was_faster_and_did_it__is_no_failure(
    make_bench: Any, proxy: FaultyNode
) -> None:
    done: list[str] = []
    bench = make_bench(effect=lambda key: key in done)
    proxy.drop_sends({1})
    bench.enqueue("a", payment())
    bench.pump(1)
    foreign(bench)
    done.append("a")
    bench.pump()
    assert bench.state().status is TransactionStatus.CONFIRMED
    assert bench.paid() == 1000


def test_pump__account_is_used_elsewhere_meanwhile__counts_on(bench: Bench) -> None:
    bench.enqueue("a", payment())
    bench.pump()
    foreign(bench)
    bench.enqueue("b", payment(10))
    bench.pump()
    assert bench.state("b").done
    assert bench.count() == 3


def test_pump__foreign_transaction_before_ours_vanishes__gap_is_filled(bench: Bench) -> None:
    bench.node.request("evm_setAutomine", False)
    vanishing = foreign(bench)
    bench.enqueue("a", payment())
    bench.pump()
    bench.node.request("anvil_dropTransaction", vanishing)
    mine(bench.node)
    bench.pump()
    assert bench.state().status is TransactionStatus.SENT
    bench.pass_seconds(31)
    bench.pump()
    mine(bench.node)
    bench.pump()
    assert bench.state().done
    assert (bench.paid(), bench.count()) == (1, 2)


def test_pump__node_forgot_what_is_mined__no_gap_is_seen(bench: Bench, proxy: FaultyNode) -> None:
    bench.enqueue("a", payment())
    bench.pump()
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("b", payment(10))
    bench.pump()
    bench.pass_seconds(31)
    proxy.lag = 1
    bench.pump()
    mine(bench.node)
    proxy.heal()
    bench.pump()
    assert bench.state("b").done
    assert (bench.paid(), bench.count()) == (11, 2)


# NETWORK


def test_pump__all_is_final__asks_nobody(make_bench: Any, proxy: FaultyNode) -> None:
    bench = make_bench(confirmations=1)
    bench.enqueue("a", payment())
    bench.pump()
    proxy.down = True
    assert bench.state().status is TransactionStatus.CONFIRMED
    assert bench.queue.pump() == 0


def test_pump__node_is_down__nothing_is_lost(bench: Bench, proxy: FaultyNode) -> None:
    bench.enqueue("a", payment())
    bench.pump(1)
    bench.enqueue("b", payment(10))
    proxy.down = True
    with pytest.raises(ChainError, match="does not answer"):
        bench.queue.pump()
    assert bench.state("a").status is TransactionStatus.SENT
    assert bench.state("b").status is TransactionStatus.QUEUED
    proxy.heal()
    bench.pump()
    assert bench.paid() == 11


def test_pump__transaction_is_taken_and_forgotten__is_given_again(
    bench: Bench, proxy: FaultyNode
) -> None:
    proxy.drop_sends({2})
    for key in "abc":
        bench.enqueue(key, payment())
    bench.pump()
    assert bench.paid() == 1
    bench.pass_seconds(16)
    bench.pump()
    assert (bench.paid(), bench.count()) == (3, 3)
    assert len({*proxy.sent}) == 3


def test_pump__answer_is_lost_after_sending__is_paid_once(
    make_bench: Any, proxy: FaultyNode
) -> None:
    def lose(name: str) -> None:
        if name == "signed":
            proxy.lose_answers = 1

    bench = make_bench(crash_point=lose)
    bench.enqueue("a", payment())
    with pytest.raises(ChainError):
        bench.queue.pump()
    assert bench.state().status is TransactionStatus.SIGNED
    bench.pump()
    assert bench.state().done
    assert (bench.paid(), bench.count()) == (1, 1)


def test_pump__given_twice__is_paid_once(bench: Bench, proxy: FaultyNode) -> None:
    bench.node.request("evm_setAutomine", False)
    bench.enqueue("a", payment())
    bench.pump()
    bench.pass_seconds(16)
    bench.pump()
    assert len(proxy.sent) == 2
    assert (bench.state().status, bench.state().reason) == (TransactionStatus.SENT, "")
    mine(bench.node)
    bench.pump()
    assert bench.state().done
    assert bench.paid() == 1


def test_pump__node_is_busy__is_asked_again(bench: Bench, proxy: FaultyNode) -> None:
    bench.enqueue("a", payment())
    proxy.busy = 2
    bench.pump()
    assert bench.paid() == 1


def test_pump__node_falls_behind__mined_stays_mined(bench: Bench, proxy: FaultyNode) -> None:
    bench.enqueue("a", payment())
    bench.pump()
    mine(bench.node, 2)
    proxy.lag = 5
    bench.pump()
    assert bench.state().status is TransactionStatus.MINED
    assert len(proxy.sent) == 1


def test_pump__node_has_not_seen_what_it_needs__is_not_believed(
    bench: Bench, proxy: FaultyNode
) -> None:
    bench.node.request("anvil_setBalance", SENDER.address, hex(10**20))
    mine(bench.node, 3)
    proxy.lag = 2
    bench.enqueue("a", payment(), min_block=bench.node.block_number())
    bench.pump()
    assert bench.state().status is TransactionStatus.QUEUED
    proxy.heal()
    bench.pump()
    assert bench.state().done


# CRASHES


@pytest.mark.parametrize(
    "point", ["signed:1", "broadcast:1", "sent:1", "watched:1", "signed:2", "replaced:1"]
)
def test_pump__killed__every_payment_is_made_once(
    point: str, bench: Bench, book: AddressBook, tmp_path: Path
) -> None:
    book.write(tmp_path / "book.json")
    process = subprocess.run(
        [
            sys.executable,
            str(HERE / "doomed.py"),
            str(tmp_path / "queue.sqlite"),
            bench.node.url,
            str(tmp_path / "book.json"),
            point,
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.returncode == -9, process.stderr
    bench.node.request("evm_setAutomine", True)
    for number in range(6):
        bench.enqueue(str(number), payment())
    for _ in range(4):
        bench.pass_seconds(100)
        bench.pump()
    states = bench.queue.states(str(number) for number in range(6))
    assert all(state.done for state in states.values())
    assert (bench.paid(), bench.count()) == (6, 6)


def test_wallet__answer_is_lost__is_not_signed_again(bench: Bench, proxy: FaultyNode) -> None:
    wallet = Wallet(Chain.connect(proxy.url), SENDER, EventReader(()))
    signed = wallet.sign(payment())
    proxy.lose_answers = 1
    with pytest.raises(ChainError):
        wallet.chain.broadcast(signed.raw)
    assert wallet.wait(signed).block_number == bench.node.block_number()
    assert bench.count() == 1
