"""What time it is for a scheduler."""

from __future__ import annotations

import pytest

from poco.scheduler.moment import Moment
from poco.scheduler.watcher import Head

HOUR = 3600


def head(number: int, timestamp: int) -> Head:
    return Head(number, f"0x{number}", timestamp)


@pytest.mark.parametrize("error", [HOUR, -HOUR])
def test_moment__clock_of_the_host_is_wrong__goes_by_the_blocks(error: int) -> None:
    """An hour ahead, no task would be finalised any more; an hour behind, none be claimed."""
    ticks = [0.0]
    moment = Moment(lambda: 1_000 + error, has_steady_blocks=True, ticks=lambda: ticks[0])
    moment.observe(head(1, 1_000))
    assert moment.now() == 1_000
    ticks[0] += 5
    moment.observe(head(1, 1_000))
    assert moment.now() == 1_005
    moment.observe(head(2, 1_012))
    assert moment.now() == 1_012


def test_moment__chain_of_ones_own_at_rest__goes_by_the_clock() -> None:
    clock = [1_000.0]
    moment = Moment(lambda: clock[0])
    assert moment.now() == 1_000
    moment.observe(head(1, 900))
    assert moment.now() == 1_000
    moment.observe(head(2, 1_100))
    assert moment.now() == 1_100
