"""``ape run deploy`` as people type it: on each kind of network, twice, and with every mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eth_account import Account
from support.anvil import account, start_anvil

from poco.contracts import AddressBook, Chain, Market

ROOT = Path(__file__).parents[2]
PASSPHRASE = "correct horse"

pytestmark = pytest.mark.slow


def ape_run_deploy(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("ape")), "run", "deploy", *options],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    """A running node, with gas that costs."""
    with start_anvil() as url:
        yield url


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("books")


@pytest.fixture(scope="module")
def deployed(node: str, books: Path) -> Path:
    """The address book of a market on the node."""
    path = books / "31337.json"
    on_devnet(node, "--account", "TEST::0", "--out", str(path)).check_returncode()
    return path


def on_devnet(node: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return ape_run_deploy(
        "--network", "ethereum:devnet", *options, POCO_RPC_URL=node, **environment
    )


@pytest.mark.parametrize(
    ("network", "chain_id"), [("ethereum:local:test", 1337), ("ethereum:local:foundry", 31337)]
)
def test_deploy__throw_away_chain__writes_a_book(
    network: str, chain_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "book.json"
    done = ape_run_deploy("--network", network, "--out", str(path), APE_FOUNDRY_HOST="auto")
    assert (done.returncode, done.stderr) == (0, "")
    assert AddressBook.load(path).chain_id == chain_id
    assert "total" in done.stdout.splitlines()[-1]


def test_deploy__native_mode__has_no_token(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    done = ape_run_deploy(
        "--network", "ethereum:local:test", "--mode", "native", "--out", str(path)
    )
    assert done.returncode == 0, done.stderr
    book = AddressBook.load(path)
    assert (str(book.mode), book.token) == ("native", None)


def test_deploy__running_node__can_be_used_from_the_book(node: str, deployed: Path) -> None:
    market = Market.connect(node, book=deployed)
    assert market.hub.category_count() == 5
    document = json.loads(deployed.read_text())
    assert list(document)[:10] == [
        "chainId",
        "mode",
        "hub",
        "token",
        "appRegistry",
        "datasetRegistry",
        "workerpoolRegistry",
        "owner",
        "deployBlock",
        "version",
    ]
    verification = json.loads(deployed.with_name("31337.verification.json").read_text())
    assert verification["compiler"]["evmVersion"] == "cancun"


def test_deploy__again__verifies_and_changes_nothing(node: str, deployed: Path) -> None:
    before, block = deployed.read_bytes(), Chain.connect(node).block_number()
    done = on_devnet(node, "--account", "TEST::1", "--out", str(deployed))
    assert done.returncode == 0, done.stderr
    assert "nothing changed" in done.stdout
    assert (deployed.read_bytes(), Chain.connect(node).block_number()) == (before, block)


def test_deploy__keyfile_account__signs_without_questions(node: str, tmp_path: Path) -> None:
    key = Account.create()
    keyfile = tmp_path / "ape" / "accounts" / "operator.json"
    keyfile.parent.mkdir(parents=True)
    keyfile.write_text(json.dumps(Account.encrypt(key.key, PASSPHRASE, "pbkdf2", 1000)))
    Chain.connect(node).request("anvil_setBalance", key.address, hex(10**20))
    path = tmp_path / "book.json"
    done = on_devnet(
        node,
        "--account",
        "operator",
        "--out",
        str(path),
        APE_DATA_FOLDER=str(tmp_path / "ape"),
        APE_ACCOUNTS_operator_PASSPHRASE=PASSPHRASE,
    )
    assert done.returncode == 0, done.stderr
    assert AddressBook.load(path).owner == key.address
    assert PASSPHRASE not in done.stdout + done.stderr


Options = Callable[[Path, Path], list[str]]

MISTAKES: dict[str, tuple[int, str, Options]] = {
    "other mode": (3, "token mode already", lambda book, _: ["--mode", "native", f"--out={book}"]),
    "token without code": (
        2,
        "no contract at the token's address",
        lambda _, new: ["--token", account(5).address, f"--out={new}"],
    ),
    "token not an address": (2, "40 hex digits", lambda _, new: ["--token=0x12", f"--out={new}"]),
    "native with token": (
        2,
        "native mode has no token",
        lambda _, new: ["--mode=native", f"--token={account(5).address}", f"--out={new}"],
    ),
    "no categories file": (
        2,
        "categories file cannot be read",
        lambda _, new: ["--categories", "/no/such/file", f"--out={new}"],
    ),
    "out is a folder": (3, "cannot be written", lambda book, _: [f"--out={book.parent}"]),
    "out is no folder": (3, "cannot be written", lambda book, _: [f"--out={book}/x.json"]),
    "unknown account": (2, "nobody", lambda _, new: ["--account=nobody", f"--out={new}"]),
    "unknown test account": (2, "TEST::", lambda _, new: ["--account=TEST::99", f"--out={new}"]),
}


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, text: str) -> None:
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert text in done.stderr


@pytest.mark.parametrize("mistake", MISTAKES)
def test_deploy__mistake__is_one_line_and_changes_nothing(
    node: str, deployed: Path, tmp_path: Path, mistake: str
) -> None:
    code, text, options = MISTAKES[mistake]
    before, block = deployed.read_bytes(), Chain.connect(node).block_number()
    done = on_devnet(node, *options(deployed, tmp_path / "new.json"))
    assert_one_line(done, code, text)
    assert (deployed.read_bytes(), Chain.connect(node).block_number()) == (before, block)
    assert list(tmp_path.iterdir()) == []


def test_deploy__account_without_funds__is_one_line(node: str, tmp_path: Path) -> None:
    chain = Chain.connect(node)
    poor = account(7).address
    balance = chain.balance(poor)
    chain.request("anvil_setBalance", poor, "0x1")
    done = on_devnet(node, "--account=TEST::7", f"--out={tmp_path}/new.json")
    chain.request("anvil_setBalance", poor, hex(balance))
    assert_one_line(done, 4, poor)
    assert list(tmp_path.iterdir()) == []


def test_deploy__wrong_passphrase__is_one_line(node: str, tmp_path: Path) -> None:
    keyfile = tmp_path / "ape" / "accounts" / "operator.json"
    keyfile.parent.mkdir(parents=True)
    keyfile.write_text(json.dumps(Account.encrypt(account(1).key, PASSPHRASE, "pbkdf2", 1000)))
    done = on_devnet(
        node,
        "--account=operator",
        f"--out={tmp_path}/new.json",
        APE_DATA_FOLDER=str(tmp_path / "ape"),
        APE_ACCOUNTS_operator_PASSPHRASE="wrong",
    )
    assert_one_line(done, 2, "operator")


def test_deploy__node_does_not_answer__is_one_line(tmp_path: Path) -> None:
    done = on_devnet("http://127.0.0.1:9", f"--out={tmp_path}/new.json")
    assert_one_line(done, 4, "127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []


def test_deploy__unknown_network__is_one_line(tmp_path: Path) -> None:
    done = ape_run_deploy("--network=ethereum:nope", f"--out={tmp_path}/new.json")
    assert_one_line(done, 2, "nope")
