"""What Prometheus reads: gauges that look into the database when they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from poco.scheduler.statuses import Stage

if TYPE_CHECKING:
    from poco.scheduler.scheduler import Scheduler

__all__ = ["registry"]


class _State(Collector):
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def describe(self) -> Iterator[Metric]:
        """Return nothing: to register must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read the state."""
        tasks = GaugeMetricFamily("poco_scheduler_tasks", "Tasks by status", labels=["status"])
        counts = self._scheduler.views.counts()
        for stage in Stage:
            tasks.add_metric([stage], counts.get(stage, 0))
        yield tasks
        workers = self._scheduler.views.workers()
        alive = [worker for worker in workers if worker.alive]
        yield GaugeMetricFamily(
            "poco_scheduler_workers_alive", "Workers that are heard of", value=len(alive)
        )
        yield GaugeMetricFamily(
            "poco_scheduler_slots", "Slots of these", value=sum(one.slots for one in alive)
        )
        yield GaugeMetricFamily(
            "poco_scheduler_slots_computing",
            "Tasks that are being computed",
            value=sum(one.computing for one in alive),
        )
        yield GaugeMetricFamily(
            "poco_scheduler_tasks_late",
            "Open tasks with at most one time reference before their final deadline",
            value=len(self._scheduler.census.late()),
        )
        yield GaugeMetricFamily(
            "poco_scheduler_block", "Last block that was seen", value=self._scheduler.height()
        )


def registry(scheduler: Scheduler) -> CollectorRegistry:
    """Return the metrics of a scheduler."""
    made = CollectorRegistry()
    made.register(_State(scheduler))
    return made
