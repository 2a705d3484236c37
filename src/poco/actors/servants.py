"""The owner of a workerpool, with its scheduler."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from poco.actors.stage import Stage, say
from poco.market import register_workerpool
from poco.orders import WorkerpoolOrder, random_salt, sign_order
from poco.scheduler.serving import Place, serve_scheduler
from poco.scheduler.settings import Settings

__all__ = ["Pool", "play_workerpool"]


@dataclass(frozen=True, slots=True)
class Pool:
    """What a workerpool offers.

    Args:
        description: its name.
        price: nRLC per task.
        volume: how many tasks.
        category: id of the category, which says how long a task may take.
        trust: highest trust that a request may ask for.
        stake: free stake to hold, nRLC; the scheduler stakes 30 % of the price per task.
    """

    description: str
    price: int
    volume: int
    category: int
    trust: int
    stake: int


def play_workerpool(
    stage: Stage, pool: Pool, folder: Path, *, port: int, stop: threading.Event
) -> None:
    """Register a workerpool, publish a signed order for it, and run its scheduler.

    Args:
        stage: where the owner stands.
        pool: what it offers.
        folder: for the scheduler's database and the result archives.
        port: TCP port of the scheduler; 0 takes a free one.
        stop: ends it when set.

    Raises:
        PocoError: what went wrong.
    """
    stage.ensure_stake(pool.stake)
    address = register_workerpool(stage.market, pool.description).address
    say(f"workerpool {pool.description} is registered as {address}")
    # A development chain that was started anew is another one, with the same addresses.
    chain = stage.market.chain.genesis_hash()[2:10]
    database = f"sqlite:///{folder / f'{address}-{chain}.sqlite'}"
    place = Place(database, str(folder), port=port)
    with serve_scheduler(
        stage.market, stage.account, address, place, Settings(), report=say
    ) as running:
        stage.folder.announce(address, running.url)
        order = WorkerpoolOrder(
            workerpool=address,
            workerpoolprice=pool.price,
            volume=pool.volume,
            category=pool.category,
            trust=pool.trust,
            salt=random_salt(),
        )
        stage.folder.publish(stage.chain_id, sign_order(order, stage.market.domain, stage.account))
        say(
            f"workerpool order is published in {stage.folder.path}: {pool.volume} at "
            f"{pool.price} nRLC, trust up to {pool.trust}"
        )
        say(f"scheduler answers at {running.url}, Ctrl-C ends it")
        running.run(stop)
