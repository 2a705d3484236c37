"""Assets, orders and the order book from the command line, and with the official client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from eth_account.signers.local import LocalAccount
from fastapi import FastAPI
from sqlalchemy import delete
from support.anvil import account, start_anvil
from support.client_stage import ROLES, Stage
from support.official_client import OfficialClient

from poco.cli.main import commands
from poco.contracts import Chain, EventReader, Market, Mode, Wallet
from poco.deployment import deploy
from poco.errors import UserInputError
from poco.market.publishing import fill_order
from poco.market.purchase import Offer
from poco.orders import ZERO_ADDRESS, order_hash, read_orders
from poco.services.compass import compass_router
from poco.services.orderbook import Orderbook, orderbook_application
from poco.services.orderbook.tables import orders, shapes
from poco.services.secrets import (
    Gate,
    KeyFile,
    KeyRing,
    SecretsService,
    SecretStore,
    secrets_application,
)
from poco.web import serving

SKIP = "--skip-preflight-check"
TEE = "0x" + "0" * 63 + "9"
CID = "/ipfs/QmW2WQi7j6c7UgJTarActp7tDNikE4B2qXtFCfLPdsgaTQ"


@dataclass
class Town:
    """A market with its order book and secret service."""

    stage: Stage
    book: Orderbook
    orderbook: str
    secrets: str

    @property
    def chain(self) -> dict[str, str]:
        """The chain's entry of chain.json."""
        market = self.stage.market
        return {
            "id": str(market.chain.chain_id),
            "host": market.chain.url,
            "hub": market.hub.address,
            "iexecGateway": self.orderbook,
            "sms": self.secrets,
        }


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    keys: dict[str, LocalAccount] = {name: account(index) for index, name in enumerate(ROLES)}
    with start_anvil() as rpc:
        chain = Chain.connect(rpc)
        wallet = Wallet(chain, keys["owner"], EventReader(()))
        stage = Stage(Market(chain, deploy(wallet, Mode.TOKEN).book), keys)
        book = Orderbook(f"sqlite:///{folder}/market.sqlite", stage.market)
        KeyFile(folder / "master.key").create()
        keyring = KeyRing.load(folder / "master.key")
        store = SecretStore(f"sqlite:///{folder}/secrets.sqlite", keyring)
        service = SecretsService(Gate(stage.market, simulated=True), store)
        with (
            serving(orderbook_application(book, every=0.1)) as orderbook,
            serving(secrets_application(service)) as secrets,
        ):
            yield Town(stage, book, orderbook, secrets)
        book.close()


