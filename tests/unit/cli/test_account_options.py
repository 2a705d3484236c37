"""Options that say whose key signs: each source, and each way to get it wrong."""

from __future__ import annotations

import io
import json
import traceback
from pathlib import Path

import pytest
from eth_account import Account

from poco.cli.accounts import open_account
from poco.errors import UserInputError
from poco.market import development_account

KEY = development_account(5)
PASSPHRASE = "correct horse"


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(Account.encrypt(KEY.key, PASSPHRASE, iterations=2)))
    return file


def test_keystore__passphrase_from_a_file__opens(keystore: Path, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    assert open_account(keystore, file, None, None).address == KEY.address


def test_keystore__passphrase_from_the_environment__opens(
    keystore: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCO_PASSPHRASE", PASSPHRASE)
    assert open_account(keystore, None, None, None).address == KEY.address


def test_keystore__wrong_passphrase__is_not_repeated(
    keystore: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCO_PASSPHRASE", "battery staple")
    with pytest.raises(UserInputError, match="the passphrase must open the keystore") as caught:
        open_account(keystore, None, None, None)
    assert "battery" not in "".join(traceback.format_exception(caught.value))


def test_keystore__file_of_another_kind__is_no_keystore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCO_PASSPHRASE", PASSPHRASE)
    file = tmp_path / "other.json"
    file.write_text('{"version": "0.1.0"}')
    with pytest.raises(UserInputError, match="must be a keystore of version 3"):
        open_account(file, None, None, None)


def test_keystore__no_such_file__is_named_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="the file must be readable"):
        open_account(tmp_path / "missing.json", None, None, None)


def test_keystore__nobody_to_ask__says_how_to_give_the_passphrase(
    keystore: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POCO_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UserInputError, match="set POCO_PASSPHRASE"):
        open_account(keystore, None, None, None)


def test_keystore__no_json__is_a_fault_of_the_file(
    keystore: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore.write_text("no keystore")
    monkeypatch.setenv("POCO_PASSPHRASE", PASSPHRASE)
    with pytest.raises(UserInputError, match="keystore"):
        open_account(keystore, None, None, None)


def test_private_key__from_a_file__opens(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.key.hex() + "\n")
    assert open_account(None, None, file, None).address == KEY.address


@pytest.mark.parametrize("text", ["", "0xzz", "12" * 31 + "ab12cd"])
def test_private_key__malformed__is_not_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(UserInputError, match="64 hex digits") as caught:
        open_account(None, None, file, None)
    told = "".join(traceback.format_exception(caught.value))
    assert not text or text not in told


def test_private_key__no_such_file__is_named(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="the file must be readable"):
        open_account(None, None, tmp_path / "none", None)


def test_alias__of_a_test_account__opens() -> None:
    assert open_account(None, None, None, "TEST::5").address == KEY.address


@pytest.mark.parametrize("alias", [None, "TEST::5"])
def test_account__none_or_two__says_which_options_there_are(
    alias: str | None, tmp_path: Path
) -> None:
    second = None if alias is None else tmp_path / "key"
    with pytest.raises(UserInputError, match="exactly one of --keystore, --private-key-file"):
        open_account(second, None, None, alias)
