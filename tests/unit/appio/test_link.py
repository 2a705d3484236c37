"""Result links, byte for byte (spec offchain §1.14)."""

from __future__ import annotations

import json

from poco import appio


def test_link__ipfs() -> None:
    assert appio.ipfs_link("QmHash") == b'{ "storage": "ipfs", "location": "/ipfs/QmHash" }'


def test_link__dropbox() -> None:
    expected = '{ "storage": "dropbox", "location": "/results/0x' + "11" * 32 + '" }'
    assert appio.dropbox_link(b"\x11" * 32) == expected.encode()


def test_link__callback() -> None:
    address = "0x" + "22" * 20
    assert json.loads(appio.callback_link(address)) == {"storage": "ethereum", "location": address}


def test_link__http__binds_the_archive() -> None:
    link = appio.http_link("https://proxy/v1/results/0x11", b"\xab" * 32)
    assert json.loads(link) == {
        "storage": "http",
        "location": "https://proxy/v1/results/0x11",
        "sha256": "0x" + "ab" * 32,
    }


def test_link__quote_in_a_value__stays_json() -> None:
    assert json.loads(appio.ipfs_link('a"b'))["location"] == '/ipfs/a"b'
