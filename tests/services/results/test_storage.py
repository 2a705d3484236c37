"""A folder, an IPFS node and a bucket keep files the same way."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubo_double import KuboDouble

from poco.errors import ConfigurationError
from poco.services.results.cids import V0, is_cid, tree_of
from poco.services.results.storage import Storage, open_storage
from poco.web import serving

LONG = bytes(range(256)) * 10_000  # more than one chunk


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The URL of a provider of S3 with one bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_REGION", "us-east-1")
        boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="results")
        yield f"s3+http://{host}:{port}/results"
    server.stop()


@pytest.fixture
def node() -> Iterator[tuple[KuboDouble, str]]:
    """An IPFS node and the URL of its API."""
    double = KuboDouble()
    with serving(double.app) as url:
        yield double, url


@pytest.fixture(params=["folder", "ipfs", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each storage in turn."""
    match request.param:
        case "folder":
            url = f"file://{tmp_path / 'a folder'}"
        case "ipfs":
            url = f"ipfs+{request.getfixturevalue('node')[1]}"
        case _:
            url = f"{request.getfixturevalue('bucket')}/some/prefix"
    return open_storage(url, tmp_path / "work")


def stored(storage: Storage, content: bytes) -> str:
    path = storage.folder / "upload"
    path.write_bytes(content)
    cid = storage.name(path, hashlib.sha256(content).digest())
    storage.put(path, cid)
    assert not path.exists()
    return cid


@pytest.mark.parametrize("content", [b"x", LONG], ids=["short", "long"])
def test_storage__keeps_what_it_is_given(storage: Storage, content: bytes) -> None:
    cid = stored(storage, content)
    assert is_cid(cid)
    assert storage.size(cid) == len(content)
    assert b"".join(storage.read(cid, 0, len(content))) == content
    assert storage.settle() == 0


def test_storage__gives_a_part(storage: Storage) -> None:
    cid = stored(storage, LONG)
    assert b"".join(storage.read(cid, 1_000_000, 300)) == LONG[1_000_000:1_000_300]


def test_storage__same_content_again__has_the_same_name(storage: Storage) -> None:
    cid = stored(storage, LONG)
    assert stored(storage, LONG) == cid
    assert storage.size(cid) == len(LONG)


def test_storage__forgets(storage: Storage) -> None:
    cid = stored(storage, LONG)
    storage.delete(cid)
    assert storage.size(cid) is None
    storage.delete(cid)  # nothing happens


def test_kubo__is_told_to_pin_chunks_of_the_id(
    node: tuple[KuboDouble, str], tmp_path: Path
) -> None:
    double, url = node
    cid = stored(open_storage(f"ipfs+{url}", tmp_path), LONG)
    assert double.files == {cid: LONG}
    assert double.options == {"pin": "true", "chunker": "size-1048576"}
    assert list((tmp_path / "waiting").glob("*/*")) == []


def test_kubo__away__keeps_the_file_here_until_it_is_back(
    node: tuple[KuboDouble, str], tmp_path: Path
) -> None:
    double, url = node
    double.is_down = True
    storage = open_storage(f"ipfs+{url}", tmp_path)
    cid = stored(storage, LONG)
    assert b"".join(storage.read(cid, 10, 20)) == LONG[10:30]
    assert storage.size(cid) == len(LONG)
    assert storage.settle() == 1
    double.is_down = False
    assert open_storage(f"ipfs+{url}", tmp_path).settle() == 0  # also after a restart
    assert double.files == {cid: LONG}
    assert list((tmp_path / "waiting").glob("*/*")) == []
    assert b"".join(storage.read(cid, 10, 20)) == LONG[10:30]


def test_kubo__that_names_it_otherwise__does_not_take_the_only_copy(
    node: tuple[KuboDouble, str], tmp_path: Path
) -> None:
    double, url = node
    double.renames = True
    storage = open_storage(f"ipfs+{url}", tmp_path)
    cid = stored(storage, LONG)
    assert storage.settle() == 1
    assert storage.size(cid) == len(LONG)


def test_kubo__file_with_its_default_name__is_added_as_that(
    node: tuple[KuboDouble, str], tmp_path: Path
) -> None:
    double, url = node
    storage = open_storage(f"ipfs+{url}", tmp_path)
    path, cid = storage.folder / "upload", tree_of(io.BytesIO(LONG), V0).cid
    path.write_bytes(LONG)
    double.is_down = True
    storage.put(path, cid)
    double.is_down = False
    assert open_storage(f"ipfs+{url}", tmp_path).settle() == 0
    assert double.files == {cid: LONG}
    assert double.options == {"pin": "true", "chunker": "size-262144"}


def test_kubo__waiting_file_that_was_damaged__is_not_added_as_another(
    node: tuple[KuboDouble, str], tmp_path: Path
) -> None:
    double, url = node
    double.is_down = True
    storage = open_storage(f"ipfs+{url}", tmp_path)
    cid = stored(storage, LONG)
    (waiting,) = (tmp_path / "waiting").glob(f"*/{cid}")
    waiting.write_bytes(b"short")
    double.is_down = False
    assert storage.settle() == 1
    assert double.files == {}


def test_kubo__cannot_delete__says_so(node: tuple[KuboDouble, str], tmp_path: Path) -> None:
    double, url = node
    storage = open_storage(f"ipfs+{url}", tmp_path)
    cid = stored(storage, LONG)
    double.is_down = True
    with pytest.raises(ConfigurationError, match="IPFS node must answer"):
        storage.delete(cid)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("ftp://host/", "a store is a folder"),
        ("ipfs+http:///", "a store is a folder"),
        ("s3+http://127.0.0.1:1/results", "bucket must answer"),
        ("s3+http://127.0.0.1:1/", "bucket must answer"),
        ("/proc/none", "folder of the store must be usable"),
    ],
)
def test_open_storage__that_is_none__says_what_is_needed(
    url: str, rule: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=rule):
        open_storage(url, tmp_path)


def test_open_storage__url_with_password__does_not_show_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_storage("ftp://user:hidden@host/", tmp_path)
    assert "hidden" not in str(caught.value)


def test_s3__bucket_that_is_missing__is_named(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no bucket 'others'"):
        open_storage(bucket.replace("/results", "/others"), tmp_path)


def test_s3__fails_in_the_middle__is_a_fault_of_the_storage(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(bucket, tmp_path)
    reads: list[Callable[[], object]] = [
        lambda: list(storage.read("b" * 59, 0, 1)),
    ]
    for read in reads:
        with pytest.raises(ConfigurationError, match="bucket must answer"):
            read()
