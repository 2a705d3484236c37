"""A person's wallets, money and project files, beside the unmodified official client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from support.anvil import account, start_anvil
from support.official_client import OfficialClient

from poco.cli.main import commands
from poco.contracts import Chain, EventReader, Market, Mode, Wallet, discover
from poco.deployment import deploy
from poco.local import StackSettings
from poco.local.info import Pool, StackInfo
from poco.local.runfile import recorded
from poco.orders import AppOrder, order_hash, random_salt, sign_order
from poco.project import Project
from poco.services.secrets import (
    Gate,
    KeyFile,
    KeyRing,
    SecretsService,
    SecretStore,
    secrets_application,
)
from poco.web import serving

OWNER, ALICE, BOB = account(0), account(1), account(2)
RLC = 10**9
PASSPHRASE = "correct horse"


class Person:
    """Somebody's project folder and home; commands run as ``TEST::1`` unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, answer: str | None = None) -> Result:
        return CliRunner(mix_stderr=False).invoke(commands, list(words), input=answer)

    def __call__(self, *words: str) -> Any:
        """Run a command, and return its raw answer."""
        done = self.run(*words, "--raw")
        assert done.exit_code == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer.pop("ok")
        return answer

    def refusal(self, *words: str, code: int = 2) -> str:
        """Run a command that fails, and return why."""
        done = self.run(*words, "--raw")
        assert (done.exit_code, done.stdout) == (code, "")
        return str(json.loads(done.stderr)["error"]["message"])

    def write(self, name: str, document: Any) -> None:
        (self.folder / name).write_text(json.dumps(document))

    def lend_wallet(self, official: OfficialClient) -> None:
        """Let the official client sign with the same key."""
        key = (self.folder / "wallet.json").read_text()
        (official.folder / "wallet.json").write_text(key)

    def use(self, market: Market, **services: str) -> None:
        """Write chain.json for a market."""
        chain = {"id": str(market.chain.chain_id), "host": market.chain.url}
        chain |= {"hub": market.hub.address} | services
        self.write("chain.json", {"default": "local", "chains": {"local": chain}})


def typed(*words: str, prompts: int) -> str:
    """What a command shows at a terminal, where the passphrase is typed at each prompt."""
    terminal, end = os.openpty()
    command = ["timeout", "120", sys.executable, "-m", "poco", *words]
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, start_new_session=True)
    os.close(end)
    shown = ""
    with suppress(OSError):  # the other end is closed
        while part := os.read(terminal, 4096).decode():
            shown += part
            if shown.endswith(": ") and prompts:  # what is typed before is thrown away
                prompts -= 1
                os.write(terminal, f"{PASSPHRASE}\n".encode())
    os.close(terminal)
    assert process.wait() == 0, shown
    return shown


@pytest.fixture(scope="module")
def markets() -> Iterator[dict[Mode, Market]]:
    with start_anvil() as rpc:
        chain = Chain.connect(rpc)
        wallet = Wallet(chain, OWNER, EventReader(()))
        markets = {mode: Market(chain, deploy(wallet, mode).book) for mode in Mode}
        markets[Mode.TOKEN].acting_as(OWNER).token.transfer(ALICE.address, 1000 * RLC)
        yield markets


@pytest.fixture
def market(markets: dict[Mode, Market]) -> Market:
    return markets[Mode.TOKEN]


