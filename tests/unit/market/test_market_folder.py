"""The market folder: orders of several processes, none of which sees half a file."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from poco.errors import ConfigurationError, PeerError, UserInputError
from poco.market import MarketFolder
from poco.orders import AppOrder, WorkerpoolOrder, checked_address

POOL = checked_address("pool", f"0x{3:040x}")
APP_ORDER = AppOrder(app=f"0x{1:040x}", salt=bytes(32), sign=b"\x01")
POOL_ORDER = WorkerpoolOrder(workerpool=POOL, salt=bytes(32), sign=b"\x02")


def announce(path: Path, number: int) -> None:
    pool = checked_address("pool", f"0x{number:040x}")
    MarketFolder(path).announce(pool, f"http://127.0.0.1:{number}")


def test_publish__orders_of_two_kinds__are_read_back_by_kind(tmp_path: Path) -> None:
    folder = MarketFolder(tmp_path / "market")
    folder.publish(31337, APP_ORDER)
    folder.publish(31337, POOL_ORDER)
    assert folder.orders(31337) == {"apporder": APP_ORDER, "workerpoolorder": POOL_ORDER}
    assert folder.orders(1) == {}


def test_publish__file__has_the_form_of_the_sdk(tmp_path: Path) -> None:
    MarketFolder(tmp_path).publish(31337, APP_ORDER)
    document = json.loads((tmp_path / "orders.json").read_text())
    assert document == {"31337": {"apporder": APP_ORDER.to_json()}}


def test_announce__by_many_processes_at_once__loses_none(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(announce, [tmp_path] * 16, range(1, 17)))
    folder = MarketFolder(tmp_path)
    for number in range(1, 17):
        pool_address = checked_address("pool", f"0x{number:040x}")
        assert folder.scheduler(pool_address) == f"http://127.0.0.1:{number}"


def test_scheduler__not_announced__is_a_fault_of_the_peer(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="has not announced itself"):
        MarketFolder(tmp_path).scheduler(POOL)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_orders__damaged_file__is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "orders.json").write_text(content)
    with pytest.raises(UserInputError, match=r"orders\.json"):
        MarketFolder(tmp_path).orders(31337)


def test_publish__folder_is_a_file__is_an_error_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        MarketFolder(tmp_path / "file").publish(31337, APP_ORDER)
