"""How one scheduler is run."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.chain_ids import is_development_chain

__all__ = ["Settings", "default_confirmations"]


def default_confirmations(chain_id: int) -> int:
    """Return how deep a deal must be: 0 blocks on a chain of one's own, else 2 (spec §3.2)."""
    return 0 if is_development_chain(chain_id) else 2


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of a pool's operator. Times are seconds.

    Args:
        confirmations: blocks on top of a deal before its tasks are opened.
        one_step: whether tasks of trust 1 go through contributeAndFinalize.
        simulated_enclaves: whether to take deals that ask for an enclave, without a real one.
        whitelist: the workers that may log in; empty admits all.
        distinct_hosts: whether workers that declare the same host may not vote on one task.
        failures: when so many workers fail alike on a task, no more are asked.
        silence: a worker that was not heard of for so long is lost.
        quarantine: pause of a worker after three failures of its own; doubles with each more.
        log_days: how long the output of apps is kept, from the final deadline on.
        history_days: how long tasks that are over are kept, from the final deadline on.
        results_url: where workers upload results.
        secrets_url: where workers ask for secrets; empty when there are none.
    """

    confirmations: int = 0
    one_step: bool = True
    simulated_enclaves: bool = False
    whitelist: frozenset[ChecksumAddress] = frozenset()
    distinct_hosts: bool = False
    failures: int = 2
    silence: float = 60.0
    quarantine: float = 60.0
    history_days: int = 365
    log_days: float = 3.0
    results_url: str = ""
    secrets_url: str = ""
