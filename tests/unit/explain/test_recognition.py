"""What a text is, before anything is looked up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.errors import UserInputError
from poco.explain.recognition import Kind, recognise

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "Cd" * 20
REVERT = "0x12345678" + "00" * 64


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("Match_TrustTooLow", Kind.ERROR, "Match_TrustTooLow"),
        ("match_trusttoolow()", Kind.ERROR, "Match_TrustTooLow"),
        (
            "the contract refused with Match_TrustTooLow(requested=5, offered=4)",
            Kind.ERROR,
            "Match_TrustTooLow",
        ),
        ("iExecV5-matchOrders-0x06", Kind.ORIGINAL, "iExecV5-matchOrders-0x06"),
        (
            'execution reverted: "iExecV5-matchOrders-0x1a"',
            Kind.ORIGINAL,
            "iExecV5-matchOrders-0x1a",
        ),
        (
            "call failed (reason: PocoBoost: Overpriced app, code: 3)",
            Kind.ORIGINAL,
            "PocoBoost: Overpriced app",
        ),
        ("APP_COMPUTE_TIMEOUT", Kind.CODE, "APP_COMPUTE_TIMEOUT"),
        ("compute_timeout", Kind.CODE, "APP_COMPUTE_TIMEOUT"),
        (" COMPLETED ", Kind.CODE, "COMPLETED"),
        ("the worker says STAKE_TOO_LOW today", Kind.CODE, "STAKE_TOO_LOW"),
        (
            "TEE_SESSION_GENERATION_INVALID_AUTHORIZATION",
            Kind.CODE,
            "INVALID_AUTHORIZATION",
        ),
        (HASH, Kind.IDENTITY, HASH),
        (HASH[2:], Kind.IDENTITY, HASH),
        (f"https://explorer.example.org/task/{HASH}?tab=logs", Kind.IDENTITY, HASH),
        (f"task {HASH} COMPLETED", Kind.IDENTITY, HASH),
        (f"see {ADDRESS}", Kind.ADDRESS, ADDRESS.lower()),
        (ADDRESS, Kind.ADDRESS, ADDRESS.lower()),
        (REVERT, Kind.REVERT, REVERT),
        (f'reverted (data="{REVERT}", code=3)', Kind.REVERT, REVERT),
        ("0x", Kind.REVERT, "0x"),
        ("some/orders.json", Kind.FILE, "some/orders.json"),
    ],
)
def test_recognise__text__is_what_it_looks_like(text: str, kind: Kind, found: str) -> None:
    subject = recognise(text)
    assert (subject.kind, subject.text) == (kind, found)


def test_recognise__typing_error__suggests_the_right_name() -> None:
    with pytest.raises(UserInputError, match="did you mean Match_TrustTooLow"):
        recognise("Match_TrustToLow")


@pytest.mark.parametrize("text", ["0x1645383f…", "0x1645383f...", "0x16", "0x164538"])
def test_recognise__shortened_id__asks_for_all_of_it(text: str) -> None:
    with pytest.raises(UserInputError, match=r"beginning of something.*an id has 64 digits"):
        recognise(text)


def test_recognise__half_a_byte__says_so() -> None:
    with pytest.raises(UserInputError, match="this has 3"):
        recognise("0xabc")


@given(st.text())
def test_recognise__any_text__is_something_or_refused_in_words(text: str) -> None:
    try:
        kind: Kind | None = recognise(text).kind
    except UserInputError:
        kind = None
    assert kind is None or isinstance(kind, Kind)