class Project:
    """The commands of one person, in a folder."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.folder = town, folder
        self.write("chain.json", {"default": "local", "chains": {"local": town.chain}})
        self.write("iexec.json", {"description": "a test"})

    def write(self, name: str, document: Any) -> None:
        (self.folder / name).write_text(json.dumps(document))

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    def edit(self, path: str, **fields: Any) -> None:
        """Change fields of a section of iexec.json."""
        document = section = self.read("iexec.json")
        for name in path.split("."):
            section = section[name]
        section |= fields
        self.write("iexec.json", document)

    def run(self, *words: str, role: str = "", code: int = 0, answer: str | None = None) -> str:
        """What a command prints, on both streams."""
        alias = ["--account", f"TEST::{ROLES.index(role)}"] if role else []
        done = CliRunner().invoke(commands, [*words, *alias], input=answer)
        assert done.exit_code == code, done.output
        return done.output

    def __call__(self, *words: str, role: str = "") -> Any:
        """The raw answer of a command, without ``ok``."""
        answer = json.loads(self.run(*words, "--raw", role=role))
        assert answer.pop("ok")
        return answer

    def refusal(self, *words: str, role: str = "", code: int = 2) -> str:
        """Why a command fails."""
        answer = json.loads(self.run(*words, "--raw", role=role, code=code))
        assert answer["ok"] is False
        return str(answer.get("fail") or answer["error"]["message"])


@pytest.fixture
def poco(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # no market of this machine
    with town.book.database.writing() as connection:
        connection.execute(delete(orders))
        connection.execute(delete(shapes))
    return Project(town, tmp_path)


def address(town: Town, role: str) -> str:
    return town.stage.keys[role].address


# ASSETS


def test_app__is_described_deployed_found_and_given_away(town: Town, poco: Project) -> None:
    owner, heir = address(town, "app_owner"), address(town, "stranger")
    assert poco("app", "init", role="app_owner")["app"]["owner"] == owner
    poco.edit("app", name="given away", multiaddr="user/image:1")
    count = int(poco("app", "count", role="app_owner")["count"])
    deployed = poco("app", "deploy", role="app_owner")
    app = deployed["address"]
    assert set(deployed) == {"address", "txHash"}
    assert poco.read("deployed.json") == {"app": {str(town.stage.market.chain.chain_id): app}}
    shown = poco("app", "show")
    assert shown == poco("app", "show", str(count), "--user", owner)
    assert shown == {
        "address": app,
        "app": {
            "owner": owner,
            "registry": town.stage.market.apps.address,
            "appName": "given away",
            "appType": "DOCKER",
            "appMultiaddr": "user/image:1",
            "appChecksum": poco.read("iexec.json")["app"]["checksum"],
            "appMREnclave": "",
        },
    }
    again = poco.refusal("app", "deploy", role="app_owner")
    assert f"app already deployed at address {app}" in again
    sent = poco("app", "transfer", app, "--to", heir, "--force", role="app_owner")
    assert (sent["address"], sent["to"]) == (app, heir)
    assert poco("app", "show", app)["app"]["owner"] == heir
    refused = poco.refusal("app", "transfer", app, "--to", heir, "--force", role="app_owner")
    assert f"only its owner {heir} may do this" in refused


def test_deploy__for_another_owner__warns_and_does_so(town: Town, poco: Project) -> None:
    heir = address(town, "worker_2")
    poco("workerpool", "init", role="app_owner")
    poco.edit("workerpool", owner=heir)
    told = poco.run("workerpool", "deploy", role="app_owner")
    assert f"warning: the workerpool will belong to {heir}, not to your wallet" in told
    assert poco("workerpool", "show")["workerpool"]["owner"] == heir


def test_deploy__with_checksum_auto__registers_the_hash_of_the_module(
    town: Town, poco: Project
) -> None:
    module = Path(__file__).parents[2] / "apps" / "echo" / "app.wasm"
    described = poco("app", "init", "--type", "WASM", role="app_owner")["app"]
    assert described["multiaddr"] == "https://example.com/app.wasm"  # no market runs here
    poco.edit("app", multiaddr=str(module))
    poco("app", "deploy", "--checksum", "auto", role="app_owner")
    shown = poco("app", "show")["app"]
    assert shown["appType"] == "WASM"
    assert shown["appChecksum"] == poco.read("iexec.json")["app"]["checksum"] != "0x" + "00" * 32
    poco.edit("app", name="the same file")
    poco("app", "deploy", "--checksum", str(module), role="app_owner")
    assert poco("app", "show")["app"]["appChecksum"] == shown["appChecksum"]


def test_deploy__module_on_the_disk__warns_that_usual_workers_refuse_it(poco: Project) -> None:
    poco("app", "init", "--type", "WASM", role="app_owner")
    poco.edit("app", name="on my disk", multiaddr="/srv/app.wasm")
    told = poco.run("app", "deploy", role="app_owner")
    assert "warning: app.multiaddr = '/srv/app.wasm': only workers with --allow-files run" in told
    assert "deployed app at address" in told


@pytest.mark.parametrize(
    ("fields", "words", "rule"),
    [
        ({"type": "SCONE"}, [], "types are DOCKER and WASM"),
        ({"checksum": "0x12"}, [], "a checksum has 32 bytes"),
        ({"name": 7}, [], "a text is needed"),
        ({"colour": "red"}, [], "apps have no such field"),
        ({"multiaddr": "nobody/has-this:1"}, ["--checksum", "auto"], "this host has no such image"),
        ({"type": "WASM", "multiaddr": "app.wasm"}, [], "workers find a module by URL"),
        ({"type": "WASM", "multiaddr": "/no/where"}, ["--checksum", "auto"], "cannot be had"),
        ({}, ["--checksum", "missing.wasm"], "the file cannot be read"),
    ],
)
def test_deploy__of_a_bad_description__sends_nothing(
    poco: Project, fields: dict[str, Any], words: list[str], rule: str
) -> None:
    poco("app", "init", role="app_owner")
    poco.edit("app", **fields)
    assert rule in poco.refusal("app", "deploy", *words, role="app_owner")
    assert not (poco.folder / "deployed.json").exists()


def test_show__of_what_is_not_there__says_so(town: Town, poco: Project) -> None:
    assert "missing app address" in poco.refusal("app", "show")
    assert "no app is registered at this address" in poco.refusal("app", "show", town.stage.pool)
    stranger = address(town, "worker_1")
    refused = poco.refusal("workerpool", "show", "0", "--user", stranger)
    assert f"{stranger} has 0 workerpools" in refused


def test_app_secret__is_pushed_once__by_the_owner(town: Town, poco: Project) -> None:
    app, secret = town.stage.app, ["--secret-value", "of the app"]
    assert poco("app", "check-secret", app) == {"isSecretSet": False}
    refused = poco.refusal("app", "push-secret", app, *secret, role="stranger")
    assert "only its owner" in refused
    assert poco("app", "push-secret", app, *secret, role="app_owner") == {}
    assert poco("app", "check-secret", app) == {"isSecretSet": True}
    again = poco.refusal("app", "push-secret", app, *secret, role="app_owner")
    assert "Secret already exists" in again


def test_dataset__with_a_tee_order__needs_its_key_first(town: Town, poco: Project) -> None:
    poco("dataset", "init", "--encrypted", role="dataset_owner")
    assert (poco.folder / "datasets" / "original").is_dir()
    poco("dataset", "deploy", role="dataset_owner")
    dataset = poco("dataset", "show")
    assert dataset["dataset"]["datasetMultiaddr"] == CID
    publish = ["dataset", "publish", "--tag", "tee,tdx", "--price", "1", "RLC", "--force"]
    assert "Dataset encryption key is not set" in poco.refusal(*publish, role="dataset_owner")
    missing = poco.refusal("dataset", "push-secret", role="dataset_owner")
    assert "the file of the secret cannot be read" in missing
    (poco.folder / ".secrets" / "datasets" / "dataset.key").write_text("a2V5\n")
    poco("dataset", "push-secret", role="dataset_owner")
    assert poco("dataset", "check-secret") == {"isSecretSet": True}
    published = poco(*publish, role="dataset_owner")["orderHash"]
    (row,) = poco("orderbook", "dataset", dataset["address"])["datasetOrders"]
    assert (row["orderHash"], row["price"], row["tag"]) == (published, 10**9, TEE)


def test_workerpool__is_deployed_and_sells_work(town: Town, poco: Project) -> None:
    owner = address(town, "stranger")
    poco("workerpool", "init", role="stranger")
    poco.edit("workerpool", description="sells work")
    pool = poco("workerpool", "deploy", role="stranger")["address"]
    index = int(poco("workerpool", "count", "--user", owner)["count"]) - 1
    shown = poco("workerpool", "show", str(index), role="stranger")
    assert shown == {
        "address": pool,
        "workerpool": {
            "owner": owner,
            "registry": town.stage.market.workerpools.address,
            "workerpoolDescription": "sells work",
            "workerStakeRatioPolicy": "30",
            "schedulerRewardRatioPolicy": "1",
        },
    }
    terms = ["--category", "1", "--trust", "5", "--volume", "3", "--price", "1", "--force"]
    published = poco("workerpool", "publish", *terms, role="stranger")["orderHash"]
    (row,) = poco("orderbook", "workerpool", "--category", "1", "--min-trust", "4")[
        "workerpoolOrders"
    ]
    assert row == {
        "orderHash": published,
        "price": 1,
        "remaining": 3,
        "workerpool": pool,
        "tag": "0x" + "0" * 64,
        "category": 1,
        "trust": 5,
        "apprestrict": ZERO_ADDRESS,
        "datasetrestrict": ZERO_ADDRESS,
        "requesterrestrict": ZERO_ADDRESS,
    }


def test_workerpool__whose_scheduler_the_compass_knows__is_shown_with_its_url(
    town: Town, poco: Project
) -> None:
    urls = {town.stage.pool: "http://pool.example"}
    compass = FastAPI()
    compass.include_router(compass_router(int(town.chain["id"]), urls.get))
    with serving(compass) as url:
        chain = town.chain | {"compass": url}
        poco.write("chain.json", {"default": "local", "chains": {"local": chain}})
        assert poco("workerpool", "show", town.stage.pool)["apiUrl"] == "http://pool.example"


# THE BOOK


def test_published_orders__are_listed_and_taken_back(town: Town, poco: Project) -> None:
    app, pool = town.stage.app, town.stage.pool
    publish = ["app", "publish", app, "--force"]
    dear = poco(*publish, "--price", "2 nRLC", role="app_owner")["orderHash"]
    cheap = poco(*publish, "--workerpool-restrict", pool, role="app_owner")["orderHash"]
    listed = poco("orderbook", "app", app)
    assert (listed["count"], [it["orderHash"] for it in listed["appOrders"]]) == (1, [dear])
    everything = ["orderbook", "app", app, "--workerpool", "any"]
    assert [it["orderHash"] for it in poco(*everything)["appOrders"]] == [cheap, dear]
    strict = ["orderbook", "app", app, "--workerpool", pool, "--workerpool-strict"]
    assert [it["orderHash"] for it in poco(*strict)["appOrders"]] == [cheap]
    owned = ["orderbook", "app", "--owner", address(town, "app_owner")]
    assert poco(*owned)["count"] == 1
    shown = poco.run(*everything, "--limit", "1")
    assert pool in shown
    assert "2 open apporder(s), 1 not shown" in shown
    assert "about one owner" in poco.refusal("orderbook", "app")
    last = poco("app", "unpublish", app, "--force", role="app_owner")["unpublished"]
    assert last == cheap
    rest = poco("app", "unpublish", app, "--all", "--force", role="app_owner")["unpublished"]
    assert rest == [dear]
    none = poco.refusal("app", "unpublish", app, "--force", role="app_owner")
    assert "no open apporder published by signer" in none


def test_published_orders__are_found_by_their_flags(town: Town, poco: Project) -> None:
    publish = ["workerpool", "publish", town.stage.pool, "--force"]
    plain = poco(*publish, role="scheduler")["orderHash"]
    fast = poco(*publish, "--tag", "gpu", role="scheduler")["orderHash"]

    def found(*words: str) -> set[str]:
        rows = poco("orderbook", "workerpool", *words)["workerpoolOrders"]
        return {row["orderHash"] for row in rows}

    assert found() == {plain, fast}
    assert found("--require-tag", "gpu") == found("--tag", "gpu") == {fast}
    assert found("--max-tag", "tee") == {plain}
    assert found("--tag", "tee") == set()


def test_deploy__address_cannot_be_kept__is_told_all_the_same(town: Town, poco: Project) -> None:
    poco("app", "init", role="app_owner")
    poco.edit("app", name="kept nowhere", multiaddr="user/image:1")
    (poco.folder / "deployed.json").mkdir()
    answer = json.loads(poco.run("app", "deploy", "--raw", role="app_owner", code=1))
    assert "deployed.json" in answer["fail"][0]
    assert poco("app", "show", answer["address"])["app"]["appName"] == "kept nowhere"


def test_publish__without_agreement__publishes_nothing(town: Town, poco: Project) -> None:
    words = ["workerpool", "publish", town.stage.pool]
    refused = poco.run(*words, role="scheduler", code=2, answer="n\n")
    assert "Publish this workerpoolorder?" in refused
    assert "cancelled" in refused
    assert poco("orderbook", "workerpool", town.stage.pool)["count"] == 0


def test_publish__of_somebody_else_s_app__is_refused_before_the_book_is_asked(
    town: Town, poco: Project
) -> None:
    words = ["app", "publish", town.stage.app, "--force"]
    assert "only its owner" in poco.refusal(*words, role="stranger")


# ORDERS


def prepare(poco: Project, *, tag: str = "", check: bool = True, **request: Any) -> None:
    """Write orders of the whole market into iexec.json, and sign them."""
    stage = poco.town.stage
    people = {"app": "app_owner", "workerpool": "scheduler", "request": "requester"}
    for name, role in people.items():
        poco("order", "init", f"--{name}", role=role)
    poco.edit("order.apporder", app=stage.app, appprice="3 nRLC", tag=tag)
    poco.edit("order.workerpoolorder", workerpool=stage.pool, workerpoolprice="5", tag=tag)
    poco.edit("order.workerpoolorder", volume="2")
    prices = {"appmaxprice": "3", "workerpoolmaxprice": "5"}
    poco.edit("order.requestorder", app=stage.app, tag=tag, **prices | request)
    for name, role in people.items():
        poco("order", "sign", f"--{name}", *([] if check else [SKIP]), role=role)


def test_orders__are_signed_published_filled_and_canceled(town: Town, poco: Project) -> None:
    prepare(poco)
    signed = poco.read("orders.json")[town.chain["id"]]
    assert signed["apporder"]["appprice"] == "3"
    hashes = {
        name: poco("order", "publish", f"--{name}", "--force", role=role)[f"{name}order"]
        for name, role in [("app", "app_owner"), ("workerpool", "scheduler")]
    }
    told = poco.run("order", "fill", role="requester", code=2, answer="n\n")
    assert "Buy from these orders, 8 nRLC for each task?" in told
    filled = poco("order", "fill", "--force", role="requester")
    assert set(filled) == {"dealid", "volume", "txHash"}
    assert filled["volume"] == "1"
    deal = town.stage.market.hub.deal(bytes.fromhex(filled["dealid"][2:]))
    assert deal is not None
    assert (deal.price, deal.requester) == (8, address(town, "requester"))
    again = poco.refusal("order", "fill", "--force", role="requester")
    assert f"the requestorder {order_hash_of(poco, 'request')} are taken" in again
    # By hash, with a request that is made on the spot.
    by_hash = [f"--{name}={found['orderHash']}" for name, found in hashes.items()]
    params = ["--params", '{"iexec_args":"again"}']
    second = poco("order", "fill", *by_hash, *params, "--force", role="requester")
    wait_for_deals(poco, 2)
    shown = poco("order", "show", "--workerpool", "--deals")["workerpoolorder"]
    assert (shown["status"], shown["remaining"], shown["deals"]["count"]) == ("filled", 0, 2)
    assert shown["deals"]["lastDeals"][0]["dealid"] == second["dealid"]
    assert shown["order"]["sign"] == signed["workerpoolorder"]["sign"]
    assert "txHash" in poco("order", "cancel", "--app", "--force", role="app_owner")["apporder"]
    canceled = poco.refusal("order", "cancel", "--app", "--force", role="app_owner")
    assert "apporder already canceled" in canceled


def order_hash_of(poco: Project, name: str) -> str:
    """The hash of an order of orders.json."""
    market = poco.town.stage.market
    order: Any = read_orders(poco.read("orders.json"), market.chain.chain_id)[f"{name}order"]  # type: ignore[literal-required]
    return f"0x{order_hash(order, market.domain).hex()}"


def test_fill_order__taken_between_check_and_sending__names_the_order(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look is at the chain as it was before somebody else was faster."""
    stage = town.stage
    app, _, pool, request = stage.orders(with_dataset=False)
    offer, buyer = Offer(app=app, workerpool=pool), stage.market.acting_as(stage.keys["requester"])
    views = [buyer.view()]
    fill_order(stage.requester, offer, request)
    monkeypatch.setattr(buyer, "view", lambda: views.pop() if views else stage.market.view())
    with pytest.raises(UserInputError, match="tasks of the requestorder 0x"):
        fill_order(buyer, offer, request)
    assert views == []


