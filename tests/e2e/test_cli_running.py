"""A requester at the command line: runs apps, follows tasks, reads results, claims money back."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from eth_account.signers.local import LocalAccount
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from poco.appio.encryption import encrypt_result, generate_result_keypair
from poco.cli.main import commands
from poco.contracts import Market
from poco.errors import ConfigurationError, PeerError, UserInputError
from poco.http_server import serve_files
from poco.local import Ports, Stack, StackSettings
from poco.market import (
    Role,
    development_account,
    register_app,
    register_dataset,
    register_workerpool,
)
from poco.market.claiming import claim_deal
from poco.market.following import parse_deal_id
from poco.market.offers import RunTerms
from poco.market.parameters import write_params
from poco.market.running import carry_out, plan_run
from poco.orders import TDX, TEE, AppOrder, DatasetOrder, OrderKind, random_salt, sign_order
from poco.services.orderbook.client import OrderbookClient
from poco.web import serving

REQUESTER = development_account(Role.REQUESTER)
APP_OWNER = development_account(Role.APP_OWNER)
STRANGER = development_account(Role.DATASET_OWNER)
PATIENCE = 20.0
CONFIDENTIAL = ("--tag", "tee,tdx")


@dataclass
class Desk:
    """A project folder of the requester, in a market that is at work."""

    stack: Stack
    folder: Path
    app: str
    """The requester's own."""

    def run(self, *words: str, account: LocalAccount = REQUESTER) -> Result:
        """Run a command as people do."""
        wallet = {"privateKey": f"0x{bytes(account.key).hex()}", "address": account.address}
        (self.folder / "wallet.json").write_text(json.dumps(wallet))
        return CliRunner(mix_stderr=False).invoke(commands, list(words))

    def __call__(self, *words: str, account: LocalAccount = REQUESTER) -> dict[str, Any]:
        """Run a command, and return its raw answer."""
        done = self.run(*words, "--raw", account=account)
        assert done.exit_code == 0, done.output
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer.pop("ok")
        return answer

    def refusal(self, *words: str, account: LocalAccount = REQUESTER) -> str:
        """Run a command that fails, and return why."""
        done = self.run(*words, "--raw", account=account)
        assert done.exit_code
        answer = json.loads(done.stderr)
        assert not answer["ok"]
        return str(answer["error"]["message"])

    def buy(self, *words: str, app: str = "") -> list[str]:
        """Run an app until it is done, and return the ids of the tasks."""
        answer = self("app", "run", app or self.app, *words, "--force", "--watch")
        assert {task["statusName"] for task in answer["tasks"]} == {"COMPLETED"}
        return [task["taskid"] for task in answer["tasks"]]

    def lines(self, taskid: str, *words: str) -> list[str]:
        """Download a result, and return the lines that the app wrote."""
        path = self("task", "show", taskid, "--download", *words)["resultPath"]
        with zipfile.ZipFile(path) as archive:
            return archive.read("result.txt").decode().splitlines()

    def explained(self, taskid: str) -> dict[str, Any]:
        """Ask for all that is known of a task, until the scheduler has got it from the worker."""
        end = time.monotonic() + PATIENCE
        while True:
            told = self("task", "debug", taskid, "--logs")
            if "appLogs" in told and told["offchainData"]["task"]["status"] == "COMPLETED":
                return told
            assert time.monotonic() < end, told
            time.sleep(0.1)

    def acting(self, account: LocalAccount) -> Market:
        """The market for somebody."""
        return self.stack.market.acting_as(account)

    @property
    def book(self) -> OrderbookClient:
        """The order book."""
        return OrderbookClient(self.stack.info.market, self.stack.market.domain)

    def sell(self, account: LocalAccount, app: str, **terms: Any) -> None:
        """Publish an order for an app."""
        self.publish(account, AppOrder(app=app, salt=random_salt(), **terms))

    def publish(self, account: LocalAccount, order: AppOrder | DatasetOrder) -> None:
        """Publish an order, once the book has seen the chain as it is now."""
        kept = self.stack.orderbook
        assert kept is not None
        end = time.monotonic() + PATIENCE
        while int(kept.counts()["lastBlock"]) < self.stack.market.chain.block_number():
            assert time.monotonic() < end
            time.sleep(0.05)
        self.book.publish(sign_order(order, self.stack.market.domain, account), account)

    def has(self, stake: int) -> None:
        """Let the requester have just so much in the hub, nRLC."""
        buyer = self.acting(REQUESTER)
        buyer.hub.withdraw(buyer.hub.account(REQUESTER.address).stake)
        buyer.deposit(stake)

    def pass_time(self) -> None:
        """Let all deals of category 0 become late; only the last tests may."""
        self.stack.market.chain.request("evm_increaseTime", 300 * 10)
        self.stack.market.chain.request("evm_mine")

    def echo(self, account: LocalAccount, name: str) -> str:
        """Register the app that shows all it is given."""
        app = self.stack.info.e2e["app"]
        checksum = bytes.fromhex(app.checksum.removeprefix("0x"))
        owner = self.acting(account)
        return register_app(owner, name, app.type, app.multiaddr, checksum).address


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    left_out = frozenset({"subgraph"})
    settings = StackSettings(Ports.free(), block_seconds=0, workers=1, slots=2, without=left_out)
    with Stack(settings) as stack:
        yield stack


