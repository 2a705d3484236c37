from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from eth_abi.abi import encode

from poco.errors import UserInputError
from poco.orders import (
    NULL_DATASET_ORDER,
    ORDER_CLASSES,
    TEE,
    ZERO_ADDRESS,
    AppOrder,
    Domain,
    OrderAction,
    OrderKind,
    OrderOperation,
    RequestOrder,
    Tag,
    WorkerpoolOrder,
    random_salt,
)

CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # from EIP-55
SALT = b"\x01" * 32


def app_order(**changes: Any) -> AppOrder:
    return AppOrder(**{"app": CHECKSUMMED, "salt": SALT} | changes)


def request_order(**changes: Any) -> RequestOrder:
    parties = {"app": CHECKSUMMED, "requester": CHECKSUMMED, "beneficiary": CHECKSUMMED}
    return RequestOrder(**parties | {"salt": SALT} | changes)


@pytest.mark.parametrize(
    "written",
    [CHECKSUMMED, CHECKSUMMED.lower(), "0x" + CHECKSUMMED[2:].upper()],
    ids=["checksum", "lower", "upper"],
)
def test_order__address_in_any_accepted_form__is_checksummed(written: str) -> None:
    assert app_order(app=written).app == CHECKSUMMED


@pytest.mark.parametrize(
    "written",
    [
        CHECKSUMMED.replace("aA", "Aa"),
        CHECKSUMMED[:-1],
        CHECKSUMMED + "0",
        CHECKSUMMED[2:],
        CHECKSUMMED + "\n",
        "",
        "vitalik.eth",
        bytes(20),
        None,
        0,
    ],
)
def test_order__malformed_address__names_field_and_value(written: Any) -> None:
    with pytest.raises(UserInputError) as caught:
        app_order(workerpoolrestrict=written)
    assert (caught.value.field, caught.value.value) == ("apporder.workerpoolrestrict", written)
    assert caught.value.remedy


@pytest.mark.parametrize("number", [-1, 1 << 256, 1.0, "1", True, None, b"\x01"])
@pytest.mark.parametrize("name", ["appprice", "volume"])
def test_order__not_a_uint256__names_field_and_value(name: str, number: Any) -> None:
    with pytest.raises(UserInputError) as caught:
        app_order(**{name: number})
    assert (caught.value.field, caught.value.value) == (f"apporder.{name}", number)


def test_order__largest_uint256__is_kept() -> None:
    assert app_order(volume=2**256 - 1).volume == 2**256 - 1


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33), "0x" + "00" * 32, None])
def test_order__salt_that_is_not_32_bytes__is_refused(salt: Any) -> None:
    with pytest.raises(UserInputError, match=r"apporder\.salt.*32 bytes"):
        app_order(salt=salt)


@pytest.mark.parametrize("sign", ["0x", None, 0])
def test_order__sign_that_is_not_bytes__is_refused(sign: Any) -> None:
    with pytest.raises(UserInputError, match=r"apporder\.sign"):
        app_order(sign=sign)


@pytest.mark.parametrize("tag", ["tee", None, True, -1, 1 << 256])
def test_order__tag_that_is_no_set_of_flags__is_refused(tag: Any) -> None:
    with pytest.raises(UserInputError, match="tag"):
        app_order(tag=tag)


def test_order__tag_as_plain_integer__becomes_a_tag() -> None:
    assert isinstance(app_order(tag=1).tag, Tag)


@pytest.mark.parametrize("params", ["\ud800", b"{}", {}, None])
def test_request__params_that_are_no_utf8_text__are_refused(params: Any) -> None:
    with pytest.raises(UserInputError, match=r"requestorder\.params"):
        request_order(params=params)


def test_order__is_immutable() -> None:
    with pytest.raises(FrozenInstanceError):
        app_order().appprice = 2  # type: ignore[misc]


