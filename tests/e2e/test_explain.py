"""`poco explain` on a real chain: transactions that failed by a rule each, deals, tasks, orders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.anvil import account, start_anvil
from support.client_stage import DIGEST, FUNDS, ROLES, Stage

from poco.cli.explain import command
from poco.contracts import Call, Chain, Contract, EventReader, Market, Mode, Wallet, interface
from poco.contracts.nodes import RefusedError
from poco.database import Database
from poco.deployment import deploy
from poco.errors import ContractError, UserInputError
from poco.explain import Explainer
from poco.orders import (
    TEE,
    ZERO_ADDRESS,
    AnyOrder,
    DatasetOrder,
    order_hash,
    random_salt,
    result_hash,
    result_seal,
    sign_order,
    task_id,
    with_orders,
)
from poco.scheduler.endpoint import scheduler_app
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.settings import Settings
from poco.scheduler.tables import metadata
from poco.services.compass import compass_router
from poco.services.orderbook import Limits, Orderbook, orderbook_application
from poco.services.orderbook.client import OrderbookClient
from poco.web import serving

GAS = 2_000_000
OTHER_DIGEST = b"\x22" * 32
XS = 300
"""Clock of the stage's category, seconds."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with start_anvil() as url:
        chain = Chain.connect(url)
        keys = {name: account(index) for index, name in enumerate(ROLES)}
        wallet = Wallet(chain, keys["owner"], EventReader(()))
        yield Stage(Market(chain, deploy(wallet, Mode.TOKEN).book), keys)


@pytest.fixture
def explainer(stage: Stage) -> Explainer:
    return Explainer(stage.market)


def failed(stage: Stage, role: str, call: Call[Any], *, gas: int = GAS) -> str:
    """Have a transaction mined that reverts; return its hash."""
    wallet = stage.roles[role].wallet
    assert wallet is not None
    sent = wallet.submit(replace(call, gas=gas))
    with pytest.raises(ContractError):
        sent.wait()
    return sent.transaction_hash


def match(stage: Stage, role: str = "requester", **terms: Any) -> str:
    return failed(stage, role, stage.market.hub.match_call(*stage.orders(**terms)))


def changed(stage: Stage, index: int, signer: str, **fields: Any) -> str:
    """A match in which one order has other terms."""
    orders: list[Any] = list(stage.orders())
    order = replace(orders[index], **fields)
    orders[index] = sign_order(order, stage.market.domain, stage.keys[signer])
    return failed(stage, "requester", stage.market.hub.match_call(*orders))


def matched_twice(stage: Stage) -> str:
    orders = stage.orders()
    stage.requester.hub.match_orders(*orders)
    return failed(stage, "requester", stage.market.hub.match_call(*orders))


def called(stage: Stage, role: str, function: str, *arguments: Any) -> str:
    return failed(stage, role, stage.market.hub.call(function, *arguments))


def contribution(stage: Stage, worker: str, signed_for: str) -> str:
    taskid = stage.task(trust=4)
    address = stage.keys[worker].address
    return called(
        stage,
        worker,
        "contribute",
        taskid,
        result_hash(taskid, DIGEST),
        result_seal(address, taskid, DIGEST),
        f"0x{0:040x}",
        b"",
        stage.authorization(signed_for, taskid),
    )


def contributed_twice(stage: Stage) -> str:
    taskid = stage.task(trust=8)
    stage.contribute("worker_1", taskid)
    address = stage.keys["worker_1"].address
    return called(
        stage,
        "worker_1",
        "contribute",
        taskid,
        result_hash(taskid, DIGEST),
        result_seal(address, taskid, DIGEST),
        f"0x{0:040x}",
        b"",
        stage.authorization("worker_1", taskid),
    )


def in_consensus(stage: Stage) -> bytes:
    taskid = stage.task()
    stage.contribute("worker_1", taskid)
    return taskid


def opened_twice(stage: Stage) -> str:
    dealid = stage.deal()
    stage.stranger.hub.initialize(dealid, 0)
    return called(stage, "stranger", "initialize", dealid, 0)


