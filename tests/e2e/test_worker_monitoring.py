"""What a worker tells its operator over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from worker_stage import Desk, finish, founded, result_store

from poco.errors import ChainError
from poco.web import serving
from poco.worker.monitoring import worker_app


def test_worker__is_watched__tells_its_tasks_durations_and_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with founded() as town, result_store(town, tmp_path / "results"):
        desk = Desk()
        agent = town.agent(desk, tmp_path)
        with serving(worker_app(agent, clock=lambda: 2_000_000_000.0)) as url:
            health = httpx.get(f"{url}/health").json()
            assert health["scheduler_silent_seconds"] is None
            desk.assign(town.leave(town.deal()))
            finish(agent)

            health = httpx.get(f"{url}/health").json()
            assert health["address"] == agent.address
            assert health["tasks"] == 1
            assert health["scheduler_silent_seconds"] > 0
            metrics = httpx.get(f"{url}/metrics").text
            assert 'poco_worker_tasks{status="COMPLETED"} 1.0' in metrics
            assert f"poco_worker_slots {float(agent.slots)}" in metrics
            assert "poco_worker_slots_taken 0.0" in metrics
            assert 'poco_worker_stage_longest_seconds{stage="appCompute"}' in metrics
            wanted = {"Accept": "application/json"}
            durations = httpx.get(f"{url}/metrics", headers=wanted).json()
            assert durations.keys() == {
                f"{stage}ComputeDurations" for stage in ("pre", "app", "post", "complete")
            }
            complete = durations["completeComputeDurations"]
            assert complete["durationSamplesCount"] == 1
            assert complete["minDuration"] == complete["maxDuration"] > 0
            assert httpx.get(f"{url}/version").is_success

            def away() -> int:
                raise ChainError("the node does not answer")

            monkeypatch.setattr(town.workers[0].chain, "block_number", away)
            assert httpx.get(f"{url}/health").status_code == 503
