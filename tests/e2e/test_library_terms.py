"""`poco.Market`: on what terms things are bought and sold, for whom, and who can read results."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from eth_account import Account
from terminals import ROOT

import poco
from poco.contracts import Call, Chain, discover
from poco.contracts import Market as Contracts
from poco.contracts.wallet import nothing
from poco.errors import ChainError, UserInputError
from poco.local import offering
from poco.local.faucet import Gift, fund
from poco.local.goods import App
from poco.orders import TaskId, WorkerpoolOrder, random_salt, sign_order
from poco.services.orderbook import OrderbookClient

ECHO = ROOT / "apps" / "echo"
PRICE = 1000
DEAR = 10 * PRICE
KEEPS_SIZE = bytes.fromhex("6004600c60003960046000f3365f5500")
"""Makes a contract that writes the size of its call data into slot 0."""


@pytest.fixture(scope="module")
def market() -> Iterator[poco.Market]:
    with poco.Market(price=PRICE) as opened:
        yield opened


@pytest.fixture(scope="module")
def echo(market: poco.Market) -> App:
    return market.app(ECHO)


@pytest.fixture
def buyer(market: poco.Market) -> Iterator[poco.Market]:
    """The same market for somebody who owns nothing."""
    with poco.Market.connect(market.info, max_price=DEAR) as connected:
        yield connected


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key for results, quicker to make than those of the library."""
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    made = rsa.generate_private_key(65537, 2048)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(made.private_bytes(*kinds, serialization.NoEncryption()))
    return path


def stored_names(market: poco.Market, taskid: TaskId) -> set[str]:
    """What everybody sees in the archive of a task."""
    location = market.contracts.hub.task(taskid).results.decode().split('"')[7]
    archive = httpx.get(market.info.ipfsGateway + location, trust_env=False).content
    return set(zipfile.ZipFile(io.BytesIO(archive)).namelist())


def offer_cheaply(market: poco.Market, price: int, volume: int) -> None:
    """Have the pool offer a few tasks for less."""
    owner = Account.from_key(market.info.workerpool.ownerKey)
    order = WorkerpoolOrder(
        workerpool=market.info.workerpool.address,
        workerpoolprice=price,
        volume=volume,
        category=0,
        trust=1,
        salt=random_salt(),
    )
    book = OrderbookClient(market.info.market, market.contracts.domain)
    book.publish(sign_order(order, market.contracts.domain, owner), owner)
    book.close()


# OFFERS THAT RUN OUT


def test_map__cheap_offer_runs_out__goes_on_with_the_next(market: poco.Market, echo: App) -> None:
    offer_cheaply(market, 1, 2)
    results = list(market.map(echo, ["a", "b", "c"]))
    assert [result.text for result in results] == [f"argument {it}\n" for it in "abc"]
    assert sorted(result.cost for result in results) == [1, 1, PRICE]


def test_map__equal_calls_at_two_prices__are_numbered_through(
    market: poco.Market, echo: App
) -> None:
    offer_cheaply(market, 2, 2)
    results = list(market.map(echo, ["same"] * 3))
    assert [result.index for result in results] == [0, 1, 2]
    assert [result.cost for result in results] == [2, 2, PRICE]
    assert len({result.dealid for result in results}) == 2


def test_map__cheap_offer_runs_out_and_no_other__buys_none(market: poco.Market, echo: App) -> None:
    offer_cheaply(market, 3, 1)
    with pytest.raises(UserInputError, match="1 of 2 tasks are offered"):
        list(market.map(echo, ["x"] * 2, max_price=3))
    assert market.run(echo, "y", max_price=3).cost == 3


def test_map__more_than_the_pool_offers_at_a_time__waits_for_its_next_offer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offering, "_PAID_VOLUME", 2)
    with poco.Market(price=PRICE) as market:
        results = list(market.map(market.app(ECHO), ["a", "b", "c", "d", "e"]))
        assert [result.cost for result in results] == [PRICE] * 5


# PRICES AND RESTRICTIONS


def test_app__price__is_what_others_pay(market: poco.Market, buyer: poco.Market) -> None:
    app = market.app(ECHO, price=7)
    assert buyer.run(app.address, "x").cost == PRICE + 7
    assert market.run(app, "x").cost == PRICE
    with pytest.raises(UserInputError, match="max_app_price=7"):
        buyer.run(app.address, "x", max_app_price=6)
    market.app(app.address, price=8)  # what was offered before is no longer for sale
    assert buyer.run(app.address, "x", max_app_price=8).cost == PRICE + 8
    market.app(ECHO)  # says nothing of the price
    with pytest.raises(UserInputError, match="max_app_price=8"):
        buyer.run(app.address, "x", max_app_price=7)
    market.app(ECHO, price=0)


def test_app__price_for_one_of_somebody_else__is_refused(echo: App, buyer: poco.Market) -> None:
    with pytest.raises(UserInputError, match="only its owner"):
        buyer.app(echo.address, price=1)


def test_dataset__price_and_app__bind_others(
    market: poco.Market, echo: App, buyer: poco.Market
) -> None:
    dataset = market.dataset(b"for echo", price=5, app=echo)
    result = buyer.run(echo.address, dataset=dataset.address)
    assert "for echo" in result.text
    assert result.cost == PRICE + 5
    with pytest.raises(UserInputError, match="max_dataset_price=5"):
        buyer.run(echo.address, dataset=dataset, max_dataset_price=4)
    other = buyer.app(ROOT / "apps" / "csv-histogram")
    with pytest.raises(UserInputError, match="dataset"):
        buyer.run(other, dataset=dataset)