def policy(stage: Stage) -> str:
    pool = Contract(stage.market.chain, stage.pool, interface("Workerpool"))
    return failed(stage, "stranger", pool.call("changePolicy", 30, 1))


def same_app(stage: Stage) -> str:
    owner = stage.keys["app_owner"].address
    view = stage.market.apps.view(stage.app)
    fields = (view.name, view.type, view.multiaddr, view.checksum, view.mrenclave)
    return failed(stage, "stranger", stage.market.apps.call("createApp", owner, *fields))


# Who did what, and the one rule it broke, with the field, both values and the command.
FAILURES: dict[str, tuple[Callable[[Stage], str], str, str, str, str]] = {
    "Match_CategoryMismatch": (
        lambda stage: match(stage, category=1),
        "workerpoolorder.category",
        "1",
        "0",
        "poco orderbook workerpool --category 1",
    ),
    "Match_TrustTooLow": (
        lambda stage: changed(stage, 3, "requester", trust=5),
        "workerpoolorder.trust",
        "5",
        "1",
        "poco orderbook workerpool --category 0 --min-trust 5",
    ),
    "Match_AppPriceTooHigh": (
        lambda stage: match(stage, appmaxprice=999),
        "apporder.appprice",
        "999",
        "1000",
        "poco orderbook app {app}",
    ),
    "Match_TagNotOffered": (
        lambda stage: match(stage, tag=0x100),
        "workerpoolorder.tag",
        "gpu",
        "none",
        "poco orderbook workerpool --category 0 --require-tag gpu",
    ),
    "Match_RequestSignatureInvalid": (
        lambda stage: changed(stage, 3, "stranger", params="other"),
        "requestorder.sign",
        "{requester}",
        "{stranger}",
        "poco order sign --request --wallet-address {requester}",
    ),
    "Match_OrderConsumed": (
        matched_twice,
        "apporder.volume",
        "1",
        "1",
        "poco orderbook app {app}",
    ),
    "Match_WorkerpoolRestrictsRequester": (
        lambda stage: changed(
            stage, 2, "scheduler", requesterrestrict=stage.keys["stranger"].address
        ),
        "workerpoolorder.requesterrestrict",
        "{stranger}",
        "{requester}",
        "poco orderbook workerpool --category 0 --requester {requester}",
    ),
    "Task_IndexOutOfDeal": (
        lambda stage: called(stage, "stranger", "initialize", stage.deal(), 7),
        "idx",
        "1 from 0 on",
        "7",
        "poco deal show 0x",
    ),
    "Task_WrongStatus": (opened_twice, "task.status", "UNSET", "ACTIVE", "poco explain"),
    "Task_FinalDeadlineNotReached": (
        lambda stage: called(stage, "stranger", "claim", stage.task()),
        "task.finalDeadline",
        "20",
        "20",
        "poco task claim 0x",
    ),
    "Task_NotClaimable": (
        lambda stage: called(stage, "stranger", "claim", task_id(stage.deal(), 0)),
        "task.status",
        "ACTIVE or REVEALING",
        "UNSET",
        "poco deal claim DEALID",
    ),
    "Task_CallerNotScheduler": (
        lambda stage: called(stage, "stranger", "finalize", in_consensus(stage), b"", b""),
        "sender",
        "{scheduler}",
        "{stranger}",
        "poco explain 0x",
    ),
    "Task_RevealsMissing": (
        lambda stage: called(stage, "scheduler", "finalize", in_consensus(stage), b"", b""),
        "task.revealCounter",
        "1",
        "0",
        "poco explain 0x",
    ),
    "Task_DigestMismatch": (
        lambda stage: called(stage, "worker_1", "reveal", in_consensus(stage), OTHER_DIGEST),
        "resultDigest",
        "0x",
        "0x",
        "poco explain 0x",
    ),
    "Task_AuthorizationInvalid": (
        lambda stage: contribution(stage, "worker_1", signed_for="worker_2"),
        "authorizationSign",
        "a signature of {scheduler}",
        "of another account, or of other words",
        "poco explain 0x",
    ),
    "Task_AlreadyContributed": (
        contributed_twice,
        "worker",
        "one contribution",
        "another one of {worker_1}",
        "poco explain 0x",
    ),
    "NotContractOwner": (
        lambda stage: called(stage, "stranger", "createCategory", "XXL", "", 1),
        "sender",
        "{owner}",
        "{stranger}",
        "",
    ),
    "Entry_CallerNotOwner": (policy, "sender", "{scheduler}", "{stranger}", ""),
    "Registry_EntryExists": (same_app, "fields", "other fields", "{app}", "poco explain {app}"),
}