def test_order__equal_terms__are_one_value() -> None:
    assert len({app_order(), app_order(app=CHECKSUMMED.lower()), app_order(volume=2)}) == 2


@pytest.mark.parametrize("kind", OrderKind)
def test_order__fields_are_those_of_the_abi(kind: OrderKind) -> None:
    abi = {
        OrderKind.APP: "app appprice volume tag datasetrestrict workerpoolrestrict "
        "requesterrestrict salt sign",
        OrderKind.DATASET: "dataset datasetprice volume tag apprestrict workerpoolrestrict "
        "requesterrestrict salt sign",
        OrderKind.WORKERPOOL: "workerpool workerpoolprice volume tag category trust apprestrict "
        "datasetrestrict requesterrestrict salt sign",
        OrderKind.REQUEST: "app appmaxprice dataset datasetmaxprice workerpool workerpoolmaxprice "
        "requester volume tag category trust beneficiary callback params salt sign",
    }
    assert [field.name for field in fields(ORDER_CLASSES[kind])] == abi[kind].split()


def test_to_abi__is_what_the_encoder_takes() -> None:
    order = app_order(appprice=7, tag=TEE, sign=b"\x02" * 65)
    types = "(address,uint256,uint256,bytes32,address,address,address,bytes32,bytes)"
    encoded = encode([types], [order.to_abi()])
    assert len(encoded) == 32 * (1 + 9 + 1 + 3)
    assert encoded[32 * 4 : 32 * 5] == TEE.to_bytes32()


def test_from_abi__restores_the_order() -> None:
    order = request_order(tag=Tag(0x101), params='{"a":1}', sign=b"\x03" * 64)
    assert RequestOrder.from_abi(order.to_abi()) == order


def test_from_abi__lower_case_address__is_checksummed() -> None:
    values = (CHECKSUMMED.lower(), *app_order().to_abi()[1:])
    assert AppOrder.from_abi(values).app == CHECKSUMMED


def test_null_dataset_order__is_all_zero() -> None:
    zero = (ZERO_ADDRESS, 0, 0, bytes(32), ZERO_ADDRESS, ZERO_ADDRESS, ZERO_ADDRESS, bytes(32), b"")
    assert NULL_DATASET_ORDER.to_abi() == zero
    assert NULL_DATASET_ORDER.is_null


def test_operation__unknown_action__is_refused() -> None:
    with pytest.raises(UserInputError, match=r"operation = 2.*SIGN"):
        OrderOperation(app_order(), 2)  # type: ignore[arg-type]


def test_operation__sign_that_is_not_bytes__is_refused() -> None:
    with pytest.raises(UserInputError, match=r"operation\.sign"):
        OrderOperation(app_order(), OrderAction.SIGN, "0x")  # type: ignore[arg-type]


def test_operation__to_abi__nests_the_order() -> None:
    order = app_order()
    operation = OrderOperation(order, OrderAction.CLOSE, b"\x01")
    assert operation.to_abi() == (order.to_abi(), 1, b"\x01")


def test_domain__malformed_hub__is_refused() -> None:
    with pytest.raises(UserInputError, match=r"domain\.hub"):
        Domain(1, "0x12")  # type: ignore[arg-type]


@pytest.mark.parametrize("other", [Domain(2, CHECKSUMMED), Domain(1, "0x" + "22" * 20)])
def test_domain__other_chain_or_hub__has_another_separator(other: Any) -> None:
    assert Domain(1, CHECKSUMMED).separator != other.separator  # type: ignore[arg-type]


def test_random_salt__differs_each_time() -> None:
    assert len({random_salt() for _ in range(8)}) == 8


def test_workerpool_order__defaults_admit_everybody() -> None:
    order = WorkerpoolOrder(workerpool=CHECKSUMMED, salt=SALT)  # type: ignore[arg-type]
    restrictions = {order.apprestrict, order.datasetrestrict, order.requesterrestrict}
    assert restrictions == {ZERO_ADDRESS}
