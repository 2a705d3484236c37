"""Money for whoever comes to the market on this machine. Importing this loads no services."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.contracts import Market
from poco.errors import ChainError, ConfigurationError, ContractError
from poco.local.runfile import running

__all__ = ["Gift", "fund", "give"]

_WEI, _NRLC = 10 * 10**18, 1000 * 10**9
_COLLISIONS = ("nonce too low", "underpriced", "already known", "already imported")
"""What nodes say to a transaction whose number another one has."""
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Gift:
    """What somebody was given.

    Args:
        wei: of the chain's currency.
        nrlc: of the market's money.
    """

    wei: int = _WEI
    nrlc: int = _NRLC


def give(market: Market, to: ChecksumAddress) -> Gift:
    """Give somebody money of the market on this machine.

    Args:
        market: which market is meant.
        to: who gets it.

    Raises:
        ConfigurationError: that market does not run here.
        ChainError: the node does not answer.
    """
    from eth_account import Account

    here = running()
    if here is None or here.info["hub"] != market.hub.address:
        raise ConfigurationError(
            "only the market on this machine gives money away",
            field="hub",
            value=market.hub.address,
            remedy="start one with `poco up`, and let `poco init` write its chain.json",
        )
    gift = Gift()
    fund(market.acting_as(Account.from_key(here.stack_info.fundingKey)), to, gift)
    return gift


def fund(bank: Market, to: ChecksumAddress, gift: Gift) -> None:
    """Send money from an account that other programs use at the same time.

    A number of a transaction that somebody else has taken meanwhile is taken anew.

    Args:
        bank: acting as that account.
        to: who gets it.
        gift: how much.

    Raises:
        UserInputError: the account has not so much.
        ChainError: the node does not answer.
    """
    from poco.market import money

    if gift.wei:
        _in_turn(lambda: money.send_coin(bank, to, gift.wei))
    if gift.nrlc:
        _in_turn(lambda: money.send_token(bank, to, gift.nrlc))


def _in_turn(send: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            send()
        except ContractError:
            raise
        except ChainError as error:
            said = str(error).lower()
            if time.monotonic() > end or not any(words in said for words in _COLLISIONS):
                raise
            time.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311 (so that one comes first)
        else:
            return