def named(stage: Stage, text: str) -> str:
    roles = {name: key.address for name, key in stage.keys.items()}
    return text.format(**roles, app=stage.app)


@pytest.mark.parametrize("rule", FAILURES)
def test_explain__transaction_that_a_rule_refused__names_it_with_both_values(
    stage: Stage, explainer: Explainer, rule: str
) -> None:
    act, field, allowed, actual, line = FAILURES[rule]
    explanation = explainer.explain(act(stage))
    culprit = explanation.findings[0]
    assert (culprit.rule, culprit.field) == (rule, field)
    assert [finding.rule for finding in explanation.findings if finding.field == field] == [rule]
    assert culprit.allowed.startswith(named(stage, allowed))
    assert culprit.actual.startswith(named(stage, actual))
    assert culprit.command.startswith(named(stage, line))
    assert culprit.parties
    assert culprit.remedy
    assert rule in explanation.title


class _NoTraces(Chain):
    """A node that offers no traces, as most public ones."""

    def request(self, method: str, *params: Any) -> Any:
        if method.startswith("debug_"):
            raise RefusedError(method, self.url, {"code": -32601, "message": "method not found"})
        return super().request(method, *params)


@pytest.mark.parametrize("rule", ["Match_TrustTooLow", "Task_NotClaimable"])
def test_explain__node_without_traces__runs_the_transaction_again(stage: Stage, rule: str) -> None:
    market = Market(_NoTraces.connect(stage.market.chain.url), stage.market.book)
    explanation = Explainer(market).explain(FAILURES[rule][0](stage))
    assert explanation.findings[0].rule == rule


def test_explain__transaction_out_of_gas__names_the_limit(
    stage: Stage, explainer: Explainer
) -> None:
    call = stage.market.hub.match_call(*stage.orders())
    explanation = explainer.explain(failed(stage, "requester", call, gas=120_000))
    culprit = explanation.findings[0]
    assert (culprit.rule, culprit.field, culprit.actual) == ("OutOfGas", "gas", "120000")


def test_explain__unknown_function__is_told_with_its_selector(
    stage: Stage, explainer: Explainer
) -> None:
    call = replace(stage.market.hub.call("recover"), data=bytes.fromhex("12345678"))
    explanation = explainer.explain(failed(stage, "stranger", call))
    assert explanation.findings[0].rule == "Escrow_FallbackDisabled"
    assert ("function", "0x12345678, not one of the market's") in explanation.facts


def test_explain__deposit_and_match_of_somebody_else__looks_into_the_deposit(
    stage: Stage, explainer: Explainer
) -> None:
    inner = stage.market.hub.match_call(*stage.orders())
    call = stage.market.token.call("approveAndCall", stage.market.book.hub, 0, inner.data)
    explanation = explainer.explain(failed(stage, "stranger", call))
    assert explanation.findings[0].rule == "CallerIsNotTheRequester"
    assert ("function", "approveAndCall → matchOrders") in explanation.facts


def test_explain__match_that_several_rules_forbid__names_them_all(
    stage: Stage, explainer: Explainer
) -> None:
    explanation = explainer.explain(match(stage, category=1, appmaxprice=1))
    assert [finding.rule for finding in explanation.findings] == [
        "Match_CategoryMismatch",
        "Match_AppPriceTooHigh",
    ]