@pytest.fixture
def alice(market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    person = Person(tmp_path)
    person.use(market)
    key = {"privateKey": f"0x{bytes(ALICE.key).hex()}", "address": ALICE.address}
    person.write("wallet.json", key)
    return person


# MONEY


def test_account__deposit_and_withdraw__moves_money_between_wallet_and_hub(
    alice: Person, market: Market
) -> None:
    before = market.hub.account(ALICE.address).stake
    assert alice("account", "deposit", "5", "RLC")["amount"] == str(5 * RLC)
    assert alice("account", "withdraw", "1000000000")["amount"] == str(RLC)
    shown = alice("account", "show")["balance"]
    assert shown == {"stake": str(before + 4 * RLC), "locked": "0"}


@pytest.mark.parametrize("verb", ["deposit", "withdraw"])
def test_account__nothing__is_refused(alice: Person, verb: str) -> None:
    assert "must be greater than 0" in alice.refusal("account", verb, "0")


@pytest.mark.parametrize("verb", ["deposit", "withdraw"])
def test_account__more_than_there_is__is_refused_before_anything_is_sent(
    alice: Person, market: Market, verb: str
) -> None:
    nonce = market.chain.request("eth_getTransactionCount", ALICE.address, "latest")
    assert "RLC" in alice.refusal("account", verb, "1000000000", "RLC")
    assert market.chain.request("eth_getTransactionCount", ALICE.address, "latest") == nonce


def test_account__unit_before_the_spender__is_understood(alice: Person) -> None:
    alice("account", "approve", "2", "RLC", BOB.address)
    assert alice("account", "allowance", BOB.address) == {"amount": str(2 * RLC)}
    alice("account", "revoke", BOB.address)


@pytest.mark.parametrize("verb", ["send-ether", "send-RLC"])
def test_wallet__money_for_the_zero_address__is_not_sent(alice: Person, verb: str) -> None:
    zero = f"0x{'00' * 20}"
    assert "is lost" in alice.refusal("wallet", verb, "1", "--to", zero, "--force")


def test_account__approved_spender__has_an_allowance_until_it_is_revoked(alice: Person) -> None:
    alice("account", "approve", "17", BOB.address)
    shown = alice("account", "allowance", BOB.address, "--user", ALICE.address)
    assert shown == {"amount": "17"}
    alice("account", "revoke", BOB.address)
    assert alice("account", "allowance", BOB.address) == {"amount": "0"}


def test_wallet__sent_money__arrives(alice: Person, market: Market) -> None:
    wei, nrlc = market.chain.balance(BOB.address), market.token.balance_of(BOB.address)
    sent = alice("wallet", "send-ether", "3", "gwei", "--to", BOB.address, "--force")
    assert (sent["amount"], sent["from"], sent["to"]) == (
        "3000000000",
        ALICE.address,
        BOB.address,
    )
    alice("wallet", "sendRLC", "0.5", "--to", BOB.address, "--force")
    assert market.chain.balance(BOB.address) == wei + 3 * 10**9
    assert market.token.balance_of(BOB.address) == nrlc + RLC // 2


def test_wallet__sending_without_consent__sends_nothing(alice: Person, market: Market) -> None:
    wei = market.chain.balance(BOB.address)
    done = alice.run("wallet", "send-ether", "1", "--to", BOB.address, answer="n\n")
    assert done.exit_code == 2
    assert f"Send 1 ether to {BOB.address}?" in done.stderr
    assert market.chain.balance(BOB.address) == wei


def test_wallet__swept__is_empty_but_for_dust(alice: Person, market: Market) -> None:
    made = alice("wallet", "create", "--unencrypted", "--force")
    owner = market.acting_as(OWNER)
    owner.token.transfer(made["address"], 7)
    alice("wallet", "send-ether", "1", "--to", made["address"], "--account", "TEST::1", "--force")
    wei, nrlc = market.chain.balance(BOB.address), market.token.balance_of(BOB.address)
    swept = alice("wallet", "sweep", "--to", BOB.address, "--force")
    assert {"from", "to", "sendERC20TxHash", "sendNativeTxHash"} == set(swept)
    assert market.token.balance_of(BOB.address) == nrlc + 7
    assert market.chain.balance(BOB.address) > wei + 99 * 10**16
    again = alice("wallet", "sweep", "--to", BOB.address, "--force")
    assert "do not pay for the gas" in again["errors"][0]
    assert "do not pay" in alice.run("wallet", "sweep", "--to", BOB.address, "--force").stderr


def test_wallet__swept_to_a_contract__keeps_everything(alice: Person, market: Market) -> None:
    words = ("wallet", "sweep", "--to", market.hub.address, "--force")
    assert "not swept to a contract" in alice.refusal(*words)


def test_wallet__swept_without_gas_for_the_token__keeps_everything(
    alice: Person, market: Market
) -> None:
    made = alice("wallet", "create", "--unencrypted", "--force")["address"]
    market.acting_as(OWNER).token.transfer(made, 7)
    alice.refusal("wallet", "sweep", "--to", BOB.address, "--force", code=4)
    assert market.token.balance_of(made) == 7


def test_wallet_show__of_the_wallet__has_its_key_only_when_asked(alice: Person) -> None:
    shown = alice("wallet", "show")
    assert shown["wallet"] == {"address": ALICE.address}
    assert set(shown["balance"]) == {"ether", "RLC", "nRLC", "wei"}
    shown = alice("wallet", "show", "--show-private-key")
    assert shown["wallet"]["privateKey"] == f"0x{bytes(ALICE.key).hex()}"
    assert "wallet" not in alice("wallet", "show", BOB.address)


def test_native_market__coin_is_the_money(alice: Person, markets: dict[Mode, Market]) -> None:
    market = markets[Mode.NATIVE]
    alice.use(market)
    wei = market.chain.balance(BOB.address)
    alice("account", "deposit", "2", "RLC")
    assert alice("account", "show")["balance"]["stake"] == str(2 * RLC)
    alice("wallet", "send-RLC", "1", "nRLC", "--to", BOB.address, "--force")
    assert market.chain.balance(BOB.address) == wei + 10**9
    assert alice("info")["rlcAddress"] is None


def test_confirmations__more_than_one__are_waited_for(alice: Person, market: Market) -> None:
    market.chain.request("evm_setIntervalMining", 1)
    try:
        first = market.chain.block_number()
        alice("account", "approve", "1", BOB.address, "--confirms", "3")
        assert market.chain.block_number() >= first + 3
    finally:
        market.chain.request("evm_setIntervalMining", 0)
        market.chain.request("evm_setAutomine", True)


# THE MARKET


def test_info__of_a_hub_alone__finds_the_rest(alice: Person, market: Market) -> None:
    shown = alice("info")
    assert shown["rlcAddress"] == market.token.address
    assert shown["appRegistryAddress"] == market.book.app_registry
    found = discover(market.chain, market.hub.address)
    assert (found.deploy_block, found.mode) == (market.book.deploy_block, Mode.TOKEN)
    assert found.genesis_hash == market.chain.genesis_hash()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "1"}, "the node's chain is 31337"),
        ({"hub": BOB.address}, "there is no contract"),
        ({"hub": None}, "missing hub"),
        ({"flavour": "standard"}, 'unknown key "flavour"'),
    ],
)
def test_info__chain_json_is_wrong__says_what(
    alice: Person, change: dict[str, Any], message: str
) -> None:
    document = json.loads((alice.folder / "chain.json").read_text())
    entry = document["chains"]["local"] | change
    document["chains"]["local"] = {key: entry[key] for key in entry if entry[key] is not None}
    alice.write("chain.json", document)
    assert message in alice.refusal("info", code=3)


