"""Who is who in a local market: the test accounts that every development chain funds."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from poco.local.settings import MAX_WORKERS
from poco.market import Role, development_account

__all__ = ["People"]

_SPARE = Role.WORKER + MAX_WORKERS  # 15 and two more are nobody's
_TREASURER = 18
_BANK = 19


@dataclass(frozen=True, slots=True)
class People:
    """The accounts.

    Args:
        hub_owner: owns the hub.
        pool_owner: owns the workerpool; its scheduler signs with this key.
        workers: the workers.
        treasurer: gives pool and workers the stakes that they need.
        bank: has plenty of ether and RLC, for whoever comes.
        users: have some RLC, and nothing else to do.
    """

    hub_owner: LocalAccount
    pool_owner: LocalAccount
    workers: tuple[LocalAccount, ...]
    treasurer: LocalAccount
    bank: LocalAccount
    users: tuple[LocalAccount, ...]

    @classmethod
    def of(cls, workers: int) -> People:
        """Return the people of a market.

        Args:
            workers: how many work.
        """
        users = (Role.APP_OWNER, Role.DATASET_OWNER, Role.REQUESTER, *range(_SPARE, _TREASURER))
        return cls(
            development_account(Role.DEPLOYER),
            development_account(Role.WORKERPOOL),
            tuple(development_account(Role.WORKER + number) for number in range(workers)),
            development_account(_TREASURER),
            development_account(_BANK),
            tuple(development_account(index) for index in users),
        )