def test_explain__transaction_that_succeeded__tells_its_events(
    stage: Stage, explainer: Explainer
) -> None:
    receipt = stage.requester.hub.match_orders(*stage.orders())
    explanation = explainer.explain(receipt.transaction_hash)
    assert explanation.title == f"it succeeded, with {len(receipt.events)} events of the market"
    dealid = f"0x{receipt.value.hex()}"
    assert ("event", f"deal {dealid} was made, volume 1") in explanation.facts
    assert f"poco explain {dealid}" in explanation.see
    assert not explanation.findings
    orders = dict(explanation.facts)
    assert orders["apporder"] == f"app {stage.app}, appprice 1000, volume 1"
    assert 'params {"iexec_args":"1 2"}' in orders["requestorder"]


def test_explain__transaction_not_mined__says_what_it_waits_for(
    stage: Stage, explainer: Explainer
) -> None:
    chain, wallet = stage.market.chain, stage.stranger.wallet
    assert wallet is not None
    chain.request("evm_setAutomine", False)
    try:
        calls = [stage.market.hub.call("withdraw", amount) for amount in (1, 2)]
        sent = [wallet.submit(replace(call, gas=GAS)) for call in calls]
        told = [explainer.explain(one.transaction_hash).findings[0].sentence for one in sent]
    finally:
        chain.request("evm_setAutomine", True)
        chain.request("evm_mine")
    for one in sent:
        one.wait()
    assert told[0].startswith("it is the sender's next one")
    assert told[1].startswith("1 transaction of the sender must be mined before it")


# DEALS AND TASKS


@pytest.fixture
def undone(stage: Stage) -> Iterator[None]:
    """Time that a test lets pass is taken back."""
    snapshot = stage.market.chain.request("evm_snapshot")
    yield
    stage.market.chain.request("evm_revert", snapshot)


@pytest.mark.usefixtures("undone")
def test_explain__task_through_its_life__says_what_comes_next(
    stage: Stage, explainer: Explainer
) -> None:
    dealid = stage.deal(trust=3)
    taskid = task_id(dealid, 0)
    steps = [explainer.explain(f"0x{taskid.hex()}").findings[0]]
    acts: list[Callable[[], Any]] = [
        lambda: stage.stranger.hub.initialize(dealid, 0),
        lambda: stage.contribute("worker_1", taskid),
        lambda: stage.contribute("worker_2", taskid),
        lambda: stage.worker_1.hub.reveal(taskid, DIGEST),
        lambda: stage.worker_2.hub.reveal(taskid, DIGEST),
        # longer than 31 bytes, as links are: such results are kept where a deal of that id would be
        lambda: stage.scheduler.hub.finalize(taskid, b"/ipfs/" + b"a" * 59),
    ]
    for act in acts:
        act()
        steps.append(explainer.explain(f"0x{taskid.hex()}").findings[0])
    assert [step.rule for step in steps] == [
        "initialize",
        "contribute",
        "contribute",
        "reveal",
        "reveal",
        "finalize",
        "completed",
    ]
    assert "2 more workers" in steps[1].sentence
    assert "one more worker" in steps[2].sentence
    assert "1 of 2 winners" in steps[4].sentence
    assert steps[6].command == f"poco task show 0x{taskid.hex()} --download"


@pytest.mark.usefixtures("undone")
def test_explain__task_of_the_past__says_how_the_money_comes_back(
    stage: Stage, explainer: Explainer
) -> None:
    dealid = stage.deal(volume=2)
    taskid = stage.stranger.hub.initialize(dealid, 0).value
    name, deal = f"0x{taskid.hex()}", f"0x{dealid.hex()}"
    stage.pass_time(7 * XS)
    early = explainer.explain(name).findings[0]
    assert (early.rule, early.command) == ("claim", f"poco task claim {name}")
    assert early.remedy.startswith("wait until")
    stage.pass_time(3 * XS)
    assert "gives 13000 nRLC back" in explainer.explain(name).findings[0].sentence
    whole = explainer.explain(deal)
    assert [finding.command for finding in whole.findings] == [f"poco deal claim {deal}"]
    requester = stage.keys["requester"].address
    assert ("locked", f"26000 nRLC of {requester}, who paid for 2 tasks") in whole.facts
    stage.stranger.hub.claim(taskid)
    assert explainer.explain(name).title.startswith("FAILED")
    assert explainer.explain(deal).title == "2 tasks: 1 FAILED, 1 UNSET"


