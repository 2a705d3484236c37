"""What a worker tells its operator over HTTP: ``/health``, ``/version`` and ``/metrics``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from poco.web import application
from poco.worker.agent import WorkerAgent
from poco.worker.steps import UNFINISHED

__all__ = ["worker_app"]


def worker_app(agent: WorkerAgent, *, clock: Callable[[], float] = time.time) -> FastAPI:
    """Make the application of a worker, for its operator only: it has no accounts.

    ``/metrics`` is in the format of Prometheus, and the original's JSON for those who ask for that.

    Args:
        agent: the worker.
        clock: seconds since 1970.
    """
    registry = CollectorRegistry()
    registry.register(_State(agent))

    def healthy() -> Mapping[str, object]:
        heard = agent.heard
        return {
            "address": agent.address,
            "block": agent.block_number(),
            "tasks": len(agent.journal.entries()),
            "scheduler_silent_seconds": None if heard is None else round(clock() - heard, 1),
        }

    def figures() -> Mapping[str, object]:
        return {
            f"{stage}Durations": {
                "minDuration": round(1000 * found.shortest),
                "maxDuration": round(1000 * found.longest),
                "averageDuration": round(1000 * found.average, 3),
                "durationSamplesCount": found.count,
            }
            for stage, found in agent.durations.statistics().items()
        }

    return application(
        "poco worker",
        description=f"Worker {agent.address}.",
        registry=registry,
        figures=figures,
        healthy=healthy,
    )


class _State(Collector):
    """Gauges that look into the journal when they are asked."""

    def __init__(self, agent: WorkerAgent) -> None:
        self._agent = agent

    def describe(self) -> Iterator[Metric]:
        """Return nothing: to register must not read the journal."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read the journal."""
        agent = self._agent
        statuses = Counter(str(entry.status) for entry in agent.journal.entries())
        tasks = GaugeMetricFamily("poco_worker_tasks", "Tasks by status", labels=["status"])
        for status, count in sorted(statuses.items()):
            tasks.add_metric([status], count)
        yield tasks
        computing = sum(statuses[status] for status in UNFINISHED)
        for name, text, value in (
            ("slots", "Tasks that are computed at a time", agent.slots),
            ("slots_taken", "Slots that are taken", computing),
            ("block", "Last block that was seen", agent.block),
            ("scheduler_heard", "Last answer of the scheduler, s since 1970", agent.heard or 0),
        ):
            yield GaugeMetricFamily(f"poco_worker_{name}", text, value=value)
        for kind in ("average", "longest"):
            seconds = GaugeMetricFamily(
                f"poco_worker_stage_{kind}_seconds",
                f"Seconds of the last tasks by stage, {kind}",
                labels=["stage"],
            )
            for stage, found in agent.durations.statistics().items():
                seconds.add_metric([stage], getattr(found, kind))
            yield seconds
