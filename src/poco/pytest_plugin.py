"""Fixtures for other projects: a local market per session, and an account of its own per test.

::

    def test_my_app__big_input__is_counted(market):
        app = market.app("path/to/app.wasm")
        assert market.run(app, "--count", ["big.csv"]).json()["rows"] == 10**6

Nothing of the market is loaded before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from poco import Market
    from poco.local import Stack

__all__ = ["market", "market_stack", "pytest_addoption"]

_OPTIONS = {
    "workers": ("2", "how many work"),
    "slots": ("1", "tasks that each of them computes at a time"),
    "price": ("0", "of a task in the workerpool, nRLC"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings ``poco_workers``, ``poco_slots`` and ``poco_price``."""
    for name, (default, text) in _OPTIONS.items():
        parser.addini(f"poco_{name}", f"fixture market: {text}", default=default)


@pytest.fixture(scope="session")
def market_stack(pytestconfig: pytest.Config) -> Iterator[Stack]:
    """The local market of all tests: chain, services and workers; see `poco.local.Stack`."""
    workers, slots, price = (_number(pytestconfig, name) for name in _OPTIONS)
    from poco.local.arrival import quick_settings
    from poco.local.stack import Stack

    with Stack(quick_settings(workers=workers, slots=slots, price=price)) as stack:
        yield stack


@pytest.fixture
def market(market_stack: Stack) -> Iterator[Market]:
    """The market as a new account with ether and RLC, and nothing registered, sees it."""
    from poco import Market

    with Market.connect(market_stack.info, max_price=market_stack.settings.price) as connected:
        yield connected
        connected.close()  # at once: what a test has left undone does not hold up the next one


def _number(config: pytest.Config, name: str) -> int:
    text = str(config.getini(f"poco_{name}"))
    if not text.isdecimal():
        raise pytest.UsageError(f"poco_{name} = {text!r}: a whole number is needed")
    return int(text)
