"""What a local market is to be like."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from poco.errors import UserInputError
from poco.local.origins import check_origin
from poco.scheduler.supply import weight

__all__ = ["MAX_WORKERS", "OPTIONAL", "Ports", "StackSettings"]

MAX_WORKERS = 10
"""So many of the test accounts are for workers."""
OPTIONAL = ("market", "compass", "subgraph")
"""Services that tasks can do without."""
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP port of each service; 0 takes a free one. Each has its own: clients drop URL paths.

    Args:
        rpc: the chain's node.
        market: order book.
        sms: secret service.
        ipfsGateway: gateway, where results are downloaded.
        ipfsNode: node, where files are added.
        compass: tells where the scheduler of a workerpool answers.
        resultProxy: where results are uploaded.
        subgraph: indexer.
        scheduler: of the workerpool.
    """

    rpc: int = 8545
    market: int = 3000
    sms: int = 13300
    ipfsGateway: int = 8080  # noqa: N815 (the names are those of the info document)
    ipfsNode: int = 5001  # noqa: N815
    compass: int = 8069
    resultProxy: int = 13200  # noqa: N815
    subgraph: int = 8000
    scheduler: int = 13000

    def __post_init__(self) -> None:
        for name in self.names():
            port = getattr(self, name)
            if not 0 <= port <= _MAX_PORT:
                raise UserInputError(
                    f"a port is a number up to {_MAX_PORT}; 0 takes a free one",
                    field=f"port.{name}",
                    value=port,
                )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the services."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def free(cls) -> Ports:
        """Return ports that the system chooses."""
        return cls(**dict.fromkeys(cls.names(), 0))


@dataclass(frozen=True, slots=True)
class StackSettings:
    """A local market.

    Args:
        ports: see `Ports`.
        block_seconds: time between blocks; 0 mines each transaction at once, which the official
            client does not survive.
        workers: how many.
        slots: tasks that each worker computes at a time.
        memory: bytes that a task may use.
        price: of a task in the workerpool, nRLC.
        state: folder to keep everything in; None keeps nothing.
        without: which of the `OPTIONAL` services to leave out.
        origins: of web pages that may use the services, beside pages of this machine.

    Raises:
        UserInputError: a number is out of range, or a service cannot be left out.
    """

    ports: Ports = field(default_factory=Ports)
    block_seconds: int = 1
    workers: int = 2
    slots: int = 1
    memory: int = 1024**3
    price: int = 0
    state: Path | None = None
    without: frozenset[str] = frozenset()
    origins: tuple[str, ...] = ()

    @property
    def trust(self) -> int:
        """The highest trust that the workers can reach as newcomers (spec contracts §4.5).

        A group that agrees weighs the product of its members, and reaches a trust up to that.
        """
        return int(weight(0) ** self.workers)

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("block_seconds", self.block_seconds, 0, 3600),
            ("workers", self.workers, 0, MAX_WORKERS),
            ("slots", self.slots, 1, 64),
            ("price", self.price, 0, 10**12),
        ):
            if not least <= value <= most:
                raise UserInputError(f"must lie in {least}..{most}", field=name, value=value)
        for origin in self.origins:
            check_origin(origin)
        unknown = sorted(self.without - set(OPTIONAL))
        if unknown:
            raise UserInputError(
                f"only {', '.join(OPTIONAL)} can be left out", field="without", value=unknown[0]
            )
