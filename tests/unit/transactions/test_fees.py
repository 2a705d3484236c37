"""Prices: within the cap, and dear enough for a node to take a replacement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poco.transactions.fees import FeePolicy, Price

fees = st.integers(0, 10**13)
prices = st.one_of(
    st.builds(Price, fees, st.none()),
    st.builds(lambda tip, base: Price(2 * base + tip, tip), fees, fees),
)


@given(prices, st.integers(1, 10**13))
def test_first__any_market__is_within_the_cap(market: Price, cap: int) -> None:
    price = FeePolicy(cap=cap).first(market)
    assert price.max_fee == min(market.max_fee, cap)
    assert price.tip is None or price.tip <= price.max_fee
    assert (price.tip is None) == (market.tip is None)


@given(prices, prices, st.integers(1, 10**13))
def test_raised__any_market__adds_an_eighth_or_is_refused(
    paid: Price, market: Price, cap: int
) -> None:
    price = FeePolicy(cap=cap).raised(paid, market)
    if price is None:
        assert paid.max_fee * 1125 // 1000 + 1 >= cap
        return
    assert paid.max_fee * 1125 <= price.max_fee * 1000
    assert paid.max_fee < price.max_fee <= cap
    assert (price.tip is None) == (paid.tip is None)
    if paid.tip is not None and price.tip is not None:
        assert price.tip <= price.max_fee


def test_raised__chain_without_prices__adds_one_wei() -> None:
    assert FeePolicy().raised(Price(0, 0), Price(0, 0)) == Price(1, 1)
