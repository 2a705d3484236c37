"""Wallets: where they are looked for, and what opens them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from eth_account import Account

from poco.errors import UserInputError
from poco.project import WalletChoice, create_wallet, find_wallet
from poco.secret import Secret

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PASSPHRASE = "correct horse"


def keystore(folder, name, key=KEY):
    """Write a keystore that opens quickly."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(Account.encrypt(key, PASSPHRASE, "pbkdf2", 1)))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_find__nothing_named__prefers_wallet_json_then_the_newest_keystore(project, home):
    folder = home / ".ethereum" / "keystore"
    keystore(folder, "UTC--2026-01-01T00-00-00.000000000Z--old", "0x" + 64 * "1")
    keystore(folder, "UTC--2026-02-01T00-00-00.000000000Z--new")
    assert find_wallet(WalletChoice(), project).address == ADDRESS
    made = create_wallet(project, passphrase=None, key=Secret("0x" + 64 * "2"))
    assert find_wallet(WalletChoice(), project).address == made.address != ADDRESS


def test_find__by_address__reads_no_key(project, home):
    keystore(home / ".ethereum" / "keystore", "UTC--a", "0x" + 64 * "1")
    keystore(home / ".ethereum" / "keystore", "UTC--b")
    found = find_wallet(WalletChoice(address=ADDRESS.lower()), project)
    assert found.place.endswith("UTC--b")


def test_find__by_address_beside_a_broken_keystore__is_found(project, home):
    keystore(home / ".ethereum" / "keystore", "UTC--a")
    (home / ".ethereum" / "keystore" / "UTC--b").write_text("{")
    assert find_wallet(WalletChoice(address=ADDRESS), project).address == ADDRESS


def test_find__by_address_of_wallet_json__is_found(project):
    create_wallet(project, passphrase=None, key=Secret(KEY))
    assert find_wallet(WalletChoice(address=ADDRESS), project).place.endswith("wallet.json")


@pytest.mark.parametrize("where", ["local", "keys"])
def test_find__by_file_name_in_a_folder__is_found(project, where):
    keystore(project if where == "local" else project / where, "mine")
    assert find_wallet(WalletChoice(file="mine", keystore=where), project).address == ADDRESS


@pytest.mark.parametrize(
    "choice", [WalletChoice(), WalletChoice(file="gone"), WalletChoice(address=ADDRESS)]
)
def test_find__nothing_there__says_how_to_make_one(project, choice):
    with pytest.raises(UserInputError, match="poco wallet create"):
        find_wallet(choice, project)


@pytest.mark.parametrize("content", ["{}", "[]", '{"version": 4}', "{"])
def test_find__file_that_is_no_wallet__is_refused(project, content):
    (project / "wallet.json").write_text(content)
    with pytest.raises(UserInputError, match=r"wallet\.json"):
        find_wallet(WalletChoice(), project)


def test_find__account_of_ape__needs_no_file(project):
    wallet = find_wallet(WalletChoice(file="ape:TEST::0"), project)
    assert (wallet.address, wallet.place) == (ADDRESS, "ape:TEST::0")
    assert wallet.unlock(str).address == ADDRESS


def test_find__keyfile_of_ape__tells_its_address_without_passphrase(project, tmp_path, monkeypatch):
    monkeypatch.setenv("APE_DATA_FOLDER", str(tmp_path / "ape"))
    keystore(tmp_path / "ape" / "accounts", "alice.json")
    wallet = find_wallet(WalletChoice(file="ape:alice"), project)
    assert wallet.address == ADDRESS
    assert wallet.unlock(lambda _: PASSPHRASE).address == ADDRESS


def test_create__encrypted__opens_with_its_passphrase_only(project):
    made = create_wallet(
        project,
        passphrase=Secret(PASSPHRASE),
        key=Secret(KEY),
        keystore="local",
        now=datetime(2026, 3, 4, 5, 6, 7, 8, UTC),
    )
    assert made.path.name == f"UTC--2026-03-04T05-06-07.000008000Z--{ADDRESS[2:]}"
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert KEY[2:] not in made.path.read_text()
    found = find_wallet(WalletChoice(keystore="local"), project)
    assert bytes(found.unlock(lambda _: PASSPHRASE).key).hex() == KEY[2:]
    with pytest.raises(UserInputError, match="does not open"):
        found.unlock(lambda _: "wrong")


def test_create__vector_that_begins_with_zeros__is_written_whole(project, monkeypatch):
    monkeypatch.setattr("eth_keyfile.keyfile.Random.get_random_bytes", lambda size: bytes(size))
    made = create_wallet(project, passphrase=Secret(PASSPHRASE), key=Secret(KEY))
    written = json.loads(made.path.read_text())
    assert written["crypto"]["cipherparams"]["iv"] == "0" * 32
    assert made.unlock(lambda _: PASSPHRASE).address == ADDRESS


def test_create__in_the_clear__is_for_its_owner_only(project):
    made = create_wallet(project, passphrase=None)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert find_wallet(WalletChoice(), project).unlock(str).address == made.address


def test_wallet__shown__hides_its_key(project):
    made = create_wallet(project, passphrase=None, key=Secret(KEY))
    assert KEY[2:] not in repr(made)


def test_create__malformed_key__is_refused_without_being_shown(project):
    with pytest.raises(UserInputError, match="64 hex digits") as caught:
        create_wallet(project, passphrase=None, key=Secret("0xdeadbeef"))
    assert "deadbeef" not in str(caught.value)


def test_wallet__whose_address_was_changed__is_refused(project):
    made = create_wallet(project, passphrase=None, key=Secret(KEY))
    other = made.document | {"address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}
    made.path.write_text(json.dumps(other))
    with pytest.raises(UserInputError, match="another address"):
        find_wallet(WalletChoice(), project).unlock(str)


def test_wallet__in_the_clear_without_address__is_that_of_the_key(project):
    (project / "wallet.json").write_text(json.dumps({"privateKey": KEY}))
    assert find_wallet(WalletChoice(), project).address == ADDRESS
