"""Checksums that are computed: of images on this host, of modules and files."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from poco.errors import ConfigurationError, UserInputError
from poco.market.checksums import compute_checksum
from poco.orders import Asset

IMAGE = "poco-test-checksum:latest"


@pytest.fixture
def image_id() -> Iterator[bytes]:
    """The id of an empty image that was never pushed."""
    archive = io.BytesIO()
    tarfile.open(fileobj=archive, mode="w").close()
    engine = docker.from_env()
    repository, _, tag = IMAGE.partition(":")
    engine.api.import_image_from_data(archive.getvalue(), repository=repository, tag=tag)
    image = engine.images.get(IMAGE)
    yield bytes.fromhex(str(image.id).removeprefix("sha256:"))
    engine.images.remove(IMAGE, force=True)
    engine.close()


def test_checksum__of_an_image_on_this_host__is_what_workers_check(image_id: bytes) -> None:
    for multiaddr in (IMAGE, f"XWDOCKERIMAGE={IMAGE}"):
        assert compute_checksum(Asset.APP, {"type": "DOCKER", "multiaddr": multiaddr}) == image_id


def test_checksum__without_a_container_engine__is_the_operators_to_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(ConfigurationError, match="engine"):
        compute_checksum(Asset.APP, {"type": "DOCKER", "multiaddr": IMAGE})


@pytest.mark.parametrize("asset", [Asset.APP, Asset.DATASET])
def test_checksum__of_a_file__is_its_hash(tmp_path: Path, asset: Asset) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    expected = hashlib.sha256(b"content").digest()
    assert compute_checksum(asset, {"type": "WASM", "multiaddr": str(file)}) == expected
    served = {"type": "DOCKER", "multiaddr": "https://example.com/file"}
    assert compute_checksum(asset, served, str(file)) == expected


def test_checksum__of_a_url_that_answers_nobody__names_the_way_out() -> None:
    description = {"multiaddr": "http://127.0.0.1:1/data.zip"}
    with pytest.raises(UserInputError, match="--checksum FILE"):
        compute_checksum(Asset.DATASET, description)
