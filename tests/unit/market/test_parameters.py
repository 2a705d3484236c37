"""What a requester asks for at the command line becomes the text that is signed."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.appio import join_arguments, parse_params
from poco.errors import UserInputError
from poco.market.parameters import write_params

# NUL and surrogates are no argument line.
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def test_write_params__arguments__are_written_as_the_official_client_does() -> None:
    expected = '{"iexec_result_storage_provider":"ipfs","iexec_args":"hello world"}'
    assert write_params(args="hello world") == expected


def test_write_params__callback__names_no_storage() -> None:
    assert write_params(args="x", has_callback=True) == '{"iexec_args":"x"}'


def test_write_params__options__replace_what_the_json_says() -> None:
    given = '{"iexec_args": "old", "iexec_input_files": ["https://old.example/a"]}'
    found = parse_params(write_params(given, args="new", storage_provider="dropbox"))
    assert (found.args, found.input_files) == ("new", ("https://old.example/a",))
    assert found.result_storage_provider == "dropbox"


@given(
    args=st.lists(LINES.filter(bool), max_size=3).map(join_arguments),
    files=st.lists(LINES.map(lambda name: f"https://example.com/{quote(name)}"), max_size=3),
    secrets=st.dictionaries(st.integers(1, 10**6), LINES, max_size=3),
    encrypted=st.booleans(),
)
def test_write_params__whatever_is_given__is_what_workers_read(
    args: str, files: list[str], secrets: dict[int, str], encrypted: bool
) -> None:
    text = write_params(args=args, input_files=files, secrets=secrets, encrypt_result=encrypted)
    found = parse_params(text)
    assert (found.args, list(found.input_files)) == (args, files)
    assert (dict(found.secrets), found.result_encryption) == (secrets, encrypted)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("hello", "parameters are a JSON object"),
        ("[1]", "parameters are a JSON object"),
        ('{"iexec_foo": 1}', "params.iexec_foo: unknown key"),
        ('{"iexec_args": 1}', "iexec_args = 1: must be a string"),
        ('{"iexec_result_storage_provider": "disk"}', "one of ipfs, dropbox"),
    ],
)
def test_write_params__what_no_worker_understands__is_refused(given: str, told: str) -> None:
    with pytest.raises(UserInputError, match=told):
        write_params(given)


@pytest.mark.parametrize("args", ["don't stop", 'a "b'])
def test_write_params__open_quote__is_refused_before_anything_is_paid(args: str) -> None:
    with pytest.raises(UserInputError, match="every quote must be closed"):
        write_params(args=args)


@pytest.mark.parametrize("url", ["./orders.csv", "/home/me/orders.csv", "ftp://example.com/a"])
def test_write_params__input_that_workers_cannot_fetch__is_refused(url: str) -> None:
    with pytest.raises(UserInputError, match=r"addresses begin with http://.*http.server 9000"):
        write_params(input_files=["https://example.com/a", url])


def test_write_params__input_on_ipfs__is_taken() -> None:
    cid = "bafkreicjvt2ldr7b3bcoleixwidhn4povrcyonbpptia4y4wiec5slbw2u"
    assert f"/ipfs/{cid}" in write_params(input_files=[f"/ipfs/{cid}"])


def test_write_params__json_object__is_kept_in_the_order_given() -> None:
    given = json.dumps({"iexec_args": "1", "bulk_cid": "bafy", "iexec_secrets": {"2": "b"}})
    assert list(json.loads(write_params(given, has_callback=True))) == list(json.loads(given))
