"""What the parts of the queue have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from poco.chain_ids import is_development_chain
from poco.transactions.fees import FeePolicy

__all__ = ["Settings", "default_confirmations"]

_BLOCKS_UNTIL_REPEATED = 3
_BLOCKS_UNTIL_REPLACED = 6
_BLOCKS_UNTIL_MINED = 2
_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """See the arguments of `poco.transactions.TransactionQueue`.

    Args:
        clock: see there.
        fees: see there.
        confirmations: see there.
        block_seconds: see there.
        has_steady_blocks: whether the newest block tells what time it is.
        effect: see there.
        crash_point: see there.
    """

    clock: Callable[[], float]
    fees: FeePolicy
    confirmations: int
    block_seconds: float
    has_steady_blocks: bool
    effect: Callable[[str], bool]
    crash_point: Callable[[str], None]

    @property
    def repeat_seconds(self) -> float:
        """After how long an unmined transaction is given to the node again."""
        return _BLOCKS_UNTIL_REPEATED * self.block_seconds

    @property
    def replace_seconds(self) -> float:
        """After how long an unmined transaction is signed again at a higher price."""
        return _BLOCKS_UNTIL_REPLACED * self.block_seconds

    @property
    def lead_seconds(self) -> float:
        """How long it takes until a transaction sent now is mined."""
        return _BLOCKS_UNTIL_MINED * self.block_seconds

    def pause(self, tries: int) -> float:
        """Return how long to wait after a number of tries in vain, in seconds."""
        return float(min(2.0 ** min(tries, 10) / 2, _LONGEST_PAUSE_SECONDS))


def default_confirmations(chain_id: int) -> int:
    """Return how many blocks make a transaction final, its own counted."""
    return 1 if is_development_chain(chain_id) else 12