def wait_for_deals(poco: Project, count: int) -> None:
    """Wait until the book has seen the deals of the pool order."""
    for _ in range(100):
        shown = poco("order", "show", "--workerpool", "--deals")["workerpoolorder"]
        if shown["deals"]["count"] == count:
            return


def test_fill__with_a_dataset__buys_its_use__too(town: Town, poco: Project) -> None:
    dataset = town.stage.dataset
    prepare(poco, dataset=dataset, datasetmaxprice="2")
    poco("order", "init", "--dataset", role="dataset_owner")
    poco.edit("order.datasetorder", dataset=dataset, datasetprice="2")
    assert "datasetorder" in poco.refusal("order", "fill", "--force", role="requester")
    poco("order", "sign", "--dataset", role="dataset_owner")
    filled = poco("order", "fill", "--force", role="requester")
    deal = town.stage.market.hub.deal(bytes.fromhex(filled["dealid"][2:]))
    assert deal is not None
    assert (deal.dataset.pointer, deal.price) == (dataset, 10)


def test_fill__with_params_and_a_request__is_refused(poco: Project) -> None:
    words = ["--params", "{}", "--request", "0x" + "12" * 32, "--force"]
    assert "a request has params of its own" in poco.refusal("order", "fill", *words)


def test_sign__when_tasks_would_miss_a_secret__is_refused(town: Town, poco: Project) -> None:
    poco("order", "init", "--dataset", role="dataset_owner")
    poco.edit("order.datasetorder", dataset=town.stage.dataset, tag=["tee", "tdx"])
    sign = ["order", "sign", "--dataset"]
    assert "Dataset encryption key is not set" in poco.refusal(*sign, role="dataset_owner")
    poco(*sign, SKIP, role="dataset_owner")
    poco("order", "init", "--request", role="requester")
    secrets = {"iexec_secrets": {"1": "unknown"}}
    poco.edit("order.requestorder", app=town.stage.app, tag="tee,tdx", params=secrets)
    refused = poco.refusal("order", "sign", "--request", role="requester")
    assert 'Requester secret "unknown" is not set' in refused


