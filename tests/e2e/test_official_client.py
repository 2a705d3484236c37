"""The unmodified `iexec` command against a pool of ours: it buys, shows, downloads, reads logs."""

from __future__ import annotations

import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from scheduler_stage import Pool, opened
from support.official_client import OfficialClient
from terminals import PATIENCE, ROOT
from worker_stage import Town, founded

from poco.appio.encryption import generate_result_keypair
from poco.http_server import serve_files
from poco.market import (
    Offer,
    Role,
    buy,
    development_account,
    file_checksum,
    package_app,
    register_app,
    register_dataset,
    sign_request,
)
from poco.orders import TDX, TEE, AppOrder, TaskId, random_salt, sign_order, task_id
from poco.scheduler.client import SchedulerClient
from poco.scheduler.protocol import Capability
from poco.services.compass import compass_router
from poco.services.secrets import (
    Gate,
    KeyFile,
    KeyRing,
    SecretsClient,
    SecretsService,
    SecretStore,
    secrets_application,
)
from poco.web import HttpError, application, serving

OFFICIAL_TAG = TEE | TDX
"""What the official client puts on every order."""
APP_OWNER = development_account(Role.APP_OWNER)
DATASET_OWNER = development_account(Role.DATASET_OWNER)
POOL_OWNER = development_account(Role.WORKERPOOL)
REQUESTER = development_account(Role.REQUESTER)
WORKER = development_account(Role.WORKER)
STRANGER = development_account(Role.WORKER + 3)


@dataclass
class Fair:
    """A market with a pool at work, and the official client's project for it."""

    town: Town
    pool: Pool
    app: ChecksumAddress
    iexec: OfficialClient
    stack: ExitStack

    def order(self, kind: str, account: LocalAccount, **order: Any) -> None:
        """Sign an order with the client."""
        self.iexec.write("iexec.json", {"description": "a fair", "order": {f"{kind}order": order}})
        self.iexec("order", "sign", f"--{kind}", "--force", account=account)

    def dataset(self, content: str) -> ChecksumAddress:
        """Encrypt a dataset with the client, register it, and push its key with the client."""
        locked = self.iexec.folder / "datasets" / "encrypted" / "data.csv.enc"
        original = self.iexec.folder / "datasets" / "original" / "data.csv"
        for folder in (original.parent, locked.parent, self.iexec.folder / ".secrets" / "datasets"):
            folder.mkdir(parents=True)
        original.write_text(content)
        self.iexec("dataset", "encrypt", "--force")
        url = self.stack.enter_context(serve_files({locked.name: locked})).url_of(locked.name)
        owner = self.town.market.acting_as(DATASET_OWNER)
        checksum = file_checksum(locked, "dataset")
        address = register_dataset(owner, "data", url, checksum).address
        self.iexec("dataset", "push-secret", address, account=DATASET_OWNER)
        return address

    @cached_property
    def standard_task(self) -> str:
        """A task without an enclave, which the official client cannot buy: bought here."""
        order = AppOrder(app=self.app, salt=random_salt())
        signed = sign_order(order, self.town.market.domain, APP_OWNER)
        offer = Offer(app=signed, workerpool=self.town.offer.workerpool)
        params = json.dumps({"iexec_args": "hello 'big world'"})
        request = sign_request(self.town.requester, REQUESTER, offer, params)
        deal = buy(self.town.requester, offer, request)
        return f"0x{task_id(deal.dealid, deal.bot_first).hex()}"

    def wait_for(self, task: str) -> None:
        """Wait until the pool is done with a task, and has its logs."""
        taskid = TaskId(bytes.fromhex(task.removeprefix("0x")))
        end = time.monotonic() + PATIENCE
        while not self._is_told(taskid):
            assert time.monotonic() < end, self.pool.said
            time.sleep(0.1)

    def _is_told(self, taskid: TaskId) -> bool:
        with suppress(HttpError):  # 404 until there is one
            self.pool.scheduler.views.logs(taskid, REQUESTER.address)
            return self.pool.stage(taskid) == "COMPLETED"
        return False


