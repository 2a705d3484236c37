"""Secrets in memory and on their way: what is shown, sealed and limited."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from poco.errors import PeerError
from poco.orders import checked_address
from poco.secret import Secret
from poco.services.secrets import BulkDataset, TaskSecrets
from poco.services.secrets.task_secrets import seal, unseal

CONTEXT = bytes(32)
texts = st.text().map(Secret)
maybe = st.none() | texts
addresses = st.binary(min_size=20, max_size=20).map(
    lambda raw: checked_address("dataset", f"0x{raw.hex()}")
)
datasets = st.builds(BulkDataset, addresses, st.text(), st.binary(min_size=32, max_size=32), texts)
task_secrets = st.builds(
    TaskSecrets,
    maybe,
    maybe,
    st.dictionaries(st.integers(1, 9), texts),
    st.none() | st.text(),
    maybe,
    maybe,
    st.lists(st.text()).map(tuple),
    st.none() | st.lists(st.none() | datasets).map(tuple),
)


# SECRET


def test_secret__shown_in_any_way__is_stars() -> None:
    secret = Secret("hidden")
    shown = [repr(secret), str(secret), f"{secret}", repr({"key": [secret]})]
    assert all("***" in text and "hidden" not in text for text in shown)
    assert secret.reveal() == "hidden"


def test_secret__in_a_traceback__is_stars() -> None:
    def failing(secret: Secret) -> None:
        raise ValueError(f"refused {secret}")

    try:
        failing(Secret("hidden"))
    except ValueError as error:
        captured = traceback.TracebackException.from_exception(error, capture_locals=True)
        lines = [line for line in captured.format() if "secret = " in line]
        assert lines
        assert all("secret = ***" in line for line in lines)


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_secret__pickled_or_copied__refuses(copying: object) -> None:
    assert callable(copying)
    with pytest.raises(TypeError, match="cannot be pickled"):
        copying(Secret("hidden"))


def test_secret__equality__is_that_of_the_text() -> None:
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError):
        hash(Secret("a"))


# SEALING


@given(task_secrets)
def test_seal__opened_with_the_key__is_the_same(secrets: TaskSecrets) -> None:
    key = X25519PrivateKey.generate()
    sealed = seal(secrets, key.public_key().public_bytes_raw(), CONTEXT)
    assert unseal(sealed, key, CONTEXT) == secrets


def test_unseal__other_key_context_or_bytes__is_refused() -> None:
    key = X25519PrivateKey.generate()
    sealed = seal(TaskSecrets(), key.public_key().public_bytes_raw(), CONTEXT)
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for arguments in (
        (sealed, X25519PrivateKey.generate(), CONTEXT),
        (sealed, key, b"\x01" * 32),
        (changed, key, CONTEXT),
        (b"", key, CONTEXT),
    ):
        with pytest.raises(PeerError, match="sealed for this task"):
            unseal(*arguments)


STRAYING = (  # its address would name a file
    b'{"datasetKey": null, "appSecret": null, "requesterSecrets": {}, "resultPublicKey": null, '
    b'"storageToken": null, "enclaveKey": null, "withheld": [], '
    b'"bulk": [{"address": "../hidden", "multiaddr": "", "checksum": "", "key": "hidden"}]}'
)


EMPTY = TaskSecrets().to_bytes()
NO_TEXT = EMPTY.replace(b'"appSecret": null', b'"appSecret": 7')
HALF_A_PAIR = EMPTY.replace(b'"appSecret": null', rb'"appSecret": "hidden\ud800"')
NESTED = EMPTY.replace(b'"withheld": []', b'"withheld": ' + b"[" * 20_000)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"datasetKey": "hidden"}',
        STRAYING,
        NO_TEXT,
        HALF_A_PAIR,
        NESTED,
    ],
)
def test_unseal__malformed_content__is_refused_without_repeating_it(text: bytes) -> None:
    key = X25519PrivateKey.generate()
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    sealed = suite.encrypt(text, key.public_key(), b"poco task secrets v1 " + CONTEXT)
    with pytest.raises(PeerError) as caught:
        unseal(sealed, key, CONTEXT)
    assert "hidden" not in str(caught.value)
