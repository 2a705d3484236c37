"""What owners sign: the vectors of the original service."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from poco.errors import UserInputError
from poco.orders import DealId, TaskId, checked_address
from poco.services.secrets import SecretName, WorkerpoolAuthorization
from poco.services.secrets.challenges import bound_challenge, challenge

FORTY_FOUR, FIFTY_FIVE = "0x" + 20 * "44", "0x" + 20 * "55"
HUB = checked_address("hub", "0x" + 20 * "66")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            SecretName.dataset(FORTY_FOUR),
            "c28c0f05eed9c57ae6c5cb545768bd9ac456d75fd4878d9901eb059e22804fa5",
        ),
        (
            SecretName.setting(FIFTY_FIVE, "my-key"),
            "973c2d92b2e6f7f0b647a9aa7aebf4ee6c8187a9c42462183522692a258ff5ae",
        ),
        (
            SecretName.requester(FIFTY_FIVE, "my-key"),
            "973c2d92b2e6f7f0b647a9aa7aebf4ee6c8187a9c42462183522692a258ff5ae",
        ),
        (
            SecretName.app(FORTY_FOUR),
            "8daf494075ff16cb8dd3a8fc767adeffcb5dca6bd9c01380fcbf1a0700205bb4",
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, SecretName) else "",
)
def test_challenge__is_that_of_the_original(name: SecretName, expected: str) -> None:
    assert challenge(name, "secret-value").hex() == expected


def test_challenge__begins_with_the_domain_of_the_original() -> None:
    domain = "0a26923d45a019b77e856d0001681f98ab9707ec15b2b98048cc91eed00b6793"
    assert keccak(b"IEXEC_SMS_DOMAIN").hex() == domain


@given(st.tuples(st.integers(0, 2**64), st.integers(0, 2**53)), st.binary(min_size=32, max_size=32))
def test_bound_challenge__other_chain_or_nonce__is_another(
    place: tuple[int, int], signed: bytes
) -> None:
    chain_id, nonce = place
    bound = bound_challenge(signed, chain_id, HUB, nonce)
    assert bound != signed
    assert bound != bound_challenge(signed, chain_id + 1, HUB, nonce)
    assert bound != bound_challenge(signed, chain_id, HUB, nonce + 1)


def test_name__shows_whose_it_is_and_no_value() -> None:
    assert str(SecretName.dataset(FORTY_FOUR)) == f"dataset {FORTY_FOUR}"
    assert str(SecretName.setting(FIFTY_FIVE, "a")) == f"setting {FIFTY_FIVE} a"


def test_name__malformed_address__names_the_field() -> None:
    with pytest.raises(UserInputError, match="secretAddress"):
        SecretName.dataset("0x12")


def test_authorization__from_its_json__is_the_same() -> None:
    made = WorkerpoolAuthorization(
        TaskId(b"\x01" * 32), DealId(b"\x02" * 32), 3, HUB, HUB, b"\x05" * 65
    )
    assert WorkerpoolAuthorization.from_json(made.to_json()) == made


@pytest.mark.parametrize("key", ["chainTaskId", "dealId", "taskIndex", "workerWallet", "signature"])
@pytest.mark.parametrize("value", [None, "0x12", [], float("inf"), "\ud800"])
def test_authorization__malformed__is_refused(key: str, value: object) -> None:
    document = WorkerpoolAuthorization(
        TaskId(bytes(32)), DealId(bytes(32)), 0, HUB, HUB, b""
    ).to_json()
    with pytest.raises(UserInputError, match=f"workerpoolAuthorization|{key}"):
        WorkerpoolAuthorization.from_json(document | {key: value})


def test_authorization__no_object__is_refused() -> None:
    with pytest.raises(UserInputError, match="a JSON object is needed"):
        WorkerpoolAuthorization.from_json([])
