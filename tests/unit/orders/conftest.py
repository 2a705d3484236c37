"""A small market for each test."""

from __future__ import annotations

import pytest
from orders_stage import Market


@pytest.fixture
def market() -> Market:
    return Market()
