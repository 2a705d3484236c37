"""Content ids are those that IPFS gives."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.services.results.cids import (
    ARCHIVE,
    V0,
    V1,
    Layout,
    Named,
    is_cid,
    layout_of,
    raw_cid,
    tree_of,
)


def pattern(size: int) -> io.BytesIO:
    return io.BytesIO((bytes(range(251)) * (size // 251 + 1))[:size])


def test_raw_cid__of_nothing__is_the_well_known_one() -> None:
    empty = raw_cid(hashlib.sha256(b"").digest())
    assert empty == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_tree_of__one_byte_over_a_chunk__is_that_of_public_gateways() -> None:
    cid = "bafybeihd4yzq7n5umhjngdum4r6k2to7egxfkf2jz6thvwzf6djus22cmq"
    assert tree_of(io.BytesIO(bytes(1024 * 1024 + 1)), ARCHIVE).cid == cid


def test_tree_of__well_known_text__is_named_as_in_every_tutorial() -> None:
    cid = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
    assert tree_of(io.BytesIO(b"hello world\n"), V0) == Named(cid, 20)


# Made with the reference importer of npm, `ipfs-unixfs-importer`; sizes are those of `ipfs add`.
@pytest.mark.parametrize(
    ("size", "layout", "cid", "total"),
    [
        (0, V0, "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH", 6),
        (262_144, V0, "QmeqfRyS3vkku7n6krqC3DgGMex3x2sCpSeKMDmrG13QQq", 262_158),
        (262_145, V0, "QmUSjGawaz4ptvREcMKSMJneWCa5j8dAz2wSAAvHtW2rnB", 262_267),
        (1_000_000, V0, "QmVUbzigHKQR2y8wSt2KwZp92AC9Utfms5nEUHwttK4Yq9", 1_000_256),
        (174_000, Layout(0, 1000), "QmY5ziSdc7FzxZhGitkhohSsGfiyN9evA4Ryif2wtTGi5m", 183_927),
        (175_000, Layout(0, 1000), "QmPYKtqD3RXWZFG7NkXAezpuqJdvAfR7sH8o8KNbbfpMew", 185_093),
        (31_000_000, Layout(0, 1000), "QmdfmfVgKWT5DWMgLsMY8Pk1f8MpSyEjmDkAL7f6iA1ASK", 32_777_327),
        (1_000_000, V1, "bafybeibx62obrkybp46hx3ivh53q4rnptgkunpgtwiib5lfelfgt2ekihm", 1_000_208),
        (
            174_000,
            Layout(1, 1000),
            "bafybeiaydwctolwbjyqxbueapdllz7wo7lo7pgvrt3qd7sm7u6cafwfsmu",
            182_361,
        ),
        (
            175_000,
            Layout(1, 1000),
            "bafybeib3xcslnisxshqruxeo7lacwnbr37i5q2xede4nrpeab6o2kf3l4m",
            183_522,
        ),
    ],
)
def test_tree_of__any_size__is_that_of_the_reference(
    size: int, layout: Layout, cid: str, total: int
) -> None:
    assert tree_of(pattern(size), layout) == Named(cid, total)


@given(st.binary(max_size=2_000))
def test_tree_of__one_chunk_with_raw_leaves__is_the_raw_one(content: bytes) -> None:
    cid = tree_of(io.BytesIO(content), V1).cid
    assert cid == raw_cid(hashlib.sha256(content).digest())
    assert is_cid(cid)


@given(st.binary(max_size=2_000))
def test_layout_of__its_own_name__is_found_and_no_other(content: bytes) -> None:
    cid = tree_of(io.BytesIO(content), V0).cid
    assert is_cid(cid)
    assert layout_of(io.BytesIO(content), cid) == V0
    assert layout_of(io.BytesIO(content + b"."), cid) is None


@pytest.mark.parametrize("text", ["", "..", "b/../x", "bafy", "Qm" + "0" * 44, "b" + "1" * 58])
def test_is_cid__anything_else__is_none(text: str) -> None:
    assert not is_cid(text)
