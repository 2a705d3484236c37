"""Content ids are those that IPFS gives."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.services.results.cids import is_cid, raw_cid, tree_cid


def pattern(size: int) -> io.BytesIO:
    return io.BytesIO((bytes(range(251)) * (size // 251 + 1))[:size])


def test_raw_cid__of_nothing__is_the_well_known_one() -> None:
    empty = raw_cid(hashlib.sha256(b"").digest())
    assert empty == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_tree_cid__one_byte_over_a_chunk__is_that_of_public_gateways() -> None:
    cid = "bafybeihd4yzq7n5umhjngdum4r6k2to7egxfkf2jz6thvwzf6djus22cmq"
    assert tree_cid(io.BytesIO(bytes(1024 * 1024 + 1))) == cid


# Made with the reference encoders of npm, `@ipld/dag-pb` and `ipfs-unixfs`.
@pytest.mark.parametrize(
    ("chunks", "cid"),
    [
        (174, "bafybeiaydwctolwbjyqxbueapdllz7wo7lo7pgvrt3qd7sm7u6cafwfsmu"),
        (175, "bafybeib3xcslnisxshqruxeo7lacwnbr37i5q2xede4nrpeab6o2kf3l4m"),
        (31_000, "bafybeieicxuoqruiove5i3dtauvu2xaoq7d3sp65ysczmcfpiyxw6gb434"),
    ],
    ids=["one level", "two levels", "three levels"],
)
def test_tree_cid__many_chunks__is_that_of_the_reference(chunks: int, cid: str) -> None:
    assert tree_cid(pattern(chunks * 1000), 1000) == cid


@given(st.binary(max_size=2_000))
def test_tree_cid__one_chunk__is_the_raw_one(content: bytes) -> None:
    cid = tree_cid(io.BytesIO(content))
    assert cid == raw_cid(hashlib.sha256(content).digest())
    assert is_cid(cid)


@pytest.mark.parametrize("text", ["", "..", "b/../x", "bafy", "Qm" + "0" * 44, "b" + "1" * 58])
def test_is_cid__anything_else__is_none(text: str) -> None:
    assert not is_cid(text)