def test_info__hub_is_another_contract__is_said(alice: Person, market: Market) -> None:
    document = json.loads((alice.folder / "chain.json").read_text())
    document["chains"]["local"]["hub"] = market.token.address
    alice.write("chain.json", document)
    assert "is no hub" in alice.refusal("info", code=3)


def test_info__node_is_away__is_said(alice: Person) -> None:
    document = json.loads((alice.folder / "chain.json").read_text())
    document["chains"]["local"]["host"] = "http://127.0.0.1:9"
    alice.write("chain.json", document)
    assert "the node does not answer" in alice.refusal("info", code=4)


def test_category__drafted_by_the_owner__is_created_and_shown(
    alice: Person, market: Market
) -> None:
    alice("init", "--skip-wallet", "--force")
    alice.use(market)
    draft = alice("category", "init")["category"]
    count = alice("category", "count")["count"]
    assert "only the hub's owner" in alice.refusal("category", "create")
    assert alice("category", "create", "--account", "TEST::0")["catid"] == count
    assert alice("category", "show", count) == {"index": count, "category": draft}


def test_category__of_no_such_index__says_how_many_there_are(alice: Person) -> None:
    count = alice("category", "count")["count"]
    told = alice.refusal("category", "show", "99")
    assert told.startswith(f"category = 99: the market has {count} categories")


@pytest.mark.parametrize("change", [{"workClockTimeRef": "0"}, {"name": 5}])
def test_category__malformed_draft__is_refused(alice: Person, change: dict[str, Any]) -> None:
    draft = {"name": "a", "description": "b", "workClockTimeRef": "9"} | change
    alice.write("iexec.json", {"category": draft})
    assert next(iter(change)) in alice.refusal("category", "create", "--account", "TEST::0")