@pytest.mark.usefixtures("undone")
def test_explain__nobody_revealed__is_for_the_scheduler_to_open_again(
    stage: Stage, explainer: Explainer
) -> None:
    taskid = stage.task(trust=3)
    stage.contribute("worker_1", taskid)
    stage.contribute("worker_2", taskid)
    stage.pass_time(2 * XS)
    step = explainer.explain(f"0x{taskid.hex()}").findings[0]
    assert (step.rule, step.parties) == ("reopen", ("workerpool owner",))
    stage.scheduler.hub.reopen(taskid)
    explanation = explainer.explain(f"0x{taskid.hex()}")
    assert explanation.findings[0].rule == "contribute"
    assert sum("REJECTED" in value for _, value in explanation.facts) == 2


def test_explain__workers_disagree__shows_the_groups(stage: Stage, explainer: Explainer) -> None:
    taskid = stage.task(trust=4)
    stage.contribute("worker_1", taskid)
    stage.contribute("worker_2", taskid, OTHER_DIGEST)
    explanation = explainer.explain(f"0x{taskid.hex()}")
    assert explanation.findings[1].rule == "disagreement"
    assert len([value for name, value in explanation.facts if name == "group"]) == 2
    of_the_deal = next(value for name, value in explanation.facts if name == "deal")
    assert explainer.explain(of_the_deal[:66]).findings[0] == explanation.findings[0]
    # Weights 2 and 2: 2·2^n·4 > (1 + 2 + 2·2^n)·3 first holds for n = 3 (64 > 57).
    assert explanation.findings[0].sentence.startswith("3 more workers of the least weight")


def test_explain__boost_deal__tells_its_deadline(stage: Stage, explainer: Explainer) -> None:
    dealid = stage.requester.hub.match_orders_boost(*stage.orders()).value
    explanation = explainer.explain(f"0x{dealid.hex()}")
    assert explanation.title == "Boost deal of 1 task, indices 0 to 0"
    assert explanation.findings[0].rule == "push result"


def confidential_deal(stage: Stage) -> bytes:
    """Make a deal whose tag demands an enclave."""
    app, dataset, pool, request = stage.orders()
    signers = ("app_owner", "scheduler", "requester")
    app, pool, request = (
        sign_order(replace(order, tag=TEE), stage.market.domain, stage.keys[signer])
        for order, signer in zip((app, pool, request), signers, strict=True)
    )
    return stage.requester.hub.match_orders(app, dataset, pool, request).value


class _NoResults:
    """A result store without results."""

    def find(self, taskid: bytes, digest: bytes) -> None:
        return None


def test_explain__task_that_waits__says_what_the_scheduler_says(
    stage: Stage, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path}/scheduler.sqlite", metadata)
    scheduler = Scheduler(
        stage.scheduler,
        stage.keys["scheduler"],
        stage.pool,
        database,
        _NoResults(),
        Settings(results_url="http://127.0.0.1:1"),
    )
    dealid, confidential = stage.deal(), confidential_deal(stage)
    app = scheduler_app(scheduler)
    schedulers: dict[str, str] = {}
    app.include_router(compass_router(stage.market.book.chain_id, schedulers.get))
    with serving(app) as url:
        explainer = Explainer(stage.market, compass=url)
        scheduler.settle()
        name = f"0x{task_id(dealid, 0).hex()}"
        lost = dict(explainer.explain(name).facts)["scheduler"]
        schedulers[stage.pool] = url
        explanation = explainer.explain(name)
        refused = explainer.explain(f"0x{confidential.hex()}").findings[0]
        scheduler.close()
    database.close()
    assert lost == f"the compass does not know that of workerpool {stage.pool}"
    assert dict(explanation.facts)["scheduler"] == "INITIALIZED"
    assert "no worker is connected" in explanation.findings[0].remedy
    assert (refused.rule, refused.actual) == (
        "refused",
        "it asks for an enclave, which this pool has not",
    )