@pytest.mark.parametrize(
    "words", [["fill"], ["publish", "--request"], ["match", "--fill"]], ids=" ".join
)
def test_order__whose_tasks_would_miss_a_secret__goes_nowhere(
    poco: Project, words: list[str]
) -> None:
    prepare(poco, tag=TEE, check=False, params={"iexec_secrets": {"1": "unknown"}})
    refused = poco.refusal("order", *words, "--force", role="requester")
    assert 'Requester secret "unknown" is not set' in refused


def test_cancel__of_somebody_else_s_order__is_refused(poco: Project) -> None:
    prepare(poco)
    refused = poco.refusal("order", "cancel", "--app", "--force", role="stranger")
    assert "only its owner" in refused


def test_sign__of_a_request_for_what_does_not_exist__is_refused(town: Town, poco: Project) -> None:
    poco("order", "init", "--request", role="requester")
    assert "no app is registered" in poco.refusal("order", "sign", role="requester")
    poco.edit("order.requestorder", app=town.stage.app, dataset=town.stage.pool)
    assert "no dataset is registered" in poco.refusal("order", "sign", role="requester")
    poco.edit("order.requestorder", dataset=ZERO_ADDRESS)
    assert "only the requester" in poco.refusal("order", "sign", role="stranger")


def test_fill__of_orders_that_do_not_match__names_every_reason_and_sends_nothing(
    town: Town, poco: Project
) -> None:
    prepare(poco, workerpoolmaxprice="4", trust="7", volume="2", beneficiary=ZERO_ADDRESS)
    before = town.stage.market.chain.block_number()
    refused = poco.refusal("order", "fill", "--force", role="requester")
    assert "Match_TrustTooLow" in refused
    assert "Match_WorkerpoolPriceTooHigh" in refused
    assert "?" not in poco.run("order", "fill", role="requester", code=2)
    assert town.stage.market.chain.block_number() == before


