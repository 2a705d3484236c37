"""What must be true before a worker asks for work, and what it tells of itself (spec §2.2)."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from poco import __version__
from poco.chain_ids import is_development_chain
from poco.contracts import Market
from poco.contracts.chain import to_int
from poco.errors import ConfigurationError
from poco.orders import Tag
from poco.scheduler.protocol import Capability
from poco.worker.admission import GAS_OF_A_TASK
from poco.worker.computation import Equipment

__all__ = ["MAX_SKEW_SECONDS", "alone_in", "capability_of", "check_host", "check_market"]

MAX_SKEW_SECONDS = 30
"""How far the newest block may be ahead of this host's clock."""

_MAX_AGE_SECONDS = 60


def check_host(equipment: Equipment, disk: int) -> None:
    """Check that this host can work at all.

    Args:
        equipment: what the worker computes with.
        disk: bytes of disk that must be free.

    Raises:
        ConfigurationError: no runtime works here, or the disk is too full.
    """
    if not equipment.runtimes:
        raise ConfigurationError(
            "a worker needs something to run apps with",
            field="runtimes",
            value="none",
            remedy="start a Docker engine, or pip install wasmtime",
        )
    equipment.workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(equipment.workdir).free
    if free < disk:
        raise ConfigurationError(
            f"{disk} bytes of disk must be free for each task",
            field="workdir",
            value=f"{equipment.workdir}: {free} bytes",
            remedy="make room, choose another --workdir, or lower --disk",
        )


def check_market(
    market: Market,
    *,
    clock: Callable[[], float] = time.time,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Check that the chain can be believed, and that the worker can pay and stake there.

    Args:
        market: acting as the worker.
        clock: seconds since 1970.
        report: called with what the operator should know.

    Raises:
        ConfigurationError: the account cannot pay for transactions, or the clock is wrong.
        ChainError: the node does not answer, or is far behind.
    """
    chain, worker = market.chain, market.account
    if not is_development_chain(chain.chain_id):
        chain.require_fresh(_MAX_AGE_SECONDS, clock=clock)
        ahead = chain.timestamp() - clock()
        if ahead > MAX_SKEW_SECONDS:
            raise ConfigurationError(
                f"the clock may be {MAX_SKEW_SECONDS} s behind the chain",
                field="clock",
                value=f"{ahead:.0f} s behind",
                remedy="synchronise it, for example with timedatectl set-ntp true",
            )
    balance, price = chain.batch([("eth_getBalance", (worker, "latest")), ("eth_gasPrice", ())])
    if to_int(balance) < GAS_OF_A_TASK * to_int(price):
        raise ConfigurationError(
            f"the account must be able to pay {GAS_OF_A_TASK} gas, the most a task may cost",
            field="account",
            value=f"{worker}: {to_int(balance)} wei",
            remedy="send it some of the chain's currency",
        )
    if not market.hub.account(worker).stake:
        report("has no stake: it can only take tasks of trust 1 (deposit some with --deposit)")


def capability_of(
    equipment: Equipment,
    name: str,
    *,
    slots: int,
    tags: Tag = Tag(0),  # noqa: B008 (immutable)
) -> Capability:
    """Say what this host can do.

    Args:
        equipment: what the worker computes with.
        name: what people call it.
        slots: tasks that it computes at the same time.
        tags: the tag bits that it covers.
    """
    return Capability(
        name=name,
        slots=slots,
        cpus=os.cpu_count() or 1,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        disk=shutil.disk_usage(equipment.workdir).free,
        app_types=tuple(equipment.runtimes),
        tags=int(tags),
        host=socket.gethostname(),
        version=__version__,
    )


@contextmanager
def alone_in(workdir: Path) -> Iterator[None]:
    """Keep other processes from working with the same journal until the block ends.

    Raises:
        ConfigurationError: another process does.
    """
    workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (workdir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                "only one worker may work in a folder",
                field="workdir",
                value=str(workdir),
                remedy="stop the other one, or choose another --workdir",
            ) from error
        yield