def test_explain__task_that_nobody_opened_and_no_deal_knows__is_unknown(
    explainer: Explainer,
) -> None:
    with pytest.raises(UserInputError, match="explain its deal"):
        explainer.explain("0x" + "ab" * 32)


def test_explain__silent_compass__still_explains(stage: Stage) -> None:
    explainer = Explainer(stage.market, compass="http://127.0.0.1:1")
    explanation = explainer.explain(f"0x{stage.task().hex()}")
    assert "does not answer" in dict(explanation.facts)["scheduler"]


# ADDRESSES


@pytest.mark.parametrize(
    ("who", "title"),
    [
        ("hub", "the hub of this market"),
        ("token", "the token of this market"),
        ("app_registry", "the app registry of this market"),
        ("app", "a registered app"),
        ("dataset", "a registered dataset"),
        ("pool", "a registered workerpool"),
        ("requester", "an account without code"),
        ("nobody", "the zero address: in an order it means none, or that anybody may take part"),
    ],
)
def test_explain__address__says_what_it_is(
    stage: Stage, explainer: Explainer, who: str, title: str
) -> None:
    addresses = {name: key.address for name, key in stage.keys.items()}
    book = stage.market.book
    places = {"app": stage.app, "dataset": stage.dataset, "pool": stage.pool}
    places["nobody"] = ZERO_ADDRESS
    address = {**addresses, **places}.get(who) or getattr(book, who)
    explanation = explainer.explain(address)
    assert explanation.title == title
    if who == "app":
        assert ("owner", addresses["app_owner"]) in explanation.facts


# ORDERS AND THE COMMAND


def shown(*arguments: str) -> Any:
    """Run `poco explain --raw`; return its answer, or its failure."""
    done = CliRunner(mix_stderr=False).invoke(command, [*arguments, "--raw"])
    return json.loads(done.stdout or done.stderr)


def write_chain(stage: Stage, **services: str) -> None:
    entry = {"id": "31337", "host": stage.market.chain.url, "hub": stage.market.book.hub}
    document = {"default": "local", "chains": {"local": entry | services}}
    Path("chain.json").write_text(json.dumps(document))


