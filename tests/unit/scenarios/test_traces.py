"""Secrets are found wherever they stand, in any of the usual encodings."""

from __future__ import annotations

import base64
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from poco.scenarios.traces import files_below, files_with, spellings

SECRETS = st.binary(min_size=6, max_size=64)
OTHERS = st.binary(max_size=32)


@given(SECRETS, OTHERS, OTHERS)
def test_spellings__of_a_secret_in_any_neighbourhood__are_found(
    secret: bytes, before: bytes, after: bytes
) -> None:
    whole = before + secret + after
    texts = (
        whole,
        whole.hex().encode(),
        whole.hex().upper().encode(),
        base64.b64encode(whole),
        base64.urlsafe_b64encode(whole),
    )
    assert all(any(form in text for form in spellings(secret)) for text in texts)


@given(SECRETS)
def test_spellings__are_long_enough__not_to_be_found_by_chance(secret: bytes) -> None:
    assert min(map(len, spellings(secret))) >= 6


def test_files_with__secret_in_one_of_two__names_that_one(tmp_path: Path) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    guilty = tmp_path / "deep" / "down" / "journal.sqlite"
    guilty.write_bytes(b"\x00" + b"correct horse".hex().encode())
    (tmp_path / "log").write_text("nothing to see")
    assert files_with([b"correct horse"], files_below(tmp_path)) == [guilty]
