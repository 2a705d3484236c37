"""A service that ends is started again, and the others do not notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI

from poco.errors import ChainError
from poco.local import supervision
from poco.local.supervision import Supervisor
from poco.web import application, listen, url_of

PATIENCE = 10.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(lambda name, line: said.append(f"{name}: {line}"))
    yield made
    made.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (ChainError("the node does not answer"), "the node does not answer"),
        (ValueError("odd"), "unexpected ValueError: odd"),
        (None, "it ended"),
    ],
)
def test_service__ends__is_started_again_and_said(
    supervisor: Supervisor, said: list[str], failure: Exception | None, cause: str
) -> None:
    runs = threading.Semaphore(0)

    def work(stop: threading.Event) -> None:
        runs.release()
        if said:
            stop.wait()
        elif failure is not None:
            raise failure

    supervisor.keep("bell", work)
    for _ in range(2):
        assert runs.acquire(timeout=PATIENCE)
    assert said == [f"bell: starts again in 0.01 s: {cause}"]
    assert supervisor.ill == {}


def test_service__that_cannot_run__is_ill_and_paused_longer_each_time(
    supervisor: Supervisor, said: list[str]
) -> None:
    def work(_: threading.Event) -> None:
        raise ChainError("gone")

    supervisor.keep("bell", work)
    until(lambda: len(said) == 3)
    assert [line.split()[4] for line in said] == ["0.01", "0.02", "0.04"]
    assert supervisor.ill == {"bell": "gone"}


def test_server__that_ended__answers_again_at_its_ports(
    supervisor: Supervisor, said: list[str]
) -> None:
    app: FastAPI = application("test")
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as two:
        supervisor.serve("page", app, [one, two])
        urls = [url_of("127.0.0.1", listener) for listener in (one, two)]
        assert [httpx.get(f"{url}/health").status_code for url in urls] == [200, 200]
        supervisor._servers["page"].should_exit = True
        until(lambda: said == ["page: starts again in 0.01 s: it ended"])
        assert [httpx.get(f"{url}/health").status_code for url in urls] == [200, 200]
        supervisor.close()
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{urls[0]}/health", timeout=0.2)
