"""The people of the story, with their markets: each acts with a key of its own."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts import AddressBook, Chain, Market
from poco.market import Role, development_account

__all__ = ["WORKERS", "Cast", "Person"]

WORKERS = 3


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the story.

    Args:
        name: what the story calls it.
        alias: name of its key, for commands.
        account: its key.
        market: the market, acting as it.
    """

    name: str
    alias: str
    account: LocalAccount
    market: Market

    @property
    def address(self) -> ChecksumAddress:
        """Its account."""
        return self.market.account


class Cast:
    """Everybody in the story.

    Args:
        chain: the chain.
        book: the market on it.
        first_worker: index of the test account of worker 1. A worker removes all containers of its
            account that its journal does not know, so that each story needs accounts of its own
            not to disturb what else runs on this host.
    """

    def __init__(self, chain: Chain, book: AddressBook, first_worker: int) -> None:
        market = Market(chain, book)

        def person(name: str, index: int) -> Person:
            account = development_account(index)
            return Person(name, f"TEST::{index}", account, market.acting_as(account))

        self.deployer = person("deployer", Role.DEPLOYER)
        self.app_owner = person("app owner", Role.APP_OWNER)
        self.dataset_owner = person("dataset owner", Role.DATASET_OWNER)
        self.scheduler = person("pool owner", Role.WORKERPOOL)
        self.requester = person("requester", Role.REQUESTER)
        self.workers = tuple(
            person(f"worker {number + 1}", first_worker + number) for number in range(WORKERS)
        )

    @property
    def everybody(self) -> dict[str, ChecksumAddress]:
        """Addresses by name."""
        people = (
            self.requester,
            self.app_owner,
            self.dataset_owner,
            self.scheduler,
            *self.workers,
        )
        return {person.name: person.address for person in people}