def test_orders__of_several_kinds__fail_one_by_one(town: Town, poco: Project) -> None:
    poco("order", "init", role="app_owner")
    poco.edit("order.apporder", app=town.stage.app)
    answer = json.loads(poco.run("order", "sign", "--raw", role="app_owner", code=1))
    assert answer["apporder"]["app"] == town.stage.app
    assert [fault.partition(":")[0] for fault in answer["fail"]] == [
        "datasetorder",
        "workerpoolorder",
        "requestorder",
    ]
    assert list(poco.read("orders.json")[town.chain["id"]]) == ["apporder"]
    assert "no kind of order is chosen" in poco.refusal("order", "publish", "--force")
    missing = poco.refusal("order", "publish", "--request", "--force", role="requester")
    assert 'Missing requestorder in "orders.json"' in missing
    unknown = ["order", "show", "--app", "0x" + "12" * 32]
    assert "apporder not found" in poco.refusal(*unknown)


def test_match__finds_the_cheapest_deals__and_makes_them(town: Town, poco: Project) -> None:
    prepare(poco, volume="2", workerpoolmaxprice="4")
    for name, role in [("app", "app_owner"), ("workerpool", "scheduler")]:
        poco("order", "publish", f"--{name}", "--force", role=role)
    dear = poco("order", "match", role="requester")
    change = {"field": "requestorder.workerpoolmaxprice", "actual": 4, "needed": 5}
    assert (dear["volume"], dear["matches"], dear["changes"]) == (0, [], [change])
    told = poco.run("order", "match", role="requester")
    assert "requestorder.workerpoolmaxprice: 4 → 5" in told
    refused = poco.refusal("order", "match", "--fill", "--force", role="requester")
    assert "no open orders fit" in refused
    # An unsigned draft is enough.
    (poco.folder / "orders.json").unlink()
    poco.edit("order.requestorder", workerpoolmaxprice="5")
    found = poco("order", "match", "--volume", "1", "--fill", "--force", role="requester")
    assert (found["volume"], found["cost"]) == (1, "8")
    assert [deal["volume"] for deal in found["deals"]] == ["1"]
    poco("app", "unpublish", town.stage.app, "--force", role="app_owner")
    assert poco("order", "match", role="requester")["missing"] == ["apporder"]


