"""`poco.Market`: a market in a few lines of Python, as an executor and with asyncio."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scheduler_stage import purchase
from support.faulty_rpc import FaultyNode, faulty_rpc
from terminals import ROOT
from worker_stage import CLOCK, Town, founded

import poco
from poco.appio import Cause
from poco.contracts import TaskStatus
from poco.errors import ChainError, ConfigurationError, PeerError, UserInputError
from poco.local import trading, watching
from poco.local.goods import App
from poco.local.outcome import AppFailedError, TaskExpiredError, TaskGivenUpError
from poco.local.purchasing import Purchase
from poco.local.venue import Venue
from poco.local.watching import TaskFuture
from poco.local_chain import travel
from poco.market import Role, development_account
from poco.services.orderbook import OrderbookClient
from poco.services.secrets import SecretsClient

ECHO = ROOT / "apps" / "echo"
HISTOGRAM = ROOT / "apps" / "csv-histogram"
PRICE = 1000


@pytest.fixture(scope="module")
def market() -> Iterator[poco.Market]:
    with poco.Market(price=PRICE) as opened:
        yield opened


@pytest.fixture(scope="module")
def echo(market: poco.Market) -> App:
    return market.app(ECHO)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """A market without a scheduler."""
    with founded() as found:
        yield found


@contextmanager
def distant(market: poco.Market) -> Iterator[tuple[poco.Market, FaultyNode]]:
    """The same market for somebody whose way to the node can be cut."""
    with faulty_rpc(market.info.rpc) as node:
        info = replace(market.info, rpc=node.url)
        with poco.Market.connect(info, max_price=PRICE) as other:
            yield other, node
            other.close()


def venue_of(town: Town, stack: ExitStack) -> Venue:
    """What the requester of a town sees; there are no services."""
    nowhere = "http://127.0.0.1:9"
    account = development_account(Role.REQUESTER)
    book = OrderbookClient(nowhere, town.market.domain)
    venue = Venue(town.requester, account, book, SecretsClient(nowhere), *3 * [nowhere])
    stack.callback(venue.close)
    return venue


# RUNNING


def test_run__line__gives_what_the_app_left(market: poco.Market, echo: App) -> None:
    result = market.run(echo, "hello 'big world'")
    assert result.text == "argument hello\nargument big world\n"
    assert sorted(result.files) == ["computed.json", "result.txt", "stderr.txt", "stdout.txt"]
    assert result.names == ("result.txt",)
    assert result.stdout == "done\n"
    assert result.cost == PRICE
    assert market.contracts.hub.task(result.taskid).digest == result.digest


def test_run__list_of_arguments__quotes_each(echo: App) -> None:
    assert echo(["big world", 'say "hi"']).text == 'argument big world\nargument say "hi"\n'


def test_run__input_files__reach_the_app_by_name(
    market: poco.Market, echo: App, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("from a path")
    files = [tmp_path / "a.txt", str(tmp_path / "a.txt"), b"bytes", ("b.txt", b"a pair")]
    text = market.run(echo, "x", files[:1] + files[2:]).text
    for name, content in (("a.txt", "from a path"), ("input-2", "bytes"), ("b.txt", "a pair")):
        assert f"file {name}\n{content}\n" in text


def test_run__path_instead_of_an_app__registers_it(market: poco.Market) -> None:
    result = market.run(HISTOGRAM, "--column price", [HISTOGRAM / "samples" / "orders.csv"])
    assert result.names == ("result/histogram.txt", "result/statistics.json")
    assert json.loads(result.files["result/statistics.json"])
    with pytest.raises(UserInputError, match="not a single file"):
        result.json()


def test_run__secrets_and_encrypted_dataset__reach_the_app(market: poco.Market, echo: App) -> None:
    dataset = market.dataset(b"treasure", encrypt=True)
    text = market.run(echo, dataset=dataset, secrets={1: "hush"}).text
    assert "treasure" in text
    assert "requester secret 1 hush" in text


def test_run__dataset_in_clear__has_its_name(market: poco.Market, echo: App) -> None:
    dataset = market.dataset(b"open data", name="open.csv")
    assert "dataset open.csv\nopen data" in market.run(echo, dataset=dataset.address).text


def test_run__app_that_fails__raises_what_it_said(market: poco.Market) -> None:
    with pytest.raises(AppFailedError) as caught:
        market.run(HISTOGRAM, "--column nowhere", [HISTOGRAM / "samples" / "orders.csv"])
    assert caught.value.cause is Cause.APP_COMPUTE_FAILED
    assert caught.value.code == 2
    assert "nowhere" in caught.value.stderr
    assert "nowhere" in str(caught.value)


def test_run__all_workers_fail_in_a_way_nobody_can_agree_on__does_not_wait_for_the_deadline(
    market: poco.Market, echo: App
) -> None:
    with pytest.raises(TaskGivenUpError, match="DETERMINISM_HASH_NOT_FOUND"):
        market.run(echo, "no data for the contract", callback=market.account.address)


# THE EXECUTOR


def test_map__equal_calls__are_tasks_of_one_deal(market: poco.Market, echo: App) -> None:
    results = list(market.map(echo, ["same"] * 3))
    assert len({result.dealid for result in results}) == 1
    assert [result.index for result in results] == [0, 1, 2]


def test_map__different_calls__come_in_their_order(market: poco.Market, echo: App) -> None:
    texts = [result.text for result in market.map(echo, ["a", "b"], [[("f", b"1")], []], trust=4)]
    assert texts == ["argument a\nfile f\n1\n", "argument b\n"]


def test_map__files_for_all__are_copied_once(market: poco.Market, echo: App) -> None:
    files = (("f.txt", it) for it in [b"1"])  # can be read once
    texts = [result.text for result in market.map(echo, ["a", "b"], input_files=files)]
    assert texts == ["argument a\nfile f.txt\n1\n", "argument b\nfile f.txt\n1\n"]


def test_wait_for_deal__not_bought__raises_why(market: poco.Market, echo: App) -> None:
    dear = market.submit(echo, "x", max_price=0)
    with pytest.raises(UserInputError, match="max_price"):
        dear.wait_for_deal()
    with pytest.raises(TimeoutError, match="not made in time"):
        TaskFuture().wait_for_deal(timeout=0)
    task = market.submit(echo, "x")
    deal = market.contracts.hub.deal(task.wait_for_deal())
    assert deal is not None
    assert deal.app.pointer == echo.address
    task.result()


def test_submit__many__are_awaited_as_of_any_executor(market: poco.Market, echo: App) -> None:
    futures = {market.submit(echo, word, trust=1): word for word in ("one", "two")}
    done, pending = concurrent.futures.wait(futures, timeout=60)
    assert not pending
    assert {future.result().text for future in done} == {"argument one\n", "argument two\n"}
    assert set(concurrent.futures.as_completed(futures)) == set(futures)


def test_submit__keyword_arguments__are_those_of_the_app(market: poco.Market, echo: App) -> None:
    assert market.submit(echo, args="by name", input_files=[]).result().text.endswith("name\n")


def test_cancel__before_the_deal__buys_nothing(market: poco.Market, echo: App) -> None:
    request = market.contracts.chain.request
    request("evm_setAutomine", False)
    try:
        first = market.submit(echo, "first")
        while not first.running():
            time.sleep(0.01)
        second = market.submit(echo, "second")
        assert second.cancel()
        assert not first.cancel()
    finally:
        request("evm_setAutomine", True)
        request("evm_mine")
    assert first.result().text == "argument first\n"
    assert isinstance(second, TaskFuture)
    assert second.dealid is None


def test_run__in_an_event_loop__is_awaited(market: poco.Market, echo: App) -> None:
    async def story() -> list[str]:
        loop = asyncio.get_running_loop()
        both = [loop.run_in_executor(market, echo, "loop"), market.arun(echo, "arun")]
        found = [result.text for result in await asyncio.gather(*both)]
        return found + [result.text async for result in market.amap(echo, ["x", "y"])]

    texts = asyncio.run(story())
    assert texts == ["argument loop\n", "argument arun\n", "argument x\n", "argument y\n"]


# SEVERAL USERS


def test_connect__running_market__buys_from_the_other_user(
    market: poco.Market, echo: App, tmp_path: Path
) -> None:
    info = tmp_path / "info.json"
    info.write_text(json.dumps(market.info.to_json()))
    with poco.Market.connect(info, max_price=PRICE) as other:
        assert other.account.address != market.account.address
        assert other.run(echo.address, "bought").text == "argument bought\n"


def test_connect__no_market__says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="poco up"):
        poco.Market.connect()
    with pytest.raises(ConfigurationError, match="poco up --info"):
        poco.Market.connect(tmp_path / "nothing.json")


def test_connect__market_without_an_order_book__is_refused(market: poco.Market) -> None:
    with pytest.raises(ConfigurationError, match="without an order book"):
        poco.Market.connect(replace(market.info, market=""))


# TIME AND TROUBLE


def test_travel__forward__tasks_go_on(market: poco.Market, echo: App) -> None:
    before = market.contracts.chain.timestamp()
    market.travel(36_000)
    assert market.contracts.chain.timestamp() >= before + 36_000
    assert market.run(echo, "later").text == "argument later\n"


def test_node__away_for_a_moment__nothing_is_missed(market: poco.Market, echo: App) -> None:
    with distant(market) as (other, node):
        future = other.submit(other.app(echo.address), "patience")
        future.wait_for_deal()
        node.down = True
        time.sleep(0.3)
        node.heal()
        assert future.result().text == "argument patience\n"


def test_node__away_for_good__nobody_waits_for_ever(
    market: poco.Market, echo: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trading, "_SILENCE_SECONDS", 0.1)
    with distant(market) as (other, node):
        app = other.app(echo.address)
        bought = other.submit(app, "x")
        bought.wait_for_deal()
        node.down = True
        with pytest.raises(ChainError, match="does not answer"):
            bought.result()
        with pytest.raises(ChainError, match="does not answer"):
            other.run(app, "y")


@pytest.mark.parametrize("is_open", [True, False])
def test_watch__scheduler_that_does_not_claim__is_done_for_it(
    town: Town, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    monkeypatch.setattr(watching, "_GRACE_SECONDS", 0.0)
    deal = town.deal() if is_open else purchase(town)[0]
    bought = Purchase(deal.dealid, 0, 1, deal.price, deal.start_time + 10 * CLOCK)
    task = watching.BoughtTask(next(bought.tasks)[1], 0, bought, TaskFuture())
    with ExitStack() as stack:
        watch = watching.Watch(venue_of(town, stack))
        watch.add([task])
        assert watch.look() == []
        travel(town.chain, 10 * CLOCK)
        assert watch.look() == []
        assert watch.look() == [task]
    assert town.status(task.taskid) is TaskStatus.FAILED


# MISTAKES


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_price": PRICE - 1}, f"max_price={PRICE}"),
        ({"trust": 10**9}, "the highest trust on offer is"),
        ({"trust": True}, "a whole number"),
        ({"category": 99}, "no category of this id"),
        ({"colour": "red"}, "the options of a task are beneficiary, callback"),
        ({"dataset": "0x" + "11" * 20}, "no dataset is registered"),
        ({"dataset": 5}, "dataset"),
        ({"secrets": ["hush"]}, "texts by their numbers"),
        ({"secrets": {-1: "hush"}}, "a whole number"),
        ({"secrets": {1: "x" * 4097}}, "at most 4096 bytes"),
        ({"args": ["", "x"]}, "texts that are not empty"),
        ({"input_files": "a.txt"}, "a list, also when there is one"),
        ({"input_files": ["missing.txt"]}, "cannot be read"),
        ({"input_files": 5}, "a list, also when there is one"),
        ({"input_files": [5]}, "a pair of name and bytes"),
        ({"input_files": [("a/b", b"")]}, "without a slash"),
        ({"input_files": [("..", b"")]}, "the name of a file"),
        ({"input_files": [("a\0", b"")]}, "the name of a file"),
        ({"args": 5}, "one text, or a list"),
        ({"max_app_price": "5"}, "max_app_price = '5': a whole number"),
        ({"max_dataset_price": -1}, "max_dataset_price = -1: a whole number"),
        ({"trust": 2**64}, "it is at most"),
        ({"workerpool": "0x" + "11" * 20}, "no workerpool is registered"),
        ({"workerpool": "cheap"}, "40 hex digits"),
        ({"beneficiary": "friend"}, "40 hex digits"),
        ({"beneficiary": "0x" + "11" * 20, "encrypt_result": True}, "must have set a key"),
        ({"beneficiary": "0x" + "11" * 20, "encrypt_result": "key.pem"}, "True or False"),
        ({"callback": b"x"}, "40 hex digits"),
        ({"encrypt_result": 1}, "a path is needed"),
        ({"encrypt_result": "nowhere.pem"}, "the key cannot be read"),
        ({"encrypt_result": ROOT / "README.md"}, "Invalid beneficiary key"),
    ],
)
def test_run__mistake__is_named_before_anything_is_bought(
    market: poco.Market, echo: App, options: dict[str, object], words: str
) -> None:
    deals = market.contracts.chain.request(
        "eth_getTransactionCount", market.account.address, "latest"
    )
    with pytest.raises(UserInputError, match=words):
        market.run(echo, **options)  # type: ignore[arg-type]
    assert (
        market.contracts.chain.request("eth_getTransactionCount", market.account.address, "latest")
        == deals
    )


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nothing.wasm", "readable WASM module"),
        ("0x" + "11" * 20, "no app is registered"),
        ("apps/nowhere", "no such file or folder"),
        ("./nowhere", "no such file or folder"),
        (Path("nowhere"), "no such file or folder"),
        ("Not An Image", "no such file or folder"),
        ("README.md", "a folder with a Makefile or Dockerfile"),
        ("", "a path is needed"),
        ("~nobody\0", "a path is needed"),
        (5, "a path is needed"),
    ],
)
def test_app__nothing_there__is_refused(
    market: poco.Market, monkeypatch: pytest.MonkeyPatch, target: Any, words: str
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserInputError, match=words):
        market.app(target)


def test_app__image_that_nobody_has__is_refused(market: poco.Market) -> None:
    with pytest.raises(UserInputError, match="no such path, and no such image"):
        market.app("localhost:1/nobody/none:1")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": 5}, "a path is needed"),
        ({"source": "nowhere.csv"}, "cannot be read"),
        ({"source": "0x" + "11" * 20}, "no dataset is registered"),
        ({"source": b"x", "name": 5}, "the name of a file"),
        ({"source": b"x", "name": "a/b"}, "without a slash"),
        ({"source": b"x", "encrypt": "yes"}, "True or False"),
        ({"source": b"x", "price": 0.5}, "a whole number"),
        ({"source": b"x", "app": "echo"}, "40 hex digits"),
        ({"source": b"x", "requester": "friend"}, "40 hex digits"),
    ],
)
def test_dataset__mistake__registers_nothing(
    market: poco.Market, given: dict[str, Any], words: str
) -> None:
    count = market.contracts.datasets.count(market.account.address)
    with pytest.raises(UserInputError, match=words):
        market.dataset(**given)
    assert market.contracts.datasets.count(market.account.address) == count


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"workers": "2"}, "workers = '2': a whole number"),
        ({"slots": 0}, "slots = 0: must lie"),
        ({"price": 0.5}, "price = 0.5: a whole number"),
        ({"state": 5}, "state = 5: a path"),
        ({"account": "0x" + "11" * 32}, "account = 'str': an account of eth_account"),
    ],
)
def test_market__argument_of_the_wrong_type__is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserInputError, match=words):
        poco.Market(**given)


def test_new_account__no_amount__is_refused(market: poco.Market) -> None:
    with pytest.raises(UserInputError, match="rlc = -1: a whole number"):
        market.new_account(-1)
    with pytest.raises(UserInputError, match="the wallet"):
        market.new_account(10**18)


@pytest.mark.parametrize("items", ["ab", 5, b"ab"])
def test_map__not_a_list__is_refused(market: poco.Market, echo: App, items: Any) -> None:
    with pytest.raises(UserInputError, match="one item is needed for each task"):
        market.map(echo, items)


def test_submit__too_many_arguments__are_refused(market: poco.Market, echo: App) -> None:
    with pytest.raises(UserInputError, match="called with arguments and input files"):
        market.submit(echo, "x", [], "y")  # type: ignore[call-arg]


def test_submit__python_function__is_refused(market: poco.Market) -> None:
    with pytest.raises(UserInputError, match="only apps of this market"):
        market.submit(len, "x")


def test_travel__back_or_out_of_this_world__is_refused(market: poco.Market) -> None:
    for seconds in (-1, 0.5, 10**12):
        with pytest.raises(UserInputError, match="seconds"):
            market.travel(seconds)  # type: ignore[arg-type]


def test_market__not_open__says_how_to_open_it() -> None:
    market = poco.Market()
    with pytest.raises(UserInputError, match="with poco"):
        market.app(ECHO)
    market.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        market.app(ECHO)
    with pytest.raises(UserInputError, match="opened once"), market:
        pass


# THE END


def test_market__nobody_works__refunds_after_the_deadline_and_fails_the_rest_in_the_end() -> None:
    async def story() -> tuple[Exception, Exception]:
        async with poco.Market(workers=0, price=PRICE) as market:
            expired = market.submit(market.app(ECHO), "x")
            expired.wait_for_deal()
            assert market.contracts.hub.account(market.account.address).locked == PRICE
            market.travel(10 * market.contracts.hub.category(0).clock)
            first = await asyncio.to_thread(expired.exception)
            assert market.contracts.hub.account(market.account.address).stake == PRICE
            left = market.submit(market.app(ECHO), "y")
            market.shutdown(wait=False)
            with pytest.raises(RuntimeError, match="after shutdown"):
                market.submit(market.app(ECHO), "z")
            market.close()
            return first, left.exception()

    first, left = asyncio.run(story())
    assert isinstance(first, TaskExpiredError)
    assert first.refund == PRICE
    assert "no worker contributed" in str(first)
    assert isinstance(left, PeerError)
    assert "closed before the task was done" in str(left)


# THE MANUAL


def test_manual__examples__run(market: poco.Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(), re.S)
    assert len(blocks) == 9
    names: dict[str, object] = {"poco": poco, "m": market}
    for block in blocks[1:]:
        exec(block, names)