def test_dataset__requester__is_the_only_one_who_buys(
    market: poco.Market, echo: App, buyer: poco.Market
) -> None:
    dataset = market.dataset(b"for one", requester=buyer.account, encrypt=True)
    assert "for one" in buyer.run(echo.address, dataset=dataset.address).text
    with (
        poco.Market.connect(market.info, max_price=DEAR) as other,
        pytest.raises(UserInputError, match="dataset"),
    ):
        other.run(echo.address, dataset=dataset.address)


def test_run__secrets_for_an_app_of_somebody_else__reach_it(echo: App, buyer: poco.Market) -> None:
    assert "requester secret 1 hush" in buyer.run(echo.address, secrets={1: "hush"}).text


def test_run__workerpool__is_the_one_that_is_named(market: poco.Market, echo: App) -> None:
    pool = market.info.workerpool.address
    deal = market.contracts.hub.deal(market.run(echo, "x", workerpool=pool).dealid)
    assert deal is not None
    assert deal.workerpool.pointer == pool


# WHOM RESULTS ARE FOR


def test_run__callback__contract_gets_what_the_app_left(market: poco.Market, echo: App) -> None:
    chain = market.contracts.chain
    assert market.contracts.wallet is not None
    made = market.contracts.wallet.execute(Call("deploy", None, KEEPS_SIZE, nothing))
    receipt = chain.request("eth_getTransactionReceipt", made.transaction_hash)
    oracle = receipt["contractAddress"]
    result = market.run(echo, "--callback 0x2a", callback=oracle)
    assert result.callback_data == b"\x2a"
    assert "result.txt" in result.files
    size = int(chain.request("eth_getStorageAt", oracle, "0x0", "latest"), 16)
    assert size == 4 + 4 * 32  # receiveResult(bytes32,bytes)


def test_run__beneficiary__is_in_the_deal(market: poco.Market, echo: App) -> None:
    friend = Account.create()
    deal = market.contracts.hub.deal(market.run(echo, "x", beneficiary=friend).dealid)
    assert deal is not None
    assert deal.beneficiary == friend.address


def test_run__encrypt_result__is_read_here_and_nowhere_else(
    echo: App, buyer: poco.Market, key: Path
) -> None:
    result = buyer.run(echo.address, "x", encrypt_result=key)
    assert result.text == "argument x\n"
    assert not stored_names(buyer, result.taskid) & set(result.files)
    assert buyer.run(echo.address, "again", encrypt_result=True).text == "argument again\n"


def test_run__encrypt_result_of_an_app_that_fails__tells_why(
    market: poco.Market, buyer: poco.Market, key: Path
) -> None:
    with pytest.raises(poco.errors.AppError, match="exit code 2"):
        buyer.run(ROOT / "apps" / "csv-histogram", "--colour", encrypt_result=key)


def test_run__account_has_a_key_of_another_program__is_asked_for_it(
    market: poco.Market, echo: App, buyer: poco.Market, key: Path, tmp_path: Path
) -> None:
    buyer.run(echo.address, "x", encrypt_result=key)
    with poco.Market.connect(market.info, account=buyer.account, max_price=DEAR) as second:
        with pytest.raises(UserInputError, match="the path of the private key"):
            second.run(echo.address, "x", encrypt_result=True)
        assert second.run(echo.address, "x", encrypt_result=key).text == "argument x\n"
        (tmp_path / "other.pem").write_text("another one")
        with pytest.raises(UserInputError, match="one key pair"):
            second.run(echo.address, "x", encrypt_result=tmp_path / "other.pem")


def test_run__encrypt_result_for_somebody_else__stays_closed(
    market: poco.Market, echo: App, buyer: poco.Market, key: Path
) -> None:
    buyer.run(echo.address, "x", encrypt_result=key)
    result = market.run(echo, "x", beneficiary=buyer.account, encrypt_result=True)
    assert set(result.files) == stored_names(market, result.taskid)
    assert "result.txt" not in result.files


# MONEY FROM THE BANK


def test_connect__account_without_ether__gets_some(market: poco.Market) -> None:
    account = Account.create()
    with poco.Market.connect(market.info, account=account):
        assert market.contracts.chain.balance(account.address) > 0
        assert market.contracts.token.balance_of(account.address) > 0


def test_run__wallet_that_is_empty__buys_nothing(market: poco.Market, echo: App) -> None:
    poor = market.new_account(rlc=0)
    with (
        poco.Market.connect(market.info, account=poor, max_price=PRICE) as buyer,
        pytest.raises(UserInputError, match="the wallet"),
    ):
        buyer.run(echo.address, "x")


def test_fund__several_programs_at_once__all_are_paid(market: poco.Market) -> None:
    people = [Account.create().address for _ in range(6)]
    start = threading.Barrier(len(people))
    faults: list[BaseException] = []

    def program(address: str) -> None:
        try:
            chain = Chain.connect(market.info.rpc)
            bank = Contracts(chain, discover(chain, market.contracts.hub.address))
            bank = bank.acting_as(Account.from_key(market.info.fundingKey))
            start.wait()
            fund(bank, address, Gift(1, 1))  # type: ignore[arg-type]
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=program, args=[address]) for address in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [market.contracts.chain.balance(address) for address in people] == [1] * 6
    assert [market.contracts.token.balance_of(address) for address in people] == [1] * 6


def test_fund__node_that_refuses_for_another_reason__is_not_asked_again(
    market: poco.Market,
) -> None:
    bank = market.contracts.acting_as(Account.create())  # has no ether for gas
    with pytest.raises((ChainError, UserInputError)):
        fund(bank, market.account.address, Gift(1, 0))
