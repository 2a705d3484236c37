"""chain.json, as strict as the official client's."""

from __future__ import annotations

import pytest

from poco.errors import ConfigurationError, UserInputError
from poco.project.chains import ChainEntry, chains_document, choose_chain, read_chains

HUB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
LOCAL = {"id": "31337", "host": "http://127.0.0.1:8545", "hub": HUB, "sms": "http://h:1/"}


def document(**entry):
    return {"default": "local", "chains": {"local": LOCAL | entry}}


def test_choose__without_name__is_the_default():
    entry = choose_chain(document(), None)
    assert (entry.name, entry.id, entry.hub, entry.sms) == ("local", 31337, HUB, "http://h:1")


def test_choose__single_chain_without_default__is_that_chain():
    assert choose_chain({"chains": {"mine": LOCAL}}, None).name == "mine"


@pytest.mark.parametrize("name", ["arbitrum-sepolia-testnet", "421614"])
def test_choose__file_of_the_official_init__knows_the_ids_of_its_networks(name):
    entry = choose_chain(
        {"default": "arbitrum-sepolia-testnet", "chains": {"arbitrum-sepolia-testnet": {}}}, name
    )
    assert (entry.id, entry.host) == (421614, None)


def test_choose__unknown_name__lists_the_names():
    with pytest.raises(UserInputError, match="local"):
        choose_chain(document(), "elsewhere")


def test_choose__network_of_old_tutorials__is_the_local_default():
    assert choose_chain(document(), "bellecour").name == "local"


def test_choose__network_of_old_tutorials_without_local_default__is_refused():
    with pytest.raises(UserInputError, match="bellecour"):
        choose_chain(document(host="http://far.example:8545"), "bellecour")


def test_choose__network_that_exists__is_never_replaced():
    with pytest.raises(UserInputError, match="arbitrum-mainnet"):
        choose_chain(document(), "arbitrum-mainnet")


def test_choose__several_without_default__asks_for_a_name():
    with pytest.raises(UserInputError, match="no default chain"):
        choose_chain({"chains": {"one": LOCAL, "two": LOCAL}}, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "JSON object"),
        ({"chains": {}, "flavour": "standard"}, 'unknown key "flavour"'),
        (document(resultProxy="http://h"), 'unknown key "resultProxy"'),
        (document(id=31337), "JSON string of digits"),
        (document(host="ws://127.0.0.1:8545"), "http or https"),
        (document(sms={"scone": "http://h"}), "http or https"),
        (document(hub="0x12"), "40 hex digits"),
        ({"default": "gone", "chains": {"local": LOCAL}}, "one of the chains"),
    ],
)
def test_read__what_the_official_client_refuses__is_refused(content, message):
    with pytest.raises(ConfigurationError, match=message):
        read_chains(content)


def test_require__missing_value__names_key_and_chain():
    with pytest.raises(ConfigurationError, match=r"missing compass .* for chain local"):
        choose_chain(document(), None).require("compass")


def test_document__of_an_entry__reads_as_the_same_entry():
    entry = ChainEntry(name="local", id=5, host="http://h:1", compass="http://h:2")
    assert choose_chain(chains_document(entry), None) == entry
