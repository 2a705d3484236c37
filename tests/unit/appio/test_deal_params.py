"""Deal parameters are tolerant of what they do not know, strict in what they do (spec §0.4)."""

from __future__ import annotations

import json

import pytest

from poco.appio import Cause, DealParams, ExecutionError, parse_params


def test_params__every_known_key__is_read() -> None:
    text = json.dumps(
        {
            "iexec_args": "--column price",
            "iexec_input_files": ["https://example.com/a.csv", "https://example.com/b.csv"],
            "iexec_secrets": {"1": "login", "3": "password"},
            "iexec_result_storage_provider": "ipfs",
            "iexec_result_storage_proxy": "https://proxy.example.com",
            "iexec_result_encryption": True,
            "bulk_cid": "QmBulk",
        }
    )
    assert parse_params(text) == DealParams(
        args="--column price",
        input_files=("https://example.com/a.csv", "https://example.com/b.csv"),
        secrets={1: "login", 3: "password"},
        result_storage_provider="ipfs",
        result_storage_proxy="https://proxy.example.com",
        result_encryption=True,
        bulk_cid="QmBulk",
    )


@pytest.mark.parametrize(
    "text", ["hello world", '"hello"', "[1]", "7", "null", "", "{broken", '{"a": NaN}', "{'a': 1}"]
)
def test_params__not_a_json_object__is_the_argument_line(text: str) -> None:
    assert parse_params(text) == DealParams(args=text)


def test_params__unknown_key__is_ignored_with_a_warning() -> None:
    params = parse_params('{"iexec_args": "x", "iexec_developer_logger": true}')
    assert params.args == "x"
    assert [warning.partition(":")[0] for warning in params.warnings] == [
        "params.iexec_developer_logger"
    ]


def test_params__unknown_key_that_is_no_text__is_told_as_text() -> None:
    (warning,) = parse_params(r'{"\ud800%s": 1}' % ("a" * 10_000)).warnings
    assert warning.startswith(r"params.\ud800aaa")
    assert len(warning) < 500


def test_params__null__counts_as_absent() -> None:
    assert parse_params('{"iexec_args": null, "bulk_cid": null}') == DealParams()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"iexec_args": 7}', "iexec_args"),
        ('{"iexec_args": "a\\u0000b"}', "iexec_args"),
        ('{"iexec_args": "\\ud800"}', "iexec_args"),
        ('{"iexec_input_files": "https://example.com"}', "iexec_input_files"),
        ('{"iexec_input_files": ["https://example.com", 1]}', "iexec_input_files[1]"),
        ('{"iexec_input_files": [""]}', "iexec_input_files[0]"),
        ('{"iexec_secrets": ["a"]}', "iexec_secrets"),
        ('{"iexec_secrets": {"0": "a"}}', "iexec_secrets.0"),
        ('{"iexec_secrets": {"-1": "a"}}', "iexec_secrets.-1"),
        ('{"iexec_secrets": {"1": 2}}', "iexec_secrets.1"),
        (r'{"iexec_secrets": {"\ud800": "a"}}', r"iexec_secrets.\ud800"),
        ('{"iexec_secrets": {"%s": "a"}}' % ("9" * 5000), "iexec_secrets." + "9" * 80),
        ('{"iexec_result_encryption": "true"}', "iexec_result_encryption"),
        ('{"iexec_result_encryption": 1}', "iexec_result_encryption"),
        ('{"iexec_result_storage_provider": []}', "iexec_result_storage_provider"),
        ('{"iexec_result_storage_proxy": 1}', "iexec_result_storage_proxy"),
        ('{"bulk_cid": {}}', "bulk_cid"),
    ],
)
def test_params__wrong_type_of_a_known_key__names_the_field(text: str, field: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        parse_params(text)
    assert (caught.value.cause, caught.value.field) == (Cause.TASK_DESCRIPTION_INVALID, field)


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_params__nested_without_end__is_the_argument_line(opening: str) -> None:
    text = opening * 100_000
    assert parse_params(text) == DealParams(args=text)


def test_params__of_v2__are_an_argument_line_and_one_input() -> None:
    url = "http://example.com/small.zip"
    params = parse_params(json.dumps({"cmdline": "-i a b", "dirinuri": url}))
    assert params == DealParams(args="-i a b", dirinuri=url, is_v2=True)
    assert params.downloads == (url,)


def test_params__of_v2_without_input__download_nothing() -> None:
    params = parse_params('{"cmdline": "-i a b", "dirinuri": ""}')
    assert (params.is_v2, params.downloads) == (True, ())


def test_params__of_v2_and_v5_together__take_the_line_of_v2_and_all_inputs() -> None:
    params = parse_params(
        '{"iexec_args": "five", "cmdline": "two", "dirinuri": "a", "iexec_input_files": ["b"]}'
    )
    assert (params.args, params.downloads) == ("two", ("a", "b"))
