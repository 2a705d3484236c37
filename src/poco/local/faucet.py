"""Money for whoever comes to the market on this machine. Importing this loads no services."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.contracts import Market
from poco.errors import ConfigurationError
from poco.local.runfile import running

__all__ = ["Gift", "give"]

_WEI, _NRLC = 10 * 10**18, 1000 * 10**9


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

    from poco.market import money

    here = running()
    if here is None or here.info["hub"] != market.hub.address:
        raise ConfigurationError(
            "only the market on this machine gives money away",
            field="hub",
            value=market.hub.address,
            remedy="start one with `poco up`, and let `poco init` write its chain.json",
        )
    bank = market.acting_as(Account.from_key(here.stack_info.fundingKey))
    gift = Gift()
    money.send_coin(bank, to, gift.wei)
    money.send_token(bank, to, gift.nrlc)
    return gift
