"""What requesters, gateways and the official client get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

CONTENT = bytes(range(200))

if TYPE_CHECKING:
    from results_stage import Archive, Shop, Town

    from poco.orders import TaskId


@pytest.mark.filterwarnings("error")
def test_description__of_the_store__names_each_operation_once(shop: Shop) -> None:
    paths = shop.app.openapi()["paths"]
    assert paths["/ipfs/{cid}"].keys() == {"get"}


@pytest.fixture
def taskid(town: Town, shop: Shop, archive: Archive) -> TaskId:
    """A task whose archive is stored, and finalised with it."""
    taskid = town.task()
    link = shop.upload("worker_1", taskid, archive)
    town.finish("worker_1", taskid, archive.digest, link)
    return taskid


@pytest.fixture
def cid(shop: Shop) -> str:
    """A file of the store."""
    return shop.results.put([CONTENT])


def test_download__by_task__is_the_archive(shop: Shop, taskid: TaskId, archive: Archive) -> None:
    answer = httpx.get(f"{shop.url}/v2/results/0x{taskid.hex()}")
    assert answer.content == archive.path.read_bytes()
    assert answer.headers["content-type"] == "application/zip"
    assert f'filename="0x{taskid.hex()}.zip"' in answer.headers["content-disposition"]


def test_download__as_the_official_client_does__is_the_zip(
    town: Town, shop: Shop, taskid: TaskId, archive: Archive
) -> None:
    location = town.market.hub.task(taskid).results.decode().split('"')[7]
    answer = httpx.get(httpx.URL(shop.url).join(location), headers={"Accept": "application/zip"})
    assert (answer.status_code, answer.content) == (200, archive.path.read_bytes())


def test_download__not_confirmed_by_the_chain__is_kept_back(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    shop.upload("worker_1", taskid, archive)
    answer = httpx.get(f"{shop.url}/v2/results/0x{taskid.hex()}")
    assert answer.status_code == 404
    town.finish("worker_1", taskid, archive.digest)
    assert httpx.get(f"{shop.url}/v2/results/0x{taskid.hex()}").status_code == 200
    assert not shop.results.catalog.records()[0].provisional


def test_head__tells_the_length_only(shop: Shop, cid: str) -> None:
    answer = httpx.head(f"{shop.url}/ipfs/{cid}")
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["etag"] == f'"{cid}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.content == b""


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=10-19", slice(10, 20)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=0-99999", slice(0, None)),
        ("bytes=-99999", slice(0, None)),
    ],
)
def test_download__of_a_part__is_that_part(shop: Shop, cid: str, header: str, part: slice) -> None:
    answer = httpx.get(f"{shop.url}/ipfs/{cid}", headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == CONTENT[part]
    first = part.indices(len(CONTENT))[0]
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("header", ["bytes=-", "bytes=0-1,3-4", "lines=1-2", "nonsense"])
def test_download__range_that_is_none__is_the_whole(shop: Shop, cid: str, header: str) -> None:
    answer = httpx.get(f"{shop.url}/ipfs/{cid}", headers={"Range": header})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("header", ["bytes=99999-", "bytes=9-3", "bytes=-0"])
def test_download__beyond_the_end__is_416(shop: Shop, cid: str, header: str) -> None:
    answer = httpx.get(f"{shop.url}/ipfs/{cid}", headers={"Range": header})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_download__continued_with_another_version__starts_anew(shop: Shop, cid: str) -> None:
    headers = {"Range": "bytes=5-", "If-Range": '"another"'}
    assert httpx.get(f"{shop.url}/ipfs/{cid}", headers=headers).status_code == 200


def test_download__that_the_client_has__is_304(shop: Shop, cid: str) -> None:
    answer = httpx.get(f"{shop.url}/ipfs/{cid}", headers={"If-None-Match": f'"{cid}"'})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ipfs/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", 404),
        ("/ipfs/..%2fuploads", 404),
        ("/v2/results/0x12", 400),
        (f"/v2/results/0x{'12' * 32}", 404),
        (f"/v2/results/0x{'12' * 32}/link?digest=0x{'12' * 32}", 404),
        (f"/v2/results/0x{'12' * 32}/link", 400),
    ],
)
def test_download__of_nothing__says_so(shop: Shop, path: str, status: int) -> None:
    answer = httpx.get(shop.url + path)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}


def test_put__any_file__is_served_for_good(shop: Shop) -> None:
    cid = shop.results.put([b"some ", b"file"])
    assert shop.results.put([b"some file"]) == cid
    assert httpx.get(f"{shop.url}/ipfs/{cid}").content == b"some file"
    shop.results.prune()
    assert httpx.get(f"{shop.url}/ipfs/{cid}").content == b"some file"
    assert shop.left() == []


def test_health_and_metrics__tell_what_is_kept(
    shop: Shop, taskid: TaskId, archive: Archive
) -> None:
    size = archive.path.stat().st_size
    health = httpx.get(f"{shop.url}/health").json()
    assert health == {"status": "ok", "files": 1, "bytes": size, "quota": 100 * 1024**3}
    metrics = httpx.get(f"{shop.url}/metrics").text
    assert f"poco_results_bytes {float(size)}" in metrics
    assert 'poco_results_uploads_total{status="201"} 1.0' in metrics
