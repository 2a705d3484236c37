from __future__ import annotations

import pytest

from poco.errors import UserInputError
from poco.orders import FRAMEWORKS, GPU, GRAMINE, SCONE, TDX, TEE, Tag


@pytest.mark.parametrize(
    ("tag", "value"), [(TEE, 1), (SCONE, 2), (GRAMINE, 4), (TDX, 8), (GPU, 256), (FRAMEWORKS, 14)]
)
def test_tag__names_stand_for_the_bits_of_the_protocol(tag: Tag, value: int) -> None:
    assert tag == value


@pytest.mark.parametrize(
    "form",
    [
        "0x" + "0" * 62 + "09",
        "tee,tdx",
        "tdx, TEE",
        ["tee", "tdx"],
        ("tdx", "tee", "tee"),
        bytes(31) + b"\x09",
    ],
)
def test_parse__every_form_of_the_tools__is_the_same_tag(form: object) -> None:
    assert Tag.parse(form) == TEE | TDX


@pytest.mark.parametrize("form", ["", [], "0x" + "0" * 64])
def test_parse__nothing__is_the_empty_tag(form: object) -> None:
    assert Tag.parse(form) == 0


@pytest.mark.parametrize(
    "form", ["sgx", ["tee", "sgx"], ["tee", 1], "0x09", "0x" + "g" * 64, b"\x01", 9, None, 1.5]
)
def test_parse__anything_else__is_refused_with_the_names(form: object) -> None:
    with pytest.raises(UserInputError, match=r"apporder\.tag.*tee, scone, gramine, tdx, gpu"):
        Tag.parse(form, field="apporder.tag")


@pytest.mark.parametrize("value", [-1, 1 << 256])
def test_tag__outside_of_32_bytes__is_refused(value: int) -> None:
    with pytest.raises(UserInputError, match="256 flags"):
        Tag(value)


def test_tag__unnamed_flag__is_written_as_hex() -> None:
    assert str(Tag(1 << 5)) == Tag(1 << 5).to_hex() == "0x" + "0" * 62 + "20"


def test_tag__named_flags__are_written_by_name() -> None:
    assert str(GPU | TEE) == "tee,gpu"
    assert (GPU | TEE).names == ("tee", "gpu")


def test_tag__difference__keeps_flags_that_are_not_in_the_other() -> None:
    assert (TEE | TDX | GPU) - FRAMEWORKS == TEE | GPU


def test_tag__highest_flag__survives_its_bytes() -> None:
    assert Tag.parse(Tag(1 << 255).to_bytes32()) == 1 << 255


def test_is_tee__looks_at_bit_zero_only() -> None:
    assert TEE.is_tee
    assert not (TDX | GPU).is_tee