@pytest.fixture
def desk(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (tmp_path / "chain.json").write_text(json.dumps(stack.info.chain_json()))
    monkeypatch.chdir(tmp_path)
    desk = Desk(stack, tmp_path, "")
    desk.app = desk.echo(REQUESTER, "echo")
    return desk


def test_app_run__own_app_with_arguments_and_file__is_computed_and_downloaded(desk: Desk) -> None:
    file = desk.folder / "input.txt"
    file.write_text("a line")
    with serve_files({file.name: file}) as files:
        url = files.url_of(file.name)
        [taskid] = desk.buy("--args", "hello 'big world'", "--input-files", url)
    assert desk.lines(taskid, "mine")[:2] == ["argument hello", "argument big world"]
    assert "a line" in desk.lines(taskid, "--watch")
    assert (desk.folder / "mine.zip").is_file()
    assert (desk.folder / f"{taskid}.zip").is_file()


def test_app_run__with_download__fetches_each_result_into_a_folder(desk: Desk) -> None:
    words = ("--args", "hello", "--volume", "2", "--force", "--download", "results")
    answer = desk("app", "run", desk.app, *words)
    paths = [Path(task["resultPath"]) for task in answer["tasks"]]
    names = [f"{task['taskid']}.zip" for task in answer["tasks"]]
    assert [path.relative_to(desk.folder / "results").name for path in paths] == names
    assert all(path.is_file() for path in paths)
    assert len(names) == 2
    watched = desk("deal", "show", answer["deals"][0]["dealid"], "--watch")
    assert (watched["completedTasksCount"], watched["failedTasks"]) == (2, [])


def test_app_run__app_behind_download__is_not_taken_for_a_folder(desk: Desk) -> None:
    done = desk.run("app", "run", "--force", "--download", desk.app)
    assert done.exit_code == 2
    assert "--download ." in done.stderr


def test_app_run__result_cannot_be_had__is_told_beside_the_task(desk: Desk) -> None:
    chains = json.loads((desk.folder / "chain.json").read_text())
    chains["chains"]["local"]["ipfsGateway"] = "http://127.0.0.1:9"
    (desk.folder / "chain.json").write_text(json.dumps(chains))
    done = desk.run("app", "run", desk.app, "--args", "hello", "--force", "--download", "--raw")
    assert done.exit_code == 1
    answer = json.loads(done.stderr)
    assert answer["tasks"][0]["statusName"] == "COMPLETED"
    assert "cannot be downloaded" in answer["fail"][0]


def test_app_run__watched_by_a_person__tells_each_change(desk: Desk) -> None:
    done = desk.run("app", "run", desk.app, "--args", "hello", "--force", "--watch")
    assert done.exit_code == 0, done.output
    assert "tasks 1 COMPLETED" in done.stderr
    assert done.stdout.rstrip().endswith("COMPLETED")


def test_app_run__confidential__has_secrets_and_a_sealed_result(desk: Desk) -> None:
    desk("requester", "push-secret", "login", "--secret-value", "of the requester")
    assert desk("requester", "check-secret", "login")["isSet"]
    assert "already exists" in desk.refusal(
        "requester", "push-secret", "login", "--secret-value", "x"
    )
    assert not desk("result", "check-secret")["isEncryptionKeySet"]
    keys = desk("result", "generate-keys")
    assert keys["privateKeyFile"] == f"{REQUESTER.address}_key"
    assert desk("result", "push-encryption-key") == {"isPushed": True, "isUpdated": False}
    assert "--force-update" in desk.refusal("result", "push-encryption-key")
    assert desk("result", "push-encryption-key", "--force-update")["isUpdated"]
    assert desk("result", "check-encryption-key")["isEncryptionKeySet"]
    secrets = ("--secret", "1=login", "2=login")
    [taskid] = desk.buy("--args", "one", *CONFIDENTIAL, *secrets, "--encrypt-result")
    expected = [
        "argument one",
        "requester secret 1 of the requester",
        "requester secret 2 of the requester",
    ]
    assert desk.lines(taskid, "plain", "--decrypt") == expected
    desk("task", "show", taskid, "--download", "sealed.zip")
    opened = desk("result", "decrypt", "sealed.zip")["resultsPath"]
    assert Path(opened).read_bytes() == (desk.folder / "plain.zip").read_bytes()


def test_app_run__secret_is_missing__is_refused_before_it_is_paid(desk: Desk) -> None:
    words = ("app", "run", desk.app, *CONFIDENTIAL, "--secret", "1=nothing", "--force")
    assert 'Requester secret "nothing" is not set' in desk.refusal(*words)


def test_app_run__secret_without_enclave__is_refused(desk: Desk) -> None:
    words = ("app", "run", desk.app, "--secret", "1=login", "--force")
    assert "tag tee" in desk.refusal(*words)


def test_app_run__app_of_somebody__takes_the_cheapest_orders_of_the_book(desk: Desk) -> None:
    app = desk.echo(APP_OWNER, "sold")
    for price, volume in ((2, 5), (0, 2)):
        desk.sell(APP_OWNER, app, appprice=price, volume=volume)
    desk.has(2)
    answer = desk("app", "run", app, "--volume", "3", "--force", "--watch")
    assert [deal["volume"] for deal in answer["deals"]] == ["2", "1"]
    # One request: the tasks are numbered through.
    assert [task["idx"] for task in answer["tasks"]] == ["0", "1", "2"]
    assert "poco account deposit 2" in desk.refusal("app", "run", app, "--force")
    desk.has(20)
    told = desk.refusal("app", "run", app, "--volume", "9", "--force")
    assert "4 of 9 tasks are offered" in told


def test_app_run__all_tasks_cost_more_than_the_stake__nothing_is_bought(desk: Desk) -> None:
    app = desk.echo(APP_OWNER, "dear")
    for price in (3, 4):
        desk.sell(APP_OWNER, app, appprice=price, volume=1)
    desk.has(5)
    told = desk.refusal("app", "run", app, "--volume", "2", "--force")
    assert "2 tasks cost 7 nRLC, the account has 5 nRLC" in told
    assert "poco account deposit 2" in told


def test_app_run__secret_that_is_no_pair__is_refused(desk: Desk) -> None:
    assert "a secret is N=NAME" in desk.refusal("app", "run", desk.app, "--secret", "login")


def test_app_run__nobody_sells_it__says_whose_order_is_missing(desk: Desk) -> None:
    app = desk.echo(APP_OWNER, "unsold")
    told = desk.refusal("app", "run", app, "--force")
    assert "no order with tasks left is available for this app" in told


def test_app_run__nobody_offers_what_is_demanded__names_it(desk: Desk) -> None:
    words = ("--trust", "99", "--category", "1", "--tag", "gpu", "--force")
    told = desk.refusal("app", "run", desk.app, *words)
    assert "of any workerpool in category 1 with trust 99 with the flags gpu" in told


def test_app_run__app_fails__ends_with_an_error_and_its_reason(desk: Desk) -> None:
    words = ("app", "run", desk.app, "--args", "--callback zz", "--force", "--watch")
    done = desk.run(*words, "--raw")
    answer = json.loads(done.stderr)
    assert (done.exit_code, answer["ok"]) == (1, False)
    [task] = answer["failedTasks"]
    assert task["appFailure"] == "APP_COMPUTE_FAILED"
    told = desk.explained(task["taskid"])
    assert told["offchainData"]["replicates"][0]["exitCode"] == 1
    assert "must be 0x and hex digits" in told["appLogs"][0]["stderr"]


def test_task_debug__logs_for_a_stranger__are_not_shown(desk: Desk) -> None:
    [taskid] = desk.buy("--args", "hello")
    told = desk.run("task", "debug", taskid, "--logs", account=STRANGER)
    assert told.exit_code == 0
    assert f"only the requester of the task, {REQUESTER.address}" in told.stderr
    assert "appLogs" not in told.stdout


def test_request_execution__at_a_price__stands_in_the_book(desk: Desk) -> None:
    words = ("--workerpool-price", "3", "nRLC", "--args", "later", "--volume", "2", "--force")
    desk.acting(REQUESTER).deposit(6)
    desk.sell(REQUESTER, desk.app, volume=5)
    hashed = desk("app", "request-execution", desk.app, *words)["orderHash"]
    found = desk.book.find(OrderKind.REQUEST, hashed)
    assert found is not None
    assert (found.order.workerpoolmaxprice, found.order.volume) == (3, 2)


def test_app_run__encrypted_dataset_of_somebody__is_read_by_the_app(desk: Desk) -> None:
    original = desk.folder / "datasets" / "original" / "data.csv"
    original.parent.mkdir(parents=True)
    original.write_text("a,b")
    [made] = desk("dataset", "encrypt")["encryptedFiles"]
    locked, checksum = Path(made["encrypted"]), bytes.fromhex(made["checksum"][2:])
    with serve_files({locked.name: locked}) as files:
        owner = desk.acting(STRANGER)
        dataset = register_dataset(owner, "data", files.url_of(locked.name), checksum).address
        words = ("--dataset", dataset, *CONFIDENTIAL, "--args", "one")
        told = desk.refusal("app", "run", desk.app, *words, "--force")
        assert "no order with tasks left is available for this dataset" in told
        desk.publish(STRANGER, DatasetOrder(dataset=dataset, salt=random_salt()))
        told = desk.refusal("app", "run", desk.app, *words, "--force")
        assert f"Dataset encryption key is not set for dataset {dataset}" in told
        desk("dataset", "push-secret", dataset, account=STRANGER)
        [taskid] = desk.buy(*words)
    assert desk.lines(taskid) == ["argument one", f"dataset {dataset.lower()}", "a,b"]


def test_dataset_encrypt__done_before__is_replaced_only_when_told_to(desk: Desk) -> None:
    originals = desk.folder / "mine"
    originals.mkdir()
    (originals / "data").write_text("a,b")
    words = ("dataset", "encrypt", "--original-dataset-dir", "mine")
    key = Path(desk(*words, "--force")["encryptedFiles"][0]["key"])
    first = key.read_text()
    assert "give --force to answer yes" in desk.refusal(*words)
    assert key.read_text() == first
    desk(*words, "--force")
    assert key.read_text() != first


def test_plan_run__nobody_to_ask__is_refused(desk: Desk) -> None:
    market = desk.acting(STRANGER)
    with pytest.raises(ConfigurationError, match="no order book is known"):
        plan_run(market, STRANGER, RunTerms(app=desk.app, params=""), None)
    with pytest.raises(UserInputError, match="no app is registered"):
        plan_run(market, STRANGER, RunTerms(app=STRANGER.address, params=""), None)


def test_plan_run__own_app_and_dataset__are_sold_to_the_buyer_alone(desk: Desk) -> None:
    buyer = desk.acting(REQUESTER)
    dataset = register_dataset(buyer, "own", "https://example.com/data", bytes(32)).address
    terms = RunTerms(app=desk.app, params="", dataset=dataset, category=1, tag=TEE | TDX)
    plan = plan_run(buyer, REQUESTER, terms, desk.book)
    [part] = plan.parts
    assert (plan.request.category, plan.cost, plan.tag) == (1, 0, TEE | TDX)
    for order in (part.offer.app, part.offer.dataset):
        assert (order.requesterrestrict, order.volume) == (REQUESTER.address, 1)


def test_plan_run__app_sold_for_enclaves_only__is_run_in_one(desk: Desk) -> None:
    app = desk.echo(APP_OWNER, "confidential")
    desk.sell(APP_OWNER, app, tag=TEE | TDX)
    plan = plan_run(desk.acting(REQUESTER), REQUESTER, RunTerms(app=app, params=""), desk.book)
    assert plan.tag == TEE | TDX


def test_carry_out__order_is_closed_meanwhile__names_the_deals_that_stand(desk: Desk) -> None:
    app = desk.echo(APP_OWNER, "closed")
    owner, buyer = desk.acting(APP_OWNER), desk.acting(REQUESTER)
    for _ in range(2):
        desk.sell(APP_OWNER, app, volume=1)
    terms = RunTerms(app=app, params=write_params(args="one"), volume=2)
    plan = plan_run(buyer, REQUESTER, terms, desk.book)
    deals = carry_out(buyer, plan)
    first = next(deals)
    assert desk("deal", "show", f"0x{first.dealid.hex()}")["deal"]["botSize"] == "1"
    owner.hub.close(plan.parts[1].offer.app)
    with pytest.raises(PeerError, match=f"0x{first.dealid.hex()}.*Match_OrderConsumed"):
        next(deals)
    with pytest.raises(UserInputError, match="Match_OrderConsumed"):
        next(carry_out(buyer, plan))


def test_deal__never_computed__is_claimed_when_it_is_late(desk: Desk) -> None:
    """The requester's own pool has no scheduler. This and what follows moves the clock."""
    pool = register_workerpool(desk.acting(REQUESTER), "nobody works here").address
    words = ("--workerpool", pool, "--volume", "3", "--force")
    [deal] = desk("app", "run", desk.app, *words)["deals"]
    dealid, hub = deal["dealid"], desk.acting(REQUESTER).hub
    assert "cannot be claimed before" in desk.refusal("deal", "claim", dealid)
    opened = [
        f"0x{hub.initialize(bytes.fromhex(dealid[2:]), index).value.hex()}" for index in (0, 1)
    ]
    assert "cannot be claimed before" in desk.refusal("task", "claim", opened[0])
    told = desk.run("task", "debug", opened[0])
    assert "the compass does not know the scheduler" in told.stderr
    desk.pass_time()
    assert desk("task", "show", opened[0])["claimable"]
    assert desk("task", "claim", opened[0])["txHash"]
    done = desk("deal", "claim", dealid)
    assert list(done["claimed"]) == ["1", "2"]
    assert [sent["type"] for sent in done["transactions"]] == [
        "claimArray",
        "initializeAndClaimArray",
    ]
    assert "nothing to claim" in desk.refusal("deal", "claim", dealid)
    assert "FAILED cannot be claimed" in desk.refusal("task", "claim", opened[0])
    watched = desk.run("deal", "show", dealid, "--watch", "--raw")
    told = json.loads(watched.stderr)
    assert (watched.exit_code, told["failedTasksCount"], len(told["failedTasks"])) == (1, 3, 3)


def test_claim_deal__somebody_claims_a_task_meanwhile__claims_the_rest(desk: Desk) -> None:
    buyer, stranger = desk.acting(REQUESTER), desk.acting(STRANGER)
    pool = register_workerpool(buyer, "nobody works here").address
    words = ("--workerpool", pool, "--volume", "4", "--force")
    [deal] = desk("app", "run", desk.app, *words)["deals"]
    dealid = parse_deal_id(deal["dealid"])
    buyer.hub.initialize(dealid, 0)
    desk.pass_time()
    claims = claim_deal(buyer, dealid)
    assert list(next(claims).tasks) == [0]
    stranger.hub.initialize_and_claim_all([(dealid, 1)])
    assert [list(claim.tasks) for claim in claims] == [[2, 3]]


@pytest.fixture
def waiting(desk: Desk) -> str:
    """A task of a pool that nobody runs."""
    buyer = desk.acting(REQUESTER)
    pool = register_workerpool(buyer, "nobody works here").address
    [deal] = desk("app", "run", desk.app, "--workerpool", pool, "--force")["deals"]
    return f"0x{buyer.hub.initialize(parse_deal_id(deal['dealid']), 0).value.hex()}"


def with_compass(desk: Desk, url: str | None) -> None:
    chains = desk.stack.info.chain_json()
    chains["chains"]["local"]["compass"] = url
    if url is None:
        del chains["chains"]["local"]["compass"]
    (desk.folder / "chain.json").write_text(json.dumps(chains))


@contextmanager
def scheduler_that(answers: Callable[[str], Response]) -> Iterator[str]:
    """Serve a compass and scheduler of somebody else; a path is answered by a test."""
    app = FastAPI()

    @app.get("/{path:path}")
    def anything(request: Request) -> Response:
        if "workerpools" in request.url.path:
            return JSONResponse({"apiUrl": str(request.base_url)})
        return answers(request.url.path)

    with serving(app) as url:
        yield url


def test_task_debug__task_that_waits__says_why(desk: Desk, waiting: str) -> None:
    report = {"currentStatus": "RUNNING", "blockedReason": "no worker is free"}
    with scheduler_that(lambda _: JSONResponse(report)) as url:
        with_compass(desk, url)
        told = desk.run("task", "debug", waiting, "--logs")
    assert "it waits: no worker is free" in told.stderr
    assert "the scheduler must offer a challenge" in told.stderr
    assert told.exit_code == 0


def test_task_debug__scheduler_without_logs__says_so(desk: Desk, waiting: str) -> None:
    def answer(path: str) -> Response:
        if path.endswith("challenge"):
            return JSONResponse({"message": {"challenge": "sign"}})
        return JSONResponse({"error": "unknown"}, 404)

    with scheduler_that(answer) as url:
        with_compass(desk, url)
        told = desk.run("task", "debug", waiting, "--logs")
    assert "the scheduler does not know the task" in told.stderr
    assert "the scheduler has no logs" in told.stderr
    assert told.exit_code == 0


def test_task_debug__nobody_answers__shows_the_chain_and_a_warning(
    desk: Desk, waiting: str
) -> None:
    with scheduler_that(lambda _: JSONResponse({"error": "at lunch"}, 500)) as url:
        with_compass(desk, url)
        refused = desk.run("task", "debug", waiting)
    away = desk.run("task", "debug", waiting)
    with_compass(desk, None)
    none = desk.run("task", "debug", waiting)
    for told, words in (
        (refused, "refuses: 500 at lunch"),
        (away, "the compass does not answer"),
        (none, 'has no "compass"'),
    ):
        assert words in told.stderr
        assert "onchainData" in told.stdout
        assert told.exit_code == 0


def test_ids__of_nothing__are_refused(desk: Desk) -> None:
    nothing = f"0x{'00' * 32}"
    assert "no deal has this id" in desk.refusal("deal", "show", nothing)
    assert "no task found" in desk.refusal("task", "show", nothing, "--watch")


def test_result_keys__made_elsewhere__are_imported_and_open_a_result(desk: Desk) -> None:
    private, public = generate_result_keypair(desk.folder, STRANGER.address)
    (desk.folder / "result.zip").write_bytes(b"a result")
    encrypt_result(desk.folder / "result.zip", Path("sealed.zip"), public.read_bytes())
    desk("result", "import-encryption-key", private.name)
    path = Path(desk("result", "decrypt", "sealed.zip")["resultsPath"])
    assert path.read_bytes() == b"a result"
    assert "--force to answer yes" in desk.refusal("result", "decrypt", "sealed.zip")
