"""Blocks come at the pace that was asked for, and seldom while nobody sends anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.anvil import start_anvil

from poco.contracts import Chain
from poco.local import node
from poco.local.chain_copy import CHAIN, ChainCopy, regain_height, unpack
from poco.local.node import keep_pace, set_pace

PATIENCE = 30.0
ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.fixture
def chain() -> Iterator[Chain]:
    with start_anvil() as url:
        found = Chain.connect(url)
        set_pace(found, 1)
        yield found


@contextmanager
def pace(chain: Chain) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=keep_pace, args=(chain, 0.01, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def send(chain: Chain) -> None:
    sent = chain.request("eth_sendTransaction", {"from": ACCOUNT, "to": ACCOUNT})
    chain.wait(sent, timeout=PATIENCE)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_pace__nobody_sends__is_slow_until_somebody_does(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_BUSY_SECONDS", 0.0)
    monkeypatch.setattr(node, "_QUIET_SECONDS", 10 * PATIENCE)
    with pace(chain):
        for number in (1, 2, 3):
            send(chain)
            assert chain.block_number() == number
            time.sleep(0.05)  # for blocks that should not come


def test_pace__after_a_transaction__has_further_blocks(chain: Chain) -> None:
    with pace(chain):
        send(chain)
        until(lambda: chain.block_number() > 5)


def test_pace__quiet_for_long__has_a_block_still(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_BUSY_SECONDS", 0.0)
    monkeypatch.setattr(node, "_QUIET_SECONDS", 0.02)
    with pace(chain):
        until(lambda: chain.block_number() > 1)


# THE COPY


def test_copy__empty_blocks__are_not_worth_one(chain: Chain, tmp_path: Path) -> None:
    path = tmp_path / CHAIN
    copy = ChainCopy(path, chain)
    copy.save()
    first = path.read_bytes()
    chain.request("anvil_mine", hex(20))
    copy.save()
    assert path.read_bytes() == first
    copy.save(lacking=19)
    assert path.read_bytes() != first


def test_copy__block_with_a_transaction__is_in_it(chain: Chain, tmp_path: Path) -> None:
    copy = ChainCopy(tmp_path / CHAIN, chain)
    copy.save()
    set_pace(chain, 0)
    send(chain)
    copy.save()
    unpack(tmp_path, tmp_path / "plain")
    with start_anvil("--load-state", str(tmp_path / "plain")) as url:
        assert Chain.connect(url).block_number() == 1
    assert {path.name for path in tmp_path.iterdir()} == {CHAIN, "height", "plain"}


@pytest.mark.parametrize(("kept", "least"), [("129\n", 129), ("", 240), ("3\n", 3), (None, 0)])
def test_height__of_a_chain_that_lost_blocks__is_regained_at_once(
    chain: Chain, tmp_path: Path, kept: str | None, least: int
) -> None:
    height, time_ = chain.block_number(), chain.timestamp()
    if kept is not None:
        (tmp_path / "height").write_text(kept)
    regain_height(chain, tmp_path)
    assert chain.block_number() == (height if kept is None else max(height, least) + 256)
    assert chain.timestamp() - time_ < 100  # not a second for each block


def test_height__of_a_chain_that_ended_in_order__is_that_of_the_copy(
    chain: Chain, tmp_path: Path
) -> None:
    copy = ChainCopy(tmp_path / CHAIN, chain)
    copy.save()
    chain.request("anvil_mine", hex(20))
    copy.close()
    assert [path.name for path in tmp_path.iterdir()] == [CHAIN]
    unpack(tmp_path, tmp_path / "plain")
    with start_anvil("--load-state", str(tmp_path / "plain")) as url:
        assert Chain.connect(url).block_number() == chain.block_number()


def test_copy__of_an_earlier_version__is_plain(tmp_path: Path) -> None:
    (tmp_path / "chain.json").write_text("{}")
    unpack(tmp_path, tmp_path / "plain")
    assert (tmp_path / "plain").read_text() == "{}"


@pytest.mark.parametrize("content", [b"no copy", b"\x1f\x8b\x08\x00"])
def test_copy__damaged__is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CHAIN).write_bytes(content)
    with pytest.raises(ValueError, match=CHAIN):
        unpack(tmp_path, tmp_path / "plain")