def test_storage__token_pushed__is_there_and_replaced_on_demand(
    alice: Person, market: Market
) -> None:
    KeyFile(alice.folder / "master.key").create()
    keys = KeyRing.load(alice.folder / "master.key")
    store = SecretStore(f"sqlite:///{alice.folder}/secrets.sqlite", keys)
    service = SecretsService(Gate(market, simulated=True), store)
    with serving(secrets_application(service)) as url:
        alice.use(market, sms=url)
        init = ("storage", "init", "dropbox", "--token")
        assert alice("storage", "check", "dropbox") == {"isInitialized": False}
        assert alice(*init, "one") == {"isInitialized": True, "isUpdated": False}
        assert "--force-update" in alice.refusal(*init, "two")
        assert alice(*init, "two", "--force-update")["isUpdated"]
        assert alice("storage", "check", "dropbox", "--user", ALICE.address)["isInitialized"]


@pytest.mark.parametrize(
    ("provider", "message"), [("ipfs", "does not support"), ("floppy", "no such storage")]
)
def test_storage__provider_without_token__is_refused(
    alice: Person, provider: str, message: str
) -> None:
    assert message in alice.refusal("storage", "check", provider)


# PROJECTS


def test_init__no_market_runs__knows_the_usual_ports(alice: Person) -> None:
    done = alice("init", "--force", "--unencrypted")
    assert done["walletFile"] == "wallet.json"
    key = json.loads((alice.folder / "wallet.json").read_text())["privateKey"]
    assert Account.from_key(key).address == done["walletAddress"]
    entry = Project(alice.folder).chain()
    assert (entry.id, entry.host, entry.hub) == (31337, "http://127.0.0.1:8545", None)


def announced(market: Market | None = None) -> StackInfo:
    """What `poco up` would say of a market."""
    url = "http://127.0.0.1:"
    return StackInfo(
        rpc=f"{url}18545" if market is None else market.chain.url,
        chainId=31337,
        hub=BOB.address if market is None else market.hub.address,
        token=ALICE.address,
        market=f"{url}13000",
        sms=f"{url}13300",
        compass=f"{url}18069",
        ipfsGateway=f"{url}18080",
        ipfsNode=f"{url}15001",
        resultProxy=f"{url}13200",
        subgraph="",
        workerpool=Pool(BOB.address, "0x", url),
        fundingKey=f"0x{bytes(OWNER.key).hex()}",
        hubOwnerKey="0x",
        e2e={},
    )


def test_init__while_a_market_runs_here__knows_its_addresses(alice: Person) -> None:
    info = announced()
    with recorded(info, StackSettings(), ("WASM",)):
        alice("init", "--force", "--skip-wallet")
    assert json.loads((alice.folder / "chain.json").read_text()) == info.chain_json()


def test_init__new_wallet__has_money_of_the_market_that_runs_here(
    alice: Person, market: Market
) -> None:
    with recorded(announced(market), StackSettings(), ("WASM",)):
        made = alice("init", "--force", "--unencrypted")["walletAddress"]
        balance = alice("wallet", "show")["balance"]
        assert (balance["ether"], balance["RLC"]) == ("10.0", "1000.0")
        assert alice("wallet", "fund")["address"] == made
    assert alice("wallet", "show")["balance"]["ether"] == "20.0"


def test_wallet_fund__no_market_runs_here__is_refused(alice: Person) -> None:
    assert "only the market on this machine" in alice.refusal("wallet", "fund", code=3)


def test_init__market_without_money__warns_that_the_wallet_is_empty(
    alice: Person, market: Market
) -> None:
    poor = replace(announced(market), fundingKey=f"0x{1:064x}")
    with recorded(poor, StackSettings(), ("WASM",)):
        done = alice.run("init", "--force", "--unencrypted")
    assert done.exit_code == 0
    assert "the wallet is empty" in done.stderr


def test_init__beside_an_address_book__knows_its_hub(alice: Person, market: Market) -> None:
    market.book.write(alice.folder / "deployments" / "31337.json")
    alice("init", "--force", "--skip-wallet")
    assert Project(alice.folder).chain().hub == market.hub.address


