"""Fetching from IPFS through the operator's gateways, and the forms of addresses on chain."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import CAUSE, Server, Worker, reply

from poco.appio import Cause, ExecutionError
from poco.fetching import Fetcher, FetchPolicy, multiaddr_bytes, multiaddr_text

CONTENT = b"content"
TREE = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"
BINARY_TREE = bytes.fromhex(
    "a503221220"  # the protocol, 34 bytes of multihash, SHA-256, 32 bytes
    "9d6c2be50f706953479ab9df2ce3edca90b68053c00b3004b7f0accbe1e8eedf"
)


def cid_of(content: bytes) -> str:
    """Return the CIDv1 of one raw block."""
    raw = b"\x01\x55\x12\x20" + hashlib.sha256(content).digest()
    return "b" + base64.b32encode(raw).decode().rstrip("=").lower()


def behind(server: Server, *names: str) -> FetchPolicy:
    """Return a policy with private gateways, of which each serves under its own path."""
    return FetchPolicy(gateways=tuple(f"{server.url}/{name}/" for name in names), retries=0)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (f"ipfs://{TREE}", f"/ipfs/{TREE}"),
        (f"ipfs://ipfs/{TREE}", f"/ipfs/{TREE}"),
        (f"ipfs://{TREE}/folder/a%20b.csv", f"/ipfs/{TREE}/folder/a%20b.csv"),
        (f"/ipfs/{TREE}", f"/ipfs/{TREE}"),
        (f"/p2p/{TREE}", f"/ipfs/{TREE}"),
        (f"/ipfs/{TREE}/a.csv?download=true#top", f"/ipfs/{TREE}/a.csv"),
    ],
)
def test_fetch__ipfs_address__is_asked_of_the_gateway_though_it_is_private(
    server: Server, worker: Worker, address: str, path: str
) -> None:
    worker.policy = behind(server, "gateway")
    server.on(f"/gateway{path}", reply(CONTENT))
    worker.fetch(address)
    assert worker.content == CONTENT


@pytest.mark.parametrize(
    "address",
    [
        "ipfs://",
        "/ipfs/",
        "/ipfs/short",
        f"/ipfs/{TREE}/../../api/v0/config",
        f"/ipfs/{TREE}/%2e%2e/%2e%2e/api",
        f"/ipfs/{TREE}/a%2f..%2fb",
        f"/ipfs/../{TREE}",
    ],
)
def test_fetch__malformed_ipfs_address__is_forbidden(
    server: Server, worker: Worker, address: str
) -> None:
    worker.policy = behind(server, "gateway")
    with pytest.raises(ExecutionError, match="/ipfs/<cid>") as caught:
        worker.fetch(address)
    assert (caught.value.cause, caught.value.permanent) == (Cause.INPUT_URL_FORBIDDEN, True)
    assert not server.requests


def test_fetch__gateway_as_a_web_address__is_as_private_as_it_is(
    server: Server, worker: Worker
) -> None:
    worker.policy = behind(server, "gateway")
    with pytest.raises(ExecutionError, match="public address"):
        worker.fetch(server.on("/gateway/secret", reply(CONTENT)))


def test_fetch__gateway_that_redirects_within__is_followed(server: Server, worker: Worker) -> None:
    worker.policy = behind(server, "gateway")
    server.on(f"/gateway/ipfs/{TREE}", reply(status=301, Location=f"/ipfs/{TREE}/"))
    server.on(f"/ipfs/{TREE}/", reply(CONTENT))
    worker.fetch(f"/ipfs/{TREE}")
    assert worker.content == CONTENT


def test_fetch__gateway_that_redirects_elsewhere__is_no_way_to_private_hosts(
    server: Server, worker: Worker
) -> None:
    worker.policy = behind(server, "gateway")
    elsewhere = f"http://127.0.0.2:{server.url.rpartition(':')[2]}/a"
    server.on(f"/gateway/ipfs/{TREE}", reply(status=301, Location=elsewhere))
    with pytest.raises(ExecutionError, match=r"not 127\.0\.0\.2"):
        worker.fetch(f"/ipfs/{TREE}")


def test_fetch__first_gateway_has_it_not__asks_the_next(server: Server, worker: Worker) -> None:
    worker.policy = behind(server, "one", "two")
    server.on(f"/two/ipfs/{TREE}", reply(CONTENT))
    worker.fetch(f"/ipfs/{TREE}")
    assert worker.content == CONTENT
    assert [path.split("/")[1] for path, _ in server.requests] == ["one", "two"]


def test_fetch__no_gateway_has_it__may_work_for_another_worker(
    server: Server, worker: Worker
) -> None:
    worker.policy = behind(server, "one", "two")
    server.on(f"/two/ipfs/{TREE}", reply(status=500))
    with pytest.raises(ExecutionError, match="status 500") as caught:
        worker.fetch(f"/ipfs/{TREE}")
    assert (caught.value.cause, caught.value.permanent) == (CAUSE, False)


def test_fetch__no_gateway_at_all__may_work_for_another_worker(worker: Worker) -> None:
    worker.policy = FetchPolicy(gateways=())
    with pytest.raises(ExecutionError, match="no IPFS gateway") as caught:
        worker.fetch(f"/ipfs/{TREE}")
    assert not caught.value.permanent


def test_fetch__raw_cid__is_verified(server: Server, worker: Worker) -> None:
    """A gateway that forges content is found out, and the next one is asked."""
    worker.policy = behind(server, "forger", "honest")
    cid = cid_of(CONTENT)
    server.on(f"/forger/ipfs/{cid}", reply(b"forged!"))
    server.on(f"/honest/ipfs/{cid}", reply(CONTENT))
    worker.fetch(f"ipfs://{cid}")
    assert worker.content == CONTENT


def test_fetch__raw_cid_that_only_forgers_serve__may_work_for_another_worker(
    server: Server, worker: Worker
) -> None:
    worker.policy = behind(server, "forger")
    cid = cid_of(CONTENT)
    server.on(f"/forger/ipfs/{cid}", reply(b"forged!"))
    with pytest.raises(ExecutionError, match="must serve the file of this CID") as caught:
        worker.fetch(f"ipfs://{cid}")
    assert not caught.value.permanent


def test_fetch__file_inside_a_raw_cid__is_not_the_block_itself(
    server: Server, worker: Worker
) -> None:
    worker.policy = behind(server, "gateway")
    cid = cid_of(b"a block")
    server.on(f"/gateway/ipfs/{cid}/a.csv", reply(CONTENT))
    worker.fetch(f"ipfs://{cid}/a.csv")
    assert worker.content == CONTENT


@pytest.mark.parametrize(("bad", "is_permanent"), [(("one", "two"), True), (("two",), False)])
def test_fetch__registered_checksum__fails_for_all_only_if_all_gateways_agree(
    server: Server, worker: Worker, bad: tuple[str, ...], is_permanent: bool
) -> None:
    worker.policy = behind(server, "one", "two")
    for name in bad:
        server.on(f"/{name}/ipfs/{TREE}", reply(b"other"))
    if "one" not in bad:
        server.on(f"/one/ipfs/{TREE}", reply(status=502))
    with pytest.raises(ExecutionError, match="must have the SHA-256") as caught:
        worker.fetch(
            f"/ipfs/{TREE}",
            cause=Cause.DATASET_FILE_DOWNLOAD_FAILED,
            checksum=hashlib.sha256(CONTENT).digest(),
        )
    assert caught.value.cause is Cause.DATASET_FILE_BAD_CHECKSUM
    assert caught.value.permanent == is_permanent


def test_fetcher__by_default__asks_public_gateways() -> None:
    assert all(gateway.startswith("https://") for gateway in Fetcher().policy.gateways)


# ADDRESSES ON CHAIN


def test_multiaddr__binary__is_read_as_an_ipfs_path() -> None:
    assert multiaddr_text(BINARY_TREE) == f"/ipfs/{TREE}"


@pytest.mark.parametrize("prefix", ["/ipfs/", "/p2p/"])
def test_multiaddr__of_a_tree__is_written_in_binary(prefix: str) -> None:
    assert multiaddr_bytes(prefix + TREE) == BINARY_TREE


@given(st.binary(min_size=32, max_size=32))
def test_multiaddr__of_any_tree__is_read_as_it_was_written(digest: bytes) -> None:
    binary = BINARY_TREE[:5] + digest
    assert multiaddr_bytes(multiaddr_text(binary)) == binary


@pytest.mark.parametrize(
    "text", [cid_of(CONTENT), f"/ipfs/{cid_of(CONTENT)}", f"/ipfs/{TREE}/file", "user/image:1"]
)
def test_multiaddr__of_anything_else__is_text(text: str) -> None:
    assert multiaddr_bytes(text) == text.encode()


@given(st.text())
def test_multiaddr__text__stays_as_it_is(text: str) -> None:
    assert multiaddr_text(text.encode()) == text


@pytest.mark.parametrize("multiaddr", [b"\xa5\x03", b"\xa5\x03\x22short", b"\xff\xfe"])
def test_multiaddr__neither_binary_nor_text__cannot_be_fetched(
    worker: Worker, multiaddr: bytes
) -> None:
    with pytest.raises(ExecutionError, match=r"begin with|well-formed"):
        worker.fetch(multiaddr_text(multiaddr))
