"""Seeded random crashes: a seed tells who dies where, and what is bought."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from crash_points import (
    RESULT_STORE,
    SCHEDULER_ALONE,
    SCHEDULER_AT_LOGIN,
    SCHEDULER_AT_WORK,
    SCHEDULER_SENDING,
    WORKER_AFTER_CONSENSUS,
    WORKER_AT_THE_END,
    WORKER_IN_ONE_STEP,
    WORKER_UNTIL_CONTRIBUTION,
)
from crash_process import SCHEDULER, Story, worker
from crash_stage import Outcome, play
from support.mortality import Crash
from worker_stage import Town

from poco.contracts import TaskStatus

_SCHEDULER = (
    *SCHEDULER_ALONE,
    *SCHEDULER_AT_LOGIN,
    *SCHEDULER_SENDING,
    *SCHEDULER_AT_WORK,
    *RESULT_STORE,
)
_IN_THREE_STEPS = (*WORKER_UNTIL_CONTRIBUTION, *WORKER_AFTER_CONSENSUS, *WORKER_AT_THE_END)
_MOST_TASKS = 3
_MOST_CRASHES = 4
_WASM = 0.1


def story_of(seed: int) -> Story:
    """Draw a story."""
    dice = random.Random(seed)
    trust, one_step = dice.choice([(1, True), (1, False), (3, True)])
    workers = 2 if trust > 1 else dice.choice([1, 2])
    points = WORKER_IN_ONE_STEP if trust == 1 and one_step else _IN_THREE_STEPS
    names = [SCHEDULER, *map(worker, range(workers))]
    return Story(
        trust=trust,
        tasks=dice.randint(1, _MOST_TASKS),
        workers=workers,
        one_step=one_step,
        wasm=dice.random() < _WASM,
        crashes={
            name: _lives(dice, _SCHEDULER if name == SCHEDULER else points)
            for name in dice.sample(names, dice.randint(1, len(names)))
        },
    )


def _lives(dice: random.Random, points: tuple[str, ...]) -> tuple[Crash, ...]:
    """Draw where a process dies, in an order in which most of it can come true."""
    drawn = sorted(dice.choices(range(len(points)), k=dice.randint(1, _MOST_CRASHES)))
    return tuple(Crash(points[place], dice.choice([1, 1, 1, 2])) for place in drawn)


@dataclass
class Series:
    """What is counted over many stories.

    Args:
        stories: how many were told.
        crashes: by process and point.
        tasks: how they ended.
        runs: of apps.
        reverted: transactions that were mined in vain.
        seconds: that it took.
        losses: what must never happen, with the seed.
    """

    stories: int = 0
    crashes: Counter[tuple[str, str]] = field(default_factory=Counter)
    tasks: Counter[TaskStatus] = field(default_factory=Counter)
    runs: int = 0
    reverted: int = 0
    seconds: float = 0.0
    losses: list[str] = field(default_factory=list)

    def add(self, seed: int, outcome: Outcome) -> None:
        """Count a story."""
        self.stories += 1
        self.crashes.update((name.split()[0], crash.point) for name, crash in outcome.deaths)
        self.tasks += outcome.tasks
        self.runs += outcome.runs
        self.reverted += outcome.reverted
        self.seconds += outcome.seconds
        self.losses += [f"seed {seed}: {loss}" for loss in outcome.losses]


def play_series(
    town: Town,
    folder: Path,
    *,
    crashes: int,
    seed: int = 0,
    told: Callable[[int, Story, Outcome], None] = lambda *_: None,
) -> Series:
    """Play stories until enough processes have died.

    Args:
        town: the market.
        folder: for their files.
        crashes: how many deaths are enough.
        seed: of the first story; the others follow.
        told: called after each story.
    """
    series = Series()
    for number in count(seed):
        if series.crashes.total() >= crashes:
            break
        story = story_of(number)
        outcome = play(town, story, folder / str(number))
        series.add(number, outcome)
        told(number, story, outcome)
    return series
