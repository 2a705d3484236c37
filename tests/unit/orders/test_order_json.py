"""JSON in the form of the iExec SDK: spec sdk §1.1 (files), §3.5 (market records)."""

from __future__ import annotations

from typing import Any

import pytest

from poco.errors import UserInputError
from poco.orders import (
    MAX_JSON_INTEGER,
    NULL_DATASET_ORDER,
    TDX,
    TEE,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    parse_amount,
    read_orders,
    with_orders,
)

APP = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ZERO = "0x" + "00" * 20
SALT = "0x" + "ab" * 32


def app_json(**changes: Any) -> dict[str, Any]:
    return {
        "app": APP,
        "appprice": "100",
        "volume": "10",
        "tag": "0x" + "00" * 31 + "09",
        "datasetrestrict": ZERO,
        "workerpoolrestrict": ZERO,
        "requesterrestrict": ZERO,
        "salt": SALT,
        "sign": "0x" + "cd" * 65,
    } | changes


def request_json(**changes: Any) -> dict[str, Any]:
    return {
        "app": APP,
        "appmaxprice": "100",
        "dataset": ZERO,
        "datasetmaxprice": "0",
        "workerpool": ZERO,
        "workerpoolmaxprice": "0",
        "requester": APP,
        "volume": "1",
        "tag": ["tee", "tdx"],
        "category": "0",
        "trust": "0",
        "beneficiary": APP,
        "callback": ZERO,
        "params": '{ "iexec_args" : "a  b" }',
        "salt": SALT,
        "sign": "0x",
    } | changes


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def test_to_json__is_the_form_of_orders_json() -> None:
    assert AppOrder.from_json(app_json()).to_json() == app_json()


def test_to_json__numbers__is_the_form_of_market_records() -> None:
    document = AppOrder.from_json(app_json()).to_json(numbers=True)
    assert document == app_json(appprice=100, volume=10)


def test_from_json__market_record__is_the_same_order() -> None:
    assert AppOrder.from_json(app_json(appprice=100, volume=10)) == AppOrder.from_json(app_json())


def test_to_json__numbers_beyond_2_53__are_refused() -> None:
    order = AppOrder.from_json(app_json(volume=str(MAX_JSON_INTEGER + 1)))
    with pytest.raises(UserInputError, match=r"apporder\.volume"):
        order.to_json(numbers=True)


def test_to_json__numbers_up_to_2_53__are_kept() -> None:
    order = AppOrder.from_json(app_json(volume=MAX_JSON_INTEGER))
    assert order.to_json(numbers=True)["volume"] == MAX_JSON_INTEGER


def test_from_json__params_text__is_kept_byte_for_byte() -> None:
    assert RequestOrder.from_json(request_json()).to_json()["params"] == request_json()["params"]


def test_from_json__params_object__becomes_compact_json_in_its_order() -> None:
    order = RequestOrder.from_json(request_json(params={"iexec_args": "é", "a": [1, True]}))
    assert order.params == '{"iexec_args":"é","a":[1,true]}'


def test_from_json__tag_names__become_flags() -> None:
    assert RequestOrder.from_json(request_json()).tag == TEE | TDX


@pytest.mark.parametrize(
    ("written", "nrlc"), [("1 RLC", 10**9), ("100 nRLC", 100), ("0.5 RLC", 5 * 10**8), (7, 7)]
)
def test_from_json__price_with_unit__is_nrlc(written: Any, nrlc: int) -> None:
    assert AppOrder.from_json(app_json(appprice=written)).appprice == nrlc


def test_from_json__volume_with_unit__is_refused() -> None:
    with pytest.raises(UserInputError, match=r"apporder\.volume = '1 RLC'"):
        AppOrder.from_json(app_json(volume="1 RLC"))


