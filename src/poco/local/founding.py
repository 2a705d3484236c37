"""Found the market on a new chain, and make sure on an old one that all of it is there."""

from __future__ import annotations

from collections.abc import Mapping

from eth_typing import ChecksumAddress

from poco.contracts import AddressBook, Chain, EventReader, Market, Wallet
from poco.deployment import deploy
from poco.local.people import People
from poco.market import register_workerpool

__all__ = ["found_market", "stake"]

RLC = 10**9
"""nRLC in an RLC."""
_POOL_NAME = "poco local pool"
_TREASURE, _FORTUNE, _ALLOWANCE, _DEPOSIT = 10**7 * RLC, 10**7 * RLC, 1000 * RLC, 100 * RLC
_POOL_STAKE, _WORKER_STAKE = 1000 * RLC, 100 * RLC
_FORTUNE_WEI = 10**6 * 10**18


def found_market(
    chain: Chain, people: People, known: AddressBook | None
) -> tuple[Market, ChecksumAddress]:
    """Deploy the market and give its people money, or verify the market that is there.

    Args:
        chain: mines each transaction at once.
        people: who is who.
        known: the market that is there; None founds one.

    Returns:
        The market and its workerpool.

    Raises:
        ConfigurationError: the market that is there is of another version.
        ChainError: the node does not answer.
    """
    book = deploy(Wallet(chain, people.hub_owner, EventReader(())), known=known).book
    market = Market(chain, book)
    if book != known:
        _give_money(market, people)
    pool = register_workerpool(market.acting_as(people.pool_owner), _POOL_NAME).address
    stakes = dict.fromkeys((account.address for account in people.workers), _WORKER_STAKE)
    stake(market, people, {people.pool_owner.address: _POOL_STAKE, **stakes})
    return market, pool


def stake(market: Market, people: People, stakes: Mapping[ChecksumAddress, int]) -> None:
    """See to it that accounts have free stakes, in one transaction.

    Args:
        market: the market.
        people: the treasurer pays.
        stakes: least free stake of each account, nRLC.

    Raises:
        ChainError: the node does not answer.
    """
    held = {account: market.hub.account(account).stake for account in stakes}
    missing = {
        account: wanted - held[account]
        for account, wanted in stakes.items()
        if wanted > held[account]
    }
    if missing:
        treasury = market.acting_as(people.treasurer)
        treasury.token.approve(treasury.hub.address, sum(missing.values()))
        treasury.hub.deposit_for_all(list(missing.values()), list(missing))


def _give_money(market: Market, people: People) -> None:
    owner = market.acting_as(people.hub_owner)
    owner.token.transfer(people.treasurer.address, _TREASURE)
    owner.token.transfer(people.bank.address, _FORTUNE)
    for user in people.users:
        owner.token.transfer(user.address, _ALLOWANCE)
    targets = [account.address for account in (people.bank, *people.users)]
    owner.token.approve(owner.hub.address, _DEPOSIT * len(targets))
    owner.hub.deposit_for_all([_DEPOSIT] * len(targets), targets)
    market.chain.request("anvil_setBalance", people.bank.address, hex(_FORTUNE_WEI))
