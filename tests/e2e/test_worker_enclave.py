"""Tasks for an enclave that is simulated: secret service, scheduler, worker and chain together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scheduler_stage import Pool, opened, purchase
from worker_stage import Town, founded, statuses

from poco.contracts import TaskStatus
from poco.errors import PeerError
from poco.market import Role, development_account
from poco.orders import TDX, TEE, ZERO_ADDRESS, Tag
from poco.scheduler.client import SchedulerClient
from poco.scheduler.protocol import Capability
from poco.scheduler.statuses import ReplicateStatus
from poco.secret import Secret
from poco.services.secrets import (
    Gate,
    KeyFile,
    KeyRing,
    SecretsClient,
    SecretsService,
    SecretStore,
    TaskSecrets,
    secrets_application,
)
from poco.web import serving
from poco.worker.agent import WorkerAgent

OFFICIAL_TAG = TEE | TDX
"""What the official client puts on every order."""


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def secrets(town: Town, tmp_path: Path) -> Iterator[str]:
    """The URL of a secret service that plays enclaves."""
    file = KeyFile(tmp_path / "master.key")
    file.create()
    store = SecretStore(f"sqlite:///{tmp_path / 'secrets.sqlite'}", KeyRing.load(file.path))
    service = SecretsService(Gate(town.market, simulated=True), store)
    with serving(secrets_application(service)) as url:
        yield url


@pytest.fixture
def pool(town: Town, tmp_path: Path, secrets: str) -> Iterator[Pool]:
    options = {"simulated_enclaves": True, "secrets_url": secrets}
    with opened(town, tmp_path, secrets=SecretsClient(secrets), **options) as pool:
        yield pool


def hire(pool: Pool, folder: Path, tags: Tag) -> WorkerAgent:
    client = SchedulerClient(pool.url, development_account(Role.WORKER))
    able = Capability(name="worker", slots=4, app_types=("WASM",), tags=int(tags))
    return pool.town.agent(client, folder, capability=able)


def work(pool: Pool, agent: WorkerAgent, rounds: int = 12) -> None:
    for _ in range(rounds):
        pool.scheduler.settle()
        agent.step()


@pytest.mark.parametrize("trust", [1, 2], ids=["in one step", "in three steps"])
def test_worker__simulated_enclave__signs_what_the_contracts_demand(
    pool: Pool, tmp_path: Path, trust: int
) -> None:
    _, taskid = purchase(pool.town, tag=OFFICIAL_TAG, trust=trust)
    agent = hire(pool, tmp_path, OFFICIAL_TAG)
    work(pool, agent)
    assert pool.town.status(taskid) is TaskStatus.COMPLETED
    own = pool.town.hub.contribution(taskid, agent.address)
    assert own.enclave != ZERO_ADDRESS


def test_worker__without_simulated_enclave__does_not_get_the_task(
    pool: Pool, tmp_path: Path
) -> None:
    _, taskid = purchase(pool.town, tag=OFFICIAL_TAG)
    agent = hire(pool, tmp_path, Tag(0))
    work(pool, agent, rounds=3)
    assert pool.town.status(taskid) is TaskStatus.ACTIVE
    assert statuses(agent) == {}


def test_worker__task_without_the_tag__needs_no_secret_of_the_service(
    pool: Pool, tmp_path: Path
) -> None:
    """A service that plays enclaves refuses it; a pool with one takes such tasks all the same."""
    _, taskid = purchase(pool.town)
    work(pool, hire(pool, tmp_path, OFFICIAL_TAG))
    assert pool.town.status(taskid) is TaskStatus.COMPLETED


def test_worker__secret_service_is_down__tries_again(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, taskid = purchase(pool.town, tag=OFFICIAL_TAG)
    agent = hire(pool, tmp_path, OFFICIAL_TAG)

    def silent(*_: object) -> None:
        raise PeerError("the secret service does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(SecretsClient, "session", silent)
        work(pool, agent, rounds=3)
        assert statuses(agent)[taskid] is ReplicateStatus.STARTING
    work(pool, agent)
    assert pool.town.status(taskid) is TaskStatus.COMPLETED


def test_worker__key_of_another_enclave__is_not_signed_with(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, taskid = purchase(pool.town, tag=OFFICIAL_TAG)
    agent = hire(pool, tmp_path, OFFICIAL_TAG)
    other = TaskSecrets(enclave_key=Secret(f"0x{'11' * 32}"))
    monkeypatch.setattr(SecretsClient, "session", lambda *_: other)
    work(pool, agent, rounds=3)
    found = agent.journal.entry(taskid)
    assert found is not None
    assert (found.status, found.cause) == (
        ReplicateStatus.START_FAILED,
        "ENCLAVE_SIGNATURE_NOT_FOUND",
    )
