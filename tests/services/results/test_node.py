"""The store as an IPFS node: what clients of kubo ask, and what the official SDK does with it."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poco.errors import ConfigurationError
from poco.services.results import NodePolicy, Quotas, node, results_app
from poco.services.results.cids import V0, layout_of
from poco.services.results.shelf import Draft
from poco.web import HttpError, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from results_stage import Shop, Town

ROOT = Path(__file__).parents[3]
HELLO = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
EMPTY = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
RAW = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"


@pytest.fixture
def quotas() -> Quotas:
    return Quotas(archive=1_000_000, added=3_000_000, added_files=50)


def add(shop: Shop, *contents: bytes, **options: str) -> httpx.Response:
    files = [("file", ("", content)) for content in contents]
    return httpx.post(f"{shop.url}/api/v0/add", params=options, files=files)


def call(shop: Shop, command: str, **arguments: str | int) -> httpx.Response:
    return httpx.post(f"{shop.url}/api/v0/{command}", params=arguments)


def test_add__several_files__are_named_as_by_kubo_and_served(shop: Shop) -> None:
    answer = add(shop, b"hello world\n", b"")
    assert [json.loads(line) for line in answer.text.splitlines()] == [
        {"Name": HELLO, "Hash": HELLO, "Size": "20"},
        {"Name": EMPTY, "Hash": EMPTY, "Size": "6"},
    ]
    head = httpx.head(f"{shop.url}/ipfs/{HELLO}")
    assert (head.status_code, head.headers["content-length"]) == (200, "12")
    assert head.headers["content-type"] == "application/octet-stream"
    assert httpx.get(f"{shop.url}/ipfs/{EMPTY}").content == b""
    assert call(shop, "cat", arg=HELLO).content == b"hello world\n"
    assert call(shop, "cat", arg=f"/ipfs/{HELLO}", offset=6, length=5).content == b"world"
    shop.results.prune()
    assert httpx.head(f"{shop.url}/ipfs/{HELLO}").is_success


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=2_000), st.integers(1, 300))
def test_add__any_content__comes_back_under_its_name(shop: Shop, seed: bytes, times: int) -> None:
    content = seed * times
    cid = add(shop, content).json()["Hash"]
    assert layout_of(io.BytesIO(content), cid) == V0
    assert httpx.get(f"{shop.url}/ipfs/{cid}").content == content


def test_add__as_another_version_or_unpinned__is_as_asked(shop: Shop) -> None:
    options = {"cid-version": "1", "pin": "false", "quieter": "true"}
    answer = add(shop, b"", b"hello world\n", **options)
    assert [json.loads(line)["Hash"] for line in answer.text.splitlines()] == [RAW]
    assert call(shop, "cat", arg=RAW).content == b"hello world\n"
    shop.results.prune()
    assert httpx.head(f"{shop.url}/ipfs/{RAW}").status_code == 404


def test_add__store_whose_storage_is_such_a_node__gets_the_names_it_expects(
    shop: Shop, tmp_path: Path
) -> None:
    from poco.services.results import open_storage

    storage = open_storage(f"ipfs+{shop.url}", tmp_path / "other")
    file = tmp_path / "other" / "file"
    file.write_bytes(bytes(700_000))
    cid = storage.name(file, b"")
    storage.put(file, cid)
    assert storage.settle() == 0
    assert httpx.get(f"{shop.url}/ipfs/{cid}").content == bytes(700_000)
    assert b"".join(storage.read(cid, 699_990, 10)) == bytes(10)


def test_add__more_than_the_store_takes__is_refused_as_by_kubo(shop: Shop) -> None:
    too_long = add(shop, bytes(1_000_001))
    assert too_long.status_code == 413
    assert too_long.json().keys() == {"Message", "Code", "Type"}
    for number in range(3):
        assert add(shop, bytes(990_000) + bytes([number])).is_success
    full = add(shop, bytes(500_000))
    assert (full.status_code, full.json()["Type"]) == (507, "error")
    assert "may keep 3000000 bytes" in full.json()["Message"]
    assert add(shop, *(b"%d" % number for number in range(60))).status_code == 507
    assert shop.results.catalog.added()[0] == 50
    assert shop.left() == []


def test_add__options_that_would_give_other_names__are_refused(shop: Shop) -> None:
    for options, rule in (
        ({"wrap-with-directory": "true"}, "no directories"),
        ({"raw-leaves": "true"}, "raw leaves with cid-version=1 only"),
        ({"chunker": "rabin"}, "size-262144"),
        ({"cid-version": "2"}, "less than or equal to 1"),
    ):
        answer = add(shop, b"hello world\n", **options)
        assert answer.status_code == 400
        assert rule in answer.json()["Message"]


def test_add__that_is_no_file__is_refused(shop: Shop) -> None:
    url = f"{shop.url}/api/v0/add"
    nothing = httpx.post(url, files={"x": ("", b"")}, headers={"Content-Type": "text/plain"})
    assert "multipart/form-data" in nothing.json()["Message"]
    folder = httpx.post(url, files={"x": ("a", b"", "application/x-directory")})
    assert "no directories" in folder.json()["Message"]
    nested = httpx.post(url, files={"x": ("a%2Fb", b"b")})
    assert "no directories" in nested.json()["Message"]
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    empty = httpx.post(url, content=b"--x--\r\n", headers=form)
    assert "a form with a file" in empty.json()["Message"]
    broken = httpx.post(url, content=b"--x\r\n\r\nabc", headers=form)
    assert "last boundary" in broken.json()["Message"]
    assert shop.left() == []


def test_add__more_files_than_a_form_may_have__keeps_the_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_MAX_FILES", 2)
    answer = add(shop, b"one", b"two", b"three")
    assert answer.status_code == 400
    assert "a form may have 2 files" in answer.json()["Message"]
    assert shop.results.catalog.added() == (2, 6)


def test_add__disk_is_full__is_507(quotas: Quotas) -> None:
    with io.FileIO("/dev/full", "w") as disk, pytest.raises(HttpError) as caught:
        Draft(disk, Path("/dev/full"), quotas).write(b"a")
    assert caught.value.status == 507


def test_add__from_a_page_of_another_site__is_refused(shop: Shop) -> None:
    for origin, status in [
        ("https://site.example", 403),
        ("null", 403),
        ("http://[", 403),
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:3000", 200),
    ]:
        answer = httpx.post(
            f"{shop.url}/api/v0/add", files={"file": b"a"}, headers={"Origin": origin}
        )
        assert answer.status_code == status, origin


@pytest.fixture
def closed(shop: Shop) -> Iterator[str]:
    """A node for other callers than us."""
    policy = NodePolicy(networks=("10.0.0.0/8", "fd00::/8"))
    with serving(results_app(shop.results, node=policy)) as url:
        yield url


def test_add__from_a_stranger__is_refused(closed: str) -> None:
    answer = httpx.post(f"{closed}/api/v0/add", files={"file": b"a"})
    assert answer.status_code == 403
    assert "certain networks only" in answer.json()["Message"]


def test_policy__caller_behind_mapped_or_no_address__is_judged() -> None:
    policy = NodePolicy()
    assert policy.allows("::ffff:127.0.0.1")
    assert not policy.allows("::ffff:10.0.0.1")
    assert not policy.allows("")
    with pytest.raises(ConfigurationError, match="written as CIDR"):
        NodePolicy(networks=("anywhere",))


def test_add__too_many_at_a_time__asks_for_patience(shop: Shop) -> None:
    with serving(results_app(shop.results, node=NodePolicy(at_once=0))) as url:
        answer = httpx.post(f"{url}/api/v0/add", files={"file": b"a"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_node__without_a_policy__is_not_there(shop: Shop) -> None:
    with serving(results_app(shop.results)) as url:
        assert httpx.post(f"{url}/api/v0/version").status_code == 404


def test_version_and_id__tell_what_this_is(shop: Shop) -> None:
    assert call(shop, "version").json()["System"] == "poco"
    assert call(shop, "id").json()["ID"].startswith("Qm")
    missing = call(shop, "cat", arg="../secrets")
    assert (missing.status_code, missing.json()["Message"]) == (404, "the node has no such file")


BULK = """
import { IExec, utils } from "iexec";
const [host, hubAddress, key, url, dataset] = process.argv.slice(1);
const ethProvider = utils.getSignerFromPrivateKey(host, key, { allowExperimentalNetworks: true });
const urls = { smsURL: url, ipfsNodeURL: url, ipfsGatewayURL: url };
const iexec = new IExec({ ethProvider }, { hubAddress, ...urls });
const terms = { dataset, datasetprice: 0, volume: Number.MAX_SAFE_INTEGER - 1 };
const made = await iexec.order.createDatasetorder(terms);
const order = await iexec.order.signDatasetorder(made, { preflightCheck: false });
const { cid, volume } = await iexec.order.prepareDatasetBulk(Array(101).fill(order));
console.log(JSON.stringify({ cid, volume: String(volume), order }));
"""


def test_prepare_dataset_bulk__of_the_official_sdk__is_kept(town: Town, shop: Shop) -> None:
    key = f"0x{bytes(town.keys['dataset_owner'].key).hex()}"
    chain, hub = town.market.chain.url, town.market.hub.address
    done = subprocess.run(
        ["node", "--input-type=module", "-e", BULK, "--", chain, hub, key, shop.url, town.dataset],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    bulk = json.loads(done.stdout)
    slices = httpx.get(f"{shop.url}/ipfs/{bulk['cid']}").json()
    assert (bulk["volume"], len(slices)) == ("2", 2)
    orders = [order for cid in slices for order in httpx.get(f"{shop.url}/ipfs/{cid}").json()]
    assert orders == [bulk["order"]] * 101