def test_init__with_an_address_book__is_for_that_market_wherever_its_services_are(
    alice: Person, market: Market
) -> None:
    replace(market.book, chain_id=1234).write(alice.folder / "far.json")
    words = ("init", "--force", "--skip-wallet", "--book", "far.json")
    assert "no node" in alice.run(*words).stderr
    alice(*words, "--url", f"host={market.chain.url}", "--url", "sms=https://secrets.example.org/")
    assert json.loads((alice.folder / "chain.json").read_text())["chains"] == {
        "market": {
            "id": "1234",
            "host": market.chain.url,
            "hub": market.hub.address,
            "sms": "https://secrets.example.org",
        }
    }


def test_init__with_the_book_of_a_local_chain__knows_the_usual_ports(
    alice: Person, market: Market
) -> None:
    market.book.write(alice.folder / "book.json")
    alice("init", "--force", "--skip-wallet", "--book", "book.json")
    entry = Project(alice.folder).chain()
    assert (entry.host, entry.hub) == ("http://127.0.0.1:8545", market.hub.address)


def test_init__with_the_document_of_a_market__is_for_that_one(alice: Person) -> None:
    info = announced()
    alice.write("info.json", info.to_json())
    alice("init", "--force", "--skip-wallet", "--info", "info.json")
    assert json.loads((alice.folder / "chain.json").read_text()) == info.chain_json()


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("--book", "none.json"), "no address book", 3),
        (("--info", "none.json"), "no such file", 2),
        (("--info", "chain.json"), "poco up --info", 3),
        (("--book", "a", "--info", "b"), "either --book or --info", 2),
        (("--url", "sms"), "URL is needed", 2),
        (("--url", "hub=0x12"), "NAME of host, sms", 2),
    ],
)
def test_init__of_a_market_that_cannot_be_found__changes_nothing(
    alice: Person, words: tuple[str, ...], told: str, code: int
) -> None:
    before = (alice.folder / "chain.json").read_text()
    assert told in alice.refusal("init", "--force", "--skip-wallet", *words, code=code)
    assert (alice.folder / "chain.json").read_text() == before


def test_init__no_room_on_the_disk__leaves_the_files_as_they_were(alice: Person) -> None:
    alice.write("iexec.json", {"description": "mine"})
    before = {path.name: path.read_bytes() for path in alice.folder.glob("*.json")}
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16)); "
        "from poco.cli.main import main; main('init', '--skip-wallet', '--force', '--raw')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot be written: File too large" in json.loads(done.stderr)["error"]["message"]
    assert {path.name: path.read_bytes() for path in alice.folder.glob("*.json")} == before
    assert list(alice.folder.glob(".iexec*")) == []


def test_init__files_are_there__asks_before_it_replaces_them(alice: Person) -> None:
    before = (alice.folder / "chain.json").read_text()
    assert "--force" in alice.refusal("init", "--skip-wallet")
    assert alice.run("init", "--skip-wallet", answer="n\n").exit_code == 2
    assert (alice.folder / "chain.json").read_text() == before


def test_wallet__passphrase_is_wrong__is_said_in_one_line(alice: Person) -> None:
    alice("wallet", "import", "0x" + "1" * 64, "--password", PASSPHRASE, "--keystoredir", "local")
    file = next(alice.folder.glob("UTC--*")).name
    words = ("--wallet-file", file, "--keystoredir", "local", "--password", "wrong")
    assert "does not open" in alice.refusal("account", "deposit", "1", *words)


