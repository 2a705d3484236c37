"""Keys: those of every development chain, and Ape's keyfiles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_account import Account

from poco.errors import UserInputError
from poco.market import Role, development_account, load_account

KEY = bytes([7]) * 32


def never(alias: str) -> str:
    raise AssertionError(f"nobody asked for the passphrase of {alias}")


@pytest.fixture
def keyfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "accounts").mkdir()
    document = Account.encrypt(KEY, "secret", kdf="pbkdf2", iterations=1)
    (tmp_path / "accounts" / "alice.json").write_text(json.dumps(document))
    monkeypatch.setenv("APE_DATA_FOLDER", str(tmp_path))
    return "alice"


def test_development_account__first__is_the_one_every_tool_knows() -> None:
    known = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert development_account(Role.DEPLOYER).address == known
    assert load_account("TEST::0", never).address == known


@pytest.mark.parametrize("alias", ["TEST::20", "TEST::-1", "TEST::x"])
def test_load__no_such_test_account__says_which_there_are(alias: str) -> None:
    with pytest.raises(UserInputError, match="TEST::0 to TEST::19"):
        load_account(alias, never)


def test_load__keyfile__is_opened_by_the_passphrase(keyfile: str) -> None:
    assert load_account(keyfile, lambda _: "secret").key == KEY


def test_load__keyfile__takes_the_passphrase_of_the_environment(
    keyfile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APE_ACCOUNTS_alice_PASSPHRASE", "secret")
    assert load_account(keyfile, never).key == KEY


def test_load__wrong_passphrase__is_an_error_of_the_user(keyfile: str) -> None:
    with pytest.raises(UserInputError, match="does not open"):
        load_account(keyfile, lambda _: "guess")


@pytest.mark.parametrize("alias", ["bob", "../accounts/alice", ""])
def test_load__no_such_keyfile__is_an_error_of_the_user(keyfile: str, alias: str) -> None:
    with pytest.raises(UserInputError, match="no keyfile"):
        load_account(alias, never)
