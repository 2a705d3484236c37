"""Amounts as people write them: nRLC and RLC, wei and ether."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext

from poco.errors import UserInputError

__all__ = ["decimal", "parse_coin", "parse_token", "show_coin", "show_token"]

_TOKEN = {"nrlc": 0, "rlc": 9}
_COIN = {
    "wei": 0,
    "kwei": 3,
    "mwei": 6,
    "gwei": 9,
    "szabo": 12,
    "finney": 15,
    "ether": 18,
    "eth": 18,
}
_UINT256_MAX = 2**256 - 1


def parse_token(amount: str, unit: str | None = None, *, default: str = "nRLC") -> int:
    """Read an amount of the market's money.

    Args:
        amount: a decimal number; it may carry the unit, as in "1.5 RLC".
        unit: RLC or nRLC.
        default: the unit when none is written.

    Returns:
        nRLC.

    Raises:
        UserInputError: it is no such amount, negative, or finer than 1 nRLC.
    """
    return _parse(amount, unit or default, unit is None, _TOKEN, "RLC or nRLC")


def parse_coin(amount: str, unit: str | None = None, *, default: str = "ether") -> int:
    """Read an amount of the chain's currency; see `parse_token`.

    Returns:
        wei.
    """
    return _parse(amount, unit or default, unit is None, _COIN, ", ".join(_COIN))


def show_token(amount: int) -> str:
    """Return nRLC as text, in RLC: ``1.5 RLC``."""
    return f"{decimal(amount, 9).removesuffix('.0')} RLC"


def show_coin(amount: int) -> str:
    """Return wei as text, in ether: ``0.25 ether``."""
    return f"{decimal(amount, 18).removesuffix('.0')} ether"


def decimal(amount: int, places: int) -> str:
    """Return an amount of smallest units as decimal text, with one decimal at least: ``5.0``."""
    whole, fraction = divmod(amount, 10**places)
    digits = f"{fraction:0{places}d}".rstrip("0")
    return f"{whole}.{digits or 0}"


def _parse(amount: str, unit: str, may_carry: bool, units: dict[str, int], known: str) -> int:
    number, _, carried = amount.strip().partition(" ")
    if carried and may_carry:
        unit = carried.strip()
    elif carried:
        number = amount
    places = units.get(unit.lower())
    if places is None:
        raise UserInputError("no such unit", field="unit", value=unit, remedy=f"units are {known}")
    with localcontext() as context:
        context.prec = 100
        try:
            if len(number) > 100 or set(number) - set("0123456789."):
                raise InvalidOperation
            scaled = Decimal(number).scaleb(places)
        except InvalidOperation:
            raise UserInputError(
                "a decimal number is needed, not negative",
                field="amount",
                value=amount,
                remedy=f"write for example 1.5; units are {known}",
            ) from None
        if scaled != scaled.to_integral_value() or scaled > _UINT256_MAX:
            raise UserInputError(
                f"the amount must be a whole number of the smallest unit, at most 2^256 - 1 "
                f"({places} decimals in {unit})",
                field="amount",
                value=amount,
                remedy="write fewer digits",
            )
        return int(scaled)