def write_orders(*orders: AnyOrder) -> None:
    Path("orders.json").write_text(json.dumps(with_orders({}, 31337, *orders)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_command__orders_of_the_folder__match_and_show_the_deal(stage: Stage) -> None:
    write_chain(stage)
    write_orders(*stage.orders())
    answer = shown("orders.json")
    assert (answer["title"], answer["findings"]) == ("the orders match", [])
    assert "13000 nRLC" in str(answer["facts"])


@pytest.mark.usefixtures("folder")
def test_command__requester_too_poor__names_what_is_missing(stage: Stage) -> None:
    app, dataset, pool, request = stage.orders()
    domain = stage.market.domain
    app = sign_order(replace(app, appprice=2 * FUNDS), domain, stage.keys["app_owner"])
    request = sign_order(replace(request, appmaxprice=2 * FUNDS), domain, stage.keys["requester"])
    write_chain(stage)
    write_orders(app, dataset, pool, request)
    (finding,) = shown("orders.json")["findings"]
    assert (finding["rule"], finding["parties"]) == ("Escrow_BalanceTooLow", ["payer"])
    missing = int(finding["actual"]) - int(finding["allowed"])
    assert finding["command"] == f"poco account deposit {missing}"


@pytest.mark.usefixtures("folder")
def test_command__hashes_from_the_order_book__are_explained_together(
    stage: Stage, tmp_path: Path
) -> None:
    app, _, _, request = stage.orders(with_dataset=False)
    private = replace(app, requesterrestrict=stage.keys["stranger"].address, salt=random_salt())
    private = sign_order(private, stage.market.domain, stage.keys["app_owner"])
    book = Orderbook(f"sqlite:///{tmp_path}/book.sqlite", stage.market, Limits())
    with serving(orderbook_application(book, every=0.2)) as url:
        client = OrderbookClient(url, stage.market.domain)
        published = [
            client.publish(order, stage.keys[role]).hash
            for order, role in (
                (app, "app_owner"),
                (private, "app_owner"),
                (request, "requester"),
            )
        ]
        client.close()
        write_chain(stage, iexecGateway=url)
        answer = shown("--app", published[1], "--request", published[2])
        alone = shown(published[0])
        unknown = shown("0x" + "ab" * 32)
    book.close()
    assert [finding["rule"] for finding in answer["findings"]] == ["Match_AppRestrictsRequester"]
    assert alone["title"] == (
        "no rule is broken; not given: datasetorder, workerpoolorder, requestorder"
    )
    assert not unknown["ok"]
    assert "nor has the order book such an order" in unknown["error"]["message"]


@pytest.mark.usefixtures("folder")
def test_command__dataset_order_and_deal__asks_for_the_bulk(stage: Stage) -> None:
    dealid = stage.deal(with_dataset=False)
    order = DatasetOrder(
        dataset=stage.dataset,
        volume=10,
        requesterrestrict=stage.keys["stranger"].address,
        salt=random_salt(),
    )
    signed = sign_order(order, stage.market.domain, stage.keys["dataset_owner"])
    write_chain(stage)
    Path("order.json").write_text(json.dumps(signed.to_json()))
    (finding,) = shown("order.json", f"0x{dealid.hex()}")["findings"]
    assert finding["field"] == "datasetorder.requesterrestrict"
    assert finding["actual"] == stage.keys["requester"].address
    assert shown(f"0x{dealid.hex()}", "order.json")["findings"] == [finding]


@pytest.mark.usefixtures("folder")
def test_command__order_hash_that_only_the_chain_knows__asks_for_its_file(stage: Stage) -> None:
    app, *others = stage.orders()
    stage.requester.hub.match_orders(app, *others)
    write_chain(stage)
    answer = shown(f"0x{order_hash(app, stage.market.domain).hex()}")
    assert answer["title"].endswith("give its file")
    assert {"name": "taken", "value": "1 task"} in answer["facts"]


@pytest.mark.usefixtures("folder")
def test_command__no_chain__explains_what_needs_none(stage: Stage) -> None:
    app, dataset, pool, request = stage.orders()
    write_orders(app, dataset, replace(pool, trust=0), replace(request, trust=3))
    answer = shown("orders.json")
    assert answer["title"].endswith("as far as can be said without a chain")
    assert [finding["rule"] for finding in answer["findings"]] == ["Match_TrustTooLow"]
    assert shown("COMPUTE_TIMEOUT")["subject"] == "APP_COMPUTE_TIMEOUT"
    refused = shown("0x" + "ab" * 32)
    assert "a chain is needed" in refused["error"]["message"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "X is needed"),
        (["nonsense"], "nothing is known of this"),
        (["missing.json"], "the file cannot be read"),
        (["orders.json", "orders.json"], "one apporder is enough"),
        (["orders.json", "Match_TrustTooLow"], "explain it alone"),
        (["empty.json"], "there is no order in it"),
        (["list.json"], "there is no order in it"),
    ],
)
def test_command__bad_input__is_one_line_and_exit_code_2(
    stage: Stage, arguments: list[str], words: str
) -> None:
    write_orders(stage.orders()[0])
    Path("empty.json").write_text("{}")
    Path("list.json").write_text("[]")
    done = CliRunner(mix_stderr=False).invoke(command, arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