@contextmanager
def _secret_service(town: Town, folder: Path) -> Iterator[str]:
    """Play enclaves; yield the URL."""
    file = KeyFile(folder / "master.key")
    file.create()
    store = SecretStore(f"sqlite:///{folder / 'secrets.sqlite'}", KeyRing.load(file.path))
    service = SecretsService(Gate(town.market, simulated=True), store)
    with serving(secrets_application(service)) as url:
        yield url
    store.close()


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fair]:
    folder = tmp_path_factory.mktemp("fair")
    stop = threading.Event()
    with ExitStack() as stack:
        town = stack.enter_context(founded())
        packaged = package_app(ROOT / "apps" / "echo", "wasm")
        app = register_app(
            town.market.acting_as(APP_OWNER),
            packaged.name,
            packaged.app_type,
            packaged.multiaddr,
            packaged.checksum,
        ).address
        sms = stack.enter_context(_secret_service(town, folder))
        options = {"simulated_enclaves": True, "secrets_url": sms}
        pool = stack.enter_context(opened(town, folder, secrets=SecretsClient(sms), **options))
        compass = application("compass")
        pools = {town.offer.workerpool.workerpool: pool.url}
        compass.include_router(compass_router(town.chain.chain_id, pools.get))
        client = OfficialClient(
            folder / "project",
            town.market,
            sms=sms,
            ipfsGateway=pool.url,
            compass=stack.enter_context(serving(compass)),
        )
        able = Capability(name="worker", app_types=("WASM",), tags=int(OFFICIAL_TAG))
        scheduler = SchedulerClient(pool.url, WORKER)
        worker = town.agent(scheduler, folder, capability=able, poll_seconds=0.2)
        # From now on blocks come once a second: the client stumbles over faster ones.
        town.chain.request("evm_setAutomine", False)
        town.chain.request("evm_setIntervalMining", 1)
        for target, arguments in ((pool.scheduler.run, (stop, 0.2)), (worker.run, (stop,))):
            thread = threading.Thread(target=target, args=arguments)
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        yield Fair(town, pool, app, client, stack)


def read(archive: Path, name: str) -> str:
    with zipfile.ZipFile(archive) as found:
        return found.read(name).decode()


def test_task__standard__is_watched_and_downloaded(fair: Fair) -> None:
    words = ("--watch", "--download", "plain")
    shown = fair.iexec("task", "show", fair.standard_task, *words, account=REQUESTER)
    assert shown["task"]["statusName"] == "COMPLETED"
    assert read(Path(shown["resultPath"]), "result.txt").splitlines() == [
        "argument hello",
        "argument big world",
    ]


def test_task__standard__is_explained_with_its_logs(fair: Fair) -> None:
    fair.wait_for(fair.standard_task)
    told = fair.iexec("task", "debug", fair.standard_task, "--logs", account=REQUESTER)
    assert told["onchainData"]["statusName"] == "COMPLETED"
    assert told["offchainData"]["task"]["status"] == "COMPLETED"
    [replicate] = told["offchainData"]["replicates"]
    assert (replicate["worker"], replicate["exitCode"]) == (WORKER.address, 0)
    assert told["appLogs"] == [{"worker": WORKER.address, "stdout": "done\n", "stderr": ""}]


def test_logs__asked_by_another__are_refused_in_words(fair: Fair) -> None:
    said = fair.iexec.terminal("task", "debug", fair.standard_task, "--logs", account=STRANGER)
    assert f"Only task requester {REQUESTER.address} can access replicates logs" in said
    assert "App logs" not in said


def test_task__confidential__is_bought_and_decrypted_by_the_client(fair: Fair) -> None:
    """Whatever a person does here is done with the official client."""
    iexec = fair.iexec
    iexec("app", "push-secret", fair.app, "--secret-value", "of the app", account=APP_OWNER)
    assert iexec("app", "check-secret", fair.app)["isSecretSet"]
    value = ("--secret-value", "of the requester")
    iexec("requester", "push-secret", "password", *value, account=REQUESTER)
    dataset = fair.dataset("a,b\n1,2\n")
    fair.order("dataset", DATASET_OWNER, dataset=dataset, volume="1")
    generate_result_keypair(iexec.folder / ".secrets" / "beneficiary", REQUESTER.address)
    iexec("result", "push-encryption-key", account=REQUESTER)
    pool = fair.town.offer.workerpool.workerpool
    fair.order("app", APP_OWNER, app=fair.app, volume="1")
    fair.order("workerpool", POOL_OWNER, workerpool=pool, volume="1", category="0", trust="1")
    params = {
        "iexec_args": "one",
        "iexec_secrets": {"1": "password"},
        "iexec_result_encryption": True,
    }
    # The client's preflight check finds all secrets, else it would not buy.
    words = ("--params", json.dumps(params), "--force")
    dealid = iexec("order", "fill", *words, account=REQUESTER)["dealid"]
    deal = iexec("deal", "show", dealid, "--watch")
    assert deal["deal"]["tag"] == OFFICIAL_TAG.to_hex()
    assert (deal["completedTasksCount"], deal["failedTasksCount"]) == (1, 0)
    [taskid] = deal["deal"]["tasks"]
    iexec("task", "show", taskid, "--download", "sealed", account=REQUESTER)
    plain = iexec("result", "decrypt", "sealed.zip", "--force", account=REQUESTER)
    assert read(Path(plain["resultsPath"]), "result.txt").splitlines() == [
        "argument one",
        f"dataset {dataset.lower()}",
        "a,b",
        "1,2",
        "",
        "app secret of the app",
        "requester secret 1 of the requester",
    ]