def test_wallet_import__from_standard_input__never_stands_on_the_command_line(
    alice: Person,
) -> None:
    words = ("wallet", "import", "-", "--unencrypted", "--force", "--raw")
    done = alice.run(*words, answer=f"0x{bytes(BOB.key).hex()}\n")
    assert json.loads(done.stdout)["address"] == BOB.address


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_wallet__made_and_used_at_a_terminal__asks_for_its_passphrase_unseen(
    alice: Person, market: Market, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    made = typed("wallet", "create", "--keystoredir", "local", prompts=2)
    [file] = alice.folder.glob("UTC--*")
    assert f"is in {file}" in made
    address = f"0x{file.name.rpartition('--')[2]}"
    alice("wallet", "send-ether", "1", "--to", address, "--account", "TEST::1", "--force")
    (alice.folder / "wallet.json").unlink()
    monkeypatch.setenv("TERM", term)
    shown = typed("account", "approve", "1", BOB.address, "--keystoredir", "local", prompts=1)
    assert f"{BOB.address} may spend 0.000000001 RLC" in shown
    assert "approving" in shown
    assert PASSPHRASE not in made + shown


def test_purchase__of_the_first_era__is_signed_as_one_of_today(
    alice: Person, market: Market
) -> None:
    owner = market.acting_as(ALICE)
    app = owner.apps.create(ALICE.address, "ffmpeg", "DOCKER", b"image", b"\x01" * 32).value
    (alice.folder / "iexec.js").write_text(
        f"""module.exports = {{ // a tutorial of 2018
          order: {{ buy: {{
            app: '{app}', params: {{ cmdline: '-i a', dirinuri: 'http://h/a' }},
          }} }}
        }};"""
    )
    signed = alice("order", "sign", "--request", "--skip-preflight-check")["requestorder"]
    assert (signed["app"], signed["requester"]) == (app, ALICE.address)
    params = {"cmdline": "-i a", "dirinuri": "http://h/a"}
    assert json.loads(signed["params"]) == params


def test_ape__has_the_same_commands_with_the_same_exit_codes(alice: Person) -> None:
    (alice.folder / "chain.json").unlink()
    command = ["ape", "poco", "info", "--raw"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    answer = json.loads(done.stderr)
    assert (answer["ok"], answer["command"]) == (False, "ape poco info")


# BESIDE THE OFFICIAL CLIENT


def test_wallet__made_by_either_client__opens_with_the_other(alice: Person, market: Market) -> None:
    official = OfficialClient(alice.folder / "official", market)
    keystore = str(official.folder / ".ethereum" / "keystore")
    show = ("wallet", "show", "--show-private-key", "--password", PASSPHRASE, "--wallet-file")

    theirs = official("wallet", "create", "--password", PASSPHRASE)
    shown = alice(*show, theirs["fileName"])
    assert shown["wallet"]["address"] == theirs["address"]

    ours = alice("wallet", "create", "--password", PASSPHRASE, "--keystoredir", keystore)
    shown = official(*show, Path(ours["fileName"]).name)
    assert shown["wallet"]["address"] == ours["address"]


def test_answers__of_both_clients__have_the_same_keys_and_values(
    alice: Person, market: Market
) -> None:
    official = OfficialClient(alice.folder / "official", market)
    alice.lend_wallet(official)
    for words in (("wallet", "show"), ("category", "show", "0")):
        assert alice(*words) == official(*words)
    ours, theirs = alice("info"), official("info")
    assert ours | {"pocoVersion": ""} == theirs | {"pocoVersion": ""}


def test_project__written_by_either_client__is_read_by_the_other(
    alice: Person, market: Market
) -> None:
    market.book.write(alice.folder / "deployments" / "31337.json")
    alice("init", "--force", "--skip-wallet")
    alice("category", "init")
    official = OfficialClient(alice.folder / "official", market)
    for name in ("chain.json", "iexec.json"):
        (official.folder / name).write_text((alice.folder / name).read_text())
    alice.lend_wallet(official)
    theirs = official("order", "init", "--request")["requestorder"]

    project = Project(official.folder)
    assert project.section("order.requestorder") == theirs
    assert theirs["requester"] == ALICE.address
    assert project.section("category")["name"] == "XXL"


def test_order__signed_and_kept_by_poco__is_cancelled_by_the_official_client(
    alice: Person, market: Market
) -> None:
    owner = market.acting_as(ALICE)
    app = owner.apps.create(ALICE.address, "mine", "DOCKER", b"image", b"\x01" * 32).value
    order = sign_order(AppOrder(app=app, tag=9, salt=random_salt()), market.domain, ALICE)
    official = OfficialClient(alice.folder / "official", market)
    project = Project(official.folder)
    project.save_order(market.chain.chain_id, order)
    project.save_deployed("app", market.chain.chain_id, app)
    alice.lend_wallet(official)
    assert official("app", "show")["address"] == app
    official("order", "cancel", "--app", "--force")
    assert market.hub.consumed(order_hash(order, market.domain)) == order.volume
