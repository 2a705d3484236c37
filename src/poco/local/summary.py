"""What people are told of the market that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from poco.local.info import SERVICES
from poco.local.people import People
from poco.local.runfile import Running

__all__ = ["summary", "terms"]
_WIDTH = 13


def terms(found: Running) -> Iterator[str]:
    """Return what the market offers, in lines.

    Args:
        found: the market.
    """
    runs = " and ".join(found.app_types) or "no"
    yield (
        f"{found.workers} workers run {runs} apps at {found.price} nRLC, "
        f"trust {found.trust} or less"
    )
    yield (
        f"state kept in {found.state}" if found.state else "nothing is kept: see --state of poco up"
    )
    yield "enclaves are SIMULATED: they protect nothing from whoever runs this machine"


def summary(found: Running) -> str:
    """Return all that people need to use a market, with a chain.json for the official client.

    Args:
        found: the market.
    """
    return "\n".join(_lines(found))


def _lines(found: Running) -> Iterator[str]:
    info = found.stack_info
    pace = f"a block every {found.block_seconds} s" if found.block_seconds else "mines at once"
    yield _line("chain", f"{info.chainId}, {pace}")
    yield _line("hub", info.hub)
    yield _line("token", info.token)
    yield _line("workerpool", info.workerpool.address)
    for name in SERVICES:
        yield _line(name, getattr(info, name) or "left out")
    yield _line("scheduler", info.workerpool.apiUrl)
    yield from terms(found)
    yield "wallets, whose keys are published test keys:"
    people = People.of(0)
    named = (("funding", people.bank), ("hub owner", people.hub_owner))
    users = (("pool owner", people.pool_owner), *(("user", user) for user in people.users))
    for name, account in (*named, *users):
        yield _line(name, f"{account.address}  0x{bytes(account.key).hex()}")
    yield "chain.json for the official client:"
    yield json.dumps(info.chain_json(), indent=2)


def _line(name: str, value: str) -> str:
    return f"  {name:<{_WIDTH}}{value}"