@pytest.mark.parametrize(
    "written", ["", "-1", "1.5", "1e3", "0x10", "1_000", "\u0661", 1.0, True, None]
)
def test_from_json__malformed_number__names_field_and_value(written: Any) -> None:
    with pytest.raises(UserInputError) as caught:
        AppOrder.from_json(app_json(appprice=written))
    assert (caught.value.field, caught.value.value) == ("apporder.appprice", written)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("salt", "0x00"),
        ("salt", "ab" * 32),
        ("sign", "cd"),
        ("sign", "0xc"),
        ("sign", None),
        ("tag", "0x09"),
        ("app", "0x12"),
        ("app", None),
    ],
)
def test_from_json__malformed_bytes__name_field_and_value(name: str, written: Any) -> None:
    with pytest.raises(UserInputError) as caught:
        AppOrder.from_json(app_json(**{name: written}))
    assert (caught.value.field, caught.value.value) == (f"apporder.{name}", written)


@pytest.mark.parametrize("name", [key for key in app_json() if key != "sign"])
def test_from_json__missing_field__is_named(name: str) -> None:
    with pytest.raises(UserInputError, match=rf"apporder\.{name}: .*missing"):
        AppOrder.from_json(without(app_json(), name))


def test_from_json__missing_sign__is_unsigned() -> None:
    assert AppOrder.from_json(without(app_json(), "sign")).sign == b""


def test_from_json__missing_salt__takes_the_given_one() -> None:
    assert AppOrder.from_json(without(app_json(), "salt"), salt=b"\x07" * 32).salt == b"\x07" * 32


def test_from_json__own_salt__beats_the_given_one() -> None:
    assert AppOrder.from_json(app_json(), salt=b"\x07" * 32).salt == b"\xab" * 32


def test_from_json__unknown_field__is_refused() -> None:
    with pytest.raises(UserInputError, match=r"apporder\.price .*no such field"):
        AppOrder.from_json(app_json(price="1"))


@pytest.mark.parametrize("document", [None, [], "{}", 1])
def test_from_json__no_object__is_refused(document: object) -> None:
    with pytest.raises(UserInputError, match="JSON object"):
        AppOrder.from_json(document)


def test_from_json__null_dataset_order_of_the_sdk__is_ours() -> None:
    written = NULL_DATASET_ORDER.to_json()
    assert (written["volume"], written["sign"], written["dataset"]) == ("0", "0x", ZERO)
    assert DatasetOrder.from_json(written) == NULL_DATASET_ORDER


def test_with_orders__replaces_kind_and_chain_only() -> None:
    order = AppOrder.from_json(app_json(volume="11"))
    before = {"1": {"apporder": app_json()}, "2": {"apporder": app_json(), "other": {}}}
    after = with_orders(before, 2, order)
    assert after == {"1": {"apporder": app_json()}, "2": {"apporder": order.to_json(), "other": {}}}
    assert before["2"]["apporder"] == app_json()


def test_read_orders__returns_what_was_written() -> None:
    app, request = AppOrder.from_json(app_json()), RequestOrder.from_json(request_json())
    document = with_orders({}, 31337, app, request)
    assert read_orders(document, 31337) == {"apporder": app, "requestorder": request}


def test_read_orders__unknown_chain__is_empty() -> None:
    assert read_orders({"1": {"apporder": app_json()}}, 2) == {}


@pytest.mark.parametrize("document", [[], {"1": []}, {"1": {"apporder": 1}}, {"1": {"pie": {}}}])
def test_read_orders__other_shape__is_refused(document: object) -> None:
    with pytest.raises(UserInputError):
        read_orders(document, 1)


@pytest.mark.parametrize("written", ["1.0000000001 RLC", "0.5 nRLC", "-1 RLC", "1 ETH", "RLC", ""])
def test_parse_amount__no_whole_number_of_nrlc__is_refused(written: str) -> None:
    with pytest.raises(UserInputError, match="amount"):
        parse_amount(written)


@pytest.mark.parametrize(
    ("written", "nrlc"),
    [("1.000000001 RLC", 10**9 + 1), ("3rlc", 3 * 10**9), (" 5 NRLC ", 5), ("12", 12), (0, 0)],
)
def test_parse_amount__with_or_without_unit__is_nrlc(written: str | int, nrlc: int) -> None:
    assert parse_amount(written) == nrlc