def test_request__that_is_published__is_listed_matched_by_hash_and_taken_back(
    town: Town, poco: Project
) -> None:
    prepare(poco)
    poco("order", "publish", "--app", "--force", role="app_owner")
    published = poco("order", "publish", "--request", "--force", role="requester")
    hashed = published["requestorder"]["orderHash"]
    requester = address(town, "requester")
    (row,) = poco("orderbook", "requester", requester, "--category", "0")["requestOrders"]
    assert (row["orderHash"], row["workerpoolmaxprice"], row["app"]) == (hashed, 5, town.stage.app)
    proposal = poco("order", "match", "--request", hashed, role="stranger")
    assert proposal["missing"] == ["workerpoolorder"]
    taken = poco("order", "unpublish", "--request", "--force", role="requester")
    assert taken == {"requestorder": {"orderHash": hashed}}
    gone = ["order", "unpublish", "--request", hashed, "--force"]
    assert "is not published" in poco.refusal(*gone, role="requester")


# WITH THE OFFICIAL CLIENT


def test_files__are_exchanged_with_the_official_client(
    town: Town, poco: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys = town.stage.keys
    services = {"iexecGateway": town.orderbook, "sms": town.secrets}
    iexec = OfficialClient(tmp_path_factory.mktemp("official"), town.stage.market, **services)
    prepare(poco, tag=TEE, volume="1")
    # Orders that poco signed are filled by iexec.
    iexec.write("orders.json", poco.read("orders.json"))
    filled = iexec("order", "fill", "--force", SKIP, account=keys["requester"])
    assert filled["volume"] == "1"
    # Orders that iexec publishes are shown by poco.
    words = ["--force", "--price", "4"]
    published = iexec("app", "publish", town.stage.app, *words, account=keys["app_owner"])
    shown = poco("order", "show", "--app", published["orderHash"])
    theirs = iexec("order", "show", "--app", published["orderHash"])
    assert shown == theirs
    rows = ["orderbook", "app", town.stage.app, "--tag", "tee,tdx"]
    assert poco(*rows) == iexec(*rows)
    # Orders that iexec signed are filled by poco.
    iexec.write("iexec.json", poco.read("iexec.json"))
    iexec("order", "sign", "--request", "--force", SKIP, account=keys["requester"])
    poco.write("orders.json", json.loads((iexec.folder / "orders.json").read_text()))
    assert poco("order", "fill", "--force", role="requester")["volume"] == "1"
    # The same fields are the same dataset.
    described = poco("dataset", "init", role="dataset_owner")["dataset"] | {"name": "shared"}
    poco.edit("dataset", name="shared")
    iexec.write("iexec.json", {"dataset": described})
    deployed = iexec("dataset", "deploy", account=keys["dataset_owner"])["address"]
    refused = poco.refusal("dataset", "deploy", role="dataset_owner")
    assert f"dataset already deployed at address {deployed}" in refused
