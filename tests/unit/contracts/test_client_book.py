"""The address book: reading, writing, and refusing the book of another chain."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.client_stage import Stage

from poco.contracts import AddressBook, Market, Mode
from poco.contracts.book import require_writable
from poco.errors import ConfigurationError, UserInputError

KEYS = {
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
}


def test_write__then_load__is_the_same(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "new" / "book.json"
    stage.market.book.write(path)
    assert AddressBook.load(path) == stage.market.book
    assert [file.name for file in path.parent.iterdir()] == ["book.json"]


def test_to_json__has_the_agreed_keys(stage: Stage) -> None:
    document = stage.market.book.to_json()
    assert set(document) == KEYS | {"genesisHash", "extension", "boost"}


def test_to_json__native__has_no_token(stages: dict[Mode, Stage]) -> None:
    assert stages[Mode.NATIVE].market.book.to_json()["token"] is None


@pytest.mark.parametrize("key", sorted(KEYS - {"token"}))
def test_load__key_missing__names_it(stage: Stage, key: str) -> None:
    document = stage.market.book.to_json()
    del document[key]
    with pytest.raises(ConfigurationError, match=key):
        AddressBook.from_json(document)


@pytest.mark.parametrize(
    ("key", "value"), [("mode", "barter"), ("hub", "0x12"), ("deployBlock", "x"), ("chainId", None)]
)
def test_load__malformed_value__is_refused(stage: Stage, key: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="malformed"):
        AddressBook.from_json(stage.market.book.to_json() | {key: value})


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_load__no_json_object__is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "book.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="address book"):
        AddressBook.load(path)


def test_load__missing_file__names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ape run deploy"):
        AddressBook.load(tmp_path / "none.json")


def test_load__neither_path_nor_chain__is_refused() -> None:
    with pytest.raises(UserInputError):
        AddressBook.load()


def test_connect__finds_the_book_of_the_chain(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POCO_DEPLOYMENT", raising=False)
    stage.market.book.write(tmp_path / "deployments" / "31337.json")
    assert Market.connect(stage.market.chain.url).book == stage.market.book


def test_connect__takes_the_book_of_the_environment(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.json"
    stage.market.book.write(path)
    monkeypatch.setenv("POCO_DEPLOYMENT", str(path))
    assert Market.connect(stage.market.chain.url).book == stage.market.book


def test_connect__chain_started_anew__is_refused(stage: Stage) -> None:
    book = replace(stage.market.book, genesis_hash=f"0x{'00' * 32}")
    with pytest.raises(ConfigurationError, match="started anew"):
        Market.connect(stage.market.chain.url, book=book)


def test_connect__other_chain__names_both(stage: Stage) -> None:
    book = replace(stage.market.book, chain_id=5)
    with pytest.raises(ConfigurationError, match=r"chain 5.*31337"):
        Market.connect(stage.market.chain.url, book=book)


def test_connect__no_code_at_the_hub__is_refused(stage: Stage) -> None:
    book = replace(stage.market.book, hub=stage.keys["stranger"].address)
    with pytest.raises(ConfigurationError, match="no contract"):
        Market.connect(stage.market.chain.url, book=book)


def test_connect__with_an_account__acts_as_it(stage: Stage) -> None:
    key = stage.keys["stranger"]
    market = Market.connect(stage.market.chain.url, book=stage.market.book, account=key)
    assert market.account == key.address


def test_require_writable__folder_or_unwritable__is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(json.dumps({}))
    for path in (tmp_path, file / "below.json"):
        with pytest.raises(ConfigurationError, match=r"--info = .* cannot be written"):
            require_writable(path, "--info")
    require_writable(tmp_path / "free.json")
    assert list(tmp_path.iterdir()) == [file]
